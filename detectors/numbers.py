"""Sums that stay finite: one absurd session must not stop the stream."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ctypes import c_float
from math import fsum
from typing import Final

MOST: Final = sys.float_info.max


def total(values: Sequence[float]) -> float:
    """The correctly rounded sum, or the largest number there is.

    >>> total([0.1] * 10)
    1.0
    >>> total([1e308, 1e308]) == MOST
    True
    """
    try:
        return fsum(values)
    except OverflowError:
        return MOST if fsum([value / len(values) for value in values]) > 0 else -MOST


def finite(value: float) -> float:
    """The nearest finite number; zero for what is none.

    >>> finite(float("inf")) == MOST, finite(-0.0)
    (True, 0.0)
    """
    if -MOST <= value <= MOST:
        return value + 0.0
    return MOST if value > 0 else -MOST if value < 0 else 0.0


def narrow(value: float) -> float:
    """Rounded to a float of half the width, as ``kernels.halves`` keeps it.

    >>> narrow(0.1), narrow(2000.0), narrow(1e300)
    (0.10000000149011612, 2000.0, inf)
    """
    return c_float(value).value
