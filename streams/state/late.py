"""Rows that come late: what another worker wrote between ours.

It was frozen in the midst of a checkpoint, its successor went on, it wakes up and writes
the rest; Kafka takes it. Whoever reads the topic knows the newer rows by what they hold.
But compaction leaves the last record of a key alone, hours later. So a worker that finds
records between its own looks what they are of, and writes that again as it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from streams.state.newest import seen
from streams.state.topic import PLACES, SEAL

Record = tuple[bytes, bytes | None]


class Stretch(NamedTuple):
    """Part of the topic, from an offset to before another one, that is not all ours."""

    begin: int
    end: int
    ours: list[Record]


class Late:
    """What is to be put right in a partition of the state topic.

    Args:
        keys: Of records that came late, with the last block that these hold.

    Attributes:
        unread: Where somebody else has written, and nobody has looked yet.
    """

    def __init__(self, keys: Mapping[bytes, int] | None = None) -> None:
        self._keys = dict(keys or {})
        self.unread: list[Stretch] = []

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._keys or self.unread)

    def look(self, stretch: Stretch, records: Iterable[Any]) -> list[Any]:
        """Look at the records of a stretch; returns those that are not ours."""
        ours = set(stretch.ours)
        others = [
            record
            for record in records
            if stretch.begin <= record.offset < stretch.end
            and (record.key, record.value) not in ours
        ]
        for record in others:
            holds = seen(record)
            known = self._keys.get(record.key, -1)
            self._keys[record.key] = max(known, -1 if holds is None else holds)
        self.unread.remove(stretch)
        return others

    def due(self, gone: int) -> bool:
        """Whether there is something to write; see ``take``."""
        return any(holds <= gone for holds in self._keys.values())

    def take(self, gone: int, written: Collection[Record]) -> list[bytes]:
        """The keys of series whose rows have to be written again.

        A row that holds more than we do is not late: we have not come so far.

        Args:
            gone: The last block that is safe.
            written: What is about to be written anyway.
        """
        due = [key for key, holds in self._keys.items() if holds <= gone]
        if not due:
            return []
        for key in due:
            del self._keys[key]
        # Each checkpoint writes these two if there is anything to say.
        done = {SEAL, PLACES} | {key for key, _ in written}
        return [key for key in due if key not in done]
