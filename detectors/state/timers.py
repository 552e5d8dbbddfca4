"""Which series has a timer due next.

A series stands in the heap at or before its earliest timer: timers that move on
with every session cost nothing until the old time comes. Ties go by the number of
the observation that set the timer, then by key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from itertools import compress
from typing import Final

from detectors.kernels.layout import BOUND_ORDER, BOUND_US
from detectors.kernels.words import Ints
from detectors.life.lifecycle import FAR
from detectors.state.store import Store

Due = Callable[[int], tuple[int, int]]
"""For the address of a series when its next timer is due, and which observation set
it."""

_NOWHERE: Final = (FAR, 0)


class Timers:
    """Series, by their addresses, by the time of their next timer.

    Args:
        store: Their memory.
        due: Asked when a series' timer is due.

    Attributes:
        heap: Due time in microseconds, observation, key, a number against ties,
            address.
    """

    __slots__ = ("_due", "_pushed", "_store", "heap")

    def __init__(self, store: Store, due: Due) -> None:
        self.heap: list[tuple[int, int, bytes, int, int]] = []
        self._pushed = 0
        self._store = store
        self._due = due

    def bound(self, series: int) -> tuple[int, int]:
        """Where a series stands."""
        ints = self._store.arena.ints
        return int(ints[series + BOUND_US]), int(ints[series + BOUND_ORDER])

    def bind(self, series: int, bound: tuple[int, int]) -> None:
        """Say where a series stands, before ``fill`` puts it there."""
        ints = self._store.arena.ints
        ints[series + BOUND_US], ints[series + BOUND_ORDER] = bound

    def place(self, series: int, key: bytes) -> None:
        """Let a series stand no later than its earliest timer."""
        due = self._due(series)
        if due < self.bound(series):
            self._push(series, key, due)

    def _push(self, series: int, key: bytes, due: tuple[int, int]) -> None:
        self.bind(series, due)
        self._pushed += 1
        heappush(self.heap, (*due, key, self._pushed, series))

    def fill(self, keys: Sequence[bytes], series: Ints) -> None:
        """Put series where they stand, many at a time.

        Args:
            keys: Theirs.
            series: Their addresses.
        """
        ints = self._store.arena.ints
        due_us, orders = ints[series + BOUND_US], ints[series + BOUND_ORDER]
        waits = (due_us < FAR).tolist()
        numbers = range(self._pushed + 1, self._pushed + 1 + len(keys))
        columns = (due_us.tolist(), orders.tolist(), keys, numbers, series.tolist())
        self.heap += compress(zip(*columns, strict=True), waits)
        self._pushed += len(keys)
        heapify(self.heap)

    def first(self) -> tuple[int, bytes] | None:
        """The series whose timer is due next, and its key; it stands exactly there."""
        heap = self.heap
        while heap:
            due_us, order, key, _, series = heap[0]
            if (due_us, order) != self.bound(series):
                heappop(heap)
                continue
            if self._due(series) == (due_us, order):
                return series, key
            heappop(heap)
            self.replace(series, key)
        return None

    def replace(self, series: int, key: bytes) -> None:
        """Put a series where its earliest timer is, wherever it stood."""
        due = self._due(series)
        if due[0] < FAR:
            self._push(series, key, due)

    def remove(self, series: int) -> None:
        """The series is gone; its place is dropped when it comes up."""
        self.bind(series, _NOWHERE)

    @property
    def earliest_us(self) -> int:
        """No timer is due before."""
        return self.heap[0][0] if self.heap else FAR
