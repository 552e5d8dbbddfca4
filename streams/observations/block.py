"""Blocks: a batch of observations as the value of one Kafka record.

A mark and a version, then msgpack: columns as raw little-endian bytes, texts that
repeat as tables. Reading one makes arrays and no object for a session: session ids and
traces travel as one text with lengths, from which a line that needs one cuts it out.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.actions import read_match
from detectors.batch import ATTRIBUTES, Batch
from detectors.metrics import COLUMNS
from streams.events.texts import Texts
from streams.observations.block_body import Body, Narrow, narrow, wide
from streams.observations.columns import Columns
from streams.observations.older_blocks import OLDER, renew

BLOCK_BYTES: Final = 900_000
"""A larger block is split: producers and brokers refuse records beyond 1 MB."""

_MARK: Final = b"LWB"
_VERSION: Final = 6
_SHORTER: Final = 5
"""The same without questions."""

_WORDS: Final = 4
"""Of a session beside its values: offset, two times, hash."""

_HEAD: Final = _MARK + bytes([_VERSION])

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode


def encode_block(batch: Batch | Columns) -> bytes:
    """One block, whatever its size."""
    columns = batch if isinstance(batch, Columns) else Columns.of(batch)
    ids, traces = Texts.of(columns.session_ids), Texts.of(columns.traces)
    longest = max(map(len, columns.attribute_tables), default=0)
    body = Body(
        source=columns.source,
        sources=columns.sources,
        count=len(columns),
        offsets=_raw(columns.offsets, "<i8"),
        clocks=_raw(columns.clocks_us, "<i8"),
        ended=_raw(columns.ended_at_us, "<i8"),
        values=_raw(columns.values, "<f8"),
        hashes=_raw(columns.hashes, "<u8"),
        ids=ids.whole,
        id_lengths=_lengths(ids),
        traces=traces.whole,
        trace_lengths=_lengths(traces),
        tables=columns.attribute_tables,
        label_codes=narrow(columns.attribute_codes.reshape(-1), longest),
        keys=list(columns.keys),
        where_table=list(columns.where_table),
        observed=narrow(columns.observed, len(columns)),
        series=narrow(columns.series, len(columns.keys)),
        masks=[
            mask.to_bytes((mask.bit_length() + 7) // 8, "little")
            for mask in columns.mask_table
        ],
        mask_codes=narrow(columns.mask_codes, len(columns.mask_table)),
        clocks_after=dict(columns.clocks_after_us),
        judged_from=columns.judged_from_us,
        accepts=list(columns.accepts),
        parents=list(columns.parents),
        questions=list(columns.questions),
    )
    return _HEAD + _encode(body)


def encode_blocks(batch: Batch | Columns) -> list[bytes]:
    """The batch as blocks of at most ``BLOCK_BYTES``, unless one session is larger."""
    columns = batch if isinstance(batch, Columns) else Columns.of(batch)
    alone = len(columns) < 2
    if alone or _least_bytes(columns) <= BLOCK_BYTES:
        block = encode_block(columns)
        if alone or len(block) <= BLOCK_BYTES:
            return [block]
    return [part for half in columns.halves() for part in encode_blocks(half)]


def _least_bytes(columns: Columns) -> int:
    """What sessions take at least: a block is not encoded only to be split."""
    ids, traces = Texts.of(columns.session_ids), Texts.of(columns.traces)
    words = len(columns) * (_WORDS + len(COLUMNS))
    return 8 * words + len(ids.whole) + len(traces.whole)


def decode_block(block: bytes) -> Columns:
    """The batch that a block carries.

    Raises:
        ValueError: The bytes are no whole block of a version known here.
    """
    if block[:3] != _MARK:
        raise ValueError("not a block of observations")
    version = block[3] if len(block) > 3 else "unknown"
    if version not in (_VERSION, _SHORTER, *OLDER):
        raise ValueError(
            f"a block of version {version}; this worker reads {_VERSION}:"
            " run the same version of Loopwatch everywhere"
        )
    try:
        body = memoryview(block)[4:]
        return _columns(renew(body) if version in OLDER else _decode(body))
    except (msgspec.MsgspecError, ValueError, KeyError, IndexError) as fault:
        raise ValueError(f"a damaged block: {fault}") from None


def _columns(body: Body) -> Columns:
    count, width = body.count, len(ATTRIBUTES)
    observed, series = wide(body.observed), wide(body.series)
    mask_codes, label_codes = wide(body.mask_codes), wide(body.label_codes)
    offsets, clocks_us = _numbers(body.offsets), _numbers(body.clocks)
    ended_at_us = _numbers(body.ended)
    hashes = np.frombuffer(body.hashes, "<u8").astype(np.uint64)
    ids = Texts(body.ids, wide(body.id_lengths))
    traces = Texts(body.traces, wide(body.trace_lengths))
    for column in (offsets, clocks_us, ended_at_us, hashes, ids, traces):
        _expect(len(column) == count, "columns of different lengths")
    _expect(
        len(body.values) == 8 * len(COLUMNS) * count, "columns of different lengths"
    )
    _expect(len(label_codes) == width * count, "columns of different lengths")
    _expect(len(observed) == len(series) == len(mask_codes), "half an observation")
    _expect(len(body.tables) == width, "a label without a table")
    label_codes = label_codes.reshape(count, width)
    for codes, table in (
        (observed, count),
        (series, len(body.keys)),
        (mask_codes, len(body.masks)),
    ):
        _expect(not len(codes) or int(codes.max()) < table, "a code beyond its table")
    ends = np.array(list(map(len, body.tables)), np.int64)
    _expect(bool((label_codes < ends).all()), "a code beyond its table")
    _expect(ids.sound, "torn session ids")
    _expect(traces.sound, "torn traces")
    for accept in body.accepts:
        read_match(accept.match)
    return Columns(
        source=body.source,
        sources=body.sources,
        offsets=offsets,
        clocks_us=clocks_us,
        ended_at_us=ended_at_us,
        values=np.frombuffer(body.values, "<f8")
        .astype(np.float64)
        .reshape(count, len(COLUMNS)),
        hashes=hashes,
        session_ids=ids,
        traces=traces,
        attribute_tables=body.tables,
        attribute_codes=label_codes,
        keys=body.keys,
        where_table=body.where_table,
        observed=observed,
        series=series,
        mask_table=[int.from_bytes(mask, "little") for mask in body.masks],
        mask_codes=mask_codes,
        clocks_after_us=body.clocks_after,
        judged_from_us=body.judged_from,
        accepts=body.accepts,
        parents=body.parents,
        questions=body.questions,
    )


def _expect(sound: bool, fault: str) -> None:
    if not sound:
        raise ValueError(fault)


def _raw(column: NDArray[Any], kind: str) -> bytes:
    return column.astype(kind, copy=False).tobytes()


def _numbers(raw: bytes) -> NDArray[np.int64]:
    return np.frombuffer(raw, "<i8").astype(np.int64)


def _lengths(texts: Texts) -> Narrow:
    return narrow(texts.lengths, int(texts.lengths.max(initial=0)) + 1)
