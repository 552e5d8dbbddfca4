"""Errors among calls, where sessions differ: the beta-binomial distribution.

Sessions have error rates of their own, spread about the series' rate as a beta
distribution; the errors of one session are binomial given its rate. Source: Skellam
1948; the concentration is fitted by moments.

Both tails of what was asked lately are remembered in a table, at the place that their
key hashes to. It is a memory of pure values: no result depends on it.
"""

from __future__ import annotations

from math import exp, lgamma, log
from typing import Final

import numpy as np

from detectors.compiled import compiled
from detectors.kernels.words import NAN, Floats, Ints

MOST_CALLS: Final = 60
"""Sessions with more calls are judged as if they had so many, at the same rate."""

REMEMBERED: Final = 2**16
"""Rows of a table."""

_RATE_STEPS: Final = 20.0
_SPREAD_STEPS: Final = 8.0
_FURTHEST: Final = 32_767.0
_KNOWN: Final = 1 << 60
"""Part of every key: zero is that of an empty row."""
_HASH: Final = 0x1E3779B97F4A7C15


def table() -> tuple[Ints, Floats]:
    """Keys and values of an empty table: int64[REMEMBERED], float64[REMEMBERED, 2]."""
    return np.zeros(REMEMBERED, np.int64), np.zeros((REMEMBERED, 2), np.float64)


@compiled
def _step(value: float) -> float:
    whole: float = np.rint(value)
    return min(max(whole, -_FURTHEST), _FURTHEST)


@compiled
def tails(
    errors: float,
    calls: float,
    rate: float,
    concentration: float,
    keys: Ints,
    values: Floats,
) -> tuple[float, float]:
    """Probability of more errors and half that of just as many, and of as many or more.

    Rates and concentrations are rounded, so that they recur.

    Args:
        errors: Of the session, at most ``calls``.
        calls: At least one.
        rate: Expected share, 0 to 1 without its ends.
        concentration: a + b of the beta distribution; larger is nearer to a binomial.
        keys: Of the table.
        values: Of the table.

    >>> above, whole = tails(0.0, 5.0, 0.05, 1e6, *table())
    >>> round(above, 2), whole
    (0.61, 1.0)
    """
    whole = min(float(MOST_CALLS), np.floor(calls))
    share = errors * whole / calls
    counted = max(0.0, min(whole, np.rint(share)))
    logit = _step(log(rate / (1 - rate)) * _RATE_STEPS)
    spread = _step(log(concentration) * _SPREAD_STEPS)
    if share != share or logit != logit or spread != spread:
        return NAN, NAN
    key = (int(counted) << 6) + int(whole)
    key = (key << 17) + int(logit + _FURTHEST)
    key = _KNOWN + (key << 17) + int(spread + _FURTHEST)
    at = (key * _HASH >> 40) & (REMEMBERED - 1)
    if keys[at] != key:
        above, least = _counted(int(counted), int(whole), logit, spread)
        values[at, 0] = above
        values[at, 1] = least
        keys[at] = key
    return values[at, 0], values[at, 1]


@compiled
def _counted(
    errors: int, calls: int, logit: float, spread: float
) -> tuple[float, float]:
    rate = 1 / (1 + exp(-logit / _RATE_STEPS))
    concentration = exp(spread / _SPREAD_STEPS)
    bad, good = rate * concentration, (1 - rate) * concentration
    constant = (
        lgamma(float(calls + 1))
        - lgamma(calls + concentration)
        + lgamma(concentration)
        - lgamma(bad)
        - lgamma(good)
    )
    here = above = 0.0
    for count in range(errors, calls + 1):
        mass = exp(
            constant
            - lgamma(float(count + 1))
            - lgamma(float(calls - count + 1))
            + lgamma(count + bad)
            + lgamma(calls - count + good)
        )
        if count == errors:
            here = mass
        else:
            above += mass
    whole = 1.0 if errors == 0 else min(1.0, above + here)
    return min(1.0, above + here / 2), whole
