"""``loopwatch accept``: conditions are checked before Kafka is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from typer.testing import CliRunner, Result

from loopwatch.broker import EmbeddedBroker
from loopwatch.cli import build
from loopwatch.conditions import read_conditions
from streams.control.actions import AcceptAction, decode_action
from streams.settings import Settings


@pytest.fixture(autouse=True)
def only_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without our variables."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LOOPWATCH_{name.upper()}", raising=False)


def call(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(build(["accept"]), ["accept", *arguments])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say which alerts"),
        (["agent"], "'agent' is no condition; write LABEL=VALUE"),
        (["agent=a", "agent=b"], "'agent' stands twice"),
        (["rule=a", "--rule", "b"], "'rule' stands twice"),
        (["agent=~("], "is no regular expression"),
        (["agent=a", "--wait", "soon"], "--wait"),
    ],
)
def test_wrong_usage_is_said_at_once(arguments: list[str], said: str) -> None:
    """Exit code 2."""
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("labels", "rule", "match"),
    [
        (["agent=a", "task_type="], None, {"agent": "a", "task_type": ""}),
        ([], "cost", {"rule": "cost"}),
        (["tenant=a=b c"], "cost", {"tenant": "a=b c", "rule": "cost"}),
        (
            ["tenant=~acme-.*", "agent!=x"],
            "cost",
            ['tenant=~"acme-.*"', 'agent!="x"', 'rule="cost"'],
        ),
    ],
)
def test_conditions_travel_as_people_wrote_them(
    labels: list[str], rule: str | None, match: Any
) -> None:
    """A map where all are equal, else matchers."""
    assert read_conditions(labels, rule, verb="accept") == match


def test_without_kafka_it_fails_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, and nothing was written."""
    monkeypatch.setenv("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    result = call("agent=a", "--wait", "0s")
    assert result.exit_code in (1, 2)
    assert "error" in result.stderr.lower()


def test_it_writes_to_the_control_topic(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ingest finds it; the command says at which offset."""
    servers = embedded_broker.bootstrap_servers
    monkeypatch.setenv("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", servers)
    result = call("agent=a", "--rule", "cost", "--by", "ann")
    assert result.exit_code == 0, result.stderr
    assert "Written to loopwatch.control at offset 0" in result.stderr
    assert "a threshold, an absence or a budget has no level" in result.stderr

    async def read() -> bytes:
        consumer = AIOKafkaConsumer(bootstrap_servers=servers)
        await consumer.start()
        try:
            tp = TopicPartition("loopwatch.control", 0)
            consumer.assign([tp])
            consumer.seek(tp, 0)
            return bytes((await consumer.getone()).value)
        finally:
            await consumer.stop()

    action = decode_action(asyncio.run(read()))
    assert isinstance(action, AcceptAction)
    assert (action.match, action.by) == ({"agent": "a", "rule": "cost"}, "ann")
