"""What people ask of notify, read from the control topic.

Read by whoever tells people, from where its rows say that the last one came to. The
place is written with what came of the actions before it; what is read twice after a
crash changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.control.actions import Action, MalformedAction, decode_action, is_action
from streams.deliver import DeliveryDesk

log = logging.getLogger(__name__)

_PARTITION: Final = 0
_POLL_MS: Final = 500
_AGAIN_S: Final = 1.0

_PASSED_OVER: Final = 1_000
"""Messages of others after which the place is written all the same."""


async def hear(desk: DeliveryDesk, options: Mapping[str, Any], topic: str) -> None:
    """Carry out what is asked, as it comes, until cancelled.

    Args:
        desk: Ours.
        options: Keyword arguments of aiokafka's clients.
        topic: The control topic.

    Raises:
        streams.deliver.NoLongerOursError: Another worker tells people now.
    """
    while True:
        try:
            await _hear(desk, options, topic)
        except KafkaError as error:
            log.warning("what people ask cannot be heard, again: %r", error)
        await asyncio.sleep(_AGAIN_S)


async def _hear(desk: DeliveryDesk, options: Mapping[str, Any], topic: str) -> None:
    consumer = AIOKafkaConsumer(
        **options,
        client_id="loopwatch-hear",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        tp = TopicPartition(topic, _PARTITION)
        consumer.assign([tp])
        place = desk.notifier.requests.next_offset
        if place is None:
            await consumer.seek_to_beginning(tp)
        else:
            consumer.seek(tp, place)
        passed_over = 0
        while True:
            found = await consumer.getmany(tp, timeout_ms=_POLL_MS)
            records = found.get(tp, [])
            actions = [
                (record.offset, action)
                for record in records
                if (action := _action(record.offset, record.value or b"")) is not None
            ]
            passed_over += len(records)
            if actions or passed_over >= _PASSED_OVER:
                await desk.heed(actions, records[-1].offset + 1)
                passed_over = 0
    finally:
        await consumer.stop()


def _action(offset: int, value: bytes) -> Action | None:
    """The action, if it is one: workers announce themselves too."""
    if not is_action(value):
        return None
    try:
        return decode_action(value)
    except MalformedAction as fault:
        log.warning("offset %d is no action: %s", offset, fault)
        return None
