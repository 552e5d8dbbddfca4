"""Samples and histograms as words of a row, and back.

Words are squeezed afterwards (``kernels.squeezing``): what is small, or near to the
number before it, takes a byte or two.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels.histograms import (
    BINS,
    PIECE,
    ZERO_BIN,
    bin_count,
    bin_key,
    histogram_add,
)
from detectors.kernels.packed import (
    FLOATS,
    HALVES,
    QUARTERS,
    run_fits,
    run_get,
    run_put,
)
from detectors.kernels.words import Floats, Ints

_MOST_WHOLE: Final = 1 << 31
_MOST_COUNTED: Final = 1 << 32
_MOST_APART: Final = 1 << 30


@compiled
def copy_words(i: Ints, begin: int, words: int, out: Ints, place: int) -> int:
    """Write words as they are; where the next one goes."""
    for word in range(words):
        out[place + word] = i[begin + word]
    return place + words


@compiled
def put_run(
    f: Floats,
    i: Ints,
    piece: int,
    first: int,
    count: int,
    packed: int,
    sign: float,
    out: Ints,
    place: int,
) -> int:
    """Write samples, as whole numbers where all are small ones; where the next word goes.

    Args:
        f, i: The arena.
        piece: Where their run begins.
        first: Which of it is the first.
        count: How many.
        packed: How it is kept.
        sign: Of all of them.
        out: Takes the words.
        place: From where on.
    """
    whole = 1
    for which in range(first, first + count if packed == FLOATS else first):
        if not run_fits(f[piece + which], HALVES, sign):
            whole = 0
    out[place] = whole
    place += 1
    for which in range(first, first + count):
        if whole:
            out[place] = int(run_get(f, i, piece, which, packed, sign) * sign)
        else:
            out[place] = i[piece + which]
        place += 1
    return place


@compiled
def get_run(
    f: Floats,
    i: Ints,
    piece: int,
    count: int,
    packed: int,
    skipped: int,
    sign: float,
    words: Ints,
    place: int,
) -> int:
    """Read what ``put_run`` wrote, without the first few; where the next word is."""
    whole = words[place]
    place += 1 + skipped
    for which in range(count):
        if whole:
            value = float(words[place]) * sign
            run_put(f, i, piece, which, packed, sign, value)
        else:
            i[piece + which] = words[place]
        place += 1
    return place


@compiled
def run_packed(words: Ints, place: int, count: int) -> int:
    """How such a run may be kept."""
    if not words[place]:
        return FLOATS
    for word in range(place + 1, place + 1 + count):
        if not run_fits(float(words[word]), QUARTERS, 1.0):
            return HALVES
    return QUARTERS


@compiled
def run_is_sound(words: Ints, place: int, count: int) -> bool:
    """Whether there is such a run, and all of it finite; within the words."""
    whole = words[place]
    for word in range(place + 1, place + 1 + count):
        if whole:
            if not 0 <= words[word] < _MOST_WHOLE:
                return False
        elif words[word] >> 52 & 2047 == 2047:
            return False
    return bool(whole == 0 or whole == 1)  # noqa: PLR1714


@compiled
def put_bins(i: Ints, counts: int, out: Ints, place: int) -> int:
    """Write how many bins a histogram has, then each one's distance and count."""
    bins, piece, last = i[counts + BINS], i[counts + PIECE], ZERO_BIN
    out[place] = bins
    place += 1
    for word in range(piece, piece + bins):
        key = bin_key(i[word])
        out[place], out[place + 1] = key - last, bin_count(i[word])
        last = key
        place += 2
    return place


@compiled
def get_bins(
    i: Ints, heads: Ints, counts: int, whole: int, words: Ints, place: int
) -> int:
    """Read a histogram, and add it to that of the whole; 0 for either is none."""
    bins = words[place]
    place += 1
    key = ZERO_BIN
    for _ in range(bins):
        key += words[place]
        for turn in range(2):
            into = counts if turn else whole
            if into:
                histogram_add(i, heads, into, key, words[place + 1])
        place += 2
    return place


@compiled
def bins_end(words: Ints, place: int, end: int, samples: int, binned: int) -> int:
    """Where a histogram of so many samples ends; -1 if there is none.

    Args:
        words: What ``put_bins`` wrote, perhaps.
        place: From where on; before ``end``.
        end: Where the words end.
        samples: In all its bins.
        binned: Whether it has any.
    """
    bins = words[place]
    place += 1
    if not 0 <= bins <= (end - place) // 2:
        return -1
    found, key = 0, ZERO_BIN
    for which in range(bins):
        apart, count = words[place], words[place + 1]
        least = 0 if which == 0 else 1
        if not least <= apart < _MOST_APART or not 0 < count < _MOST_COUNTED:
            return -1
        key += apart
        found += count
        if key >= _MOST_APART:
            return -1
        place += 2
    return place if found == (samples if binned else 0) else -1
