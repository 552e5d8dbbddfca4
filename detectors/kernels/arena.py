"""Pieces of an arena: runs of words, given out and taken back.

An address is the index of a piece's first word; 0 is none. Pieces come in steps of
``STEP`` words, and what is given back waits, with others of its size, to be given out
again.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels.words import Ints

STEP: Final = 4
"""Words."""

SIZES: Final = 2_048
"""Larger pieces, in steps, come as powers of two."""

HEADS: Final = SIZES + 64
"""Words of ``heads``."""

ROOM: Final = 1 << 14
"""Words that one sample of one rule never needs more than."""

TOP: Final = 0
"""Place in ``heads`` of the first word never given out; then for each size the first
piece that waits, whose first word names the next."""


@compiled
def sized(words: int) -> tuple[int, int]:
    """How many steps such a piece has, and where in ``heads`` those of its size are."""
    step = (words + STEP - 1) // STEP
    if step <= SIZES:
        return step, step
    power, large = 1, SIZES
    while large < step:
        large *= 2
        power += 1
    return large, SIZES + power


@compiled
def take(i: Ints, heads: Ints, words: int) -> int:
    """A piece of so many words, all zero; 0 if the arena is full."""
    step, waits = sized(words)
    at = heads[waits]
    if at:
        heads[waits] = i[at]
    else:
        at = heads[TOP]
        if at + step * STEP > len(i):
            return 0
        heads[TOP] = at + step * STEP
    for word in range(at, at + step * STEP):
        i[word] = 0
    return int(at)


@compiled
def give(i: Ints, heads: Ints, at: int, words: int) -> None:
    """Take a piece back."""
    _, waits = sized(words)
    i[at] = heads[waits]
    heads[waits] = at
