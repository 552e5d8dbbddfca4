"""What a block is made of, below its mark and version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.actions import Accept
from detectors.peers.parents import Part
from detectors.peers.questions import Question

_MOST: Final = 10_000_000
"""Numbers in a column: a bound on what a damaged block makes us allocate."""

Narrow = tuple[int, bytes]
"""The width of numbers, and the numbers."""


class Body(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The body of a block; texts are UTF-8, lengths count bytes."""

    source: int
    sources: int
    count: int
    offsets: bytes
    clocks: bytes
    ended: bytes
    values: bytes
    hashes: bytes
    ids: bytes
    id_lengths: Narrow
    traces: bytes
    trace_lengths: Narrow
    tables: Sequence[Sequence[str]]
    label_codes: Narrow
    keys: list[bytes]
    where_table: list[str]
    observed: Narrow
    series: Narrow
    masks: list[bytes]
    mask_codes: Narrow
    clocks_after: dict[int, int]
    judged_from: int | None
    accepts: list[Accept]
    parents: list[Part] = []
    questions: list[Question] = []


_encode = msgspec.msgpack.Encoder().encode
_decode_count = msgspec.msgpack.Decoder(int).decode


def narrow(numbers: NDArray[np.int64], end: int) -> Narrow:
    """Numbers from 0 up to ``end``, without it, in the fewest bytes: 0, 1, 2 or 4.

    Where 0 is the only one possible they take no bytes, but are counted.
    """
    if end <= 1:
        return 0, _encode(len(numbers))
    width = 1 if end <= 1 << 8 else 2 if end <= 1 << 16 else 4
    return width, numbers.astype(f"<u{width}").tobytes()


def wide(column: Narrow) -> NDArray[np.int64]:
    """The numbers again.

    Raises:
        ValueError: They are damaged; or any ``msgspec.MsgspecError``.
    """
    width, raw = column
    if width == 0:
        count = _decode_count(raw)
        if not 0 <= count <= _MOST:
            raise ValueError("more than fits into a block")
        return np.zeros(count, np.int64)
    if width not in (1, 2, 4):
        raise ValueError(f"numbers of {width} bytes")
    return np.frombuffer(raw, f"<u{width}").astype(np.int64)
