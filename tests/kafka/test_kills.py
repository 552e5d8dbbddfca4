"""Workers killed and frozen again and again lose nothing and say nothing twice.

A sequential oracle folds the observations as they stand in the log; what the workers
published and wrote down must be the same.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer

from detectors.partition import Partition
from detectors.state.seals import Seal
from detectors.transitions import Line, Transition, Update, decode_line
from loopwatch.apache_kafka import ApacheKafka
from loopwatch.config import load
from streams.observations.block import decode_block
from streams.state.newest import holds
from streams.state.topic import SEAL
from tests.kafka.workers import Site, Worker, encoded, eventually, read, session

KILLS = 26
FREEZES = 4
PER_SECOND = 250
AGENTS = 24
PARTITIONS = 4

RULES = """
lateness: 1s
defaults: {by: [agent]}
rules:
  - {name: dear, metric: cost_usd, threshold: {warning: 0.5, critical: 2.0},
     keep_firing_for: 1s}
  - {name: failing, metric: tool_error_rate, window: 5 sessions, min_samples: 3,
     threshold: {critical: 0.2}, keep_firing_for: 500ms}
  - {name: lasting, metric: cost_usd, window: 2s, min_samples: 3, aggregate: mean,
     threshold: {warning: 0.05}, for: 1s}
  - {name: slower, metric: latency_ms, window: 10 sessions, aggregate: p95,
     min_samples: 10, baseline: {ratio: 1.5, over: 200 sessions}}
  - {name: gone, metric: sessions, absence: 3s}
"""


class Feed:
    """Sessions of agents that have good and bad times, into all partitions."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site = site
        self._random = Random(seed)  # noqa: S311  traffic, not secrets
        self.published: list[str] = []

    async def run(self) -> None:
        """Publish at an even pace until cancelled; all of it is acknowledged."""
        producer = AIOKafkaProducer(**self._site.connection)
        await producer.start()
        try:
            while True:
                for _ in range(PER_SECOND // 10):
                    await self._send(producer)
                await asyncio.sleep(0.1)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer) -> None:
        draw, number = self._random, len(self.published)
        # Each agent's fortune turns every few seconds; some fall silent meanwhile.
        agent = int(AGENTS * draw.random() ** 2)
        bad = (number // 1000 + agent) % 3 == 0
        name = f"s{number}"
        event = session(
            name,
            f"agent-{agent}",
            cost_usd=draw.choice([0.01, 0.02, 0.6 if bad else 0.01, 3.0 if bad else 0]),
            tool_calls=10,
            tool_errors=draw.randint(2, 6) if bad else 0,
            latency_ms=draw.uniform(80, 120) * (4 if bad else 1),
        )
        partition = draw.randrange(PARTITIONS)
        await producer.send(
            self._site.topics.sessions, encoded(event), partition=partition
        )
        self.published.append(name)


async def kill_again_and_again(site: Site, seed: int) -> list[Worker]:
    """Kill one worker, now and then both, and start it again at once; those left.

    Now and then one is frozen for longer than its session instead: it wakes up with
    the state of partitions that another one has taken further.
    """
    draw = Random(seed)  # noqa: S311  moments, not secrets
    workers = [site.start(), site.start()]
    for worker in workers:
        await worker.ready()
    kills = 0
    while kills < KILLS:
        await asyncio.sleep(draw.uniform(0.5, 4))
        if draw.random() < FREEZES / KILLS:
            worker = draw.choice(workers)
            worker.child.pause()
            await asyncio.sleep(draw.uniform(2, 4))
            worker.child.resume()
            continue
        for slot in draw.choice([[0], [1], [0], [1], [0, 1]]):
            worker = workers[slot]
            assert worker.child.running, worker.said()
            worker.child.kill()
            workers[slot] = site.start()
            kills += 1
    for worker in workers:
        await worker.ready()
    return workers


class Oracle:
    """What a single reader makes of the observations, in the order of the log."""

    def __init__(self, site: Site) -> None:
        config = load(site.config, {}).config
        assert config is not None
        self.partitions = [
            Partition(config.book, number=number) for number in range(PARTITIONS)
        ]
        self.lines: list[Line] = []
        self.sessions: Counter[str] = Counter()
        self._applied: dict[tuple[int, int], int] = defaultdict(lambda: -1)

    def fold(self, record: Any) -> None:
        """Fold one block."""
        batch = decode_block(record.value).batch()
        seen = (record.partition, batch.source)
        for offset, name in zip(batch.offsets, batch.session_ids, strict=True):
            if offset > self._applied[seen]:
                self._applied[seen] = offset
                self.sessions[name] += 1
        self.lines += self.partitions[record.partition].apply(batch, record.offset)


async def test_kills_lose_nothing(
    apache_kafka: Callable[..., ApacheKafka], topic_prefix: str, tmp_path: Path
) -> None:
    """After 26 kill -9 lines, rows and counts are those of one undisturbed reader."""
    seed = int(os.environ.get("LOOPWATCH_TEST_SEED", "0")) or Random().randrange(10**6)  # noqa: S311
    kafka = apache_kafka(properties={"group.min.session.timeout.ms": "1000"})
    site = Site(
        kafka.bootstrap_servers,
        topic_prefix,
        tmp_path,
        RULES,
        LOOPWATCH_SESSION_TIMEOUT_S="2",
        LOOPWATCH_HEARTBEAT_INTERVAL_S="0.5",
        LOOPWATCH_REBALANCE_TIMEOUT_S="4",
    )
    await site.make_topics()
    feed = Feed(site, seed)
    feeding = asyncio.create_task(feed.run())
    try:
        workers = await kill_again_and_again(site, seed)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)

    idle = 0

    async def done() -> bool:
        # Thrice in a row: what was just ingested is a block that nobody has fetched.
        nonlocal idle
        lags = []
        for worker in workers:
            assert worker.child.running, worker.said()
            (group,) = (await worker.status())["groups"].values()
            lags += [lag for part in group["lag"].values() for lag in part.values()]
        idle = idle + 1 if len(lags) == 2 * PARTITIONS and max(lags) <= 2 else 0
        return idle == 3

    await eventually(done)
    for worker in workers:
        assert await worker.stop() == 0, worker.said()
    await compare(site, feed, seed)


