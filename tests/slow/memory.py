"""Which observations have been seen: the last so many of the log.

A repeat counts as seen again, so that what is remembered hangs on the end of the
log alone and can be filled again by reading it, without any state. What ingest
repeated is none of it: it never was a new line of the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
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

    A mark is 64 bits of a series and a session id together.

    Attributes:
        seen: How many observations there have been.
        blocks: Those of which something is remembered, in order.
    """

    __slots__ = ("_again", "_queue", "_recent", "blocks", "capacity", "seen")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.seen = 0
        self.blocks: deque[Block] = deque()
        self._queue: deque[int] = deque()
        self._recent: set[int] = set()
        self._again: dict[int, int] = {}

    def add(self, marks: Sequence[int]) -> list[bool] | None:
        """Remember observations; which of them had been seen, None if none had.

        >>> memory = Memory(1)
        >>> memory.add([7, 7, 8, 7])
        [False, True, False, False]
        """
        self.seen += len(marks)
        news = set(marks)
        if len(news) < len(marks) or not self._recent.isdisjoint(news):
            return [self._add(mark) for mark in marks]
        # Nothing here is remembered from before, nor twice: no need to go one by one.
        self._recent |= news
        self._queue.extend(marks)
        surplus = len(self._queue) - self.capacity
        if surplus > 0:
            if self._again:
                for _ in range(surplus):
                    self._forget()
            else:
                self._recent.difference_update(islice(self._queue, surplus))
                for _ in range(surplus):
                    self._queue.popleft()
        return None

    def _add(self, mark: int) -> bool:
        double = mark in self._recent
        if double:
            self._again[mark] = self._again.get(mark, 0) + 1
        else:
            self._recent.add(mark)
        self._queue.append(mark)
        if len(self._queue) > self.capacity:
            self._forget()
        return double

    def _forget(self) -> None:
        oldest = self._queue.popleft()
        more = self._again.get(oldest, 0)
        if not more:
            self._recent.discard(oldest)
        elif more == 1:
            del self._again[oldest]
        else:
            self._again[oldest] = more - 1

    def begin(self, offset: int, source: int, applied: int) -> None:
        """A block with observations begins."""
        self.blocks.append(Block(offset, self.seen, source, applied))

    def trim(self) -> None:
        """Forget blocks of which no observation is remembered."""
        blocks = self.blocks
        oldest = self.seen - len(self._queue)
        while len(blocks) > 1 and blocks[1].begin <= oldest:
            blocks.popleft()

    def applied(self, now: dict[int, int]) -> dict[int, int]:
        """Highest source offsets applied before the oldest block remembered."""
        then = dict(now)
        for block in reversed(self.blocks):
            then[block.source] = block.applied
        return then
