"""What came of a chunk is written until it is acknowledged, or given up."""

from __future__ import annotations

import time

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)

from streams.kafka.lease import Lease
from streams.kafka.link import Link


def link() -> Link:
    """A link whose group has just confirmed it."""
    lease = Lease(600)
    lease.confirm(time.monotonic())
    return Link(lease)


async def test_what_fails_for_a_while_is_written_again() -> None:
    """While Kafka is away it is tried until it is acknowledged."""
    faults = [KafkaTimeoutError(), KafkaConnectionError()]

    async def write() -> None:
        if faults:
            raise faults.pop()

    assert await link().write(write, lambda: True)
    assert not faults


async def test_what_is_no_longer_ours_is_not_written() -> None:
    """Neither at first nor again."""
    ours = [True]

    async def write() -> None:
        assert ours[0]
        ours[0] = False
        raise KafkaTimeoutError

    assert not await link().write(write, lambda: ours[0])
    assert not await link().write(write, lambda: ours[0])


async def test_written_but_lost_meanwhile_is_not_ours() -> None:
    """An acknowledgement after the loss does not count."""
    ours = [True]

    async def write() -> None:
        ours[0] = False

    assert not await link().write(write, lambda: ours[0])


async def test_what_can_never_be_written_is_a_fault() -> None:
    """Kafka's refusals are not tried again."""

    async def write() -> None:
        raise MessageSizeTooLargeError

    with pytest.raises(MessageSizeTooLargeError):
        await link().write(write, lambda: True)
