"""Errors among calls, where sessions differ: the beta-binomial distribution.

Sessions have error rates of their own, spread about the series' rate as a beta
distribution; the errors of one session are binomial given its rate. Source: Skellam
1948; the concentration is fitted by moments.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log
from typing import Final

MOST_CALLS: Final = 60
"""Sessions with more calls are judged as if they had so many, at the same rate."""

_RATE_STEPS: Final = 20.0
_SPREAD_STEPS: Final = 8.0


def upper(errors: float, calls: float, rate: float, concentration: float) -> float:
    """Probability of more errors, and half that of just as many (mid-p).

    Args:
        errors: Of the session, at most ``calls``.
        calls: At least one.
        rate: Expected share, 0 to 1 without its ends.
        concentration: a + b of the beta distribution; larger is nearer to a binomial.

    >>> round(upper(0, 5, 0.05, 1e6), 2), upper(5, 5, 0.05, 1e6) < 1e-6
    (0.61, True)
    """
    return _looked_up(errors, calls, rate, concentration)[0]


def at_least(errors: float, calls: float, rate: float, concentration: float) -> float:
    """Probability of as many errors or more.

    >>> at_least(0, 5, 0.05, 1e6)
    1.0
    """
    return _looked_up(errors, calls, rate, concentration)[1]


def _looked_up(
    errors: float, calls: float, rate: float, concentration: float
) -> tuple[float, float]:
    """Both tails; rates and concentrations are rounded, so that they recur."""
    whole = min(MOST_CALLS, int(calls))
    counted = min(whole, round(errors * whole / calls))
    logit = round(log(rate / (1 - rate)) * _RATE_STEPS)
    return _tails(counted, whole, logit, round(log(concentration) * _SPREAD_STEPS))


@lru_cache(maxsize=100_000)
def _tails(errors: int, calls: int, logit: int, spread: int) -> tuple[float, float]:
    rate = 1 / (1 + exp(-logit / _RATE_STEPS))
    concentration = exp(spread / _SPREAD_STEPS)
    bad, good = rate * concentration, (1 - rate) * concentration
    constant = (
        lgamma(calls + 1)
        - lgamma(calls + concentration)
        + lgamma(concentration)
        - lgamma(bad)
        - lgamma(good)
    )

    def mass(count: int) -> float:
        return exp(
            constant
            - lgamma(count + 1)
            - lgamma(calls - count + 1)
            + lgamma(count + bad)
            + lgamma(calls - count + good)
        )

    above = 0.0
    for count in range(errors + 1, calls + 1):
        above += mass(count)
    here = mass(errors)
    whole = 1.0 if errors == 0 else min(1.0, above + here)
    return min(1.0, above + here / 2), whole
