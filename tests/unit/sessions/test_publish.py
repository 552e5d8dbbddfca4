"""Lines become records; what is no session is told, and the rest goes on."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from typer.testing import CliRunner

from loopwatch.broker import EmbeddedBroker
from loopwatch.cli import build
from loopwatch.ports import free_port
from streams.events.session import decode_session
from streams.publish import Published, publish, read_lines, start_producer
from streams.settings import Settings

TOPIC = "agent.sessions"


def event(number: int, **fields: Any) -> bytes:
    """One line."""
    known = {"session_id": f"s-{number}", "agent": "triage", "ended_at": 1_767_225_600}
    return msgspec.json.encode(known | fields) + b"\n"


def settings(broker: EmbeddedBroker) -> Settings:
    """How to reach it."""
    return Settings(kafka_bootstrap_servers=broker.bootstrap_servers)


async def read(broker: EmbeddedBroker, count: int) -> list[tuple[bytes, bytes, int]]:
    """Key, value and partition of so many records, by key."""
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=broker.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        records = [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()
    return sorted((record.key, record.value, record.partition) for record in records)


async def send(broker: EmbeddedBroker, lines: Any, **options: Any) -> Published:
    """Publish lines to it."""
    published = Published()
    producer = await start_producer(settings(broker), TOPIC)
    try:
        await publish(lines, producer, TOPIC, published, **options)
    finally:
        await producer.stop()
    return published


async def test_sessions_arrive_as_they_were_written(
    embedded_broker: EmbeddedBroker,
) -> None:
    """Byte for byte, under their agent's name, on a topic that was made for them."""
    lines = [
        event(number, agent=f"a-{number % 5}", note="ü", cost_usd=0.10)
        for number in range(20)
    ]
    published = await send(embedded_broker, lines)
    records = await read(embedded_broker, 20)
    assert {(key, value) for key, value, _ in records} == {
        (b"a-%d" % (number % 5), line.strip()) for number, line in enumerate(lines)
    }
    places = {(key, partition) for key, _, partition in records}
    assert len(places) == 5, "an agent's sessions share a partition"
    assert len({partition for _, partition in places}) > 1
    assert (published.sent, published.rejected) == (20, 0)
    assert published.unknown == {"note": 20}


async def test_bad_lines_are_told_and_the_rest_goes_on(
    embedded_broker: EmbeddedBroker,
) -> None:
    """By the number of the line in the file, blank ones counted, none published."""

    async def lines() -> AsyncIterator[bytes]:
        ahead = time.time() + 3_600
        for line in (event(1), b"\n", b"{]\n", event(2, cost_usd=-1), b"  \r\n"):
            yield line
        yield event(3, ended_at=ahead)
        yield event(4).rstrip()

    told: list[tuple[int, str]] = []
    published = await send(
        embedded_broker, lines(), reject=lambda *line: told.append(line)
    )
    assert [number for number, _ in told] == [3, 4, 6]
    assert told[1][1] == "cost_usd: -1 is negative"
    assert "5 minutes ahead" in told[2][1]
    assert (published.sent, published.rejected) == (2, 3)
    assert [value for _, value, _ in await read(embedded_broker, 2)] == [
        event(1).strip(),
        event(4).strip(),
    ]


async def test_a_rate_spaces_sessions_evenly(embedded_broker: EmbeddedBroker) -> None:
    """Ten sessions at 100 a second take no less than 90 ms."""
    began = time.monotonic()
    await send(embedded_broker, [event(number) for number in range(10)], rate=100)
    assert time.monotonic() - began >= 0.09


async def test_lines_come_as_they_are_written() -> None:
    """A line is there before the pipe ends, however it was cut into pieces."""
    reader, writer = os.pipe()
    lines = read_lines(reader)
    os.write(writer, b"one\ntw")
    assert await anext(lines) == b"one\n"
    os.write(writer, b"o\n\nthr")
    assert [await anext(lines), await anext(lines)] == [b"two\n", b"\n"]
    os.write(writer, b"ee")
    os.close(writer)
    assert [line async for line in lines] == [b"three"]
    os.close(reader)


