"""Whether surprise lasts: the mean of the last ten against all such means.

Each sample of a changed rhythm surprises a little, none of them enough. This is the
idea of the anomaly likelihood (Lavin and Ahmad 2015), without its bounded window.
"""

from __future__ import annotations

from collections import deque
from math import fsum, sqrt
from typing import Any, Final

SHORT: Final = 10
FEWEST: Final = 50
"""Short means before a further one is held against them."""


class Lasting:
    """Mean and variance of short means."""

    __slots__ = ("_count", "_mean", "_recent", "_variance")

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=SHORT)
        self._count = 0
        self._mean = 0.0
        self._variance = 0.0

    def update(self, surprise: float) -> float:
        """Standard deviations of the short mean above the usual, at least 0.0."""
        self._recent.append(surprise)
        short = fsum(self._recent) / len(self._recent)
        above = short - self._mean
        usual = sqrt(self._variance)
        lasting = 0.0
        if self._count > FEWEST and above > 0 and usual > 0:
            lasting = above / usual
        self._count += 1
        self._mean += above / self._count
        change = above * (short - self._mean) - self._variance
        self._variance = max(0.0, self._variance + change / self._count)
        return lasting

    def dump(self) -> list[Any]:
        """As plain numbers: at most ten, and three."""
        return [self._count, self._mean, self._variance, list(self._recent)]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._count, self._mean, self._variance, recent = state
        self._recent = deque(recent, maxlen=SHORT)
