"""Rows are written in order, in few batches."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from streams.state.newest import seen
from streams.state.topic import append


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


async def test_tombstones_say_up_to_where_they_are_right() -> None:
    """Rows do so themselves; nothing else is in the headers."""
    producer = Producer(1000)
    await append(producer, "topic", 3, [(b"k", None), (b"l", b"v")], gone=41)
    (batch,) = producer.batches
    batch.close()
    first, second = DefaultRecordBatch(bytes(batch._build()))
    assert (first.value, seen(first)) == (None, 41)
    assert second.headers == []
