"""Tails of the standard normal distribution: how far out, and how improbable."""

from __future__ import annotations

from math import erfc, sqrt
from statistics import NormalDist
from typing import Final

LEAST: Final = 1e-15
"""The smallest probability told apart."""

_ROOT: Final = sqrt(2.0)
_quantile = NormalDist().inv_cdf


def tail(deviations: float) -> float:
    """The probability of a value at least so far above the mean.

    >>> round(tail(1.645), 3)
    0.05
    """
    return max(LEAST, 0.5 * erfc(deviations / _ROOT))


def deviations(probability: float) -> float:
    """The inverse of ``tail``.

    >>> round(deviations(0.05), 3)
    1.645
    """
    return -_quantile(min(max(probability, LEAST), 1 - 1e-12))
