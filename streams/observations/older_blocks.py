"""Blocks of the versions before, as they may stand in the log when workers are updated."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from detectors.actions import Accept
from detectors.batch import ATTRIBUTES
from streams.observations.block_body import Body, Narrow, narrow, wide

OLDER: Final = frozenset({3, 4})
"""Versions that can be read; 3 is 4 without actions."""


class _Body(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Labels were a table of rows; lengths counted characters."""

    source: int
    sources: int
    count: int
    offsets: bytes
    clocks: bytes
    ended: bytes
    values: bytes
    hashes: bytes
    ids: str
    id_lengths: Narrow
    traces: str
    trace_lengths: Narrow
    rows: bytes
    row_codes: Narrow
    keys: list[bytes]
    where_table: list[str]
    observed: Narrow
    series: Narrow
    masks: list[bytes]
    mask_codes: Narrow
    clocks_after: dict[int, int]
    judged_from: int | None
    accepts: list[Accept] = []


_decode = msgspec.msgpack.Decoder(_Body).decode
_decode_rows = msgspec.msgpack.Decoder(list[tuple[str, str, str, str, str, str]]).decode


def renew(body: memoryview) -> Body:
    """The body of an older block as one of today's.

    Raises:
        ValueError: It is damaged; or any ``msgspec.MsgspecError``.
    """
    old = _decode(body)
    rows, row_codes = _decode_rows(old.rows), wide(old.row_codes)
    if len(row_codes) and int(row_codes.max()) >= len(rows):
        raise ValueError("a code beyond its table")
    tables: list[list[str]] = []
    codes = np.empty((len(row_codes), len(ATTRIBUTES)), np.int64)
    for at in range(len(ATTRIBUTES)):
        table: dict[str, int] = {}
        of_row = [table.setdefault(row[at], len(table)) for row in rows]
        codes[:, at] = np.array(of_row, np.int64)[row_codes]
        tables.append(list(table))
    return Body(
        source=old.source,
        sources=old.sources,
        count=old.count,
        offsets=old.offsets,
        clocks=old.clocks,
        ended=old.ended,
        values=old.values,
        hashes=old.hashes,
        ids=old.ids.encode(),
        id_lengths=_octets(old.ids, old.id_lengths),
        traces=old.traces.encode(),
        trace_lengths=_octets(old.traces, old.trace_lengths),
        tables=tables,
        label_codes=narrow(codes.reshape(-1), max(map(len, tables))),
        keys=old.keys,
        where_table=old.where_table,
        observed=old.observed,
        series=old.series,
        masks=old.masks,
        mask_codes=old.mask_codes,
        clocks_after=old.clocks_after,
        judged_from=old.judged_from,
        accepts=old.accepts,
    )


def _octets(text: str, lengths: Narrow) -> Narrow:
    """Lengths in bytes of texts of so many characters each."""
    counts = wide(lengths)
    if int(counts.sum()) != len(text):
        raise ValueError("torn texts")
    bounds = np.cumsum(counts).tolist()
    parts = [text[b:e].encode() for b, e in zip([0, *bounds], bounds, strict=False)]
    octets = np.fromiter(map(len, parts), np.int64, len(parts))
    return narrow(octets, int(octets.max(initial=0)) + 1)
