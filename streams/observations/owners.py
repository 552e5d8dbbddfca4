"""Owners: a chunk's observations, for each partition those of the series it owns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.batch import ATTRIBUTES
from streams.events.decoding import Decoded
from streams.events.event_words import SESSION_ID, TRACE
from streams.events.octets import Octets
from streams.events.texts import Texts
from streams.observations.columns import Columns
from streams.observations.dealing import (
    count_for_owners,
    deal_codes,
    deal_out,
    deal_texts,
)
from streams.observations.labels import Numbers
from streams.observations.routes import Routes
from streams.observations.series import SeriesBook


class Owners:
    """Deals chunks out.

    Args:
        partitions: Of ``loopwatch.observations``.
        series: Those met so far.
        routes: Where the labels stand.
    """

    def __init__(self, partitions: int, series: SeriesBook, routes: Routes) -> None:
        self._partitions = partitions
        self._series = series
        self._routes = routes
        # Scratch for numbering anew, -1 between two uses.
        self._places = np.full(1_024, -1, np.int64)

    def _scratch(self, length: int) -> Numbers:
        if len(self._places) < length:
            self._places = np.full(2 * length, -1, np.int64)
        return self._places

    def deal(
        self,
        decoded: Decoded,
        *,
        source: int,
        sources: int,
        offsets: Numbers,
        clocks_us: Numbers,
        hashes: NDArray[np.uint64],
        numbers: Numbers,
        masks: Numbers,
        labels: Numbers,
        where_table: Sequence[str],
        clocks_after_us: Mapping[int, int],
        judged_from_us: int | None,
    ) -> dict[int, Columns]:
        """Give each owner the sessions that it observes, and their observations.

        Args:
            decoded: The sessions, n of them.
            source: Their source partition.
            sources: How many there are.
            offsets: Of each session.
            clocks_us: The source's clock as it stood with each session.
            hashes: ``identity.session_hash`` of each.
            numbers: n x views: the number of a series.
            masks: n x views: the code of a mask.
            labels: n x len(ATTRIBUTES): the numbers of labels.
            where_table: What the bits of masks stand for.
            clocks_after_us: The source's clock after them.
            judged_from_us: Before it sessions are too old to be judged one by one.
        """
        keys, partitions = self._series.keys, self._partitions
        starts, cuts = np.zeros((2, partitions + 1), np.int64)
        latest = np.full((2, partitions), -1, np.int64)
        count_for_owners(numbers, masks, latest[0], starts, cuts)
        copied, seen = int(starts[-1]), int(cuts[-1])
        copies = np.empty(copied, np.int64)
        observed, series, mask_codes, named = np.empty((4, seen), np.int64)
        written, name_counts = np.zeros((2, partitions), np.int64)
        deal_out(
            numbers,
            masks,
            starts,
            cuts,
            latest[1],
            written,
            cuts[:-1].copy(),
            name_counts,
            self._scratch(len(keys)),
            copies,
            observed,
            series,
            mask_codes,
            named,
        )
        dealt_offsets, dealt_clocks_us = offsets[copies], clocks_us[copies]
        ended_at_us, dealt_hashes = decoded.ended_at_us[copies], hashes[copies]
        values = decoded.values.take(copies, axis=0)
        texts = [self._routes.texts(name) for name in ATTRIBUTES]
        codes = np.empty((copied, len(ATTRIBUTES)), np.int64)
        tables = np.empty((len(ATTRIBUTES), copied), np.int64)
        scratch = self._scratch(max(map(len, texts)))
        table_counts = np.empty((partitions, len(ATTRIBUTES)), np.int64)
        deal_codes(labels, copies, starts, scratch, codes, tables, table_counts)
        ids = _dealt(decoded, SESSION_ID, copies)
        traces = _dealt(decoded, TRACE, copies)
        mask_table = tuple(self._routes.mask_table)
        dealt = {}
        for owner in np.flatnonzero(starts[1:] > starts[:-1]).tolist():
            begin, end = int(starts[owner]), int(starts[owner + 1])
            first = int(cuts[owner])
            mine, its = slice(begin, end), slice(first, int(cuts[owner + 1]))
            names = named[first : first + int(name_counts[owner])]
            dealt[owner] = Columns(
                source=source,
                sources=sources,
                offsets=dealt_offsets[mine],
                clocks_us=dealt_clocks_us[mine],
                ended_at_us=ended_at_us[mine],
                values=values[mine],
                hashes=dealt_hashes[mine],
                session_ids=_part(ids, begin, end),
                traces=_part(traces, begin, end),
                attribute_tables=[
                    [known[number] for number in table[begin : begin + count].tolist()]
                    for known, table, count in zip(
                        texts, tables, table_counts[owner].tolist(), strict=True
                    )
                ],
                attribute_codes=codes[mine],
                keys=[keys[serial] for serial in names.tolist()],
                where_table=where_table,
                observed=observed[its],
                series=series[its],
                mask_table=mask_table,
                mask_codes=mask_codes[its],
                clocks_after_us=clocks_after_us,
                judged_from_us=judged_from_us,
            )
        return dealt


def _dealt(
    decoded: Decoded, column: int, copies: Numbers
) -> tuple[Octets, Numbers, Numbers]:
    """The texts of all copies, the bytes of each, and where each begins and ends."""
    begins = decoded.begins[column]
    lengths = (decoded.ends[column] - begins)[copies]
    bounds = np.zeros(len(copies) + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    texts = np.empty(int(bounds[-1]) + 8, np.uint8)
    deal_texts(decoded.octets, begins, copies, bounds, texts)
    return texts, lengths, bounds


def _part(texts: tuple[Octets, Numbers, Numbers], begin: int, end: int) -> Texts:
    octets, lengths, bounds = texts
    return Texts(octets[bounds[begin] : bounds[end]].tobytes(), lengths[begin:end])
