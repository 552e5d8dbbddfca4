"""Publish: lines of JSON become records of the sessions' topic, the bad ones told."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from streams.as_of_now import move
from streams.events.malformed import shorten
from streams.events.session import ANY_SCALE, Malformed, decode_session
from streams.kafka.topics import ensure_topics, loopwatch_topics
from streams.observations.observe import AHEAD_US
from streams.settings import Settings

_CHUNK_BYTES: Final = 256 * 1024
_CHUNKS_AHEAD: Final = 4
_MOST_NAMES: Final = 20
_SHORTEST_SLEEP_S: Final = 0.002

Lines = Iterable[bytes] | AsyncIterable[bytes]


@dataclass(slots=True)
class Published:
    """What has been published so far.

    Attributes:
        sent: Sessions handed to Kafka.
        rejected: Lines that are no session.
        unknown: How often each unknown field came, of the first few names.
    """

    sent: int = 0
    rejected: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


def _ignore(*_: object) -> None:
    """Tell nobody."""


async def publish(
    lines: Lines,
    producer: AIOKafkaProducer,
    topic: str,
    published: Published,
    *,
    rate: float | None = None,
    moved_s: int = 0,
    reject: Callable[[int, str], None] = _ignore,
    progress: Callable[[int], None] = _ignore,
) -> None:
    """Publish every line that is a session, and wait until Kafka has them.

    Args:
        lines: JSON, one event a line; blank lines are skipped.
        producer: Started; the caller stops it.
        topic: Where to.
        published: Kept up to date, so that who interrupts knows what was done.
        rate: Sessions a second, evenly spaced; None: as fast as Kafka takes them.
        moved_s: Seconds by which all times are moved on.
        reject: Told the number and the reason of each line that is no session.
        progress: Told after each line how many bytes it had.

    Raises:
        aiokafka.errors.KafkaError: Kafka did not take a session.
    """
    failures: list[BaseException] = []

    def settle(sent: asyncio.Future[Any]) -> None:
        if not sent.cancelled() and (failure := sent.exception()) is not None:
            failures.append(failure)

    began_s, number = time.monotonic(), 0
    async for line in _each(lines):
        number += 1
        text = line.strip(b" \t\r\n")
        if text:
            try:
                key, value = _record(text, moved_s, published)
            except Malformed as fault:
                published.rejected += 1
                reject(number, str(fault))
            else:
                if rate is not None:
                    await _until(began_s + published.sent / rate)
                (await producer.send(topic, value, key=key)).add_done_callback(settle)
                published.sent += 1
        progress(len(line))
        if failures:
            raise failures[0]
    await producer.flush()
    # Callbacks of futures run one turn of the loop after them.
    await asyncio.sleep(0)
    if failures:
        raise failures[0]


def _record(text: bytes, moved_s: int, published: Published) -> tuple[bytes, bytes]:
    """The key and the value of a session.

    The judges' scale is the worker's to know; all else is checked as there. The key is
    the agent: what one agent did stays in the order of the file, which a window of its
    last sessions hangs on.
    """
    latest_us = time.time_ns() // 1_000 + AHEAD_US
    session = decode_session(text, ANY_SCALE, None if moved_s else latest_us)
    if moved_s:
        text = move(text, moved_s)
        decode_session(text, ANY_SCALE, latest_us)
    for field_name in session.unknown:
        name = shorten(field_name)
        if name in published.unknown or len(published.unknown) < _MOST_NAMES:
            published.unknown[name] += 1
    return session.label("agent").encode(), text


async def _until(due_s: float) -> None:
    wait_s = due_s - time.monotonic()
    # Shorter sleeps take longer than they should; the next one makes up for it.
    await asyncio.sleep(wait_s if wait_s > _SHORTEST_SLEEP_S else 0)


async def _each(lines: Lines) -> AsyncIterator[bytes]:
    if isinstance(lines, AsyncIterable):
        async for line in lines:
            yield line
    else:
        for line in lines:
            yield line


async def read_lines(descriptor: int) -> AsyncIterator[bytes]:
    """The lines of an open file or pipe, as they come, with their ends.

    A thread reads, so that a pipe that says nothing for an hour stops neither what
    was sent before it nor Ctrl-C.

    Raises:
        OSError: It cannot be read.
    """
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes | OSError] = asyncio.Queue()
    room = threading.Semaphore(_CHUNKS_AHEAD)

    def read() -> None:
        chunk: bytes | OSError = b"\n"
        while isinstance(chunk, bytes) and chunk:
            room.acquire()
            try:
                chunk = os.read(descriptor, _CHUNK_BYTES)
            except OSError as fault:
                chunk = fault
            try:
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            except RuntimeError:
                return  # The loop has ended: nobody listens any more.

    threading.Thread(target=read, name="read-lines", daemon=True).start()
    rest = b""
    while chunk := await chunks.get():
        if isinstance(chunk, OSError):
            raise chunk
        room.release()
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


async def start_producer(settings: Settings, topic: str) -> AIOKafkaProducer:
    """A producer for whole files, and a topic that it can write to.

    Raises:
        streams.kafka.topics.TopicError: The topic is missing and cannot be created.
        aiokafka.errors.KafkaError: Kafka cannot be reached.
    """
    options = settings.kafka_options()
    sessions, *_ = loopwatch_topics(
        settings.topics(topic),
        session_partitions=settings.topic_partitions,
        replication_factor=settings.topic_replication_factor,
    )
    await ensure_topics(
        options, [sessions], replication_factor=settings.topic_replication_factor
    )
    producer = AIOKafkaProducer(
        **options, acks="all", max_batch_size=_CHUNK_BYTES, linger_ms=5
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer
