"""Numbers as bytes: small integers in few, floats in eight.

Integers stand in groups of seven bits, the lowest first, with the sign in the lowest
bit of all; floats as IEEE 754 has them, lowest byte first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.kernels.words import Floats, Ints

Octets = NDArray[np.uint8]

LONGEST: int = 10
"""Bytes that no number needs more than."""


@compiled
def put_int(out: Octets, place: int, value: int) -> int:
    """Write an integer, not beyond 62 bits; where the next number goes."""
    left = value * 2 if value >= 0 else -value * 2 - 1
    while left >= 128:
        out[place] = left & 127 | 128
        left >>= 7
        place += 1
    out[place] = left
    return place + 1


@compiled
def get_int(data: Octets, place: int) -> tuple[int, int]:
    """An integer, and where the next number is."""
    value = shift = 0
    while data[place] >= 128:
        value |= (int(data[place]) & 127) << shift
        shift += 7
        place += 1
    value |= int(data[place]) << shift
    return (-(value + 1) // 2 if value & 1 else value // 2), place + 1


@compiled
def put_word(out: Octets, place: int, word: int) -> int:
    """Write a word as it is; where the next number goes."""
    for byte in range(8):
        out[place + byte] = word >> (8 * byte) & 255
    return place + 8


@compiled
def get_word(data: Octets, place: int) -> tuple[int, int]:
    """A word as it is, and where the next number is."""
    word = 0
    for byte in range(8):
        word |= int(data[place + byte]) << (8 * byte)
    return word, place + 8


@compiled
def put_run(
    f: Floats, i: Ints, begin: int, count: int, sign: float, out: Octets, place: int
) -> int:
    """Write numbers, each times ``sign``; where the next goes."""
    whole = 1
    for word in range(begin, begin + count):
        value = f[word] * sign
        if (
            not -2147483648.0 <= value <= 2147483647.0
            or value != float(int(value))
            or (value == 0.0 and (i[word] == 0) != (sign > 0.0))
        ):
            whole = 0
    out[place] = whole
    place += 1
    for word in range(begin, begin + count):
        if whole:
            place = put_int(out, place, int(f[word] * sign))
        else:
            place = put_word(out, place, i[word])
    return place


@compiled
def get_run(
    f: Floats, i: Ints, begin: int, count: int, sign: float, data: Octets, place: int
) -> int:
    """Read what ``put_run`` wrote; where the next number is."""
    whole = data[place]
    place += 1
    for word in range(begin, begin + count):
        if whole:
            value, place = get_int(data, place)
            f[word] = float(value) * sign
        else:
            value, place = get_word(data, place)
            i[word] = value
    return place
