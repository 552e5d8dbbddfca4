"""How far back in the state topic a restart has to read, and what keeps that short.

The newest rows of all series lie between some offset and the end, and a seal names that
offset. A series that is quiet keeps it back; so its row is written again as it stands, a
few with every checkpoint. When the topic is compacted makes no difference to it, and a
crash leaves the seal before, and all it names, as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import ceil
from typing import Final

_FEW: Final = 10_000
_NEAR: Final = 40
"""What lies no farther apart than one in so many of the few need not be told apart."""
_MOST: Final = 4.0
"""Rows written again for each that has changed, at most: a checkpoint stays short."""


class Reach:
    """Where the rows of a partition lie in the state topic.

    Rows are counted as the partition counts them.

    Args:
        begins: Counts and offsets, ascending: rows from that count on lie at that
            offset or later.
        end: Offset behind all that was read.
        few: So many rows are read in no time.

    >>> reach = Reach([(0, 500), (100, 900)], 1_000)
    >>> reach.begin(99), reach.begin(100)
    (500, 900)
    """

    __slots__ = ("_begins", "_few", "end")

    def __init__(
        self, begins: Iterable[tuple[int, int]] = (), end: int = 0, few: int = _FEW
    ) -> None:
        self._begins = deque(begins)
        self._few = few
        self.end = end

    def began(self, count: int) -> None:
        """Rows from a count on are written behind all others."""
        if not self._begins or self.end >= self._begins[-1][1] + self._few // _NEAR:
            self._begins.append((count, self.end))

    def ended(self, end: int) -> None:
        """What was written ends at an offset."""
        self.end = max(self.end, end)

    def begin(self, oldest: int) -> int:
        """The offset from which on rows have to be read.

        Args:
            oldest: The count of the first of them; never less than the time before.
        """
        begins = self._begins
        while len(begins) > 1 and begins[1][0] <= oldest:
            begins.popleft()
        return begins[0][1] if begins else self.end

    def again(self, changed: int, series: int, oldest: int) -> tuple[int, int]:
        """How many rows are to be written again.

        None while a restart reads no more rows than there are series, half as many as
        have changed where it reads 1.7 times as many, as many where it reads twice as
        many: it need not be more than that, however few of the series change.

        Args:
            changed: Rows that are written because they have changed.
            series: How many there are.
            oldest: The count of the oldest row that still counts.

        Returns:
            How many, and the count that they have to be before.
        """
        reads = self.end + changed - self.begin(oldest)
        over = (reads - self._few) / max(series, 1) - 1.0
        if over <= 0.0:
            return 0, oldest
        wanted = self.end - series - self._few
        before = next(count for count, offset in self._begins if offset > wanted)
        return ceil(changed * min(over * over, _MOST)), before
