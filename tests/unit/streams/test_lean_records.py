"""Records are handed on as aiokafka would, without its object for each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import (
    READ_COMMITTED,
    READ_UNCOMMITTED,
    FetchResult,
    PartitionRecords,
)
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.kafka.lean_records import LeanResults

TP = TopicPartition("agent.sessions", 0)
CONTROL = 0x20


def batch(first: int, count: int, *, control: bool = False) -> bytes:
    """A batch of records as the broker stores it."""
    builder = DefaultRecordBatchBuilder(2, 0, control, -1, -1, -1, 1 << 20)
    for number in range(count):
        builder.append(
            number,
            timestamp=7_000 + number,
            key=b"\0\0\0\1" if control else None if number % 2 else b"k",
            value=b"v%d" % (first + number),
            headers=[],
        )
    raw = bytearray(builder.build())
    raw[:8] = first.to_bytes(8, "big")
    if control:
        raw[22] |= CONTROL
    return bytes(raw)


class Fetched:
    """What came of one fetch, taken by aiokafka or by us."""

    def __init__(
        self, raw: bytes, position: int, *, lean: bool, isolation: int, crc: bool
    ) -> None:
        records = PartitionRecords(
            TP, MemoryRecords(raw), [], position, None, None, crc, isolation
        )
        self.positions: list[int] = []
        state = SimpleNamespace(
            paused=False, position=position, consumed_to=self.positions.append
        )
        assignment = SimpleNamespace(active=True, state_value=lambda _tp: state)
        self.state = state
        self.result: Any = FetchResult(
            TP, assignment=assignment, partition_records=records, backoff=0
        )
        if lean:
            LeanResults()[TP] = self.result

    def take(self, most: int | None = None) -> tuple[list[Any], list[int], bool]:
        """The records, where reading goes on, and whether there is more."""
        read = [
            (one.offset, one.key, one.value, one.timestamp, one.timestamp_type)
            for one in self.result.getall(most)
        ]
        return read, self.positions, self.result.has_more()


def both(
    raw: bytes, position: int, isolation: int = READ_UNCOMMITTED, *, crc: bool = False
) -> tuple[Fetched, Fetched]:
    """The same fetch twice: ours and aiokafka's."""
    ours, theirs = (
        Fetched(raw, position, lean=lean, isolation=isolation, crc=crc)
        for lean in (True, False)
    )
    return ours, theirs


@pytest.mark.parametrize("position", [0, 2, 3, 5, 8, 9])
@pytest.mark.parametrize("isolation", [READ_UNCOMMITTED, READ_COMMITTED])
def test_the_same_records_from_any_position(position: int, isolation: int) -> None:
    """Also from the middle of a batch, with markers between them and holes."""
    raw = batch(0, 4) + batch(4, 1, control=True) + batch(5, 3) + batch(9, 2)
    ours, theirs = both(raw, position, isolation, crc=False)
    assert ours.take() == theirs.take()


def test_so_many_and_no_more() -> None:
    """Where a limit is asked for it holds."""
    ours, theirs = both(batch(0, 4) + batch(4, 4), 1)
    assert ours.take(5) == theirs.take(5)


def test_a_paused_partition_gives_nothing() -> None:
    """Nor one whose position was moved meanwhile."""
    raw = batch(0, 4)
    for fault in ({"paused": True}, {"position": 2}):
        ours, theirs = both(raw, 0)
        for fetched in (ours, theirs):
            vars(fetched.state).update(fault)
        assert ours.take() == theirs.take() == ([], [], False)


def test_a_damaged_batch_is_refused() -> None:
    """The position stays before it."""
    good, bad = batch(0, 4), bytearray(batch(4, 4))
    bad[-1] ^= 1
    ours, _ = both(good + bytes(bad), 0, crc=True)
    with pytest.raises(CorruptRecordException):
        ours.take()
    assert ours.positions == []


def test_no_second_object_is_made() -> None:
    """The record is the one that the batch was read into."""
    ours, _ = both(batch(0, 1), 0)
    (record,) = ours.result.getall()
    assert type(record).__name__ == "DefaultRecord"


def test_a_failed_fetch_is_kept_as_it_is() -> None:
    """It has no records."""
    results = LeanResults()
    results[TP] = error = object()
    assert results[TP] is error
