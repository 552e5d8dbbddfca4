"""Of a long state topic a restart reads the end alone, on both brokers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from detectors.partition import Partition
from detectors.rules import RuleBook
from detectors.state.rows import VERSION
from streams.kafka.topics import TopicSpec, ensure_topics
from streams.state.tail import Tail
from streams.state.topic import SEAL, append, follow

SERIES = 900
TURNS = 20


@pytest.fixture(params=["kafka", "embedded_broker"])
def connection(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How to reach a broker: Apache Kafka, and the embedded one in its turn."""
    found: dict[str, Any] = request.getfixturevalue(request.param).connection
    return found


def row(turn: int) -> bytes:
    """A row as detect writes them, up to what matters here."""
    return msgspec.msgpack.encode([VERSION, turn, b"w" * 500])


async def test_the_last_seal_is_found_and_what_it_names_is_read(
    connection: dict[str, Any], topic_prefix: str
) -> None:
    """Rows behind it, too, of a checkpoint that was torn away; and of short partitions all."""
    topic, sealed = f"{topic_prefix}state", Partition(RuleBook(()))
    await ensure_topics(connection, [TopicSpec(topic, 3)])
    producer = AIOKafkaProducer(**connection, acks="all")
    await producer.start()
    try:
        end = 0
        for turn in range(TURNS):
            begin = end
            rows = [(b"s%d" % n, row(turn)) for n in range(SERIES)]
            end = await append(producer, topic, 0, rows)
            assert end == begin + SERIES
            seal = sealed.seal(turn, (begin, end))
            end = await append(producer, topic, 0, [(SEAL, seal)])
        torn = [(b"s%d" % n, row(TURNS)) for n in range(300)]
        end = await append(producer, topic, 0, torn)
        await append(producer, topic, 1, [(b"a", row(1)), (b"b", row(2)), (b"a", None)])
    finally:
        await producer.stop()
    tails = {number: Tail() for number in range(3)}
    await follow(connection, topic, tails)
    values = {key: record.value for key, record in tails[0].rows.items()}
    assert values == dict(rows) | dict(torn)
    assert tails[0].seal.value == seal
    assert tails[0].end == end == TURNS * (SERIES + 1) + 300
    assert tails[0].read < end / 4
    assert list(tails[1].rows) == [b"b"]
    assert (tails[2].rows, tails[2].seal) == ({}, None)
