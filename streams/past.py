"""The past of a topic: what it holds between two times, in the order of writing.

Each partition is in order by itself; partitions are merged by the timestamps of their
records, so that a replay sees sessions about as they came. What is waited for is
bounded: a partition that has run ahead of the others is not read on.

Kafka looks up where a time begins. The embedded broker does not, and names its first
record whatever it is asked; there all of the topic is read, and records outside the
time are passed over.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.lines import MissingTopicError

_AHEAD: Final = 20_000
"""Records that a partition may be ahead of the others."""

_PATIENCE_S: Final = 30.0
_FETCH_BYTES: Final = 4 * 1024 * 1024
_MS_US: Final = 1_000

Stamped = tuple[int, bytes]
"""The timestamp of a record, and its value."""

Span = tuple[int | None, int | None]
"""From one time to before another, in epoch µs; None: without a bound."""


class Merge:
    """Partitions that become one line of records, by timestamp.

    Args:
        partitions: All of them; none is passed over until it is closed.
    """

    def __init__(self, partitions: Iterable[int]) -> None:
        self._waiting: dict[int, deque[Stamped]] = {
            number: deque() for number in partitions
        }
        self._open = set(self._waiting)

    def waiting(self, partition: int) -> int:
        """How many records of a partition wait for those of others."""
        return len(self._waiting[partition])

    def put(self, partition: int, records: Iterable[Stamped]) -> None:
        """Take the next records of a partition."""
        self._waiting[partition].extend(records)

    def close(self, partition: int) -> None:
        """No more will come of a partition."""
        self._open.discard(partition)

    def ready(self) -> list[bytes]:
        """The values that nothing still to come can precede, in order."""
        found = []
        while all(self._waiting[number] for number in self._open):
            heads = [
                (records[0][0], number)
                for number, records in self._waiting.items()
                if records
            ]
            if not heads:
                break
            _, first = min(heads)
            found.append(self._waiting[first].popleft()[1])
        return found


async def read_past(
    options: Mapping[str, Any],
    topic: str,
    span_us: Span,
    take: Callable[[Sequence[bytes]], None],
    whole: Callable[[], None] = lambda: None,
) -> None:
    """Read what was written to a topic between two times.

    Args:
        options: Keyword arguments of aiokafka's clients.
        topic: Whose partitions.
        span_us: Between which timestamps; without a bound from what the topic still
            holds, and to its end as it is when reading begins.
        take: Given the values of records, in order.
        whole: Called if the broker looks up no times, and all of the topic is read.

    Raises:
        MissingTopicError: There is no such topic.
        aiokafka.errors.KafkaError: It cannot be read.
        TimeoutError: Nothing came for a while; there is more.
    """
    partitions = await _partitions(options, topic)
    consumer = AIOKafkaConsumer(
        **options,
        client_id="loopwatch-backtest",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        try:
            limits = await _limits(consumer, partitions, span_us)
        except _NoLookupError:
            whole()
            limits = await _limits(consumer, partitions, (None, None))
        await _read(consumer, limits, span_us, take)
    finally:
        await consumer.stop()


async def _partitions(options: Mapping[str, Any], topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**options, client_id="loopwatch-backtest")
    await admin.start()
    try:
        # Asking for one that is not there would make it on many brokers.
        if topic not in await admin.list_topics():
            raise MissingTopicError(f"there is no topic {topic}")
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    numbers = sorted(each["partition"] for each in found["partitions"])
    return [TopicPartition(topic, number) for number in numbers]


class _NoLookupError(Exception):
    """The broker looks up no times."""


async def _limits(
    consumer: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    span_us: Span,
) -> dict[TopicPartition, int | None]:
    """Seek to the beginning; where each partition ends, None where at its end."""
    begin_us, end_us = span_us
    if begin_us is None:
        await consumer.seek_to_beginning(*partitions)
    else:
        for tp, found in (await _offsets(consumer, partitions, begin_us)).items():
            if found is None:
                await consumer.seek_to_end(tp)
            else:
                consumer.seek(tp, found)
    if end_us is None:
        return dict.fromkeys(partitions)
    return await _offsets(consumer, partitions, end_us)


async def _offsets(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], at_us: int
) -> dict[TopicPartition, int | None]:
    """The first offset of each partition at or after a time; None if there is none."""
    at_ms = -(-at_us // _MS_US)
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, at_ms))
    # What was found has a timestamp of its own: an older one is no answer.
    if any(each is not None and each.timestamp < at_ms for each in found.values()):
        raise _NoLookupError
    return {
        tp: None if found.get(tp) is None else found[tp].offset for tp in partitions
    }


async def _read(
    consumer: AIOKafkaConsumer,
    limits: dict[TopicPartition, int | None],
    span_us: Span,
    take: Callable[[Sequence[bytes]], None],
) -> None:
    merge = Merge(tp.partition for tp in limits)
    todo = set(limits)
    moved_s = time.monotonic()
    while todo:
        hungry = [tp for tp in todo if merge.waiting(tp.partition) < _AHEAD]
        found = await consumer.getmany(*hungry, timeout_ms=200)
        for tp in list(todo):
            # None until the first answer, and fixed by it: a topic may grow for ever.
            if limits[tp] is None:
                limits[tp] = consumer.highwater(tp)
            limit = limits[tp]
            if limit is None:
                continue
            merge.put(
                tp.partition,
                [
                    (record.timestamp, record.value or b"")
                    for record in found.get(tp, ())
                    if record.offset < limit
                    and _is_within(span_us, record.timestamp * _MS_US)
                ],
            )
            if await consumer.position(tp) >= limit:
                merge.close(tp.partition)
                todo.discard(tp)
        values = merge.ready()
        if values:
            take(values)
        if found:
            moved_s = time.monotonic()
        elif time.monotonic() - moved_s > _PATIENCE_S:
            raise TimeoutError(f"nothing came for {_PATIENCE_S:g} s")


def _is_within(span_us: Span, written_us: int) -> bool:
    begin_us, end_us = span_us
    return (begin_us is None or begin_us <= written_us) and (
        end_us is None or written_us < end_us
    )
