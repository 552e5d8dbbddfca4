"""Which observations have been seen: the last so many of the log.

A repeat counts as seen again, so that what is remembered hangs on the end of the
log alone and can be filled again by reading it, without any state. What ingest
repeated is none of it: it never was a new line of the log.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from detectors.kernels import memory
from detectors.kernels.words import Ints


class Block(NamedTuple):
    """Where a block of observations stands in the memory.

    Attributes:
        begin: How many observations were seen before it.
        source: Its source partition.
        applied: Highest source offset applied before it.
    """

    offset: int
    begin: int
    source: int
    applied: int


class Memory:
    """Marks of the last ``capacity`` observations, and the blocks they came in.

    A mark is 64 bits of a series and a session id together.

    Attributes:
        seen: How many observations there have been.
        blocks: Those of which something is remembered, in order.
    """

    __slots__ = ("_ends", "_queue", "_table", "blocks", "capacity", "seen")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.seen = 0
        self.blocks: deque[Block] = deque()
        room = 1 << (2 * capacity).bit_length()
        self._queue = np.zeros(capacity, np.int64)
        self._table = np.zeros((room, 2), np.int64)
        self._ends = np.zeros(2, np.int64)

    def add(self, marks: Ints) -> Ints | None:
        """Remember observations; which of them had been seen, None if none had.

        >>> Memory(1).add(np.array([7, 7, 8, 7])).tolist()
        [0, 1, 0, 0]
        """
        self.seen += len(marks)
        doubles = np.zeros(len(marks), np.int64)
        seen = memory.add(marks, self._ends, self._queue, self._table, doubles)
        return doubles if seen else None

    def begin(self, offset: int, source: int, applied: int) -> None:
        """A block with observations begins."""
        self.blocks.append(Block(offset, self.seen, source, applied))

    def trim(self) -> None:
        """Forget blocks of which no observation is remembered."""
        blocks = self.blocks
        oldest = self.seen - int(self._ends[memory.COUNT])
        while len(blocks) > 1 and blocks[1].begin <= oldest:
            blocks.popleft()

    def applied(self, now: dict[int, int]) -> dict[int, int]:
        """Highest source offsets applied before the oldest block remembered."""
        then = dict(now)
        for block in reversed(self.blocks):
            then[block.source] = block.applied
        return then
