"""Observe: records of one source partition become batches for the series' owners.

The heart of ingest, and of replay: no Kafka here, and no clock but the sessions'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from detectors.batch import Batch
from detectors.identity import session_hash
from detectors.rules import RuleBook
from streams.block import encode_blocks
from streams.columns import Columns
from streams.gathering import AT_ONCE, Gathering, read_attributes
from streams.series import REMEMBERED, SeriesBook, views, where_table
from streams.session import Malformed, Session, decode_session

AHEAD_US: Final = 5 * 60 * 1_000_000
"""A session that ends later than this after the wall clock has a wrong clock."""

_NONE: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that is no session."""

    offset: int
    reason: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """What a chunk held.

    Attributes:
        sessions: Valid ones.
        rejected: Records that are no session.
        unknown_fields: Fields that the contract does not know, of valid sessions.
        unpriced: Sessions with tokens, but neither a cost nor a known price.
    """

    sessions: int
    rejected: int
    unknown_fields: int
    unpriced: int


class Observed:
    """What became of a chunk of records.

    Attributes:
        rejected: Records that are no session.
        counts: What the chunk held.
        unknown: Names of unknown fields met, a few of them.
    """

    def __init__(
        self,
        found: Mapping[int, Columns] | Mapping[int, Batch],
        rejected: Sequence[Rejected],
        counts: Counts,
        unknown: frozenset[str],
    ) -> None:
        self._found = found
        self.rejected = rejected
        self.counts = counts
        self.unknown = unknown

    @cached_property
    def batches(self) -> dict[int, Batch]:
        """For each target partition that owns a series met here, its observations."""
        return {
            partition: batch.batch() if isinstance(batch, Columns) else batch
            for partition, batch in self._found.items()
        }

    def blocks(self) -> dict[int, list[bytes]]:
        """The same as blocks, without the detour over plain numbers."""
        return {
            partition: encode_blocks(batch) for partition, batch in self._found.items()
        }


