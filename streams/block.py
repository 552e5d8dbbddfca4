"""Blocks: a batch of observations as the value of one Kafka record.

A mark and a version, then msgpack: columns as raw little-endian bytes, texts that
repeat as tables. Session ids and traces travel as one text with lengths and are cut
out only where a line needs them; their hashes are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.batch import ATTRIBUTES, Batch
from detectors.metrics import COLUMNS
from streams.columns import Columns

BLOCK_BYTES: Final = 900_000
"""A larger block is split: producers and brokers refuse records beyond 1 MB."""

_MOST: Final = 10_000_000
"""Observations in a block: a bound on what a damaged one makes us allocate."""

_MARK: Final = b"LWB"
_VERSION: Final = 1
_HEAD: Final = _MARK + bytes([_VERSION])


class _Texts(Sequence[str]):
    """Texts that are cut out of one long text when asked for."""

    __slots__ = ("_bounds", "_text")

    def __init__(self, text: str, lengths: NDArray[Any]) -> None:
        self._text = text
        self._bounds: list[int] = [0, *np.cumsum(lengths).tolist()]

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return self._text[self._bounds[at] : self._bounds[at + 1]]

    def __iter__(self) -> Iterator[str]:
        return (self[at] for at in range(len(self)))


_Narrow = tuple[int, bytes]
"""The width of numbers, and the numbers."""


class _Block(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The body of a block."""

    source: int
    sources: int
    count: int
    offsets: bytes
    clocks: bytes
    ended: bytes
    values: bytes
    hashes: bytes
    ids: str
    id_lengths: _Narrow
    traces: str
    trace_lengths: _Narrow
    rows: list[tuple[str, ...]]
    row_codes: _Narrow
    keys: list[bytes]
    where_table: list[str]
    observed: _Narrow
    series: _Narrow
    masks: list[bytes]
    mask_codes: _Narrow
    clocks_after: dict[int, int]
    judged_from: int | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Block).decode


