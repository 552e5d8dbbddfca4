"""Which series has a timer due next.

A series stands in the heap at or before its earliest timer: timers that move on
with every session cost nothing until the old time comes. Ties go by the number of
the observation that set the timer, then by key.
"""

from __future__ import annotations

from heapq import heappop, heappush

from detectors.life.lifecycle import FAR
from tests.slow.series import Series


class Timers:
    """Series by the time of their next timer.

    Attributes:
        heap: Due time in microseconds, observation, key, a number against ties.
    """

    __slots__ = ("_pushed", "heap")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, bytes, int, Series]] = []
        self._pushed = 0

    def place(self, series: Series) -> None:
        """Let a series stand no later than its earliest timer."""
        due_us, order = series.due()
        if (due_us, order) < (series.bound_us, series.bound_order):
            self._push(series, due_us, order)

    def _push(self, series: Series, due_us: int, order: int) -> None:
        series.bound_us, series.bound_order = due_us, order
        self._pushed += 1
        heappush(self.heap, (due_us, order, series.key, self._pushed, series))

    def first(self) -> Series | None:
        """The series whose timer is due next; it stands exactly there."""
        heap = self.heap
        while heap:
            due_us, order, _, _, series = heap[0]
            if (due_us, order) != (series.bound_us, series.bound_order):
                heappop(heap)
                continue
            actual = series.due()
            if actual == (due_us, order):
                return series
            heappop(heap)
            self.replace(series)
        return None

    def replace(self, series: Series) -> None:
        """Put a series where its earliest timer is, wherever it stood."""
        due_us, order = series.due()
        if due_us < FAR:
            self._push(series, due_us, order)

    @staticmethod
    def remove(series: Series) -> None:
        """The series is gone; its place is dropped when it comes up."""
        series.bound_us, series.bound_order = FAR, 0
