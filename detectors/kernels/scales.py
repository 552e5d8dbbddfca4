"""The scales in which the spread of a metric is even: there and back."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.numbers import finite
from detectors.metrics import Scale

LOG: Final = 0
SQRT: Final = 1
LOGIT: Final = 2
RATE: Final = 3
"""Errors among calls. From here on a norm is that of a rate."""
SINGLE: Final = 4
"""A rate of which each session is a single yes or no."""

_CODES: Final = {
    Scale.LOG: LOG,
    Scale.SQRT: SQRT,
    Scale.LOGIT: LOGIT,
    Scale.RATE: RATE,
}
_TINY: Final = 1e-9
_EDGE: Final = 5.0
"""Added to both ends of a score's 0 to 100, so that a full score is no outlier."""


def code(scale: Scale, *, single: bool = False) -> int:
    """The number of a scale.

    >>> code(Scale.LOG), code(Scale.RATE, single=True)
    (0, 4)
    """
    return SINGLE if single else _CODES[scale]


@compiled
def there(value: float, scale: int) -> float:
    """A number's place in its scale; not for rates.

    >>> there(1.0, LOG), there(50.0, LOGIT)
    (0.0, 0.0)
    """
    if scale == LOG:
        return log(max(value, _TINY))
    if scale == SQRT:
        return 2 * sqrt(value + 0.375)
    return log((value + _EDGE) / (100 + _EDGE - value))


@compiled
def back(place: float, scale: int) -> float:
    """The number at a place in its scale; not for rates.

    >>> back(0.0, LOG), back(0.0, LOGIT)
    (1.0, 50.0)
    """
    if scale == LOG:
        return finite(exp(min(place, 700.0)))
    if scale == SQRT:
        half = max(0.0, place / 2)
        return max(0.0, half * half - 0.375)
    share = 1 / (1 + exp(-place))
    return (100 + 2 * _EDGE) * share - _EDGE
