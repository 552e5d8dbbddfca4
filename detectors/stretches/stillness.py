"""How far a series is stiller than it ever was.

A probe that hangs repeats a value that is well inside the range, and no single one is
odd. What is odd is the spread of 40 of them: its logarithm is held against all before.
"""

from __future__ import annotations

from collections import deque
from math import fsum, log
from typing import Any, Final

from detectors.stretches.reach import FURTHEST

WARM: Final = 150
"""Samples before the spread is looked at."""

LEAST: Final = 1e-4
"""Of the range of the series: a spread below is as good as none."""


class Stillness:
    """The smallest and the largest spread so far, as logarithms."""

    __slots__ = ("_age", "_high", "_least", "_low", "_most")

    def __init__(self) -> None:
        self._age = 0
        self._low = 0.0
        self._high = 0.0
        self._least: float | None = None
        self._most = 0.0

    def update(self, recent: deque[float], mean: float) -> float:
        """How far the spread is below its smallest, in ranges of its logarithm.

        Args:
            recent: The last values, the newest last; in the unit of the series.
            mean: Their mean.

        Returns:
            0.0 for a spread seen before, or a larger one; about 1.0 for a probe that
            hangs.
        """
        value = recent[-1]
        if not self._age:
            self._low = self._high = value
        self._low, self._high = min(self._low, value), max(self._high, value)
        self._age += 1
        if self._age <= WARM or self._low == self._high:
            return 0.0
        spread = fsum([abs(each - mean) for each in recent]) / len(recent)
        seen = log(spread + LEAST * (self._high - self._low))
        least, most = self._least, self._most
        if least is None:
            self._least = self._most = seen
            return 0.0
        self._least, self._most = min(least, seen), max(most, seen)
        if seen >= least or least == most:
            return 0.0
        return min(FURTHEST, (least - seen) / (most - least))

    def dump(self) -> list[Any]:
        """As plain numbers: five."""
        return [self._age, self._low, self._high, self._least, self._most]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._age, self._low, self._high, self._least, self._most = state
