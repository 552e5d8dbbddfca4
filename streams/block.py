"""Blocks: a batch of observations as the value of one Kafka record.

A mark and a version, then msgpack: columns as raw little-endian bytes, texts that
repeat as tables. What only a line needs is read when a line needs it: session ids and
traces travel as one text with lengths and are cut out one by one, labels are a table
still to be decoded; hashes of the ids are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from struct import Struct
from typing import Any, Final, TypeVar, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.actions import Accept, read_match
from detectors.batch import Batch
from detectors.metrics import COLUMNS
from streams.columns import Columns

BLOCK_BYTES: Final = 900_000
"""A larger block is split: producers and brokers refuse records beyond 1 MB."""

_MOST: Final = 10_000_000
"""Observations in a block: a bound on what a damaged one makes us allocate."""

_MARK: Final = b"LWB"
_VERSION: Final = 4
_READ: Final = frozenset({3, _VERSION})
"""Version 3 carried no actions; what has no such column has none."""
_HEAD: Final = _MARK + bytes([_VERSION])

_T = TypeVar("_T")


class _Lazy(Sequence[_T]):
    """Values of which few are ever asked for, one by one.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...

    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        places = range(self._count)[index]
        if isinstance(places, range):
            return [self._read(at) for at in places]
        return self._read(places)

    def __iter__(self) -> Iterator[_T]:
        return map(self._read, range(self._count))

    def _read(self, at: int) -> _T:
        raise NotImplementedError


class _Texts(_Lazy[str]):
    """Texts that are cut out of one long text."""

    def __init__(self, text: str, lengths: NDArray[Any]) -> None:
        super().__init__(len(lengths))
        self._text = text
        self._lengths = lengths

    @cached_property
    def _bounds(self) -> list[int]:
        return [0, *np.cumsum(self._lengths).tolist()]

    def _read(self, at: int) -> str:
        return self._text[self._bounds[at] : self._bounds[at + 1]]


class _Labels(_Lazy[tuple[str, ...]]):
    """Rows of a table."""

    def __init__(self, table: bytes, codes: NDArray[Any]) -> None:
        super().__init__(len(codes))
        self._table = table
        self._codes = codes

    @cached_property
    def _rows(self) -> Sequence[tuple[str, ...]]:
        try:
            rows = _decode_rows(self._table)
        except msgspec.MsgspecError as fault:
            raise ValueError(f"a damaged block: {fault}") from None
        _expect(int(self._codes.max()) < len(rows), "a code beyond its table")
        return rows

    def _read(self, at: int) -> tuple[str, ...]:
        return self._rows[int(self._codes[at])]


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
    rows: bytes
    row_codes: _Narrow
    keys: list[bytes]
    where_table: list[str]
    observed: _Narrow
    series: _Narrow
    masks: list[bytes]
    mask_codes: _Narrow
    clocks_after: dict[int, int]
    judged_from: int | None
    accepts: list[Accept] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Block).decode
_decode_rows = msgspec.msgpack.Decoder(list[tuple[str, str, str, str, str, str]]).decode
_VALUES: Final = Struct(f"<{len(COLUMNS)}d")


def encode_block(batch: Batch | Columns) -> bytes:
    """One block, whatever its size."""
    columns = batch if isinstance(batch, Columns) else Columns.of(batch)
    ids, traces = "".join(columns.session_ids), "".join(columns.traces)
    body = _Block(
        source=columns.source,
        sources=columns.sources,
        count=len(columns),
        offsets=columns.offsets.astype("<i8").tobytes(),
        clocks=columns.clocks_us.astype("<i8").tobytes(),
        ended=columns.ended_at_us.astype("<i8").tobytes(),
        values=columns.values.astype("<f8").tobytes(),
        hashes=columns.hashes.astype("<u8").tobytes(),
        ids=ids,
        id_lengths=_lengths(columns.session_ids, ids),
        traces=traces,
        trace_lengths=_lengths(columns.traces, traces),
        rows=_encode(columns.attribute_table),
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
        accepts=list(columns.accepts),
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
    version = block[3] if len(block) > 3 else "unknown"
    if version not in _READ:
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
    offsets, clocks, ended, hashes = [
        np.frombuffer(column, kind)
        for column, kind in (
            (body.offsets, "<i8"),
            (body.clocks, "<i8"),
            (body.ended, "<i8"),
            (body.hashes, "<u8"),
        )
    ]
    for column in (offsets, clocks, ended, hashes):
        _expect(len(column) == count, "columns of different lengths")
    for column in (id_lengths, trace_lengths, row_codes):
        _expect(len(column) == count, "columns of different lengths")
    _expect(len(body.values) == count * _VALUES.size, "columns of different lengths")
    _expect(len(observed) == len(series) == len(mask_codes), "half an observation")
    for codes, table in (
        (observed, count),
        (series, len(body.keys)),
        (mask_codes, len(body.masks)),
    ):
        _expect(not len(codes) or int(codes.max()) < table, "a code beyond its table")
    _expect(int(id_lengths.sum()) == len(body.ids), "torn session ids")
    _expect(int(trace_lengths.sum()) == len(body.traces), "torn traces")
    for accept in body.accepts:
        read_match(accept.match)
    masks = [int.from_bytes(mask, "little") for mask in body.masks]
    return Batch(
        source=body.source,
        sources=body.sources,
        offsets=offsets.tolist(),
        clocks_us=clocks.tolist(),
        ended_at_us=ended.tolist(),
        # Three quarters of what tolist() takes, and nothing for the collector.
        values=list(_VALUES.iter_unpack(body.values)),
        hashes=hashes.tolist(),
        session_ids=_Texts(body.ids, id_lengths),
        traces=_Texts(body.traces, trace_lengths),
        attributes=_Labels(body.rows, row_codes),
        keys=body.keys,
        where_table=body.where_table,
        observed=observed.tolist(),
        series=series.tolist(),
        wheres=list(map(masks.__getitem__, mask_codes.tolist())),
        clocks_after_us=body.clocks_after,
        judged_from_us=body.judged_from,
        accepts=body.accepts,
    )


def _expect(sound: bool, fault: str) -> None:
    if not sound:
        raise ValueError(fault)


def _lengths(texts: Sequence[str], whole: str) -> _Narrow:
    if not whole:
        return 0, _encode(len(texts))
    lengths = list(map(len, texts))
    return _narrow(lengths, max(lengths) + 1)


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
