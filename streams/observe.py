"""Observe: records of one source partition become batches for the series' owners.

The heart of ingest, and of replay: no Kafka here, and no clock but the sessions'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import starmap
from operator import attrgetter
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.batch import ATTRIBUTES, Batch
from detectors.identity import session_hash
from detectors.metrics import COLUMNS
from detectors.rules import RuleBook
from streams.block import encode_blocks
from streams.columns import Columns
from streams.series import REMEMBERED, SeriesBook, views, where_table
from streams.session import Malformed, Session, decode_session
from streams.session_fields import SessionEvent

AHEAD_US: Final = 5 * 60 * 1_000_000
"""A session that ends later than this after the wall clock has a wrong clock."""

_NONE: Final = np.empty(0, np.int64)

_pack_row = Struct(f"<{len(COLUMNS)}d").pack
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
        scale = self._scale
        offsets: list[int] = []
        sessions: list[Session] = []
        rejected: list[Rejected] = []
        for offset, value in records:
            try:
                if value is None:
                    raise Malformed("no value")
                sessions.append(decode_session(value, scale, latest_us))
            except Malformed as fault:
                rejected.append(Rejected(offset, str(fault), value or b""))
            else:
                offsets.append(offset)
        unknown = [session.unknown for session in sessions if session.unknown]
        return Observed(
            self._found(source, offsets, sessions, now_us),
            rejected,
            Counts(
                sessions=len(sessions),
                rejected=len(rejected),
                unknown_fields=sum(map(len, unknown)),
                unpriced=sum([session.unpriced for session in sessions]),
            ),
            frozenset([name for names in unknown[:10] for name in names[:10]]),
        )

    def _found(
        self,
        source: int,
        offsets: list[int],
        sessions: list[Session],
        now_us: int | None,
    ) -> Mapping[int, Columns] | Mapping[int, Batch]:
        if not sessions:
            return {}
        self._bound_memory()
        ended_us = [session.ended_at_us for session in sessions]
        clock_us = self._clocks_us.get(source, 0)
        self.set_clock(source, max(ended_us))
        judged_from_us = None if now_us is None else now_us - self._max_age_us
        if not self._views:
            return {}
        if len(sessions) == 1:
            return self._single(source, offsets[0], sessions[0], judged_from_us)
        events = [session.event for session in sessions]
        ids = [event.session_id for event in events]
        rows: dict[tuple[str, ...], int] = {}
        row_of = rows.setdefault
        row_codes = [row_of(row, len(rows)) for row in map(_read_attributes, events)]
        ended = np.array(ended_us, np.int64)
        whole = Columns(
            source=source,
            sources=self._sources,
            offsets=np.array(offsets, np.int64),
            clocks_us=np.maximum(np.maximum.accumulate(ended), clock_us),
            ended_at_us=ended,
            values=_matrix([session.values for session in sessions]),
            hashes=_hashes(ids),
            session_ids=ids,
            traces=[event.trace_url or event.trace_id for event in events],
            attribute_table=list(rows),
            attribute_codes=np.array(row_codes, np.int64),
            keys=(),
            where_table=self._where_table,
            observed=_NONE,
            series=_NONE,
            mask_table=(),
            mask_codes=_NONE,
            clocks_after_us={source: self._clocks_us[source]},
            judged_from_us=judged_from_us,
        )
        return self._route(whole, events)

    def _route(self, whole: Columns, events: list[SessionEvent]) -> dict[int, Columns]:
        """Give each partition the sessions that have an observation in it."""
        width = len(self._views)
        numbers = np.empty(len(events) * width, np.int64)
        codes = np.empty(len(events) * width, np.int64)
        masks = {0: 0}
        code_of = masks.setdefault
        for at, view in enumerate(self._views):
            numbers[at::width] = view.series_of(events)
            mask = view.constant_mask
            if mask is not None:
                codes[at::width] = code_of(mask, len(masks))
            else:
                codes[at::width] = [
                    code_of(mask, len(masks)) for mask in view.masks_of(events)
                ]
        observed = np.flatnonzero(codes)
        owners = numbers[observed] % self._partitions
        order = np.argsort(owners, kind="stable")
        observed = observed[order]
        return whole.deal(
            owners=owners[order],
            observed=observed // width,
            series=numbers[observed] // self._partitions,
            keys=self._series.keys,
            mask_table=tuple(masks),
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
        if len(self._series.keys) > REMEMBERED or any(
            len(view.masks) > REMEMBERED for view in self._views
        ):
            self._series.keys.clear()
            for view in self._views:
                view.forget()


def _matrix(rows: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
    """Rows as an array; packing takes half the time that numpy takes for tuples."""
    packed = np.frombuffer(b"".join(starmap(_pack_row, rows)), "<f8")
    # Adding 0 turns -0.0 into 0.0.
    return packed.reshape(-1, len(COLUMNS)) + 0.0


def _hashes(session_ids: Sequence[str]) -> NDArray[np.uint64]:
    """``identity.session_hash`` of each, in half the time."""
    begin = blake2b(digest_size=8).copy
    digests = []
    for session_id in session_ids:
        digest = begin()
        digest.update(session_id.encode())
        digests.append(digest.digest())
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)
