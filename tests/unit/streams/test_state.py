"""Rows: which one holds, and that they are written in order."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
from aiokafka.producer.message_accumulator import BatchBuilder

from detectors.partition import Partition
from detectors.rules import RuleBook
from streams.state.topic import append, newer_offset


def row(offset: int) -> bytes:
    """A row as detect writes them, up to what matters here."""
    return msgspec.msgpack.encode([1, offset, "whatever", [1, 2]])


def test_the_larger_offset_holds() -> None:
    """A row that lies behind another one replaces it only if it has seen more."""
    assert newer_offset(row(5), row(6))
    assert newer_offset(row(5), row(5))
    assert not newer_offset(row(6), row(5))


def test_seals_compare_like_rows() -> None:
    """A partition's own row begins with version and offset, too."""

    def seal(offset: int) -> bytes:
        return Partition(RuleBook(())).seal(offset)

    assert newer_offset(seal(1), seal(2))
    assert not newer_offset(seal(2), seal(1))


def test_what_is_not_understood_is_left_to_the_reader() -> None:
    """A damaged row is not hidden by an older one."""
    assert newer_offset(row(5), b"\xc1 no row")


class Producer:
    """Batches as aiokafka builds them, kept instead of sent."""

    def __init__(self, batch_bytes: int) -> None:
        self._batch_bytes = batch_bytes
        self.batches: list[BatchBuilder] = []

    def create_batch(self) -> BatchBuilder:
        """A batch to fill."""
        return BatchBuilder(self._batch_bytes, 0)

    async def send_batch(self, batch: BatchBuilder, *_: object, partition: int) -> Any:
        """Keep a batch, and acknowledge it."""
        assert partition == 3
        first = sum(each.record_count() for each in self.batches)
        self.batches.append(batch)

        async def ack() -> SimpleNamespace:
            return SimpleNamespace(offset=100 + first)

        return ack()


async def written(rows: Sequence[tuple[bytes | None, bytes | None]]) -> list[int]:
    """How many records each batch has that is made of the rows."""
    producer = Producer(1000)
    end = await append(producer, "topic", 3, rows)
    assert end == (100 + len(rows) if rows else 0)
    return [batch.record_count() for batch in producer.batches]


async def test_rows_go_into_few_batches() -> None:
    """As many as fit into each; nothing for nothing."""
    assert await written([]) == []
    assert await written([(b"k", b"v")] * 3) == [3]
    assert sum(await written([(b"k", b"v" * 100)] * 50)) == 50
    assert len(await written([(b"k", b"v" * 100)] * 50)) < 10


async def test_a_row_larger_than_a_batch_is_written_all_the_same() -> None:
    """It gets a batch of its own."""
    assert await written([(b"a", b"v"), (b"b", b"v" * 5000), (b"c", None)]) == [1, 1, 1]
