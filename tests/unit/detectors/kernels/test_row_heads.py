"""The heads of rows are what MessagePack says, and nothing is read past a row."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.kernels.row_heads import (
    H_DIGEST,
    H_END,
    H_TOLD,
    H_WORDS,
    HEAD_INTS,
    read_heads,
)
from detectors.state.paper import memory

VERSION = 7

encode = msgspec.msgpack.encode

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([-1, 0, -32, -33, 127, 128, 255, 256, -128, -129, 2**31, 2**32]),
)
TOLD = st.lists(
    st.tuples(st.text(max_size=5), st.none(), st.lists(st.floats(), max_size=2))
)
ROWS = st.tuples(
    st.lists(NUMBERS, min_size=5, max_size=5),
    st.binary(min_size=8, max_size=8),
    st.one_of(st.binary(max_size=9), st.sampled_from([b"w" * 255, b"w" * 70_000])),
    st.one_of(TOLD, st.just([["s", None, [1.0]]] * 17)),
)


def written(numbers: list[int], digest: bytes, words: bytes, told: Any) -> bytes:
    """A row as it is written."""
    return encode([VERSION, *numbers, digest, words, told])


def heads(rows: list[bytes]) -> Any:
    """What is read of rows that lie one after the other."""
    found = np.full((len(rows), HEAD_INTS), -7, np.int64)
    ends = np.cumsum([len(row) for row in rows])
    read_heads(memory(rows).view(np.uint8), ends, VERSION, found)
    return found.tolist()


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_heads_are_read_as_they_were_written(rows: list[Any]) -> None:
    """All numbers, the digest, where the words are, and how many sessions (property)."""
    wanted = [written(*row) for row in rows]
    begin, octets = 0, b"".join(wanted)
    for head, row, bytes_ in zip(heads(wanted), rows, wanted, strict=True):
        numbers, digest, words, told = row
        assert head[: len(numbers)] == numbers
        assert head[H_DIGEST] == int.from_bytes(digest, "big", signed=True)
        assert octets[head[H_WORDS] : head[H_END]] == words
        assert head[H_TOLD] == len(told)
        begin += len(bytes_)
        told_bytes = octets[head[H_END] : begin]
        assert told_bytes == encode(told)


@given(ROWS, st.data())
def test_what_is_no_such_row_is_left_to_others(row: Any, data: st.DataObject) -> None:
    """Rows that were cut, or are longer, and lists of another form (property)."""
    numbers, digest, words, _ = row
    whole = written(numbers, digest, words, [])
    cut = data.draw(st.integers(0, len(whole) - 1))
    others = [
        whole[:cut],
        whole + b"\0",
        encode([VERSION + 1, *numbers, digest, words, []]),
        encode([VERSION, *numbers, digest + b"x", words, []]),
        encode([VERSION, *numbers, digest, words]),
        encode([VERSION, *numbers, [["state"]]]),
        encode([VERSION, *numbers[:4], 0.5, digest, words, []]),
        encode([VERSION, *numbers[:4], 2**64 - 1, digest, words, []]),
        encode([VERSION, *numbers, digest, words, {}]),
        encode([VERSION, 3, 4]),
    ]
    # A whole one behind each: what a row lacks is not taken from the next.
    found = heads([each for other in others for each in (other, whole)])
    assert [head[H_TOLD] for head in found] == [-1, 0] * len(others)
