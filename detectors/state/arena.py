"""The memory of a partition: its series as words in one array."""

from __future__ import annotations

import mmap as pages
from contextlib import suppress
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Final

import numpy as np

from detectors.kernels import arena as pieces
from detectors.kernels.words import Floats, Ints

_FIRST: Final = 1 << 16
_GROWTH: Final = 1.5
_NOTHING: Final = np.zeros(0)

_LARGE: Final = 1 << 25
"""Bytes from which on an arena lies in pages of 2 MiB: a session touches a hundred places
all over it, and to find each by pages of 4 KiB took a sixth of the fold."""
_COPIED: Final = 1 << 28
"""Bytes up to which it is copied as it grows: moved, it keeps the pages that it has."""

MOST: Final = (1 << 31) - 1
"""Words that there may be: an address has half a word (``kernels.halves``)."""


def _memory(words: int) -> mmap:
    """So many words, all zero, that go back to the machine as soon as they are let go.

    What the allocator of C has given out stays with the process, and of an arena that
    has grown that would be twice its size.
    """
    memory = mmap(-1, 8 * words, flags=MAP_PRIVATE | MAP_ANONYMOUS)
    if 8 * words >= _LARGE and hasattr(pages, "MADV_HUGEPAGE"):
        # A kernel without them says so, and small ones do.
        with suppress(OSError):
            memory.madvise(pages.MADV_HUGEPAGE)
    return memory


class Arena:
    """Words that compiled functions work on.

    The array moves when it grows: ask for ``floats`` and ``ints`` anew each time.

    Args:
        most: Words that it may grow to.

    Attributes:
        floats, ints: The same memory, seen as either.
        heads: See ``kernels.arena``.
    """

    __slots__ = ("_memory", "_most", "floats", "heads", "ints")

    floats: Floats
    ints: Ints

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._see(_memory(_FIRST))
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
        """Make room; pages that are not used yet take no memory.

        Raises:
            MemoryError: It is as large as it may be.
        """
        known, held = int(self.heads[pieces.TOP]), len(self.ints)
        if held >= self._most:
            raise MemoryError(
                f"the series of one partition need more than {8 * held / 2**30:.2g} GiB "
                "of memory, which is the most that they can have: have fewer of them, "
                "with a shorter `retention` or fewer labels in `by`"
            )
        words = min(int(held * _GROWTH), self._most)
        if _LARGE <= 8 * words <= _COPIED or not self._resize(words):
            floats, memory = self.floats, _memory(words)
            self._see(memory)
            self.floats[:known] = floats[:known]

    def _resize(self, words: int) -> bool:
        """Move it as a whole, without a copy; False while somebody looks at it."""
        memory = self._memory
        self.floats, self.ints = _NOTHING, _NOTHING.view(np.int64)
        try:
            memory.resize(8 * words)
        except (BufferError, OSError, SystemError, ValueError):
            return False
        finally:
            self._see(memory)
        return True

    def _see(self, memory: mmap) -> None:
        self._memory = memory
        self.floats = np.frombuffer(memory, np.float64)
        self.ints = self.floats.view(np.int64)