async def compare(site: Site, feed: Feed, seed: int) -> None:
    """Compare what the workers left with what the oracle finds."""
    newest: dict[int, dict[bytes, Any]] = {n: {} for n in range(PARTITIONS)}
    for record in await read(site.connection, site.topics.detect_state):
        known = newest[record.partition].get(record.key)
        if known is None or holds(known, record):
            newest[record.partition][record.key] = record
    rows: dict[int, dict[bytes, bytes]] = {
        number: {k: each.value for k, each in found.items() if each.value is not None}
        for number, found in newest.items()
    }
    oracle = Oracle(site)
    sealed = {
        number: Seal.load(found.pop(SEAL)).offset for number, found in rows.items()
    }
    for record in await read(site.connection, site.topics.observations):
        if record.offset <= sealed[record.partition]:
            oracle.fold(record)
        else:
            assert record.key == b"tick", f"seed {seed}: a block was left over"

    assert set(oracle.sessions) == set(feed.published), f"seed {seed}"
    assert set(oracle.sessions.values()) == {1}, f"seed {seed}"
    counts = [partition.counts for partition in oracle.partitions]
    assert sum(each.observations for each in counts) == len(feed.published)

    published = await _published(site)
    expected = _by_number(oracle.lines)
    assert len(expected) > 100, "the feed must make alerts come and go"
    missing = expected.keys() - published.keys()
    unexpected = published.keys() - expected.keys()
    assert (missing, unexpected) == (set(), set()), f"seed {seed}"
    assert published == expected, f"seed {seed}"
    for number, partition in enumerate(oracle.partitions):
        assert rows[number] == dict(partition.take_dirty()), f"seed {seed}"


async def _published(site: Site) -> dict[tuple[str, int, str], Transition | Update]:
    """Every line once; a line that came twice must be the same both times."""
    lines = [
        decode_line(record.value)
        for record in await read(site.connection, site.topics.transitions)
    ]
    found = _by_number(lines)
    for line in lines:
        if isinstance(line, Transition | Update):
            assert found[line.alert_id, line.seq, type(line).__name__] == line
    return found


def _by_number(lines: list[Line]) -> dict[tuple[str, int, str], Transition | Update]:
    return {
        (line.alert_id, line.seq, type(line).__name__): line
        for line in lines
        if isinstance(line, Transition | Update)
    }