async def test_long_files_are_read_whole(tmp_path: Path) -> None:
    """Line by line, as many as there are."""
    whole = [b"%d" % number * 50 + b"\n" for number in range(20_000)]
    (tmp_path / "long").write_bytes(b"".join(whole))
    with (tmp_path / "long").open("rb") as file:
        assert [line async for line in read_lines(file.fileno())] == whole


def command(broker: EmbeddedBroker | None, *arguments: str) -> Any:
    """Run ``loopwatch publish`` against a broker."""
    servers = broker.bootstrap_servers if broker else f"127.0.0.1:{free_port()}"
    line = ["publish", *arguments]
    return CliRunner(env={"LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS": servers}).invoke(
        build(line), line
    )


def test_a_good_file_is_published(
    embedded_broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """Exit 0, nothing on stdout, one sentence on stderr."""
    file = tmp_path / "sessions.jsonl"
    file.write_bytes(event(1) + b"\n" + event(2, reward=1))
    done = command(embedded_broker, str(file))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        "2 sessions published to agent.sessions; fields that nobody knows are kept"
        " out: reward (1)\n"
    )


def test_a_bad_line_makes_exit_1(
    embedded_broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """Though all others were published."""
    file = tmp_path / "sessions.jsonl"
    file.write_bytes(event(1) + b"[]\n" + event(2))
    done = command(embedded_broker, str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "line 2: not a session: not a JSON object\n"
        "2 sessions published to agent.sessions, 1 line refused\n"
    )
    assert len(asyncio.run(read(embedded_broker, 2))) == 2


def test_as_of_now_the_last_session_ends_now(
    embedded_broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """All others keep their distance to it, and their spelling."""
    file = tmp_path / "sessions.jsonl"
    file.write_bytes(
        event(1, ended_at="2026-01-02T00:00:00.5+01:00", started_at=1_767_200_000)
        + b"x\n"
        + event(2, ended_at="2026-01-01T00:00:00Z")
    )
    before_us = time.time_ns() // 1_000
    done = command(embedded_broker, str(file), "--as-of-now")
    after_us = time.time_ns() // 1_000
    assert done.exit_code == 1, done.stderr
    values = [value for _, value, _ in asyncio.run(read(embedded_broker, 2))]
    last, first = (decode_session(v, (1, 10), None).ended_at_us for v in values)
    assert before_us - 1_000_000 < last <= after_us
    assert last - first == (23 * 3_600 * 10 + 5) * 100_000
    assert json.loads(values[0])["ended_at"].endswith(".5+01:00")
    assert isinstance(json.loads(values[0])["started_at"], int)


def test_a_missing_file_is_exit_1() -> None:
    """Before Kafka is asked for anything."""
    done = command(None, "missing.jsonl")
    assert done.exit_code == 1
    assert done.stderr == "error: missing.jsonl: No such file or directory\n"


def test_a_missing_kafka_is_named(tmp_path: Path) -> None:
    """After the wait, with the host and the setting."""
    (tmp_path / "s.jsonl").write_bytes(event(1))
    done = command(None, str(tmp_path / "s.jsonl"), "--wait", "0s")
    assert done.exit_code == 1
    assert "127.0.0.1:" in done.stderr
    assert "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--bootstrap-servers", "nowhere"], "'nowhere' is no host:port"),
        (["--wait", "soon"], "soon is no duration; write 60s or 2m"),
        (["--rate", "0"], "--rate"),
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str], why: str, tmp_path: Path) -> None:
    """And says what would be right."""
    (tmp_path / "s.jsonl").write_bytes(event(1))
    done = command(None, str(tmp_path / "s.jsonl"), *arguments)
    assert done.exit_code == 2
    assert why in done.stderr


async def test_a_pipe_is_published_as_it_speaks(
    embedded_broker: EmbeddedBroker,
) -> None:
    """A session arrives while the pipe stays open, and Ctrl-C ends it cleanly."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loopwatch", "publish", "-"),
        *("--bootstrap-servers", embedded_broker.bootstrap_servers),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(event(1))
    await process.stdin.drain()
    assert await read(embedded_broker, 1)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert err == b"Stopped: 1 session published to agent.sessions\n"
