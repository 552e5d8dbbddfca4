"""Rows in a compacted topic: written in order, read back in bulk.

Faust's own recovery reads some thousand rows a second, a plain consumer some hundred
thousand; and how far to read must not hang on end offsets, which are wrong on the
embedded broker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.kafka.lean_records import make_lean
from streams.state.newest import Headers, headers_of

SEAL: Final = b"seal"
"""Key of a partition's own row; a series' key is a JSON object."""

PLACES: Final = b"places"
"""Key of the row that is written before those of series: who found no place."""

_PATIENCE_S: Final = 30.0
_FETCH_BYTES: Final = 4 * 1024 * 1024
_NO_HEADERS: Final[Headers] = []

Rows = Iterable[tuple[bytes | None, bytes | None]]


class Course(Protocol):
    """What is read of a partition, and from where."""

    def begin(self, first: int, last: int) -> int:
        """The offset to read from, of those from the first to the last or beyond."""
        ...

    def take(self, records: list[Any]) -> None:
        """Take records, in order."""
        ...

    def more(self, end: int) -> int | None:
        """The offset to read from now that all up to the end was; None if that was it."""
        ...


class _Once:
    """All from an offset on, once; see ``read_log``."""

    def __init__(self, begin: int, take: Callable[[list[Any]], None]) -> None:
        self._begin = begin
        self.take = take

    def begin(self, first: int, last: int) -> int:
        return last if self._begin < 0 else max(first, self._begin)

    def more(self, _end: int) -> int | None:
        return None


async def read_log(
    options: Mapping[str, Any],
    topic: str,
    begin: Mapping[int, int],
    take: Callable[[int, list[Any]], None],
    until: Mapping[int, int] | None = None,
) -> dict[int, int]:
    """Read partitions from an offset on to their ends, without a consumer group.

    Args:
        options: Keyword arguments of aiokafka's clients.
        topic: Whose partitions.
        begin: For each partition the first offset wanted, where the log begins later
            that one; negative for its end.
        take: Given a partition and records in order.
        until: Offsets at which to stop, where that is before the end.

    Returns:
        The high watermark of each partition.

    Raises:
        TimeoutError: Nothing came for a while; there is more.
    """
    courses = {
        number: _Once(first, partial(take, number)) for number, first in begin.items()
    }
    return await follow(options, topic, courses, until)


async def follow(
    options: Mapping[str, Any],
    topic: str,
    courses: Mapping[int, Course],
    until: Mapping[int, int] | None = None,
) -> dict[int, int]:
    """Read partitions, each on its course, without a consumer group.

    Args:
        options: Keyword arguments of aiokafka's clients.
        topic: Whose partitions.
        courses: By partition.
        until: Offsets that count as ends, where they are before them.

    Returns:
        The high watermark of each partition.

    Raises:
        TimeoutError: Nothing came for a while; there is more.
    """
    limits = until or {}
    consumer = AIOKafkaConsumer(
        **options,
        client_id="loopwatch-state",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        make_lean(consumer)
        partitions = [TopicPartition(topic, number) for number in courses]
        consumer.assign(partitions)
        firsts = await consumer.beginning_offsets(partitions)
        # What the embedded broker calls the end is before it, or at it.
        lasts = await consumer.end_offsets(partitions)
        for tp in partitions:
            consumer.seek(tp, courses[tp.partition].begin(firsts[tp], lasts[tp]))
        ends: dict[int, int] = {}
        todo = set(partitions)
        moved_s = time.monotonic()
        while todo:
            found = await consumer.getmany(*todo, timeout_ms=200)
            for tp, records in found.items():
                courses[tp.partition].take(records)
            for tp in list(todo):
                # None until the first answer. Only the position knows of holes.
                highwater = consumer.highwater(tp)
                if highwater is None:
                    continue
                ends[tp.partition] = highwater
                limit = min(limits.get(tp.partition, highwater), highwater)
                if await consumer.position(tp) < limit:
                    continue
                more = courses[tp.partition].more(highwater)
                if more is None:
                    todo.discard(tp)
                else:
                    consumer.seek(tp, more)
            if found:
                moved_s = time.monotonic()
            elif time.monotonic() - moved_s > _PATIENCE_S:
                raise TimeoutError(
                    f"{topic}: partitions {sorted(tp.partition for tp in todo)} cannot "
                    f"be read to their ends: nothing came for {_PATIENCE_S:g} s"
                )
        return ends
    finally:
        await consumer.stop()


async def read_rows(
    options: Mapping[str, Any], topic: str, partitions: Collection[int]
) -> dict[int, dict[bytes, bytes]]:
    """The last row of every key, by partition.

    Args:
        options: Keyword arguments of aiokafka's clients.
        topic: A compacted one.
        partitions: Which of it.

    Raises:
        TimeoutError: They could not be read to their ends: half a state is none.
    """
    rows: dict[int, dict[bytes, bytes]] = {number: {} for number in partitions}

    def take(number: int, records: list[Any]) -> None:
        found = rows[number]
        for record in records:
            if record.value is None:
                found.pop(record.key, None)
            else:
                found[record.key] = record.value

    if partitions:
        await read_log(options, topic, dict.fromkeys(partitions, 0), take)
    return rows


async def append(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    rows: Rows,
    gone: int | None = None,
) -> int:
    """Write records in order, and return once Kafka has acknowledged them all.

    In batches of our own: ``send`` costs ten times as much a record.

    Args:
        producer: Of aiokafka.
        topic: Where to.
        partition: Of it.
        rows: The records.
        gone: The block up to which tombstones are right; None if nobody asks.

    Returns:
        The offset behind the last of them; 0 where there is none.

    Raises:
        aiokafka.errors.KafkaError: Some may not have been written.
    """
    acks: list[Awaitable[Any]] = []
    counts: list[int] = []
    batch = producer.create_batch()

    async def send() -> None:
        counts.append(batch.record_count())
        acks.append(await producer.send_batch(batch, topic, partition=partition))

    ends = _NO_HEADERS if gone is None else headers_of(gone)
    for key, value in rows:
        headers = ends if value is None else _NO_HEADERS
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            await send()
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    if batch.record_count():
        await send()
    written = await asyncio.gather(*acks)
    behind = (each.offset + count for each, count in zip(written, counts, strict=True))
    return max(behind, default=0)
