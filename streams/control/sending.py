"""Writing actions to the control topic, for commands that end then."""

from __future__ import annotations

from typing import Final

from aiokafka import AIOKafkaProducer

from streams.control.actions import Action, encode_action
from streams.kafka.topics import ensure_topics, loopwatch_topics
from streams.settings import Settings

_PARTITION: Final = 0
_PATIENCE_MS: Final = 10_000


async def write_action(action: Action, settings: Settings) -> int:
    """Write one action; its offset once Kafka has acknowledged it.

    A topic that is missing is created: the worker may be the one that comes second.

    Raises:
        streams.kafka.topics.TopicError: The topic is wrong or cannot be created.
        aiokafka.errors.KafkaError: Kafka cannot be reached, or did not take it.
    """
    options = settings.kafka_options()
    names = settings.topics()
    specs = [
        spec
        for spec in loopwatch_topics(
            names, replication_factor=settings.topic_replication_factor
        )
        if spec.name == names.control
    ]
    await ensure_topics(
        options, specs, replication_factor=settings.topic_replication_factor
    )
    producer = AIOKafkaProducer(**options, acks="all", request_timeout_ms=_PATIENCE_MS)
    await producer.start()
    try:
        written = await producer.send_and_wait(
            names.control, encode_action(action), partition=_PARTITION
        )
    finally:
        await producer.stop()
    offset: int = written.offset
    return offset
