"""How rare a statistic is in its own series, by its largest values.

A surprise of 3 nats is a daily matter in one series and unheard of in another. The
tail above the 20 largest values so far is taken as a power law (Hill 1975), so that
what exceeds them all still has a probability.
"""

from __future__ import annotations

from bisect import insort
from math import log, log10
from typing import Any, Final

LARGEST: Final = 20

FLATTEST: Final = 0.05
"""Least mean log excess: equal values would make anything above them impossible."""

_LN10: Final = log(10.0)


class Tail:
    """The 20 largest values of a statistic.

    >>> tail = Tail()
    >>> for value in range(1, 1001):
    ...     _ = tail.update(float(value))
    >>> tail.update(500.0), round(tail.update(2000.0), 1)
    (0.0, 7.9)
    """

    __slots__ = ("_count", "_top")

    def __init__(self) -> None:
        self._top: list[float] = []
        self._count = 0

    def update(self, value: float) -> float:
        """-log10 of the probability of this much or more; then count it in.

        Returns:
            0.0 below the 20 largest, or while there are not so many above zero.
        """
        top = self._top
        rare = 0.0
        if len(top) == LARGEST and value >= top[0]:
            least = top[0]
            excess = sum([log(each / least) for each in top]) / LARGEST
            rare = log10((self._count + 1) / LARGEST)
            rare += log(value / least) / max(FLATTEST, excess) / _LN10
        self._count += 1
        if value > 0 and (len(top) < LARGEST or value > top[0]):
            insort(top, value)
            if len(top) > LARGEST:
                del top[0]
        return rare

    def skip(self, samples: int) -> None:
        """Count samples that had no value of the statistic."""
        self._count += samples

    def dump(self) -> list[Any]:
        """As plain numbers: at most 20, and how many there were."""
        return [self._count, list(self._top)]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._count, top = state
        self._top = list(top)
