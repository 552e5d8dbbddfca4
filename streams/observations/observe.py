"""Observe: records of one source partition become batches for the series' owners.

The heart of ingest, and of replay: no Kafka here, and no clock but the sessions'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Final

import numpy as np

from detectors.batch import ATTRIBUTES, Batch
from detectors.identity import session_hash
from detectors.rules import RuleBook
from streams.events.decoding import Decoded, decode_sessions
from streams.events.event_words import SESSION_ID
from streams.events.session import Malformed, Session, decode_session
from streams.observations.block import encode_blocks
from streams.observations.columns import Columns
from streams.observations.hashing import hash_texts
from streams.observations.owners import Owners
from streams.observations.routes import Routes
from streams.observations.series import REMEMBERED, SeriesBook, views, where_table

AHEAD_US: Final = 5 * 60 * 1_000_000
"""A session that ends later than this after the wall clock has a wrong clock."""

_read_attributes = attrgetter(*ATTRIBUTES)


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

    @cached_property
    def columns(self) -> dict[int, Columns]:
        """The same as arrays, which a partition folds as they are."""
        return {
            partition: batch if isinstance(batch, Columns) else Columns.of(batch)
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
        self._routes = Routes(self._views)
        self._owners = Owners(partitions, self._series, self._routes)
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
        """Observe records in the order of their offsets; see ``observe_values``."""
        offsets = [offset for offset, _ in records]
        return self.observe_values(
            source, offsets, [value for _, value in records], now_us
        )

    def observe_values(
        self,
        source: int,
        offsets: Sequence[int],
        values: Sequence[bytes | None],
        now_us: int | None,
    ) -> Observed:
        """Observe records in the order of their offsets.

        Args:
            source: The source partition.
            offsets: Of each record, ascending.
            values: Of each record.
            now_us: The wall clock; None has none, and no session is too new or old.
        """
        latest_us = None if now_us is None else now_us + AHEAD_US
        judged_from_us = None if now_us is None else now_us - self._max_age_us
        if len(values) == 1:
            return self._observe_one(
                source, offsets[0], values[0], latest_us, judged_from_us
            )
        self._bound_memory()
        decoded = decode_sessions(
            values, self._scale, latest_us, self._routes.attributes
        )
        found: Mapping[int, Columns] = {}
        if len(decoded.places):
            found = self._found(source, offsets, decoded, judged_from_us)
        return Observed(
            found,
            [
                Rejected(offsets[at], reason, values[at] or b"")
                for at, reason in decoded.rejected
            ],
            Counts(
                sessions=len(decoded.places),
                rejected=len(decoded.rejected),
                unknown_fields=sum(map(len, decoded.unknown)),
                unpriced=decoded.unpriced,
            ),
            _some(decoded.unknown),
        )

    def _found(
        self,
        source: int,
        offsets: Sequence[int],
        decoded: Decoded,
        judged_from_us: int | None,
    ) -> Mapping[int, Columns]:
        """Give each partition the sessions that have an observation in it."""
        ended_at_us = decoded.ended_at_us
        clocks_us = np.maximum.accumulate(ended_at_us)
        before_us = self._clocks_us.get(source, 0)
        self.set_clock(source, int(clocks_us[-1]))
        if not self._views:
            return {}
        series, masks, labels = self._routes.find(decoded)
        hashes = hash_texts(
            decoded.octets, decoded.begins[SESSION_ID], decoded.ends[SESSION_ID]
        )
        return self._owners.deal(
            decoded,
            source=source,
            sources=self._sources,
            offsets=np.array(offsets, np.int64)[decoded.places],
            clocks_us=np.maximum(clocks_us, before_us),
            hashes=hashes,
            numbers=series,
            masks=masks,
            labels=labels,
            where_table=self._where_table,
            clocks_after_us={source: self._clocks_us[source]},
            judged_from_us=judged_from_us,
        )

    def _observe_one(
        self,
        source: int,
        offset: int,
        value: bytes | None,
        latest_us: int | None,
        judged_from_us: int | None,
    ) -> Observed:
        """One record, without the cost of arrays."""
        self._bound_memory()
        try:
            if value is None:
                raise Malformed("no value")
            session = decode_session(value, self._scale, latest_us)
        except Malformed as fault:
            rejected = Rejected(offset, str(fault), value or b"")
            return Observed({}, [rejected], Counts(0, 1, 0, 0), frozenset())
        return Observed(
            self._single(source, offset, session, judged_from_us),
            [],
            Counts(1, 0, len(session.unknown), int(session.unpriced)),
            _some([session.unknown]),
        )

    def _single(
        self,
        source: int,
        offset: int,
        session: Session,
        judged_from_us: int | None,
    ) -> dict[int, Batch]:
        """The observations of one session."""
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
                attributes=[_read_attributes(event)],
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
        if (
            self._routes.bound(REMEMBERED)
            or len(self._series.keys) > REMEMBERED
            or any(len(view.masks) > REMEMBERED for view in self._views)
        ):
            self._series.keys.clear()
            self._routes.forget()
            for view in self._views:
                view.forget()


def _some(unknown: Sequence[tuple[str, ...]]) -> frozenset[str]:
    """A few names of fields that were met."""
    return frozenset([name for names in unknown[:10] for name in names[:10]])
