"""How fast something is spent, and when it will be gone at that rate."""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from detectors.life.lifecycle import FAR
from detectors.numbers import finite

SLOTS: Final = 24

_HOUR_US: Final = 3_600_000_000
_REACH_US: Final = {"day": 3 * _HOUR_US, "week": 24 * _HOUR_US, "month": 24 * _HOUR_US}
"""What "recent" means: short beside the period, and a whole day where nights count."""

_LEAST: Final = 4
"""Less than this part of the recent past says nothing of a rate."""


class Burn:
    """What was spent of late, in 24 slots of time.

    Attributes:
        reach_us: How far back the slots go together.
        known_us: Since when it is known what is spent; ``FAR`` before the first.
    """

    __slots__ = ("_newest", "_slot_us", "_spent", "known_us", "reach_us")

    def __init__(self, period: str) -> None:
        self.reach_us = _REACH_US[period]
        self.known_us = FAR
        self._slot_us = self.reach_us // SLOTS
        self._newest = 0
        self._spent = [0.0] * SLOTS

    def add(self, ended_us: int, value: float) -> None:
        """Count what was spent at a time; what is too long ago is left out.

        So is what was spent when it first became known: it took nobody knows how long.
        """
        if ended_us <= self.known_us:
            return
        number = self._number(ended_us)
        passed = number - self._newest
        if passed > 0:
            for between in range(number - min(passed, SLOTS) + 1, number + 1):
                self._spent[between % SLOTS] = 0.0
            self._newest = number
        elif passed <= -SLOTS:
            return
        self._spent[number % SLOTS] = finite(self._spent[number % SLOTS] + value)

    def _number(self, at_us: int) -> int:
        """The slot of a time; its last microsecond is the one that it is named after."""
        return -(-at_us // self._slot_us)

    def recent(self, now_us: int) -> float | None:
        """Spent in a microsecond of late; None while too little is known."""
        current = self._number(now_us)
        first = current - SLOTS + 1
        length_us = now_us - max((first - 1) * self._slot_us, self.known_us)
        if length_us * _LEAST < self.reach_us:
            return None
        oldest = max(first, self._newest - SLOTS + 1)
        summed = 0.0
        for number in range(oldest, self._newest + 1):
            summed += self._spent[number % SLOTS]
        return finite(summed) / length_us

    def rate(self, spend: float, start_us: int, now_us: int) -> float | None:
        """The present rate: of late, held against the period as a whole.

        A rate that has risen counts as it is. One that has fallen counts half, and
        the period's average half: the night after a dear day does not last.

        Args:
            spend: Of the period so far.
            start_us: When the period began.
            now_us: The present.

        Returns:
            Spent in a microsecond; None while too little is known.
        """
        recent = self.recent(now_us)
        length_us = now_us - max(start_us, self.known_us)
        if recent is None or length_us <= self.reach_us:
            return recent
        average = spend / length_us
        return recent if recent >= average else recent / 2 + average / 2

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [self.known_us, self._newest, self._spent]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self.known_us, self._newest, self._spent = state


def gone_us(left: float, rate: float | None, now_us: int, end_us: int) -> int | None:
    """When what is left will be gone at a rate; None if not before the end.

    >>> gone_us(10.0, 2.0, 100, 200), gone_us(10.0, 0.1, 100, 200)
    (105, None)
    """
    if not rate:
        return None
    needed_us = left / rate
    return now_us + ceil(needed_us) if needed_us < end_us - now_us else None
