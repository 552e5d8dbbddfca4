"""The scales in which the spread of a metric is even, and winsorising in them.

Values more than four standard deviations from the mean, in the metric's own scale,
count as if they lay there: one absurd session cannot move a baseline, while a mean
of the values stays the mean of the values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, inf, log, sqrt
from typing import Final, NamedTuple

from detectors.metrics import Scale
from detectors.numbers import total

DEVIATIONS: Final = 4.0
"""How far out a value may lie before it is winsorised."""

FEWEST: Final = 10
"""Samples that tell a spread."""


class Ruler(NamedTuple):
    """A scale: there and back, and the smallest spread believed in."""

    there: Callable[[Sequence[float]], list[float]]
    back: Callable[[float], float]
    least: float


def _logs(values: Sequence[float]) -> list[float]:
    return [log(value) for value in values if value > 0]


def _exp(value: float) -> float:
    return exp(min(700.0, value))


def _roots(values: Sequence[float]) -> list[float]:
    return [2 * sqrt(value + 0.375) for value in values]


def _square(root: float) -> float:
    half = max(0.0, root / 2)
    return half * half - 0.375


def _logits(values: Sequence[float]) -> list[float]:
    return [log((points + 0.5) / (100.5 - points)) for points in values]


def _points(logit: float) -> float:
    share = 1 / (1 + exp(-max(-500.0, min(500.0, logit))))
    return 101 * share - 0.5


RULERS: Final = {
    Scale.LOG: Ruler(_logs, _exp, 0.1),
    Scale.SQRT: Ruler(_roots, _square, 1.0),  # Anscombe 1948: a Poisson has spread 1
    Scale.LOGIT: Ruler(_logits, _points, 0.25),
}
"""Rates have none: a bounded share cannot be absurd, only the weight of a session."""


class Spread(NamedTuple):
    """Count, sum and sum of squares in a scale.

    >>> spread = Spread().add(Scale.LOG, [1.0] * 20)
    >>> low, high = spread.bounds(Scale.LOG)
    >>> round(low, 2), round(high, 2)
    (0.67, 1.49)
    """

    samples: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, scale: Scale, values: Sequence[float]) -> Spread:
        """With further values; zeros have no logarithm and are left out."""
        scaled = RULERS[scale].there(values)
        return Spread(
            self.samples + len(scaled),
            self.total + total(scaled),
            self.squares + total([value * value for value in scaled]),
        )

    @staticmethod
    def joined(parts: Sequence[Spread]) -> Spread:
        """All of them together."""
        return Spread(
            sum([part.samples for part in parts]),
            total([part.total for part in parts]),
            total([part.squares for part in parts]),
        )

    def deviation(self, scale: Scale) -> float:
        """The standard deviation believed in, in the scale; of at least one value."""
        mean = self.total / self.samples
        variance = max(0.0, self.squares / self.samples - mean * mean)
        return max(RULERS[scale].least, sqrt(variance))

    def bounds(
        self, scale: Scale, deviations: float = DEVIATIONS
    ) -> tuple[float, float]:
        """So far around the mean, in the metric's unit: where values are winsorised."""
        if self.samples < FEWEST:
            return -inf, inf
        ruler = RULERS[scale]
        mean = self.total / self.samples
        reach = deviations * self.deviation(scale)
        return ruler.back(mean - reach), ruler.back(mean + reach)


def winsorised(
    scale: Scale, values: Sequence[float], low: float, high: float
) -> Sequence[float]:
    """Values with those outside the bounds moved onto them.

    A zero has no place in the logarithmic scale and stays what it is.

    >>> winsorised(Scale.LOG, [0.0, 1.0, 100.0], 0.5, 4.0)
    [0.0, 1.0, 4.0]
    """
    if low <= min(values) and max(values) <= high:
        return values
    lowest = 0.0 if scale is Scale.LOG else -inf
    return [
        high if value > high else low if lowest < value < low else value
        for value in values
    ]
