"""Which limit is in force."""

from __future__ import annotations

from math import inf

from detectors.compiled import compiled
from detectors.kernels.words import NAN


@compiled
def enter_from(
    expected: float, sign: float, fixed: float, ratio: float, drop: float
) -> float:
    """The mildest limit in force, signed; NaN if none is known.

    Args:
        expected: By the baseline, NaN while it is not known.
        sign: 1.0, or -1.0 where lower is worse.
        fixed: A fixed limit, NaN without one.
        ratio, drop: What a baseline allows, one of them NaN.
    """
    if fixed == fixed:
        return fixed
    if expected != expected:
        return NAN
    if drop == drop:
        return sign * expected + drop
    if expected == 0.0:
        return inf
    return expected * ratio if sign > 0.0 else -(expected / ratio)
