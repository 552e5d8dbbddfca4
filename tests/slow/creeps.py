"""Creeps: a series that becomes worse by so little a day that what is normal follows.

The source and the meaning of all of it stands in ``detectors.kernels.creeps``.
"""

# The oracle looks into norms, which the product keeps to themselves.

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Any, Final

from detectors.kernels.creeps import _CAUTION as CAUTION
from detectors.kernels.creeps import _MEAN as MEAN
from detectors.kernels.creeps import _SPREAD as SPREAD
from detectors.kernels.creeps import (
    FIRST_SAMPLES,
    FIRST_US,
    METRIC_TOO,
    PERIOD_US,
    TILT,
)
from detectors.normal.facets import Facet
from detectors.normal.norms import Norm
from detectors.numbers import finite
from tests.slow.halves import Moment, half

_FLOOR, _CEILING = -2.5, 3.5
_OVERSHOOT: Final = 3.0


class Creep:
    """What tells of a creep of one facet.

    Attributes:
        won: Nats since the last low.
        begun_at: The moment of that low, once something was won.
        elder: The mean that sessions are held against; None while none is noted.
        younger: The mean that takes its place.
    """

    __slots__ = ("begun_at", "elder", "price", "won", "younger")

    def __init__(self) -> None:
        self.won = 0.0
        self.begun_at: Moment = (0, 0)
        self.elder: float | None = None
        self.younger = 0.0
        self.price = 0.0

    def moved(self, norm: Norm) -> float:
        """By how many deviations what is normal has become worse since then."""
        if self.elder is None:
            return 0.0
        return norm.sign * (norm._mean - self.elder) / norm.spread

    def bet(self, deviation: float, norm: Norm, most: float, last: Moment) -> None:
        """Take a sample in as evidence; ``most`` is the most that can be won."""
        if self.elder is None:
            return
        held = min(max(deviation + self.moved(norm), _FLOOR), _CEILING)
        total = min(self.won + (TILT * held - self.price), most)
        before, self.won = self.won, half(max(total, 0.0))
        if before == 0.0 and self.won > 0.0:
            self.begun_at = last

    def level(self, norm: Norm) -> float:
        """The level that sessions are held against, in the metric's unit."""
        step = 0.0 if self.elder is None else self.elder - norm._mean
        return finite(norm.back(norm.there(norm.level) + step))

    def note(self, norm: Norm) -> None:
        """Note the level of today."""
        if self.elder is not None:
            self.elder, self.younger = self.younger, half(norm._mean)
        elif norm.samples >= FIRST_SAMPLES:
            self.elder = self.younger = half(norm._mean)
            self.price = half(log(MEAN + CAUTION * SPREAD / sqrt(norm.samples)))


class Creeps:
    """Those of the facets of a metric.

    Args:
        facets: Those.
    """

    __slots__ = ("_each", "_facets", "_mark_us")

    def __init__(self, facets: Sequence[Facet]) -> None:
        self._facets = facets
        self._each = [Creep() for _ in facets]
        self._mark_us = 0

    def __getitem__(self, at: int) -> Creep:
        return self._each[at]

    def bet(
        self,
        deviations: Sequence[float | None],
        norms: Sequence[Norm],
        limit: float,
        last: Moment,
        now_us: int,
    ) -> float:
        """Take a sample in as evidence; the most that a facet shows, in nats."""
        for each, facet, deviation, norm in zip(
            self._each, self._facets, deviations, norms, strict=True
        ):
            if deviation is not None and facet.creeps:
                each.bet(deviation, norm, limit + _OVERSHOOT, last)
        most = max(each.won for each in self._each)
        if self._mark_us == 0:
            self._mark_us = now_us
        known = self._each[0].elder is not None
        enough = known or norms[0].samples >= FIRST_SAMPLES
        if enough and now_us - self._mark_us >= (PERIOD_US if known else FIRST_US):
            self._mark_us = now_us
            for each, norm in zip(self._each, norms, strict=True):
                each.note(norm)
        return most

    @property
    def worst(self) -> int:
        """The facet with the most evidence."""
        return max(range(len(self._each)), key=lambda at: self._each[at].won)

    @property
    def shown(self) -> bool:
        """Whether the metric itself shows enough of it."""
        return self._each[0].won > METRIC_TOO

    def unlearn(self, norms: Sequence[Norm]) -> None:
        """Normal is what it was before."""
        for each, norm in zip(self._each, norms, strict=True):
            if each.elder is not None:
                norm.level, norm._mean = each.level(norm), each.elder

    def release(self, at_us: int, *, forget: bool) -> None:
        """Begin anew; ``forget``: there is a new normal."""
        for each in self._each:
            each.won = 0.0
            if forget:
                each.elder = None
        if forget:
            self._mark_us = at_us

    def dump(self) -> list[Any]:
        """As plain values."""
        return [
            self._mark_us,
            [
                [each.won, list(each.begun_at), each.elder, each.younger, each.price]
                for each in self._each
            ],
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._mark_us, found = state
        for each, (won, begun_at, elder, younger, price) in zip(
            self._each, found, strict=True
        ):
            each.won, each.elder, each.younger, each.price = won, elder, younger, price
            each.begun_at = (begun_at[0], begun_at[1])
