"""Correctly rounded sums, term by term; several at a time.

The sum of all terms is kept as a few numbers that do not overlap (Shewchuk 1997), as
``math.fsum`` does, so that it is the same whatever their order.
"""

from __future__ import annotations

import sys
from math import inf
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.words import Floats

PARTS: Final = 2
"""Where the numbers begin; before them how many there are, and a rough sum."""

SUM_WIDTH: Final = PARTS + 42
"""All exponents of a float have room in so many."""

_ROUGH: Final = 2.0**-80
_MOST: Final = sys.float_info.max


@compiled
def sums_begin(f: Floats, at: int, sums: int) -> None:
    """Make the words those of sums of nothing, one behind the other."""
    for place in range(sums):
        f[at + place * SUM_WIDTH] = f[at + place * SUM_WIDTH + 1] = 0.0


@compiled
def sum_add(f: Floats, at: int, term: float) -> None:
    """Add a term, a finite number, to the sum that begins there."""
    count = int(f[at])
    f[at + 1] += term * _ROUGH
    if count < 0:
        return
    kept = 0
    x = term
    for place in range(at + PARTS, at + PARTS + count):
        y = f[place]
        if abs(x) < abs(y):
            x, y = y, x
        high = x + y
        low = y - (high - x)
        if low != 0.0:
            f[at + PARTS + kept] = low
            kept += 1
        x = high
    if abs(x) == inf or x != x:
        f[at] = -1.0
        return
    if x != 0.0:
        f[at + PARTS + kept] = x
        kept += 1
    f[at] = float(kept)


@compiled
def sum_of(f: Floats, at: int) -> float:
    """The sum, rounded once; the largest number there is if it is too large."""
    count = int(f[at])
    if count < 0:
        return _MOST if f[at + 1] > 0.0 else -_MOST
    if count == 0:
        return 0.0
    place = at + PARTS + count - 1
    high = f[place]
    low = 0.0
    while place > at + PARTS:
        x = high
        place -= 1
        y = f[place]
        high = x + y
        low = y - (high - x)
        if low != 0.0:
            break
    # Halfway between two numbers what is left decides.
    if place > at + PARTS and low != 0.0 and (low < 0.0) == (f[place - 1] < 0.0):
        y = low * 2.0
        x = high + y
        if y == x - high:
            high = x
    return float(high)