def encode_block(batch: Batch | Columns) -> bytes:
    """One block, whatever its size."""
    columns = batch if isinstance(batch, Columns) else Columns.of(batch)
    body = _Block(
        source=columns.source,
        sources=columns.sources,
        count=len(columns),
        offsets=columns.offsets.astype("<i8").tobytes(),
        clocks=columns.clocks_us.astype("<i8").tobytes(),
        ended=columns.ended_at_us.astype("<i8").tobytes(),
        values=columns.values.astype("<f8").tobytes(),
        hashes=columns.hashes.astype("<u8").tobytes(),
        ids="".join(columns.session_ids),
        id_lengths=_lengths(columns.session_ids),
        traces="".join(columns.traces),
        trace_lengths=_lengths(columns.traces),
        rows=list(columns.attribute_table),
        row_codes=_narrow(columns.attribute_codes, len(columns.attribute_table)),
        keys=list(columns.keys),
        where_table=list(columns.where_table),
        observed=_narrow(columns.observed, len(columns)),
        series=_narrow(columns.series, len(columns.keys)),
        masks=[
            mask.to_bytes((mask.bit_length() + 7) // 8, "little")
            for mask in columns.mask_table
        ],
        mask_codes=_narrow(columns.mask_codes, len(columns.mask_table)),
        clocks_after=dict(columns.clocks_after_us),
        judged_from=columns.judged_from_us,
    )
    return _HEAD + _encode(body)


def encode_blocks(batch: Batch | Columns) -> list[bytes]:
    """The batch as blocks of at most ``BLOCK_BYTES``, unless one session is larger."""
    columns = batch if isinstance(batch, Columns) else Columns.of(batch)
    block = encode_block(columns)
    if len(block) <= BLOCK_BYTES or len(columns) < 2:
        return [block]
    return [part for half in columns.halves() for part in encode_blocks(half)]


def decode_block(block: bytes) -> Batch:
    """The batch that a block carries.

    Raises:
        ValueError: The bytes are no whole block of a version known here.
    """
    if block[:3] != _MARK:
        raise ValueError("not a block of observations")
    if block[:4] != _HEAD:
        version = block[3] if len(block) > 3 else "unknown"
        raise ValueError(
            f"a block of version {version}; this worker reads {_VERSION}:"
            " run the same version of Loopwatch everywhere"
        )
    try:
        return _batch(_decode(memoryview(block)[4:]))
    except (msgspec.MsgspecError, ValueError, KeyError, IndexError) as fault:
        raise ValueError(f"a damaged block: {fault}") from None


def _batch(body: _Block) -> Batch:
    count = body.count
    id_lengths, trace_lengths = _wide(body.id_lengths), _wide(body.trace_lengths)
    row_codes, mask_codes = _wide(body.row_codes), _wide(body.mask_codes)
    observed, series = _wide(body.observed), _wide(body.series)
    values = np.frombuffer(body.values, "<f8").reshape(count, len(COLUMNS))
    wholes = [
        np.frombuffer(column, kind)
        for column, kind in (
            (body.offsets, "<i8"),
            (body.clocks, "<i8"),
            (body.ended, "<i8"),
            (body.hashes, "<u8"),
        )
    ]
    for column in (*wholes, id_lengths, trace_lengths, row_codes):
        _expect(len(column) == count, "columns of different lengths")
    _expect(len(observed) == len(series) == len(mask_codes), "half an observation")
    _expect(all(len(row) == len(ATTRIBUTES) for row in body.rows), "a torn row")
    for codes, table in (
        (observed, count),
        (series, len(body.keys)),
        (mask_codes, len(body.masks)),
        (row_codes, len(body.rows)),
    ):
        _expect(not len(codes) or int(codes.max()) < table, "a code beyond its table")
    _expect(int(id_lengths.sum()) == len(body.ids), "torn session ids")
    _expect(int(trace_lengths.sum()) == len(body.traces), "torn traces")
    offsets, clocks, ended, hashes = (column.tolist() for column in wholes)
    rows = body.rows
    masks = [int.from_bytes(mask, "little") for mask in body.masks]
    return Batch(
        source=body.source,
        sources=body.sources,
        offsets=offsets,
        clocks_us=clocks,
        ended_at_us=ended,
        values=values.tolist(),
        hashes=hashes,
        session_ids=_Texts(body.ids, id_lengths),
        traces=_Texts(body.traces, trace_lengths),
        attributes=[rows[code] for code in row_codes.tolist()],
        keys=body.keys,
        where_table=body.where_table,
        observed=observed.tolist(),
        series=series.tolist(),
        wheres=[masks[code] for code in mask_codes.tolist()],
        clocks_after_us=body.clocks_after,
        judged_from_us=body.judged_from,
    )


def _expect(sound: bool, fault: str) -> None:
    if not sound:
        raise ValueError(fault)


def _lengths(texts: Sequence[str]) -> _Narrow:
    lengths = list(map(len, texts))
    return _narrow(lengths, max(lengths, default=0) + 1)


def _narrow(numbers: NDArray[np.int64] | Sequence[int], end: int) -> _Narrow:
    """Numbers from 0 up to ``end``, without it, in the fewest bytes: 0, 1, 2 or 4.

    Where 0 is the only one possible they take no bytes, but are counted.
    """
    if end <= 1:
        return 0, _encode(len(numbers))
    width = 1 if end <= 1 << 8 else 2 if end <= 1 << 16 else 4
    return width, np.asarray(numbers).astype(f"<u{width}").tobytes()


def _wide(column: _Narrow) -> NDArray[Any]:
    width, raw = column
    if width == 0:
        count = msgspec.msgpack.decode(raw, type=int)
        _expect(0 <= count <= _MOST, "more than fits into a block")
        return np.zeros(count, np.uint8)
    return np.frombuffer(raw, f"<u{width}")
