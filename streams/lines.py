"""Where lines go: what people may be told of, and the rest, which is far more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaProducer

from detectors.transitions import State, Transition, Update, encode_line
from streams.state import append

NOTIFIED: Final = 0
"""Partition of the transitions that notify reads."""

QUIET: Final = 1
"""Partition of the lines between insufficient and ok, which nobody is told."""

_QUIET_STATES: Final = frozenset({State.INSUFFICIENT, State.OK})

Said = Transition | Update


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
        record = (line.alert_id.encode(), encode_line(line))
        lanes.setdefault(lane(line), []).append(record)
    await asyncio.gather(
        *(append(producer, topic, partition, rows) for partition, rows in lanes.items())
    )
