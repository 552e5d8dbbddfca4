"""Due times of groups, in order, without a search through all of them."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Timers:
    """Which group is due next.

    A group's due time is read where it is kept; here are only reminders, of which
    the outdated ones are dropped when they come up.

    Args:
        due: A group's due time and place among equals; None if nothing is due.
    """

    def __init__(self, due: Callable[[str], tuple[int, int] | None]) -> None:
        self._due = due
        self._heap: list[tuple[int, int, str]] = []

    def remind(self, group: str) -> None:
        """Take note of a group's due time, after it changed."""
        due = self._due(group)
        if due is not None:
            heapq.heappush(self._heap, (*due, group))

    @property
    def next_us(self) -> int | None:
        """The earliest due time of all."""
        while self._heap:
            at_us, order, group = self._heap[0]
            if self._due(group) == (at_us, order):
                return at_us
            heapq.heappop(self._heap)
        return None

    def pop(self, now_us: int) -> tuple[int, str] | None:
        """The group due first, and when, if that is not after ``now_us``.

        The reminder is gone with it: whoever keeps the due time must remind again.
        """
        at_us = self.next_us
        if at_us is None or at_us > now_us:
            return None
        _, _, group = heapq.heappop(self._heap)
        return at_us, group
