"""Plays the fleet's sessions into Kafka, as agents in production would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import cycle

import msgspec
from aiokafka import AIOKafkaProducer

from loopwatch.demo.fleet import Fleet


class Feed:
    """Sessions at an even pace until it is cancelled.

    Args:
        producer: Started; the caller stops it.
        partitions: Of the topic; sessions go round all of them.
        per_second: Sessions a second.
        tell: Called after each session that was written.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partitions: int,
        per_second: float,
        tell: Callable[[], None],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions = cycle(range(partitions))
        self._pause_s = 1 / per_second
        self._tell = tell
        self.incident = False

    async def run(self) -> None:
        """Write one session after the other, each ending as it is written."""
        fleet = Fleet()
        due = time.monotonic()
        while True:
            session = fleet.session(time.time(), incident=self.incident)
            await self._producer.send(
                self._topic,
                msgspec.json.encode(session),
                partition=next(self._partitions),
            )
            self._tell()
            due += self._pause_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
