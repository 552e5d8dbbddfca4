"""Blocks carry batches whole, or say that they are none."""

import math
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.actions import Accept
from detectors.batch import ATTRIBUTES, Batch, tick
from detectors.metrics import COLUMNS
from detectors.peers.parents import Part, Sums
from detectors.peers.questions import Question
from streams.observations.block import (
    BLOCK_BYTES,
    decode_block,
    encode_block,
    encode_blocks,
)
from streams.observations.block_body import Body, narrow
from streams.observations.columns import Columns

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Any batch whose sessions each have an observation."""
    count = draw(st.integers(0, 6))

    def of(each: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(each, min_size=count, max_size=count))

    keys = draw(st.lists(st.binary(max_size=9), min_size=1, max_size=4))
    more = draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=6 if count else 0))
    observed = sorted([*range(count), *more])
    number = st.floats(allow_nan=True, allow_infinity=False)
    return Batch(
        source=draw(st.integers(0, 9)),
        sources=draw(st.integers(1, 9)),
        offsets=of(INT64),
        clocks_us=of(INT64),
        ended_at_us=of(INT64),
        values=of(st.lists(number, min_size=len(COLUMNS), max_size=len(COLUMNS))),
        hashes=of(st.integers(0, 2**64 - 1)),
        session_ids=of(TEXT),
        traces=of(TEXT),
        attributes=of(st.tuples(*[st.sampled_from(["", "a", "é"])] * 6)),
        keys=keys,
        where_table=draw(st.lists(TEXT, max_size=3)),
        observed=observed,
        series=[draw(st.integers(0, len(keys) - 1)) for _ in observed],
        wheres=[draw(st.integers(0, 2**90)) for _ in observed],
        clocks_after_us=draw(st.dictionaries(st.integers(0, 9), INT64, max_size=3)),
        judged_from_us=draw(st.none() | INT64),
        accepts=draw(
            st.lists(
                st.builds(
                    Accept,
                    offset=st.integers(0, 2**63 - 1),
                    match=st.sampled_from(
                        [{}, {"agent": "é"}, {"agent": ["a", ""]}, ['rule=~"x.*"']]
                    ),
                    by=TEXT,
                ),
                max_size=2,
            )
        ),
        parents=draw(
            st.lists(
                st.builds(
                    Part,
                    key=TEXT,
                    sums=st.builds(Sums, *[st.floats(allow_nan=False)] * 6),
                ),
                max_size=2,
            )
        ),
        questions=draw(
            st.lists(
                st.builds(
                    Question,
                    partition=st.integers(0, 99),
                    rule=TEXT,
                    since_us=st.integers(0, 2**53),
                    at_us=st.integers(0, 2**53),
                    firing=st.sampled_from([{}, {"é": {"a": 3, "": 1}, "b": {}}]),
                ),
                max_size=2,
            )
        ),
    )


def plain(read: Batch | Columns) -> dict[str, Any]:
    """A batch as what it says, whatever kinds of sequence it is made of."""
    batch = read.batch() if isinstance(read, Columns) else read
    return {
        "numbers": [batch.source, batch.sources, batch.judged_from_us],
        "accepts": list(batch.accepts),
        "parents": list(batch.parents),
        "questions": list(batch.questions),
        "sessions": [
            (
                *row[:3],
                ["nan" if math.isnan(value) else value for value in row[3]],
                *row[4:7],
                tuple(row[7]),
            )
            for row in zip(
                batch.offsets,
                batch.clocks_us,
                batch.ended_at_us,
                batch.values,
                batch.hashes,
                batch.session_ids,
                batch.traces,
                batch.attributes,
                strict=True,
            )
        ],
        "observations": [
            (observed, batch.keys[series], where)
            for observed, series, where in zip(
                batch.observed, batch.series, batch.wheres, strict=True
            )
        ],
        "where_table": list(batch.where_table),
        "clocks_after_us": dict(batch.clocks_after_us),
    }


def large(sessions: int, id_length: int = 40) -> Batch:
    """So many sessions, two series each."""
    return Batch(
        source=1,
        sources=2,
        offsets=range(sessions),
        clocks_us=range(sessions),
        ended_at_us=range(sessions),
        values=[[1.0] * len(COLUMNS)] * sessions,
        hashes=range(sessions),
        session_ids=[f"{number}".ljust(id_length, "ä") for number in range(sessions)],
        traces=[""] * sessions,
        attributes=[
            ("1", str(number % 3), "", "", "", "a") for number in range(sessions)
        ],
        keys=[b"%d" % number for number in range(300)],
        where_table=["", "x"],
        observed=[number // 2 for number in range(2 * sessions)],
        series=[number % 300 for number in range(2 * sessions)],
        wheres=[number % 3 + 1 for number in range(2 * sessions)],
        clocks_after_us={1: sessions + 5, 0: 3},
    )


@given(batches())
@settings(max_examples=60)
def test_a_batch_comes_back_as_it_was(batch: Batch) -> None:
    """Numbers to the last bit, texts, tables, times."""
    assert plain(decode_block(encode_block(batch))) == plain(batch)


def test_a_tick_is_a_block() -> None:
    """The time of several sources travels without a session."""
    clocks = {0: 5, 3: 1_767_225_600_000_000}
    read = decode_block(encode_block(tick(clocks, 4)))
    assert (read.source, read.sources, dict(read.clocks_after_us)) == (-1, 4, clocks)
    assert len(read.offsets) == len(read.session_ids) == len(read.observed) == 0


def test_an_action_travels_in_a_block() -> None:
    """Alone, and whole; the last part of a batch that is split has it."""
    accept = Accept(7, {"agent": ["a", "b"], "rule": "cost"}, "ann")
    assert decode_block(encode_block(tick({}, 4, [accept]))).accepts == [accept]
    whole = msgspec.structs.replace(large(9_000), accepts=[accept])
    *before, last = [decode_block(block) for block in encode_blocks(whole)]
    assert [part.accepts for part in before] == [[]] * len(before)
    assert last.accepts == [accept]


def test_what_parents_are_like_travels_in_a_block() -> None:
    """Alone, and whole; the last part of a batch that is split has it."""
    part = Part("rule\x1fagent=a", Sums(3.0, 1.5, 0.8, 0.25, 2.0, 0.0))
    assert decode_block(encode_block(tick({}, 4, parents=[part]))).parents == [part]
    whole = msgspec.structs.replace(large(9_000), parents=[part])
    *before, last = [decode_block(block) for block in encode_blocks(whole)]
    assert [part.parents for part in before] == [[]] * len(before)
    assert last.parents == [part]


def test_what_partitions_ask_travels_in_a_block() -> None:
    """Alone, and whole; the last part of a batch that is split has it."""
    asked = Question(3, "dear", 40, 70, {"model": {"x": 3}})
    assert decode_block(encode_block(tick({}, 4, questions=[asked]))).questions == [
        asked
    ]
    whole = msgspec.structs.replace(large(9_000), questions=[asked])
    *before, last = [decode_block(block) for block in encode_blocks(whole)]
    assert [part.questions for part in before] == [[]] * len(before)
    assert last.questions == [asked]


def test_a_block_without_questions_can_be_read() -> None:
    """Of the version before there were any."""
    batch = large(3)
    body = msgspec.msgpack.decode(encode_block(batch)[4:])
    assert body.pop() == []
    block = b"LWB" + bytes([5]) + msgspec.msgpack.encode(body)
    assert plain(decode_block(block)) == plain(batch)


def test_a_condition_that_is_none_is_a_damaged_block() -> None:
    """Nothing half understood reaches an alert."""
    block = encode_block(tick({}, 4, [Accept(7, ['agent=~"("'])]))
    with pytest.raises(ValueError, match="damaged block"):
        decode_block(block)


def older(batch: Batch, version: int) -> bytes:
    """The batch as a block of a version that had a table of rows of labels."""
    body = msgspec.msgpack.decode(encode_block(batch)[4:])
    names = Body.__struct_fields__
    body[names.index("ids")] = "".join(batch.session_ids)
    body[names.index("traces")] = "".join(batch.traces)
    for name, texts in (("id", batch.session_ids), ("trace", batch.traces)):
        characters = np.array([len(text) for text in texts], np.int64)
        body[names.index(f"{name}_lengths")] = narrow(characters, 1 << 16)
    rows = sorted({tuple(row) for row in batch.attributes})
    codes = np.array([rows.index(tuple(row)) for row in batch.attributes], np.int64)
    body[names.index("tables")] = msgspec.msgpack.encode(rows)
    body[names.index("label_codes")] = narrow(codes, len(rows))
    for _ in range(6 - version):
        # No questions in 5, no parents in 4, no actions in 3.
        assert body.pop() == []
    return b"LWB" + bytes([version]) + msgspec.msgpack.encode(body)


@pytest.mark.parametrize("version", [3, 4])
def test_a_block_of_a_version_before_can_be_read(version: int) -> None:
    """What stands in the log when workers are updated counts."""
    batch = large(3)
    assert plain(decode_block(older(batch, version))) == plain(batch)
    with pytest.raises(ValueError, match="damaged block"):
        decode_block(older(batch, version)[:-9])


def test_arrays_come_back() -> None:
    """Ready to be folded: whole rows of numbers, and codes into a table a label."""
    read = decode_block(encode_block(large(3)))
    assert read.values.shape == (3, len(COLUMNS))
    assert read.attribute_codes.shape == (3, len(ATTRIBUTES))
    assert [sorted(table) for table in read.attribute_tables] == [
        *(["1"], ["0", "1", "2"], [""], [""], [""], ["a"]),
    ]
    for column in (read.offsets, read.values, read.hashes, read.attribute_codes):
        assert column.flags.c_contiguous
        assert column.flags.writeable
        assert column.flags.aligned


@pytest.mark.parametrize("sessions", [255, 256, 257, 1_000])
def test_numbers_of_any_width(sessions: int) -> None:
    """Positions that need one byte or two come back alike."""
    batch = large(sessions)
    assert plain(decode_block(encode_block(batch))) == plain(batch)


def test_what_comes_back_is_plain() -> None:
    """Python's own numbers, which fold fast and print as they are."""
    read = decode_block(encode_block(large(3))).batch()
    assert {type(value) for value in read.values[0]} == {float}
    columns = (read.offsets, read.hashes, read.observed, read.series, read.wheres)
    assert {type(number) for column in columns for number in column} == {int}
    assert read.session_ids[-1] == read.session_ids[2]
    assert list(read.session_ids[1:]) == [read.session_ids[1], read.session_ids[2]]
    with pytest.raises(IndexError):
        read.session_ids[3]


