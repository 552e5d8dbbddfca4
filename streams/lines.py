"""Where lines go: what people may be told of, and the rest, which is far more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from detectors.state.stage import Said
from detectors.transitions import (
    Census,
    State,
    Transition,
    Update,
    decode_line,
    encode_line,
)
from streams.state.topic import append, read_log

NOTIFIED: Final = 0
"""Partition of the transitions that notify reads."""

QUIET: Final = 1
"""Partition of the lines between insufficient and ok, which nobody is told."""

_QUIET_STATES: Final = frozenset({State.INSUFFICIENT, State.OK})


def lane(line: Said) -> int:
    """The partition of the transitions that a line goes to."""
    quiet = (
        isinstance(line, Transition)
        and line.from_state in _QUIET_STATES
        and line.to_state in _QUIET_STATES
    )
    return QUIET if quiet else NOTIFIED


async def write_lines(
    producer: AIOKafkaProducer, topic: str, said: Iterable[Said]
) -> None:
    """Write lines in order, and return once Kafka has acknowledged them all.

    Raises:
        aiokafka.errors.KafkaError: Some may not have been written.
    """
    lanes: dict[int, list[tuple[bytes | None, bytes | None]]] = {}
    for line in said:
        key = line.rule if isinstance(line, Census) else line.alert_id
        record = (key.encode(), encode_line(line))
        lanes.setdefault(lane(line), []).append(record)
    await asyncio.gather(
        *(append(producer, topic, partition, rows) for partition, rows in lanes.items())
    )


class MissingTopicError(Exception):
    """There is no topic with lines; the message says what to do."""


async def read_lines(
    options: Mapping[str, Any], topic: str, take: Callable[[Transition | Update], None]
) -> None:
    """Read all lines of alerts that people may be told of, in order, to the end.

    Args:
        options: Keyword arguments of aiokafka's clients.
        topic: The transitions.
        take: Given each line; clocks, censuses and what is not understood are left out.

    Raises:
        MissingTopicError: No worker has ever run there.
        aiokafka.errors.KafkaError: It cannot be read.
        TimeoutError: Nothing came for a while; there is more.
    """
    admin = AIOKafkaAdminClient(**options, client_id="loopwatch-lines")
    await admin.start()
    try:
        topics = await admin.list_topics()
    finally:
        await admin.close()
    if topic not in topics:
        raise MissingTopicError(
            f"there is no topic {topic}: no worker has run with this Kafka, or with "
            "another LOOPWATCH_TOPIC_PREFIX"
        )

    def each(_partition: int, records: list[Any]) -> None:
        for record in records:
            try:
                line = decode_line(record.value or b"")
            except msgspec.MsgspecError:
                continue  # Of a later version.
            if isinstance(line, Transition | Update):
                take(line)

    await read_log(options, topic, {NOTIFIED: 0}, each)
