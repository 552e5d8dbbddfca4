"""How probable a healthy session is at least so bad: a tail that means what it says.

A norm says how far out a session lies; how often the series has lain at least so far
out says how odd that is. While little is known the normal distribution fills in, with
the weight of ``_PRIOR`` sessions; beyond what has been seen the tail goes on falling as
it last did. Counts fade with a memory of ``_MEMORY`` sessions, and every session is
counted, odd ones too: rare and right is not odd.

Errors among calls are whole numbers of a beta-binomial distribution, whose own tail is
exact.
"""

from __future__ import annotations

from math import exp, log
from typing import Any, Final

from detectors.normal.facets import Facet, Sample
from detectors.normal.norms import RateNorm
from detectors.normal.tails import LEAST, tail

_STEP: Final = 0.25
_GRID: Final = tuple(0.5 + _STEP * at for at in range(27))
"""Deviations at which exceedances are counted: 0.5 to 7."""

_PRIOR: Final = 60.0
_MEMORY: Final = 20_000
_SEEN: Final = 1.0
"""Exceedances, faded, that make a point of the tail believed in."""


class Odds:
    """The tail of one facet of a series.

    >>> from detectors.normal.facets import facets
    >>> from detectors.metrics import METRICS
    >>> odds = Odds(facets(METRICS["latency_ms"], 1.0)[0])
    >>> for n in range(200):
    ...     odds.learn((1000.0 + n % 10, 1.0))
    >>> found = odds.score((1005.0, 1.0)), odds.score((9000.0, 1.0))
    >>> found[0] > 0.1, found[1] < 1e-5
    (True, True)
    """

    __slots__ = ("counts", "norm", "sessions")

    def __init__(self, facet: Facet) -> None:
        self.norm = facet.norm()
        self.sessions = 0.0
        self.counts = [0.0] * len(_GRID)

    def score(self, sample: Sample) -> float | None:
        """The probability, 0 to 1; None while too little is known. Changes nothing."""
        norm = self.norm
        if isinstance(norm, RateNorm):
            return norm.chance(*sample)
        deviation = norm.score(*sample)
        return None if deviation is None else self._tail(deviation)

    def _at(self, point: int) -> float:
        held = self.sessions + _PRIOR
        return (self.counts[point] + _PRIOR * tail(_GRID[point])) / held

    def _tail(self, deviation: float) -> float:
        if deviation <= _GRID[0]:
            # In the bulk nobody asks for more than the order of magnitude.
            low = self._at(0) / tail(_GRID[0])
            return min(1.0, tail(deviation) * low)
        # Points with few exceedances say little: the last one that does leads on.
        last = len(_GRID) - 1
        while last > 2 and self.counts[last] < _SEEN:
            last -= 1
        point = int((deviation - _GRID[0]) / _STEP)
        if point < last:
            part = (deviation - _GRID[point]) / _STEP
            here, there = log(self._at(point)), log(self._at(point + 1))
            return exp(here + (there - here) * part)
        at, place = self._at(last), _GRID[last]
        fall = (log(self._at(last - 2)) - log(at)) / (2 * _STEP)
        return max(LEAST, at * exp(-fall * (deviation - place)))

    def learn(self, sample: Sample) -> None:
        """Take a session in."""
        norm = self.norm
        deviation = norm.score(*sample)
        norm.learn(*sample, deviation)
        if deviation is None or isinstance(norm, RateNorm):
            return
        fade = 1 - 1 / _MEMORY
        self.sessions = self.sessions * fade + 1
        counts = self.counts
        for at, place in enumerate(_GRID):
            counts[at] = counts[at] * fade + (1.0 if deviation >= place else 0.0)

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [self.sessions, self.counts, self.norm.dump()]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self.sessions, self.counts, norm = state
        self.norm.load(norm)
