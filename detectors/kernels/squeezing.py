"""Words as few bytes: most are zero, small, or floats of few digits.

Each word has half a byte that says which of its bytes are kept: none, its n highest
(floats of few digits end in zeros), all eight, or its n lowest (small integers). The
halves of all words come first, then the bytes kept.

Bytes are written and read eight at a time, through words of the same memory: it is
little-endian.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.compiled import compiled
from detectors.kernels.words import Ints

WHOLE: Final = 8
"""The half of a word that is kept as it is; those above it keep the lowest bytes."""

BEYOND: Final = 16
"""Bytes behind those that are read, or written, that have to be there."""

_NOT_SIGN: Final = (1 << 63) - 1
_LOW_HALVES: Final = 0x0F0F0F0F0F0F0F0F
_LOW_SIXES: Final = 0x3F3F3F3F3F3F3F3F
_LOW_SEVENS: Final = 0x7F7F7F7F7F7F7F7F
_LOW_ONES: Final = 0x0101010101010101
_GATHER: Final = 0x0102040810204080
"""Times a word of bytes that are 0 or 1: the highest byte has a bit of each."""


def _half(present: int) -> int:
    """What is kept of a word, by which of its bytes are not zero."""
    if not present:
        return 0
    low = present.bit_length()
    high = WHOLE - ((present & -present).bit_length() - 1)
    if min(high, low) == WHOLE:
        return WHOLE
    return high if high <= low else WHOLE + low


_HALF: Final = np.array([_half(present) for present in range(256)], np.int64)
_KEPT: Final = np.array([*range(9), *range(1, 8)], np.int64)
"""For each half how many bytes."""
_ABOVE: Final = np.array([0, *range(56, -1, -8), *[0] * 7], np.int64)
"""For each half how many bits are below them."""
_MASKS: Final = np.array([*((1 << 8 * n) - 1 for n in range(8)), -1], np.int64)
"""So many bytes."""


@compiled
def squeezed_room(words: int) -> int:
    """Words that so many take at most, squeezed, with what is beyond."""
    return (words + 1) // 16 + words + 3


@compiled
def squeeze(words: Ints, count: int, out: Ints, begin: int) -> int:
    """Write words as bytes; how many these are.

    Args:
        words: At least ``count``.
        count: How many to write.
        out: Takes the bytes; has ``squeezed_room``.
        begin: From which of its words on.
    """
    place = (count + 1) // 2
    for word in range(begin, begin + (place >> 3) + 1):
        out[word] = 0
    for at in range(count):
        word = words[at]
        if word == 0:
            continue
        present = word | ((word >> 4) & _LOW_HALVES)
        present |= (present >> 2) & _LOW_SIXES
        present |= (present >> 1) & _LOW_SEVENS
        present = (((present & _LOW_ONES) * _GATHER) >> 56) & 255
        half = _HALF[present]
        out[begin + (at >> 4)] |= half << (4 * (at & 15))
        kept = _KEPT[half]
        value = (word >> _ABOVE[half]) & _MASKS[kept]
        to, bits = begin + (place >> 3), 8 * (place & 7)
        out[to] |= value << bits
        out[to + 1] = ((value >> 1) & _NOT_SIGN) >> (63 - bits)
        place += kept
    return place


@compiled
def spread(squeezed: Ints, begin: int, end: int, count: int, out: Ints) -> bool:
    """Read words back; whether these bytes hold so many, and no more.

    Args:
        squeezed: Memory that holds what ``squeeze`` wrote, and ``BEYOND`` bytes more.
        begin: The first of its bytes.
        end: Behind the last one.
        count: How many words.
        out: Takes them.
    """
    place = begin + (count + 1) // 2
    if place > end:
        return False
    for at in range(count):
        of = begin + (at >> 1)
        half = (squeezed[of >> 3] >> (8 * (of & 7) + 4 * (at & 1))) & 15
        if half == 0:
            out[at] = 0
            continue
        kept = _KEPT[half]
        if place + kept > end:
            return False
        word, byte = place >> 3, place & 7
        value = (squeezed[word] >> (8 * byte)) & _MASKS[8 - byte]
        value |= (squeezed[word + 1] << 1) << (63 - 8 * byte)
        out[at] = (value & _MASKS[kept]) << _ABOVE[half]
        place += kept
    return bool(place == end)
