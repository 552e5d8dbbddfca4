"""What a restart reads of a partition of detect's state topic.

The last seal names the offset from which on the newest rows of all series lie. It is
near the end: looked for from there backwards, then read from where it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.state.rows import RowError
from detectors.state.seals import Seal
from streams.state.reach import Reach
from streams.state.topic import PLACES, SEAL, newer_offset

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
        end: Offset behind all that was read.
        read: Records read in all.
    """

    __slots__ = (
        "_few",
        "_first",
        "_from",
        "_look",
        "_looking",
        "end",
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
        self.end = self.read = 0
        self._look = _LOOK
        self._looking = False
        self._first = self._from = 0

    def begin(self, first: int, last: int) -> int:
        """The offset to read from, of those from the first to the last or beyond."""
        self._first = self._from = first
        if last - first > self._few:
            self._looking, self._from = True, max(first, last - self._look)
        return self._from

    def take(self, records: Sequence[Any]) -> None:
        """Take records, in order."""
        self.read += len(records)
        if self._looking:
            for record in records:
                if record.key == SEAL:
                    self._take_seal(record)
            return
        rows = self.rows
        for record in records:
            key, value = record.key, record.value
            known = rows.get(key)
            if known is None:
                if value is not None:
                    rows[key] = record
            elif value is None:
                del rows[key]
            elif newer_offset(known.value, value):
                # So that they stay in the order of the log.
                del rows[key]
                rows[key] = record
        seal, places = rows.pop(SEAL, None), rows.pop(PLACES, None)
        if seal is not None:
            self._take_seal(seal)
        if places is not None and (
            self.places is None or newer_offset(self.places.value, places.value)
        ):
            self.places = places

    def _take_seal(self, record: Any) -> None:  # noqa: ANN401
        if record.value is None:
            return
        # One of a worker that was frozen may lie behind its successor's.
        if self.seal is None or newer_offset(self.seal.value, record.value):
            self.seal = record

    def more(self, end: int) -> int | None:
        """The offset to read from now that all up to the end was; None if that was it."""
        self.end = end
        if self._looking and self.seal is None:
            self._look *= _FARTHER
            self._from = max(self._first, end - self._look)
            self._looking = self._from > self._first
            return self._from
        wanted = self._wanted()
        if wanted >= self._from and not self._looking:
            return None
        self._looking, self._from = False, wanted
        self.rows.clear()
        return wanted

    def _wanted(self) -> int:
        """From where on rows have to be read, by what is known."""
        if self.seal is None:
            return self._first
        try:
            seal = Seal.load(self.seal.value)
        except (RowError, LookupError, TypeError, ValueError):
            return self.end  # Whoever restores it says why not.
        copied = max(seal.rows_from, seal.rows_end) > self.seal.offset
        short = not self._looking and len(self.rows) < seal.series
        # In a topic that was copied, or lost rows, offsets mean nothing.
        return self._first if copied or short else max(self._first, seal.rows_from)

    @property
    def reach(self) -> Reach:
        """Where the rows lie, counted in their order."""
        begins = [
            (count, record.offset)
            for count, record in enumerate(self.rows.values())
            if count % _NEAR == 0
        ]
        return Reach(begins, self.end)
