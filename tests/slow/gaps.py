"""How many sessions may be missing before a gap is no chance.

Gaps are measured in the sessions that should have come in them, which gives them the mean
1 in healthy traffic. Their squared coefficient of variation c is 1 for a Poisson stream,
0 for a clock, and more for sessions that come in bursts. A gamma distribution with these
moments says which measure is passed how rarely, by the cube root of Wilson and Hilferty
(The distribution of chi-square, 1931): with c for 1 / shape and z deviations it is
(1 - c / 9 + z sqrt(c) / 3) ** 3.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from detectors.normal.tails import deviations

YEARS: Final = 3.0
"""One healthy gap in so long passes."""

_POISSON: Final = 50.0
"""Gaps for which a Poisson stream's c stands in."""
_REGULAR: Final = 0.1
_BURSTY: Final = 40.0
"""The least and the largest c that are believed in."""


def passed_rarely(number: float, total: float, squares: float, daily: float) -> float:
    """The measure, in sessions.

    Args:
        number: Of gaps measured.
        total: Sum of their measures.
        squares: Sum of the squares.
        daily: Sessions of a usual day.

    >>> clock, poisson = passed_rarely(900, 900, 900, 100), passed_rarely(900, 900, 1800, 100)
    >>> round(clock, 1), round(poisson, 1)
    (3.0, 12.4)
    """
    number += _POISSON
    mean = (total + _POISSON) / number
    varied = (squares + 2 * _POISSON) / number / (mean * mean) - 1
    out = deviations(1 / (1 + 365 * YEARS * daily))
    # Beyond its largest value the formula falls again.
    most = 1.5 * out
    varied = min(max(varied, _REGULAR), _BURSTY, most * most)
    return float((1 - varied / 9 + out * sqrt(varied) / 3) ** 3)
