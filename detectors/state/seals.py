"""A partition's own row: up to where everything is in the rows of its series."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from detectors.state.rows import VERSION, RowError, read


class Seal(NamedTuple):
    """How far a partition has come.

    Attributes:
        offset: Of the last block that is wholly in the rows.
        applied: Highest source offset applied, by source.
        times_us: Known time of each source.
        clock_us: Event time; far in the past while a source is unknown.
        memory_from: Offset from which reading again fills the duplicate memory.
        refilled: Highest source offsets applied before that block.
        order: Observations seen so far.
        counts: As ``tallies.Counts`` has them.
        labels: As ``labels.Labels`` has them.
        books: As ``checkpoints.Checkpoints`` has them.
        parents: As ``parents.Parents`` dumps them.
        fleets: As ``fleets.Fleets`` dumps them.
        series: How many there are; 0 if nobody counted.
        rows_from: Offset in the state topic from which on the newest rows of all series
            lie.
        rows_end: Offset in the state topic at which the seal lies, if all that was
            written before it was read or written by who wrote it.
        questions: As ``questions.Asked`` dumps them.
        places: As ``places.Places`` has them, while rows are ahead.
    """

    offset: int
    applied: dict[int, int]
    times_us: dict[int, int]
    clock_us: int
    memory_from: int
    refilled: dict[int, int]
    order: int
    counts: list[int]
    labels: list[str]
    books: list[Any]
    parents: list[Any]
    fleets: list[Any]
    series: int = 0
    rows_from: int = 0
    rows_end: int = 0
    questions: Sequence[Any] = ()
    places: Sequence[Any] = ()

    def dump(self) -> bytes:
        """As a row."""
        parts: list[Any] = [VERSION, *self]
        for position, part in enumerate(parts):
            if isinstance(part, dict):
                parts[position] = sorted(part.items())
        return msgspec.msgpack.encode(parts)

    @classmethod
    def load(cls, row: bytes) -> Seal:
        """Read a row back.

        Raises:
            RowError: It is of another version, or none at all.
        """
        parts = read(row, "a partition's seal")[1:]
        if len(parts) == len(cls._fields) - 6:
            parts.append([])  # Before there were budgets.
        if len(parts) == len(cls._fields) - 5:
            parts += [0, 0, 0]  # Before it said where its rows are.
        if len(parts) == len(cls._fields) - 2:
            parts += [[], []]  # Before partitions asked each other.
        if len(parts) != len(cls._fields):
            raise RowError("the row of a partition's seal is none of Loopwatch's")
        for position in (1, 2, 5):
            parts[position] = dict(parts[position])
        return cls(*parts)


def salt_of(key: bytes) -> int:
    """64 bits that tell the observations of one series from those of another."""
    digest = blake2b(key, digest_size=8, person=b"salt").digest()
    return int.from_bytes(digest, "big", signed=True)
