"""Rows in a compacted topic: written in order, read back in bulk.

Faust's own recovery reads some thousand rows a second, a plain consumer some hundred
thousand; and how far to read must not hang on end offsets, which are wrong on the
embedded broker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

SEAL: Final = b"seal"
"""Key of a partition's own row; a series' key is a JSON object."""

_PATIENCE_S: Final = 30.0
_FETCH_BYTES: Final = 4 * 1024 * 1024

Rows = Iterable[tuple[bytes | None, bytes | None]]


class _Head(msgspec.Struct, array_like=True):
    """What every row of detect begins with."""

    version: int
    offset: int


_head = msgspec.msgpack.Decoder(_Head).decode


def newer_offset(old: bytes, new: bytes) -> bool:
    """Whether a row that lies behind another one in the log replaces it.

    A worker that was frozen may have written an old row behind its successor's. Rows
    that are not understood are left to those who read them.
    """
    try:
        return _head(new).offset >= _head(old).offset
    except msgspec.MsgspecError:
        return True


def always_newer(_old: bytes, _new: bytes) -> bool:
    """The order of the log decides."""
    return True


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
        partitions = [TopicPartition(topic, number) for number in begin]
        consumer.assign(partitions)
        firsts = await consumer.beginning_offsets(partitions)
        # What the embedded broker calls the end is before it, or at it.
        lasts = await consumer.end_offsets(partitions)
        for tp in partitions:
            wanted = begin[tp.partition]
            consumer.seek(tp, lasts[tp] if wanted < 0 else max(firsts[tp], wanted))
        ends: dict[int, int] = {}
        todo = set(partitions)
        moved_s = time.monotonic()
        while todo:
            found = await consumer.getmany(*todo, timeout_ms=200)
            for tp, records in found.items():
                take(tp.partition, records)
            for tp in list(todo):
                # None until the first answer. Only the position knows of holes.
                highwater = consumer.highwater(tp)
                if highwater is None:
                    continue
                ends[tp.partition] = highwater
                limit = min(limits.get(tp.partition, highwater), highwater)
                if await consumer.position(tp) >= limit:
                    todo.discard(tp)
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
    options: Mapping[str, Any],
    topic: str,
    partitions: Collection[int],
    newer: Callable[[bytes, bytes], bool] = always_newer,
) -> dict[int, dict[bytes, bytes]]:
    """The last row of every key, by partition.

    Args:
        options: Keyword arguments of aiokafka's clients.
        topic: A compacted one.
        partitions: Which of it.
        newer: Whether a row (the second) replaces one before it.

    Raises:
        TimeoutError: They could not be read to their ends: half a state is none.
    """
    rows: dict[int, dict[bytes, bytes]] = {number: {} for number in partitions}

    def take(number: int, records: list[Any]) -> None:
        found = rows[number]
        for record in records:
            key, value = record.key, record.value
            if value is None:
                found.pop(key, None)
                continue
            known = found.get(key)
            if known is None or newer(known, value):
                found[key] = value

    if partitions:
        await read_log(options, topic, dict.fromkeys(partitions, 0), take)
    return rows


async def append(
    producer: AIOKafkaProducer, topic: str, partition: int, rows: Rows
) -> None:
    """Write records in order, and return once Kafka has acknowledged them all.

    In batches of our own: ``send`` costs ten times as much a record.

    Raises:
        aiokafka.errors.KafkaError: Some may not have been written.
    """
    acks: list[Awaitable[Any]] = []
    batch = producer.create_batch()
    for key, value in rows:
        if batch.append(key=key, value=value, timestamp=None) is None:
            acks.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    if batch.record_count():
        acks.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*acks)
