"""What people ask for on the command line: what is typed, and what travels."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from typer.testing import CliRunner, Result

from alerts.rows import encode_row, silence_row
from alerts.silences import Silence
from loopwatch.broker import EmbeddedBroker
from loopwatch.cli import build
from streams.control.actions import (
    AckAction,
    Action,
    ExpireAction,
    ForgiveAction,
    SilenceAction,
    decode_action,
)
from streams.settings import Settings


@pytest.fixture(autouse=True)
def only_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without our variables."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LOOPWATCH_{name.upper()}", raising=False)


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(build(arguments[:1]), arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["silence", "add", "--for", "1h"], "say which alerts"),
        (["silence", "add", "agent=a"], "say how long"),
        (
            ["silence", "add", "agent=a", "--for", "1h", "--until", "x"],
            "say how long",
        ),
        (["silence", "add", "agent=a", "--for", "soon"], "--for"),
        (["silence", "add", "agent=a", "--for", "0s"], "over already"),
        (["silence", "add", "agent=a", "--until", "2026"], "is no time"),
        (
            ["silence", "add", "agent=a", "--until", "2020-01-01T00:00:00Z"],
            "over already",
        ),
        (["silence", "add", "agent=a", "--until", "2099-01-01T00:00:00"], "no offset"),
        (["ack"], "say which alerts"),
        (["status", "--forgive", ""], "name the receiver"),
        (["status", "--forgive", "on-call", "--wait", "soon"], "--wait"),
        (["ack", "agent=a", "--for", "0s"], "is no time"),
        (["ack", "agent=a", "agent=b"], "acknowledge one after the other"),
    ],
)
def test_wrong_usage_is_said_at_once(arguments: list[str], said: str) -> None:
    """Exit code 2, before Kafka is asked."""
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_they_write_to_the_control_topic(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where notify reads them; the id alone goes to stdout."""
    servers = embedded_broker.bootstrap_servers
    monkeypatch.setenv("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", servers)
    added = call(
        *("silence", "add", "agent=a", "--rule", "cost", "--for", "2h"),
        *("--by", "ann", "--comment", "a new model"),
    )
    assert added.exit_code == 0, added.stderr
    name = added.stdout.strip()
    assert call("silence", "expire", name, "--by", "bob").exit_code == 0
    assert call("ack", "agent=a", "--for", "30m", "--by", "ann").exit_code == 0
    assert call("status", "--forgive", "on-call", "--by", "ann").exit_code == 0
    silence, expire, ack, forgive = asyncio.run(_read(servers, 4))
    assert isinstance(silence, SilenceAction)
    assert silence.match == {"agent": "a", "rule": "cost"}
    assert silence.until_us - silence.at_us == 7200 * 1_000_000
    assert (silence.id, silence.by, silence.comment) == (name, "ann", "a new model")
    assert isinstance(expire, ExpireAction)
    assert (expire.id, expire.by) == (name, "bob")
    assert isinstance(ack, AckAction)
    assert (ack.match, ack.for_us) == ({"agent": "a"}, 1800 * 1_000_000)
    assert isinstance(forgive, ForgiveAction)
    assert (forgive.receiver, forgive.by) == ("on-call", "ann")


def test_the_list_shows_what_notify_keeps(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those in force, the first to end first; what is over is left out."""
    servers = embedded_broker.bootstrap_servers
    monkeypatch.setenv("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", servers)
    empty = call("silence", "list")
    assert (empty.exit_code, empty.stdout) == (0, "")
    now_us = time.time_ns() // 1_000
    hour_us = 3600 * 1_000_000
    kept = [
        Silence("late", {"agent": "a"}, 0, now_us + 2 * hour_us, "ann", "why"),
        Silence("soon", ['tenant=~"acme-.*"'], 0, now_us + hour_us),
        Silence("over", {"agent": "b"}, 0, now_us - hour_us),
    ]
    asyncio.run(_keep(servers, kept))
    shown = call("silence", "list")
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["soon", "late"]
    assert '{agent="a"} by ann  why' in shown.stdout
    first = json.loads(call("silence", "list", "--json").stdout.splitlines()[0])
    assert first["match"] == ['tenant=~"acme-.*"']


async def _read(servers: str, count: int) -> list[Action]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        tp = TopicPartition("loopwatch.control", 0)
        consumer.assign([tp])
        consumer.seek(tp, 0)
        return [
            decode_action((await consumer.getone()).value or b"") for _ in range(count)
        ]
    finally:
        await consumer.stop()


async def _keep(servers: str, silences: list[Silence]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    try:
        for silence in silences:
            await producer.send_and_wait(
                "loopwatch.notify-state",
                encode_row(silence),
                key=silence_row(silence.id),
                partition=0,
            )
    finally:
        await producer.stop()
