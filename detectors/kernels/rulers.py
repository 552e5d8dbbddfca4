"""The scales of ``detectors.normal.scales``, compiled."""

from __future__ import annotations

from math import exp, inf, log, sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.words import NAN
from detectors.normal.scales import DEVIATIONS, FEWEST

LOG_SCALE, SQRT_SCALE, LOGIT_SCALE, NO_SCALE = 0, 1, 2, 3

_LEAST: Final = (0.1, 1.0, 0.25)


@compiled
def there(scale: int, value: float) -> float:
    """A value in its scale; NaN for what has no place there."""
    if scale == LOG_SCALE:
        return log(value) if value > 0.0 else NAN
    if scale == SQRT_SCALE:
        return 2 * sqrt(value + 0.375)
    return log((value + 0.5) / (100.5 - value))


@compiled
def _back(scale: int, scaled: float) -> float:
    if scale == LOG_SCALE:
        return exp(min(700.0, scaled))
    if scale == SQRT_SCALE:
        half = max(0.0, scaled / 2)
        return half * half - 0.375
    share = 1 / (1 + exp(-max(-500.0, min(500.0, scaled))))
    return 101 * share - 0.5


@compiled
def bounds(
    scale: int, samples: int, total: float, squares: float
) -> tuple[float, float]:
    """Where values are winsorised, as ``Spread.bounds``."""
    if samples < FEWEST:
        return -inf, inf
    mean = total / samples
    variance = max(0.0, squares / samples - mean * mean)
    reach = DEVIATIONS * max(_LEAST[scale], sqrt(variance))
    return _back(scale, mean - reach), _back(scale, mean + reach)


@compiled
def kept_within(scale: int, value: float, low: float, high: float) -> float:
    """A value, moved onto the bounds from outside; see ``scales.winsorised``."""
    if value > high:
        return high
    lowest = 0.0 if scale == LOG_SCALE else -inf
    return low if lowest < value < low else value
