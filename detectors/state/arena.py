"""The memory of a partition: its series as words in one array."""

from __future__ import annotations

from mmap import mmap
from typing import Final

import numpy as np

from detectors.kernels import arena as pieces
from detectors.kernels.words import Floats, Ints

_FIRST: Final = 1 << 16
_GROWTH: Final = 1.5


def _memory(words: int) -> Floats:
    """So many words, all zero, that go back to the machine as soon as they are let go.

    What the allocator of C has given out stays with the process, and of an arena that
    has grown that would be twice its size.
    """
    return np.frombuffer(mmap(-1, 8 * words), np.float64)


class Arena:
    """Words that compiled functions work on.

    The array moves when it grows: ask for ``floats`` and ``ints`` anew each time.

    Attributes:
        floats, ints: The same memory, seen as either.
        heads: See ``kernels.arena``.
    """

    __slots__ = ("floats", "heads", "ints")

    def __init__(self) -> None:
        self.floats: Floats = _memory(_FIRST)
        self.ints: Ints = self.floats.view(np.int64)
        self.heads: Ints = np.zeros(pieces.HEADS, np.int64)
        self.heads[pieces.TOP] = pieces.STEP

    def take(self, words: int) -> int:
        """The address of a new piece, all zero."""
        at = pieces.take(self.ints, self.heads, words)
        while not at:
            self.grow()
            at = pieces.take(self.ints, self.heads, words)
        return int(at)

    def give(self, at: int, words: int) -> None:
        """Take a piece back."""
        pieces.give(self.ints, self.heads, at, words)

    def reserve(self, words: int = pieces.ROOM) -> None:
        """Make sure that there is room, at least for whatever one sample needs."""
        while self.heads[pieces.TOP] + max(words, pieces.ROOM) > len(self.ints):
            self.grow()

    def grow(self) -> None:
        """Make room; pages that are not used yet take no memory."""
        known = int(self.heads[pieces.TOP])
        floats = _memory(int(len(self.floats) * _GROWTH))
        floats[:known] = self.floats[:known]
        self.floats = floats
        self.ints = floats.view(np.int64)
