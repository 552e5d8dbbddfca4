"""Words as few bytes: most are zero, small, or floats of few digits.

Each word has half a byte that says which of its bytes are kept: none, its n highest
(floats of few digits end in zeros), all eight, or its n lowest (small integers). The
halves of all words come first, then the bytes kept.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.kernels.words import Ints

Bytes = NDArray[np.uint8]

WHOLE: Final = 8
"""The half of a word that is kept as it is; those above it keep the lowest bytes."""

MOST: Final = 9
"""Bytes that a word takes at most, its half included."""


@compiled
def _ends(word: int) -> tuple[int, int]:
    """How many bytes are left without the lowest, and without the highest, zeros."""
    high = low = 0
    for byte in range(8):
        if (word >> (8 * byte)) & 0xFF:
            if high == 0:
                high = 8 - byte
            low = byte + 1
    return high, low


@compiled
def squeeze(words: Ints, count: int, out: Bytes) -> int:
    """Write words as bytes; how many these are.

    Args:
        words: At least ``count``.
        count: How many to write.
        out: At least ``MOST`` bytes a word.
    """
    place = (count + 1) // 2
    for byte in range(place):
        out[byte] = 0
    for at in range(count):
        word = words[at]
        if word == 0:
            continue
        high, low = _ends(word)
        if high <= low:
            half, first, kept = high, 8 - high, high
        else:
            half, first, kept = WHOLE + low, 0, low
        if kept == 8:
            half = WHOLE
        out[at // 2] |= half << (4 * (at % 2))
        for byte in range(first, first + kept):
            out[place] = (word >> (8 * byte)) & 0xFF
            place += 1
    return place


@compiled
def spread(squeezed: Bytes, count: int, out: Ints) -> bool:
    """Read words back; whether these bytes hold so many, and no more.

    Args:
        squeezed: What ``squeeze`` wrote.
        count: How many words.
        out: Takes them.
    """
    place = (count + 1) // 2
    if place > len(squeezed):
        return False
    for at in range(count):
        half = (squeezed[at // 2] >> (4 * (at % 2))) & 15
        kept = half if half <= WHOLE else half - WHOLE
        first = 8 - kept if half <= WHOLE else 0
        if place + kept > len(squeezed):
            return False
        word = 0
        for byte in range(kept):
            word |= int(squeezed[place + byte]) << (8 * (first + byte))
        out[at] = word
        place += kept
    return bool(place == len(squeezed))