def test_large_batches_are_split() -> None:
    """Each part fits into a Kafka record; together they say the same, in order."""
    batch = large(9_000)
    blocks = encode_blocks(batch)
    assert len(blocks) > 1
    assert max(map(len, blocks)) <= BLOCK_BYTES
    parts = [plain(decode_block(block)) for block in blocks]
    whole = plain(batch)
    assert [row for part in parts for row in part["sessions"]] == whole["sessions"]
    told: list[tuple[Any, ...]] = []
    for part in parts:
        before = len({session for session, *_ in told})
        told += [(before + session, *rest) for session, *rest in part["observations"]]
    assert told == whole["observations"]


def test_time_does_not_run_ahead_of_the_parts() -> None:
    """Only the last part tells the time after all of them."""
    first, *_, last = [decode_block(block) for block in encode_blocks(large(9_000))]
    assert dict(first.clocks_after_us) == {1: max(first.clocks_us)}
    assert dict(last.clocks_after_us) == {1: 9_005, 0: 3}


def test_one_large_session_is_not_split() -> None:
    """There is nothing to cut."""
    assert len(encode_blocks(large(1, id_length=BLOCK_BYTES))) == 1


def test_a_foreign_version_is_named() -> None:
    """A newer worker's block says what to do."""
    block = bytearray(encode_block(large(2)))
    block[3] = 9
    with pytest.raises(ValueError, match="a block of version 9; this worker reads 6"):
        decode_block(bytes(block))


@pytest.mark.parametrize("value", [b"", b"{}", b"LW", b"\0\0\0\0\0"])
def test_what_is_no_block_says_so(value: bytes) -> None:
    """Foreign bytes on the topic are no crash."""
    with pytest.raises(ValueError, match="not a block of observations"):
        decode_block(value)


def test_a_truncated_block_says_so() -> None:
    """Wherever it was cut."""
    block = encode_block(large(3))
    for length in range(4, len(block)):
        with pytest.raises(ValueError, match="damaged block"):
            decode_block(block[:length])


@given(st.data())
@settings(max_examples=100)
def test_damage_is_found_or_harmless(data: st.DataObject) -> None:
    """A flipped byte gives a batch that can be read through, or a clear error."""
    block = bytearray(encode_block(large(5)))
    at = data.draw(st.integers(0, len(block) - 1))
    block[at] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        read = decode_block(bytes(block))
        plain(read)
