"""Healthy sessions of about 280 bytes, spread over many series, written fast."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

AGENTS = 50


def sessions(
    count: int, series: int, ended_s: float, first: int = 0
) -> Iterator[bytes]:
    """Events as JSON, one a millisecond, the last of them ending at ``ended_s``.

    Args:
        count: How many.
        series: Distinct pairs of agent and task type.
        ended_s: Epoch seconds of the last one.
        first: Number of the first one, by which no two have the same id.
    """
    draw = Random(first)  # noqa: S311 - traffic, not secrets
    encode = msgspec.json.Encoder().encode
    for number in range(count):
        which = draw.randrange(series)
        loops = 1 + int(draw.expovariate(0.5))
        yield encode(
            {
                "session_id": f"b-{first + number:09d}",
                "agent": f"agent-{which % AGENTS}",
                "task_type": f"task-{which // AGENTS}",
                "tenant": f"tenant-{draw.randrange(40)}",
                "ended_at": round(ended_s - (count - number) / 1000, 3),
                "status": "success" if draw.random() < 0.97 else "failure",
                "loop_count": loops,
                "latency_ms": round(draw.lognormvariate(8, 0.5), 1),
                "llm_calls": loops,
                "tool_calls": 2 * loops,
                "tool_errors": int(draw.random() < 0.05),
                "input_tokens": 700 * loops,
                "output_tokens": 120 * loops,
                "cost_usd": round(0.01 * loops, 4),
            }
        )


def tenants(count: int, series: int, ended_s: float) -> Iterator[bytes]:
    """The same as programs with a gateway write them, of about 390 bytes.

    A thousand tenants, a version that is hardly ever met again, times as text, costs
    with all digits.

    Args:
        count: How many.
        series: Distinct pairs of agent and task type.
        ended_s: Epoch seconds of the last one.
    """
    draw = Random(count)  # noqa: S311 - traffic, not secrets
    encode = msgspec.json.Encoder().encode
    for value in sessions(count, series, ended_s):
        event = msgspec.json.decode(value)
        moment = datetime.fromtimestamp(event["ended_at"], UTC)
        event |= {
            "session_id": f"{draw.getrandbits(128):032x}",
            "tenant": f"tenant-{draw.randrange(1_000)}",
            "model": draw.choice(("gpt-4o", "gpt-4.1-mini", "claude-sonnet-4")),
            "agent_version": f"{draw.getrandbits(28):07x}",
            "environment": "production",
            "ended_at": moment.isoformat(timespec="milliseconds"),
            "cost_usd": 2.5e-6 * event["input_tokens"] + 1e-5 * event["output_tokens"],
        }
        yield encode(event)


async def fill(
    connection: Mapping[str, Any],
    topic: str,
    partitions: int,
    count: int,
    series: int,
    *,
    first: int = 0,
) -> float:
    """Write sessions in large batches; the time it took, in seconds."""
    producer = AIOKafkaProducer(**connection, max_batch_size=262_144, acks="all")
    await producer.start()
    began = time.perf_counter()
    try:
        waiting = []
        batches = [producer.create_batch() for _ in range(partitions)]
        for number, value in enumerate(sessions(count, series, time.time(), first)):
            partition = number % partitions
            full = batches[partition].append(key=None, value=value, timestamp=None)
            if full is None:
                batch, batches[partition] = batches[partition], producer.create_batch()
                batches[partition].append(key=None, value=value, timestamp=None)
                waiting.append(
                    await producer.send_batch(batch, topic, partition=partition)
                )
        for partition, batch in enumerate(batches):
            if batch.record_count():
                waiting.append(
                    await producer.send_batch(batch, topic, partition=partition)
                )
        for written in waiting:
            await written
    finally:
        await producer.stop()
    return time.perf_counter() - began
