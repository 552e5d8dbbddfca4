"""Every example of ``docs/publish.md`` does what the page says."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from loopwatch.broker import EmbeddedBroker
from streams.events.deadletter import DeadLetter
from streams.events.session import Malformed, decode_session
from streams.events.session_fields import SessionEvent

PAGE = (Path(__file__).parents[3] / "docs/publish.md").read_text(encoding="utf-8")
SCALE = (1.0, 10.0)


def blocks(kind: str) -> list[str]:
    """The fenced examples of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def named_in_table(heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("example", blocks("json"))
def test_an_example_is_a_session(example: str) -> None:
    """Every field of it is known."""
    assert decode_session(example.encode(), SCALE, None).unknown == ()


def test_the_large_example_shows_every_field() -> None:
    """But for the one that only stands in for another."""
    shown = {name for example in blocks("json") for name in json.loads(example)}
    assert shown == set(SessionEvent.__struct_fields__) - {"task_completed"}


def test_the_tables_are_whole() -> None:
    """Each field of a session and of a dead letter has its line."""
    assert named_in_table("Fields") == set(SessionEvent.__struct_fields__)
    assert named_in_table("Dead letters") == set(DeadLetter.__struct_encode_fields__)


def test_refusals_read_as_they_are_shown() -> None:
    """Each line of the bad file gives the message printed for it."""
    (bad,), (printed,) = blocks("jsonl"), blocks("text")
    said = []
    for number, line in enumerate(bad.splitlines(), start=1):
        with pytest.raises(Malformed) as refused:
            decode_session(line.encode(), SCALE, None)
        said.append(f"line {number}: not a session: {refused.value}")
    assert said == printed.splitlines()


def test_every_program_is_one() -> None:
    """Each Python example is complete; not every client is installed here."""
    for number, example in enumerate(blocks("python")):
        compile(example, f"example {number}", "exec")


def test_the_first_program_publishes_a_session(
    embedded_broker: EmbeddedBroker,
) -> None:
    """Run as it stands, but for the address."""
    server = embedded_broker.bootstrap_servers
    program = blocks("python")[0].replace("localhost:9092", server)
    assert server in program
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)

    async def read() -> bytes:
        consumer = AIOKafkaConsumer(
            "agent.sessions", bootstrap_servers=server, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            return bytes((await consumer.getone()).value)
        finally:
            await consumer.stop()

    assert decode_session(asyncio.run(read()), SCALE, None).session_id == "run-8f2e"
