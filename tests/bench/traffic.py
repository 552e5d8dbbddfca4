"""Healthy sessions of about 280 bytes, spread over many series, written fast."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer

AGENTS: Final = 50
TENANTS: Final = 40

_DRAWN: Final = 10_000
"""Sessions that are drawn; the others say the same under their own names and times."""

_HEAD: Final = (
    b'{"session_id":"b-%09d","agent":"agent-%d","task_type":"task-%d",'
    b'"tenant":"tenant-%d","ended_at":%.3f,'
)


def _tails(draw: Random, count: int) -> list[bytes]:
    """What sessions say beside who and when, with the brace that ends them."""
    encode = msgspec.json.Encoder().encode
    tails = []
    for _ in range(count):
        loops = 1 + int(draw.expovariate(0.5))
        tail = {
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
        tails.append(encode(tail)[1:])
    return tails


def at_random(count: int, series: int, seed: int) -> Iterator[int]:
    """Which series each session belongs to, each as likely as any."""
    draw = Random(seed)  # noqa: S311 - traffic, not secrets
    return (int(draw.random() * series) for _ in range(count))


def in_turn(series: int, rounds: int, seed: int) -> Iterator[int]:
    """Which series each session belongs to, each once a round, in no order."""
    draw = np.random.default_rng(seed)
    for _ in range(rounds):
        # In pieces: as numbers of Python's a million of them would take memory.
        for piece in np.array_split(draw.permutation(series), series // 1_000 + 1):
            yield from piece.tolist()


def sessions(
    count: int,
    series: int,
    ended_s: float,
    first: int = 0,
    *,
    whose: Iterable[int] | None = None,
    tenants: int = TENANTS,
) -> Iterator[bytes]:
    """Events as JSON, one a millisecond, the last of them ending at ``ended_s``.

    Args:
        count: How many.
        series: Distinct pairs of agent and task type.
        ended_s: Epoch seconds of the last one.
        first: Number of the first one, by which no two have the same id.
        whose: The series of each; drawn at random by default.
        tenants: Distinct ones, which have nothing to do with series.
    """
    draw = Random(first)  # noqa: S311 - traffic, not secrets
    tails = _tails(draw, min(_DRAWN, count))
    chance, last = draw.random, ended_s - count / 1000
    for number, which in enumerate(whose or at_random(count, series, first)):
        task, agent = divmod(which, AGENTS)
        head = _HEAD % (
            first + number,
            agent,
            task,
            int(chance() * tenants),
            last + number / 1000,
        )
        yield head + tails[int(chance() * len(tails))]


def gateway_sessions(count: int, series: int, ended_s: float) -> Iterator[bytes]:
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
    values: Iterable[bytes],
) -> None:
    """Write sessions in large batches, to each partition in turn."""
    producer = AIOKafkaProducer(**connection, max_batch_size=262_144, acks="all")
    await producer.start()
    try:
        waiting = []
        batches = [producer.create_batch() for _ in range(partitions)]
        for number, value in enumerate(values):
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


def healthy(count: int, series: int, first: int = 0) -> Iterator[bytes]:
    """Sessions that have just ended."""
    return sessions(count, series, time.time(), first)
