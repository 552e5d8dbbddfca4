"""Errors among calls, where sessions differ: the beta-binomial distribution.

One session at a time; ``detectors.kernels.beta_binomial`` says how.
"""

from __future__ import annotations

from detectors.kernels.beta_binomial import table, tails

_KEYS, _VALUES = table()


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
    return tails(
        float(errors),
        float(calls),
        float(rate),
        float(concentration),
        _KEYS,
        _VALUES,
    )
