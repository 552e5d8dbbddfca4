"""Which observations have been seen: the last so many of the log.

A repeat counts as seen again, so that what is remembered hangs on the end of the
log alone and can be filled again by reading it, without any state. What ingest
repeated is none of it: it never was a new line of the log.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


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

    The partition's loop adds marks by itself, for speed: append to ``queue``, count
    in ``recent``, and forget the oldest beyond ``capacity``.
    """

    __slots__ = ("blocks", "capacity", "queue", "recent", "seen")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.queue: deque[int] = deque()
        self.recent: dict[int, int] = {}
        self.blocks: deque[Block] = deque()
        self.seen = 0

    def add(self, mark: int) -> bool:
        """Remember one observation; whether it had been seen.

        >>> memory = Memory(1)
        >>> memory.add(7), memory.add(7), memory.add(8), memory.add(7)
        (False, True, False, False)
        """
        recent, queue = self.recent, self.queue
        before = recent.get(mark, 0)
        recent[mark] = before + 1
        queue.append(mark)
        self.seen += 1
        if len(queue) > self.capacity:
            oldest = queue.popleft()
            left = recent.pop(oldest) - 1
            if left:
                recent[oldest] = left
        return before > 0

    def begin(self, offset: int, source: int, applied: int) -> None:
        """A block with observations begins."""
        self.blocks.append(Block(offset, self.seen, source, applied))

    def trim(self) -> None:
        """Forget blocks of which no observation is remembered."""
        blocks = self.blocks
        oldest = self.seen - len(self.queue)
        while len(blocks) > 1 and blocks[1].begin <= oldest:
            blocks.popleft()

    def applied(self, now: dict[int, int]) -> dict[int, int]:
        """Highest source offsets applied before the oldest block remembered."""
        then = dict(now)
        for block in reversed(self.blocks):
            then[block.source] = block.applied
        return then