class Observer:
    """Turns sessions into observations of the series that some rule watches.

    Args:
        book: The rules.
        partitions: Of ``loopwatch.observations``.
        sources: Partitions of the sessions' topic.
    """

    def __init__(self, book: RuleBook, partitions: int, sources: int) -> None:
        self._scale = book.quality_scale
        self._max_age_us = book.max_age_us
        self._partitions = partitions
        self._sources = sources
        self._series = SeriesBook(partitions)
        self._views = views(book, self._series)
        self._where_table = where_table(book)
        self._clocks_us: dict[int, int] = {}

    def clock(self, source: int) -> int | None:
        """Largest ``ended_at`` passed on from a source partition, epoch µs."""
        return self._clocks_us.get(source)

    def set_clock(self, source: int, clock_us: int) -> None:
        """Move the clock of a source partition on; it never goes back."""
        known_us = self._clocks_us.get(source)
        if known_us is None or clock_us > known_us:
            self._clocks_us[source] = clock_us

    def observe(
        self,
        source: int,
        records: Sequence[tuple[int, bytes | None]],
        now_us: int | None,
    ) -> Observed:
        """Observe records in the order of their offsets.

        Args:
            source: The source partition.
            records: Offset and value of each.
            now_us: The wall clock; None has none, and no session is too new or old.
        """
        latest_us = None if now_us is None else now_us + AHEAD_US
        self._bound_memory()
        gathering = Gathering(self._views)
        rejected: list[Rejected] = []
        unknown: list[tuple[str, ...]] = []
        count = unpriced = 0
        for begin in range(0, len(records), AT_ONCE):
            part = records[begin : begin + AT_ONCE]
            offsets, sessions = self._decode(part, latest_us, rejected)
            count += len(sessions)
            unknown += [session.unknown for session in sessions if session.unknown]
            unpriced += sum([session.unpriced for session in sessions])
            if len(records) > 1:
                gathering.add(offsets, sessions)
        judged_from_us = None if now_us is None else now_us - self._max_age_us
        found: Mapping[int, Columns] | Mapping[int, Batch] = {}
        if not count:
            pass
        elif len(records) == 1:
            found = self._single(source, records[0][0], sessions[0], judged_from_us)
        else:
            found = self._found(source, gathering, judged_from_us)
        return Observed(
            found,
            rejected,
            Counts(
                sessions=count,
                rejected=len(rejected),
                unknown_fields=sum(map(len, unknown)),
                unpriced=unpriced,
            ),
            frozenset([name for names in unknown[:10] for name in names[:10]]),
        )

    def _decode(
        self,
        records: Sequence[tuple[int, bytes | None]],
        latest_us: int | None,
        rejected: list[Rejected],
    ) -> tuple[list[int], list[Session]]:
        """The records that are sessions, and their offsets."""
        scale = self._scale
        offsets: list[int] = []
        sessions: list[Session] = []
        for offset, value in records:
            try:
                if value is None:
                    raise Malformed("no value")
                sessions.append(decode_session(value, scale, latest_us))
            except Malformed as fault:
                rejected.append(Rejected(offset, str(fault), value or b""))
            else:
                offsets.append(offset)
        return offsets, sessions

    def _found(
        self, source: int, gathering: Gathering, judged_from_us: int | None
    ) -> Mapping[int, Columns]:
        """Give each partition the sessions that have an observation in it."""
        ended = np.array(gathering.ended_at_us, np.int64)
        clocks_us = np.maximum.accumulate(ended)
        before_us = self._clocks_us.get(source, 0)
        self.set_clock(source, int(clocks_us[-1]))
        width = len(self._views)
        if not width:
            return {}
        numbers, codes = gathering.observations()
        whole = Columns(
            source=source,
            sources=self._sources,
            offsets=np.array(gathering.offsets, np.int64),
            clocks_us=np.maximum(clocks_us, before_us),
            ended_at_us=ended,
            values=gathering.values,
            hashes=gathering.hashes,
            session_ids=gathering.session_ids,
            traces=gathering.traces,
            attribute_table=list(gathering.attribute_table),
            attribute_codes=np.array(gathering.attribute_codes, np.int64),
            keys=(),
            where_table=self._where_table,
            observed=_NONE,
            series=_NONE,
            mask_table=(),
            mask_codes=_NONE,
            clocks_after_us={source: self._clocks_us[source]},
            judged_from_us=judged_from_us,
        )
        observed = np.flatnonzero(codes)
        owners = numbers[observed] % self._partitions
        order = np.argsort(owners, kind="stable")
        observed = observed[order]
        return whole.deal(
            owners=owners[order],
            observed=observed // width,
            series=numbers[observed] // self._partitions,
            keys=self._series.keys,
            mask_table=tuple(gathering.mask_table),
            mask_codes=codes[observed],
        )

    def _single(
        self,
        source: int,
        offset: int,
        session: Session,
        judged_from_us: int | None,
    ) -> dict[int, Batch]:
        """One session, as replay reads them, without the cost of arrays."""
        self.set_clock(source, session.ended_at_us)
        event, clock_us = session.event, self._clocks_us[source]
        owned: dict[int, list[tuple[int, int]]] = {}
        for view in self._views:
            mask = view.masks_of((event,))[0]
            if mask:
                number = view.series_of((event,))[0]
                owned.setdefault(number % self._partitions, []).append((number, mask))
        return {
            partition: Batch(
                source=source,
                sources=self._sources,
                offsets=[offset],
                clocks_us=[clock_us],
                ended_at_us=[session.ended_at_us],
                values=[[float(value) + 0.0 for value in session.values]],
                hashes=[session_hash(event.session_id)],
                session_ids=[event.session_id],
                traces=[session.trace],
                attributes=[read_attributes(event)],
                keys=[
                    self._series.keys[number // self._partitions]
                    for number, _ in observations
                ],
                where_table=self._where_table,
                observed=[0] * len(observations),
                series=list(range(len(observations))),
                wheres=[mask for _, mask in observations],
                clocks_after_us={source: clock_us},
                judged_from_us=judged_from_us,
            )
            for partition, observations in owned.items()
        }

    def _bound_memory(self) -> None:
        """Forget what was worked out for labels, once it is too much."""
        if len(self._series.keys) > REMEMBERED or any(
            len(view.masks) > REMEMBERED for view in self._views
        ):
            self._series.keys.clear()
            for view in self._views:
                view.forget()
