"""What a restart reads of a partition of detect's state topic.

The last seal names the offset from which on the newest rows of all series lie. It is
near the end: looked for from there backwards, then read from where it says. Where a
worker that had been frozen wrote late, more is read: a row of a series that is long gone
may lie there, and its tombstone before what is read otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.state.rows import RowError
from detectors.state.seals import Seal
from streams.state.newest import holds, seen
from streams.state.reach import Reach
from streams.state.topic import PLACES, SEAL

_FEW: Final = 4_000
_NEAR: Final = 250
"""What lies no farther apart need not be told apart."""
_LOOK: Final = 64
_FARTHER: Final = 8


class Tail:
    """The rows of a partition, as they are read.

    Args:
        few: Records that are read in no time: all of them, without looking for
            anything.

    Attributes:
        rows: The newest record of each series, in the order of the log.
        seal: The record of the newest seal; None without any.
        places: The newest record of who found no place; None without any.
        late: By key the last block that an older record holds which lies behind the
            newest one: compaction would leave that one alone.
        end: Offset behind all that was read.
        read: Records read in all.
    """

    __slots__ = (
        "_few",
        "_first",
        "_from",
        "_look",
        "_looking",
        "_replaced",
        "end",
        "late",
        "places",
        "read",
        "rows",
        "seal",
    )

    def __init__(self, few: int = _FEW) -> None:
        self._few = few
        self.rows: dict[bytes, Any] = {}
        self.seal: Any = None
        self.places: Any = None
        self.late: dict[bytes, int] = {}
        self.end = self.read = 0
        self._look = _LOOK
        self._looking = False
        self._first = self._from = 0
        self._replaced: set[bytes] = set()

    def begin(self, first: int, last: int) -> int:
        """The offset to read from, of those from the first to the last or beyond."""
        self._first = self._from = first
        if last - first > self._few:
            self._looking, self._from = True, max(first, last - self._look)
        return self._from

    def take(self, records: Sequence[Any]) -> None:
        """Take records, in order."""
        self.read += len(records)
        if records:
            self.end = max(self.end, records[-1].offset + 1)
        if self._looking:
            for record in records:
                if record.key == SEAL:
                    self._take_seal(record)
            return
        rows = self.rows
        for record in records:
            key = record.key
            known = rows.get(key)
            if known is None:
                rows[key] = record
            elif holds(known, record):
                # So that they stay in the order of the log.
                del rows[key]
                rows[key] = record
                self._replaced.add(key)
                self.late.pop(key, None)
            else:
                self.late[key] = max(self.late.get(key, -1), seen(record) or 0)

    def _take_seal(self, record: Any) -> None:  # noqa: ANN401
        if record.value is None:
            return
        # One of a worker that was frozen may lie behind its successor's.
        if self.seal is None or holds(self.seal, record):
            self.seal = record

    def more(self, end: int) -> int | None:
        """The offset to read from now that all up to the end was; None if that was it."""
        # What the embedded broker calls the end may be before it.
        self.end = max(self.end, end)
        if self._looking and self.seal is None:
            self._look *= _FARTHER
            self._from = max(self._first, end - self._look)
            self._looking = self._from > self._first
            return self._from
        self._sort_out()
        wanted = self._wanted()
        if wanted >= self._from and not self._looking:
            return None
        self._looking, self._from = False, wanted
        self.rows.clear()
        self.late.clear()
        self._replaced.clear()
        return wanted

    def _sort_out(self) -> None:
        """Leave the rows of series alone."""
        rows = self.rows
        seal, places = rows.pop(SEAL, None), rows.pop(PLACES, None)
        if seal is not None:
            self._take_seal(seal)
        if places is not None and places.value is not None:
            self.places = places
        for key in [key for key, record in rows.items() if record.value is None]:
            del rows[key]

    def _wanted(self) -> int:
        """From where on rows have to be read, by what is known."""
        if self.seal is None:
            return self._first
        try:
            seal = Seal.load(self.seal.value)
        except (RowError, LookupError, TypeError, ValueError):
            return self.end  # Whoever restores it says why not.
        # In a topic that was copied, or lost rows, offsets mean nothing. Nor do they if
        # somebody wrote between the seal and its rows.
        astray = seal.rows_end != self.seal.offset
        short = not self._looking and len(self.rows) < seal.series
        if astray or short or self._strange(seal.offset):
            return self._first
        return max(self._first, seal.rows_from)

    def _strange(self, offset: int) -> bool:
        """Whether there is a row behind the seal of what was no series when it sealed.

        The rows of those that were lie before it, and of those that came later hold
        more than the block that it seals.
        """
        for key, record in reversed(self.rows.items()):
            if record.offset < self.seal.offset:
                break
            if key not in self._replaced and (seen(record) or 0) <= offset:
                return True
        return False

    @property
    def reach(self) -> Reach:
        """Where the rows lie, counted in their order."""
        begins = [
            (count, record.offset)
            for count, record in enumerate(self.rows.values())
            if count % _NEAR == 0
        ]
        return Reach(begins, self.end)
