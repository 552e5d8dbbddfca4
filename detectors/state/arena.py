"""The memory of a partition: its series as words in one array."""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Final

import numpy as np

from detectors.kernels import arena as pieces
from detectors.kernels.words import Floats, Ints

_FIRST: Final = 1 << 16
_GROWTH: Final = 1.5
_NOTHING: Final = np.zeros(0)

MOST: Final = (1 << 31) - 1
"""Words that there may be: an address has half a word (``kernels.halves``)."""


def _memory(words: int) -> mmap:
    """So many words, all zero, that go back to the machine as soon as they are let go.

    What the allocator of C has given out stays with the process, and of an arena that
    has grown that would be twice its size.
    """
    return mmap(-1, 8 * words, flags=MAP_PRIVATE | MAP_ANONYMOUS)


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
        memory = self._memory
        # It can be moved as a whole, without a copy, while nobody looks at it.
        self.floats, self.ints = _NOTHING, _NOTHING.view(np.int64)
        try:
            memory.resize(8 * words)
        except (BufferError, OSError, SystemError, ValueError):
            memory = _memory(words)
            memory[: 8 * known] = self._memory[: 8 * known]
        self._see(memory)

    def _see(self, memory: mmap) -> None:
        self._memory = memory
        self.floats = np.frombuffer(memory, np.float64)
        self.ints = self.floats.view(np.int64)
