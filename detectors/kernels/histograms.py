"""Histograms as sorted words: a bin's number in the upper half, its count in the lower.

A histogram is three words, its piece, how many bins it has and for how many there is
room. What the bins mean ``tests.slow.sketch`` says.
"""

from __future__ import annotations

from math import exp, floor, log
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.arena import give, take
from detectors.kernels.words import Ints

PIECE, BINS, ROOM = 0, 1, 2
HISTOGRAM_WIDTH: Final = 3

ZERO_BIN: Final = -(1 << 20)
_WHOLE: Final = 64
_LARGEST: Final = 700.0
_SMALLEST: Final = 4
_HALF: Final = 32
_COUNT: Final = (1 << _HALF) - 1


@compiled
def bin_of(value: float, width: float, whole: int) -> int:
    """As ``Bins.key``."""
    if whole:
        if value < _WHOLE:
            return int(value)
        return _WHOLE + floor(log(value / _WHOLE) / width)
    if value <= 0.0:
        return ZERO_BIN
    return floor(log(value) / width)


@compiled
def bin_value(key: int, share: float, width: float, whole: int) -> float:
    """As ``Bins.value``."""
    if key == ZERO_BIN:
        return 0.0
    if not whole:
        return exp(min(_LARGEST, (key + share) * width))
    if key < _WHOLE:
        return float(key)
    return _WHOLE * exp(min(_LARGEST, (key - _WHOLE + share) * width))


@compiled
def bin_key(word: int) -> int:
    """Which bin a word of a histogram is."""
    return word >> _HALF


@compiled
def bin_count(word: int) -> int:
    """And how much is in it."""
    return word & _COUNT


@compiled
def _place(i: Ints, at: int, key: int) -> int:
    """The place of the first bin that is not below a key."""
    piece = i[at + PIECE]
    low, high = 0, i[at + BINS]
    while low < high:
        middle = (low + high) // 2
        if i[piece + middle] >> _HALF < key:
            low = middle + 1
        else:
            high = middle
    return int(low)


@compiled
def histogram_add(i: Ints, heads: Ints, at: int, key: int, count: int) -> None:
    """Count so many more in a bin."""
    place, bins = _place(i, at, key), i[at + BINS]
    piece = i[at + PIECE]
    if place < bins and i[piece + place] >> _HALF == key:
        i[piece + place] += count
        return
    if bins == i[at + ROOM]:
        room = max(_SMALLEST, 2 * bins)
        moved = take(i, heads, room)
        for word in range(bins):
            i[moved + word] = i[piece + word]
        if piece:
            give(i, heads, piece, bins)
        piece = moved
        i[at + PIECE], i[at + ROOM] = piece, room
    for word in range(bins, place, -1):
        i[piece + word] = i[piece + word - 1]
    i[piece + place] = (key << _HALF) + count
    i[at + BINS] = bins + 1


@compiled
def histogram_merge(i: Ints, heads: Ints, at: int, other: int) -> None:
    """Add another histogram."""
    piece = i[other + PIECE]
    for word in range(piece, piece + i[other + BINS]):
        histogram_add(i, heads, at, i[word] >> _HALF, i[word] & _COUNT)


@compiled
def histogram_remove(i: Ints, heads: Ints, at: int, other: int) -> None:
    """Take away a histogram that was added before, and free what it held."""
    piece, gone = i[at + PIECE], i[other + PIECE]
    kept, theirs = 0, 0
    for word in range(i[at + BINS]):
        held = i[piece + word]
        if theirs < i[other + BINS] and i[gone + theirs] >> _HALF == held >> _HALF:
            held -= i[gone + theirs] & _COUNT
            theirs += 1
            if held & _COUNT == 0:
                continue
        i[piece + kept] = held
        kept += 1
    i[at + BINS] = kept
    histogram_free(i, heads, other)


@compiled
def histogram_free(i: Ints, heads: Ints, at: int) -> None:
    """Let go of all that was counted."""
    if i[at + PIECE]:
        give(i, heads, i[at + PIECE], i[at + ROOM])
    i[at + PIECE] = i[at + BINS] = i[at + ROOM] = 0


@compiled
def histogram_quantile(
    i: Ints, at: int, samples: int, percent: int, width: float, whole: int
) -> float:
    """As ``Bins.quantile``, of so many samples, at least one."""
    piece = i[at + PIECE]
    scaled = (samples - 1) * percent
    rank, rest = scaled // 100, scaled % 100
    if 2 * rank < samples:
        place, before = 0, 0
        while before + (i[piece + place] & _COUNT) <= rank:
            before += i[piece + place] & _COUNT
            place += 1
    else:
        place = i[at + BINS] - 1
        before = samples - (i[piece + place] & _COUNT)
        while before > rank:
            place -= 1
            before -= i[piece + place] & _COUNT
    inside = i[piece + place] & _COUNT
    key = i[piece + place] >> _HALF
    low = bin_value(key, (rank - before + 0.5) / inside, width, whole)
    if rest == 0:
        return low
    if rank + 1 < before + inside:
        share = (rank + 1 - before + 0.5) / inside
    else:
        key = i[piece + place + 1] >> _HALF
        share = 0.5 / (i[piece + place + 1] & _COUNT)
    high = bin_value(key, share, width, whole)
    return low + (high - low) * (rest / 100)


def flatten(i: Ints, at: int) -> list[int]:
    """A histogram as small numbers: distances between bins, and counts."""
    piece, bins = int(i[at + PIECE]), int(i[at + BINS])
    flat: list[int] = []
    last = 0
    for word in i[piece : piece + bins].tolist():
        key = word >> _HALF
        flat += (key - last, word & _COUNT)
        last = key
    return flat
