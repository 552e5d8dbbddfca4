"""What ``docs/backtest.md`` shows is what ``loopwatch backtest`` says."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from loopwatch.broker import EmbeddedBroker
from loopwatch.moments import parse_moment
from streams.settings import Settings
from tests.unit.replay.test_replay import command

PAGE = (Path(__file__).parents[3] / "docs/backtest.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The page's examples of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


COMMANDS = [
    shlex.split(shown.removeprefix("$ loopwatch ")) for shown in blocks("console")
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files: the rules as they are, as they would be, and the sessions."""
    monkeypatch.chdir(tmp_path)
    whole, change = blocks("yaml")
    rule = change.removeprefix("# change\n")
    name = re.search(r"name: [\w-]+", rule)
    assert name is not None
    (old,) = (line for line in whole.splitlines() if name[0] in line)
    for file, text in (
        ("loopwatch.yaml", whole),
        ("main.yaml", whole),
        ("new.yaml", whole.replace(f"{old}\n", rule)),
    ):
        (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / "sessions.jsonl").write_text(blocks("json")[0], encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_difference_is_the_real_one() -> None:
    """Every character of it."""
    code, stdout, stderr = command(COMMANDS[0])
    assert code == 0, stderr
    assert stdout.decode() == blocks("text")[0]


@pytest.mark.usefixtures("folder")
def test_the_command_for_ci_fails_where_there_are_new_pages() -> None:
    """The page's own change has one; without a change there is none."""
    assert "--max-new-pages" in COMMANDS[1]
    assert command(COMMANDS[1])[0] == 0
    changed = ["new.yaml" if word == "loopwatch.yaml" else word for word in COMMANDS[1]]
    assert command(changed)[0] == 1


def test_a_silence_of_the_time_spares_the_page(folder: Path) -> None:
    """The page's own: what people did happens in both runs."""
    words = COMMANDS[2]
    (actions,) = blocks("jsonl")
    (folder / words[words.index("--actions") + 1]).write_text(actions, encoding="utf-8")
    code, stdout, stderr = command([*words, "--output", "json"])
    assert code == 0, stderr
    assert json.loads(stdout)["new_pages"] == 0


def test_out_of_kafka_it_is_the_same(
    folder: Path, embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions written in the time that the command names, and no others.

    Where there are none that is said: no difference is no answer then.
    """
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LOOPWATCH_{name.upper()}", raising=False)
    servers = embedded_broker.bootstrap_servers
    monkeypatch.setenv("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", servers)
    words = COMMANDS[3]
    begin_ms, end_ms, outside_ms = (
        parse_moment(time) // 1_000
        for time in (
            words[words.index("--from") + 1],
            words[words.index("--to") + 1],
            "2020-01-01T00:00:00Z",
        )
    )
    sessions = (folder / "sessions.jsonl").read_bytes().splitlines()
    topic = words[words.index("--topic") + 1]
    asyncio.run(
        _write(
            embedded_broker,
            topic,
            [
                *((at, sessions[4]) for at in (outside_ms, begin_ms - 1)),
                *((begin_ms + at, session) for at, session in enumerate(sessions)),
                (end_ms, sessions[4]),
            ],
        )
    )
    code, stdout, stderr = command(words)
    assert code == 0, stderr
    assert stdout.decode() == blocks("text")[0]
    assert "looks up no times" in stderr
    later = [*words[: words.index("--from")], "--from", "2035-01-01T00:00:00Z"]
    code, _, stderr = command(later)
    assert (code, f"no session was written to {topic} in that time" in stderr) == (0, 1)


async def _write(
    broker: EmbeddedBroker, topic: str, records: list[tuple[int, bytes]]
) -> None:
    """Write values, each at its time in ms."""
    producer = AIOKafkaProducer(**broker.connection)
    await producer.start()
    try:
        for at_ms, value in records:
            await producer.send_and_wait(
                topic,
                value,
                partition=0,
                timestamp_ms=at_ms,
            )
    finally:
        await producer.stop()


@pytest.mark.usefixtures("folder")
def test_the_keys_for_programs_are_these() -> None:
    """In the order of the page's table."""
    shown = re.findall(
        r"^\| (`.*?`) \|", PAGE[PAGE.index("## For programs") :], re.MULTILINE
    )
    named = [key for row in shown for key in re.findall(r"`(\w+)`", row)]
    found = json.loads(command([*COMMANDS[0], "--output", "json"])[1])
    assert list(found) == named
