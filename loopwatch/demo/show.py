"""The demo: the parts of production on this machine, and an incident to watch."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer

from loopwatch.broker import EmbeddedBroker
from loopwatch.child import Child
from loopwatch.demo.feed import Feed
from loopwatch.demo.fleet import BROKEN_AGENT
from loopwatch.ports import free_port, is_free
from loopwatch.sandbox import Inbox, Sandbox

PARTITIONS: Final = 4
PER_SECOND: Final = 40.0
HEALTHY_S: Final = 12.0
REPORTED_EACH: Final = 10
"""Sessions between two reports to the page."""

WATCHED_S: Final = 5.0
"""How long the incident stays to be looked at."""

PATIENCE_S: Final = 60.0
"""How long each thing that must come is waited for."""

Say = Callable[[str], None]


class DemoError(Exception):
    """Something that had to come did not; says what."""


async def show(*, once: bool, port: int, say: Say) -> None:
    """Run the demo until it is cancelled, or with ``once`` through one incident.

    Args:
        once: End after the resolves have arrived.
        port: Of the sandbox's page; another one if it is taken.
        say: Told what happens.

    Raises:
        DemoError: A part did not start, or an alert or its resolve did not arrive.
        loopwatch.broker.BrokerUnavailableError: No embedded broker for this machine.
    """
    page = port if is_free("127.0.0.1", port) else free_port()
    async with Sandbox(page) as box:
        say(f"The inbox of those on call:  {box.url}  (open it in a browser)")
        async with EmbeddedBroker() as broker, _worker(broker, box) as worker:
            say("Broker and worker are up. Healthy sessions flow.")
            producer = AIOKafkaProducer(**broker.connection, linger_ms=20)
            await producer.start()
            try:
                await _play(box, producer, worker, once=once, say=say)
            finally:
                await producer.stop()


async def _play(
    box: Sandbox, producer: AIOKafkaProducer, worker: Child, *, once: bool, say: Say
) -> None:
    total = itertools.count(1)

    def tell() -> None:
        played = next(total)
        if played % REPORTED_EACH == 0:
            box.inbox.note(sessions=played)

    feed = Feed(producer, "agent.sessions", PARTITIONS, PER_SECOND, tell)
    story = asyncio.create_task(_story(box, feed, once=once, say=say))
    sessions = asyncio.create_task(feed.run())
    gone = asyncio.create_task(worker.exited())
    tasks = {story, sessions, gone}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise DemoError(
                f"the worker ended by itself (code {gone.result()}); it printed:\n"
                f"{worker.output_tail(20)}"
            )
        for ended in (story, sessions):
            if ended.done():
                ended.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _story(box: Sandbox, feed: Feed, *, once: bool, say: Say) -> None:
    box.inbox.note("Healthy sessions flow. The worker learns what is normal.")
    await asyncio.sleep(HEALTHY_S)
    while True:
        known = _Arrived(box.inbox)
        feed.incident = True
        said = f"Incident: {BROKEN_AGENT} 2.1.1 is deployed, and goes round in circles."
        say(said)
        box.inbox.note(said, tone="bad")
        await _expect(box, "a Slack alert", known.slack_alert)
        say("Slack was told.")
        await _expect(box, "a page", known.page)
        say("The person on call was paged.")
        await asyncio.sleep(WATCHED_S)
        feed.incident = False
        said = "The deploy is rolled back."
        say(said)
        box.inbox.note(said)
        await _expect(box, "the resolves in Slack", known.slack_resolves)
        await _expect(box, "the resolve of the page", known.page_resolved)
        say("Everything that was told has been resolved.")
        box.inbox.note("Everything that was told has been resolved.", tone="ok")
        if once:
            return
        await asyncio.sleep(3 * HEALTHY_S)


async def _expect(box: Sandbox, what: str, arrived: Callable[[Inbox], bool]) -> None:
    try:
        await box.wait_for(arrived, PATIENCE_S)
    except TimeoutError as fault:
        raise DemoError(f"{what} did not arrive: {fault}") from None


class _Arrived:
    """What came since an incident began."""

    def __init__(self, inbox: Inbox) -> None:
        self._messages = {message.ts for message in inbox.messages()}
        self._incidents = {incident.number for incident in inbox.incidents()}

    def slack_alert(self, inbox: Inbox) -> bool:
        """Whether a message was posted to Slack."""
        return any(m.ts not in self._messages for m in inbox.messages())

    def page(self, inbox: Inbox) -> bool:
        """Whether an incident was opened."""
        return any(i.number not in self._incidents for i in inbox.incidents())

    def slack_resolves(self, inbox: Inbox) -> bool:
        """Whether every new root message says that it is resolved."""
        new = [
            message
            for message in inbox.messages()
            if message.ts not in self._messages and message.thread_ts is None
        ]
        return bool(new) and all("resolved" in m.text.lower() for m in new)

    def page_resolved(self, inbox: Inbox) -> bool:
        """Whether every new incident is resolved."""
        new = [i for i in inbox.incidents() if i.number not in self._incidents]
        return bool(new) and all(i.status == "resolved" for i in new)


@asynccontextmanager
async def _worker(broker: EmbeddedBroker, box: Sandbox) -> AsyncIterator[Child]:
    """A worker as production runs it, in a process of its own, once it is ready."""
    web_port = free_port()
    environ = {
        **os.environ,
        "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "LOOPWATCH_EMBEDDED": "true",
        "LOOPWATCH_TOPIC_PARTITIONS": str(PARTITIONS),
        "LOOPWATCH_WEB_PORT": str(web_port),
        "DEMO_SANDBOX": box.url,
        "DEMO_SLACK_TOKEN": "xoxb-demo",
        "DEMO_ROUTING_KEY": "demo".ljust(32, "0"),
    }
    rules = files("loopwatch.demo").joinpath("loopwatch.yaml")
    with tempfile.TemporaryDirectory(prefix="loopwatch-demo-") as folder:
        work = Path(folder)
        with as_file(rules) as config:
            worker = Child(
                [sys.executable, "-m", "loopwatch", "worker", "-c", str(config)],
                cwd=work,
                env=environ,
                output=work / "worker.log",
            )
            try:
                await _ready(worker, f"http://127.0.0.1:{web_port}/readyz")
                yield worker
            finally:
                await asyncio.to_thread(worker.stop, grace_s=15.0)


async def _ready(worker: Child, address: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(_answers, address):
        if not worker.running or time.monotonic() > deadline:
            raise DemoError(f"the worker did not start:\n{worker.output_tail(20)}")
        await asyncio.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
