"""Forwarding: actions that are evaluation go from the control topic into the log.

Detect must find an action at one place among its sessions, or a restart would
evaluate otherwise. So ingest writes each one into every partition of the
observations, with its offset among the actions as its number. Exactly one worker
does: the one that reads partition 0 of the sessions. How far it has come is
committed once all partitions have acknowledged; who takes over begins there, and
what is written again is known by its number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types.tuples import TP

from detectors.actions import Accept
from detectors.batch import tick
from streams.control.actions import (
    AcceptAction,
    MalformedAction,
    decode_action,
    is_action,
)
from streams.ingest import TICK
from streams.kafka.link import Link
from streams.kafka.topic_specs import TopicNames
from streams.observations.block import encode_block

log = logging.getLogger(__name__)

_DECIDES: Final = 0
"""Partition of the sessions whose reader forwards."""

_PARTITION: Final = 0
_POLL_MS: Final = 500


class Forwarder:
    """Forwards what people accept.

    Args:
        link: The app of ingest.
        topics: Names.
        options: Keyword arguments of aiokafka's clients.
        group: Under which it is noted how far it has come; nobody joins it.
        sources: Partitions of the sessions' topic.
        partitions: Of the observations.
    """

    def __init__(
        self,
        link: Link,
        topics: TopicNames,
        options: Mapping[str, Any],
        *,
        group: str,
        sources: int,
        partitions: int,
    ) -> None:
        self._link = link
        self._topics = topics
        self._options = options
        self._group = group
        self._sources = sources
        self._partitions = partitions

    async def run(self, every_s: float = 1.0) -> None:
        """Forward whenever it is ours to do, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            if not self._is_ours():
                continue
            try:
                await self._forward()
            except KafkaError as error:
                log.warning("actions cannot be forwarded, again: %r", error)

    def _is_ours(self) -> bool:
        link = self._link
        return link.running and TP(self._topics.sessions, _DECIDES) in (
            link.consumer.done()
        )

    async def _forward(self) -> None:
        """Read the control topic on from where the last one came to."""
        consumer = AIOKafkaConsumer(
            **self._options,
            client_id="loopwatch-forward",
            group_id=self._group,
            enable_auto_commit=False,
            # Without a commit: partitions know what they have carried out.
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            tp = TopicPartition(self._topics.control, _PARTITION)
            consumer.assign([tp])
            while self._is_ours():
                found = await consumer.getmany(tp, timeout_ms=_POLL_MS)
                for record in found.get(tp, ()):
                    if not await self._pass_on(record.offset, record.value or b""):
                        return
                if found:
                    await consumer.commit({tp: await consumer.position(tp)})
        finally:
            await consumer.stop()

    async def _pass_on(self, offset: int, value: bytes) -> bool:
        """Write an action into every partition; False once it is no longer ours."""
        if not is_action(value):
            return True
        try:
            action = decode_action(value)
        except MalformedAction as fault:
            log.warning("offset %d is no action: %s", offset, fault)
            return True
        if not isinstance(action, AcceptAction):
            return True
        accept = Accept(offset, action.match, action.by)
        block = encode_block(tick({}, self._sources, [accept]))

        async def write() -> None:
            producer, topic = self._link.producer, self._topics.observations
            acks = [
                await producer.send(topic, block, key=TICK, partition=partition)
                for partition in range(self._partitions)
            ]
            await asyncio.gather(*acks)

        written = await self._link.write(write, self._is_ours)
        if written:
            log.info(
                "accept at offset %d by %s is forwarded",
                offset,
                action.by or "somebody",
            )
        return written
