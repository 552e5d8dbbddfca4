"""``loopwatch backtest --topic``: the past as Kafka still has it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from detectors.transitions import rfc3339
from loopwatch.apache_kafka import ApacheKafka
from tests.kafka.workers import Site, encoded

# Kafka forgets what is old, and refuses what is to come.
BEGIN_S = int(time.time()) - 3 * 3600
RULES = "rules: [{name: dear, by: [agent], metric: cost_usd, threshold: LIMIT}]\n"
SESSIONS = [
    {
        "session_id": f"s{n}",
        "agent": f"a{n % 3}",
        "ended_at": BEGIN_S + 60 * n,
        "cost_usd": [0.1, 1.0, 3.0][n // 40],
    }
    for n in range(120)
]


@pytest.fixture
async def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """Two files of rules, and a topic with two hours of sessions in four partitions."""
    site = Site(kafka.bootstrap_servers, topic_prefix, tmp_path, "rules: []\n")
    for name, limit in (("old", "0.5"), ("new", "2.0")):
        site.write(f"{name}.yaml", RULES.replace("LIMIT", limit))
    await site.make_topics()
    producer = AIOKafkaProducer(**site.connection)
    await producer.start()
    try:
        # Not in order of time: by partition.
        for partition in range(4):
            for session in SESSIONS[partition::4]:
                await producer.send(
                    site.topics.sessions,
                    encoded(session),
                    partition=partition,
                    timestamp_ms=int(session["ended_at"]) * 1_000,  # type: ignore[call-overload]
                )
        await producer.flush()
    finally:
        await producer.stop()
    return site


async def backtest(site: Site, *arguments: str) -> Any:
    """What the command prints for programs."""
    rules = [
        *("--before", str(site.folder / "old.yaml")),
        *("--after", str(site.folder / "new.yaml")),
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "loopwatch", "backtest", *arguments, *rules, "--output", "json"),
        env=os.environ | site.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    return json.loads(stdout)


@pytest.mark.parametrize(("first", "last"), [(0, 120), (20, 90)])
async def test_a_topic_says_what_a_file_of_its_sessions_says(
    site: Site, first: int, last: int
) -> None:
    """All of it, or a time: partitions are merged in the order of writing."""
    file = site.folder / "sessions.jsonl"
    file.write_bytes(b"".join(encoded(each) + b"\n" for each in SESSIONS[first:last]))
    begin, end = (rfc3339((BEGIN_S + 60 * n) * 1_000_000) for n in (first, last))
    options = ("--topic", site.topics.sessions, "--from", begin, "--to", end)
    found = await backtest(site, *options)
    assert found == await backtest(site, str(file))
    assert found["sessions"] == last - first
    assert len(found["moved"]) == 3


async def test_without_a_time_it_is_all_there_is(site: Site) -> None:
    """From what Kafka still has to the present end."""
    found = await backtest(site, "--topic", site.topics.sessions)
    assert found["sessions"] == len(SESSIONS)
