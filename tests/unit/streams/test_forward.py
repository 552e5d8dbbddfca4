"""Forwarding what people accept: into every partition, and nothing else."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.types.tuples import TP

from detectors.actions import Accept
from streams.control.forward import Forwarder
from streams.ingest import TICK
from streams.kafka.lease import Lease
from streams.kafka.link import Link
from streams.kafka.topic_specs import TopicNames
from streams.observations.block import decode_block

ACTION = (
    b'{"at":"2026-03-03T10:00:00Z","action":"accept","match":{"agent":"a"},"by":"ann"}'
)


class Producer:
    """Keeps what is written; the first writes may fail."""

    def __init__(self, faults: int = 0) -> None:
        self.faults = faults
        self.written: list[tuple[int, Any]] = []

    async def send(
        self, topic: str, block: bytes, *, key: bytes, partition: int
    ) -> asyncio.Future[None]:
        """Write a block."""
        assert (topic, key) == ("loopwatch.observations", TICK)
        acked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.faults:
            self.faults -= 1
            acked.set_exception(KafkaTimeoutError())
        else:
            self.written.append((partition, decode_block(block).batch()))
            acked.set_result(None)
        return acked


def forwarder(producer: Producer, *mine: int) -> Forwarder:
    """A forwarder of a worker that reads these partitions of the sessions."""
    lease = Lease(600)
    lease.confirm(time.monotonic())
    link = Link(lease)
    link.app = SimpleNamespace(
        producer=SimpleNamespace(_producer=producer),
        consumer=SimpleNamespace(
            done=lambda: {TP("agent.sessions", number): 0 for number in mine}
        ),
    )
    return Forwarder(
        link, TopicNames(), {}, group="loopwatch-control", sources=2, partitions=3
    )


async def test_an_action_goes_into_every_partition() -> None:
    """With its offset as its number, in a block without sessions and times."""
    producer = Producer()
    assert await forwarder(producer, 0)._pass_on(41, ACTION)
    assert [partition for partition, _ in producer.written] == [0, 1, 2]
    for _, batch in producer.written:
        assert batch.accepts == [Accept(41, {"agent": "a"}, "ann")]
        assert (batch.sources, len(batch.offsets), batch.clocks_after_us) == (2, 0, {})


async def test_it_is_written_until_every_partition_has_it() -> None:
    """A partition that has it twice knows the repeat by its number."""
    producer = Producer(faults=2)
    assert await forwarder(producer, 0)._pass_on(41, ACTION)
    assert {partition for partition, _ in producer.written} == {0, 1, 2}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b'{"kind":"worker","worker":"w","digest":"d"}',
        b'{"action":"accept"}',
        b'{"at":"2026-03-03T10:00:00Z","action":"expire","id":"s1"}',
        b'{"action":"of a later version"}',
    ],
)
async def test_other_messages_are_passed_by(value: bytes) -> None:
    """Announcements, what notify reads, and what nobody understands."""
    producer = Producer()
    assert await forwarder(producer, 0)._pass_on(41, value)
    assert producer.written == []


async def test_only_the_reader_of_partition_0_forwards() -> None:
    """Another one writes nothing, also if it has just lost that partition."""
    producer = Producer()
    assert not forwarder(producer, 1)._is_ours()
    assert not await forwarder(producer, 1)._pass_on(41, ACTION)
    assert producer.written == []
