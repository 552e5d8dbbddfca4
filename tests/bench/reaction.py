"""P2: from publishing a session to the request that tells of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer

from loopwatch.apache_kafka import ApacheKafka
from tests.bench.findings import Finding, Goal, at_most, percentile
from tests.bench.road import INIT, PARTITIONS, Fleet, fleet
from tests.bench.sink import Sink
from tests.bench.traffic import healthy

_TOLD: Final = """
receivers:
  - {name: sink, webhook: {url: "http://127.0.0.1:PORT/hook"}}
  - {name: other, webhook: {url: "http://127.0.0.1:PORT/other"}}
route:
  receiver: other
  group_by: [rule, agent]
  group_wait: 0s
  routes: [{match: {rule: session-cost}, receiver: sink}]
"""
"""Dear sessions are told at once, each agent's in a group of its own: in one group the
second would wait for ``group_interval``. What drifts goes elsewhere, so that it holds up
none."""

SERIES: Final = 1_000
PROBES_A_SECOND: Final = 8
"""Fewer than the requests a second that an endpoint is asked to take."""

STEP_S: Final = 0.02
SLOW_A_SECOND: Final = 1_000
SHARE: Final = 0.8
_PATIENCE_S: Final = 30.0
_WARM: Final = 60_000


async def reaction(kafka: ApacheKafka, *, seconds: float) -> list[Finding]:
    """Measure at a thousand a second, then at most of what the worker can take."""
    async with Sink() as sink:
        with tempfile.TemporaryDirectory() as folder:
            rules = _written(Path(folder), rules_for(sink.port))
            async with fleet(kafka, rules) as team:
                capacity = await _capacity(kafka, team)
                slow = await _latencies(kafka, team, sink, SLOW_A_SECOND, seconds)
                await team.until_done(0)
                busy = int(SHARE * capacity)
                fast = await _latencies(kafka, team, sink, busy, seconds)
    of = {"sessions/s it can take": capacity}
    return [
        finding(f"{SLOW_A_SECOND:,} sessions/s", *slow, at_most(100.0), {}),
        finding(f"{busy:,} sessions/s, 80 % of what it can", *fast, at_most(1e3), of),
    ]


def rules_for(port: int) -> str:
    """What init writes, with receivers of the benchmark's own."""
    shipped, _, _ = INIT.read_text().partition("\nreceivers:")
    return shipped + _TOLD.replace("PORT", str(port))


def _written(folder: Path, rules: str) -> Path:
    file = folder / "reaction.yaml"
    file.write_text(rules)
    return file


def finding(
    what: str,
    latencies_ms: Sequence[float],
    per_second: float,
    goal: Goal,
    more: dict[str, float],
) -> Finding:
    """The slowest of a hundred, with the others beside it."""
    raw = {
        "p50 ms": percentile(latencies_ms, 0.5),
        "p90": percentile(latencies_ms, 0.9),
        "most": max(latencies_ms),
        "alerts": float(len(latencies_ms)),
        "sessions/s published": per_second,
        **more,
    }
    return Finding(
        part="P2",
        what=f"publish to request, p99, at {what}",
        value=percentile(latencies_ms, 0.99),
        unit="ms",
        goal=goal,
        raw=raw,
    )


async def _capacity(kafka: ApacheKafka, team: Fleet) -> float:
    """Sessions a second through the worker, once it is warm."""
    await team.fill(kafka, _WARM, SERIES)
    await team.until_done(_WARM)
    count = 3 * _WARM
    began_s = time.perf_counter()
    await team.fill(kafka, count, SERIES, first=_WARM)
    await team.until_done(_WARM + count)
    return count / (time.perf_counter() - began_s)


async def _latencies(
    kafka: ApacheKafka, team: Fleet, sink: Sink, rate: int, seconds: float
) -> tuple[list[float], float]:
    """Publish at a rate, probes among the rest.

    Returns:
        Milliseconds of each probe, and the sessions a second that were published.
    """
    values = list(healthy(int(rate * seconds), SERIES, 10_000_000 + rate))
    pieces = int(seconds / STEP_S)
    between = round(1 / (STEP_S * PROBES_A_SECOND))
    sent_s: dict[str, float] = {}
    background = AIOKafkaProducer(
        **kafka.connection, max_batch_size=262_144, acks="all"
    )
    probes = AIOKafkaProducer(**kafka.connection, acks="all")
    await background.start()
    await probes.start()
    try:
        began_s = time.perf_counter()
        for number in range(pieces):
            part = values[
                len(values) * number // pieces : len(values) * (number + 1) // pieces
            ]
            await _send(background, team.topic, part, number % PARTITIONS)
            if number % between == 0:
                agent = f"probe-{rate}-{number}"
                sent_s[agent] = time.perf_counter()
                await probes.send(
                    team.topic, probe(agent), partition=number % PARTITIONS
                )
            ahead_s = began_s + (number + 1) * STEP_S - time.perf_counter()
            await asyncio.sleep(max(0.0, ahead_s))
        per_second = len(values) / (time.perf_counter() - began_s)
        deadline_s = time.perf_counter() + _PATIENCE_S
        while sent_s.keys() - sink.arrived_s.keys():
            if time.perf_counter() > deadline_s:
                lost = sorted(sent_s.keys() - sink.arrived_s.keys())
                raise RuntimeError(f"nobody was told of {lost}")
            await asyncio.sleep(0.05)
    finally:
        await background.stop()
        await probes.stop()
    took_ms = [1_000 * (sink.arrived_s[agent] - at_s) for agent, at_s in sent_s.items()]
    return took_ms, per_second


def probe(agent: str) -> bytes:
    """A session that is dear beyond doubt."""
    event = {
        "session_id": agent,
        "agent": agent,
        "task_type": "probe",
        "ended_at": time.time(),
        "cost_usd": 1_000.0,
    }
    return msgspec.json.encode(event)


async def _send(
    producer: AIOKafkaProducer, topic: str, values: Sequence[bytes], partition: int
) -> None:
    batch = producer.create_batch()
    for value in values:
        if batch.append(key=None, value=value, timestamp=None) is None:
            await producer.send_batch(batch, topic, partition=partition)
            batch = producer.create_batch()
            batch.append(key=None, value=value, timestamp=None)
    if batch.record_count():
        await producer.send_batch(batch, topic, partition=partition)
