"""Runs of samples, several to a word as long as all of them are small whole numbers.

A run is kept as it came where that needs floats; else without its sign, which is that
of the rule, in a half or a quarter of a word each. What is read is what was put, to the
bit.
"""

from __future__ import annotations

from math import copysign
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.words import Floats, Ints

QUARTERS, HALVES, FLOATS = 2, 1, 0
"""How many samples there are in a word, as a power of two."""

_QUARTER: Final = (1 << 16) - 1
_HALF: Final = (1 << 31) - 1


@compiled
def run_words(samples: int, packed: int) -> int:
    """Words of a run of so many samples."""
    return (samples + (1 << packed) - 1) >> packed


@compiled
def run_get(
    f: Floats, i: Ints, piece: int, place: int, packed: int, sign: float
) -> float:
    """A sample of a run.

    Args:
        f, i: The arena.
        piece: Where the run begins.
        place: Which sample.
        packed: How it is kept.
        sign: Of all of them.
    """
    if packed == FLOATS:
        return float(f[piece + place])
    if packed == HALVES:
        number = i[piece + (place >> 1)] >> ((place & 1) << 5) & _HALF
    else:
        number = i[piece + (place >> 2)] >> ((place & 3) << 4) & _QUARTER
    return float(number) * sign


@compiled
def run_put(
    f: Floats,
    i: Ints,
    piece: int,
    place: int,
    packed: int,
    sign: float,
    value: float,
) -> None:
    """Set a sample of a run, which it fits."""
    if packed == FLOATS:
        f[piece + place] = value
        return
    number = int(value * sign)
    if packed == HALVES:
        word, shift, mask = piece + (place >> 1), (place & 1) << 5, _HALF
    else:
        word, shift, mask = piece + (place >> 2), (place & 3) << 4, _QUARTER
    i[word] = i[word] & ~(mask << shift) | number << shift


@compiled
def run_fits(value: float, packed: int, sign: float) -> bool:
    """Whether a sample can be kept so."""
    if packed == FLOATS:
        return True
    number = value * sign
    if not 0.0 <= number <= (_QUARTER if packed == QUARTERS else _HALF):
        return False
    return number == float(int(number)) and copysign(1.0, number) == 1.0


@compiled
def run_copy(
    f: Floats, i: Ints, piece: int, packed: int, sign: float, out: Floats
) -> None:
    """Write the first samples of a run, as many as there is room for."""
    for place in range(len(out)):
        out[place] = run_get(f, i, piece, place, packed, sign)
