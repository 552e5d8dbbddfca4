"""Workers as processes of their own, and what they left in the topics."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from detectors.transitions import Clock, Line, Transition, decode_line
from loopwatch.child import Child
from loopwatch.ports import free_port
from streams.kafka.topics import TopicNames, ensure_topics, loopwatch_topics

PATIENCE_S = 40.0

Session = dict[str, Any]


class Site:
    """A cluster, a prefix and a configuration that workers of a test share."""

    def __init__(
        self, bootstrap: str, prefix: str, folder: Path, config: str, **environ: str
    ) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.folder = folder
        self.topics = TopicNames.under(prefix, sessions=f"{prefix}sessions")
        self.config = self.write("loopwatch.yaml", config)
        self.environ = {
            "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "LOOPWATCH_TOPIC_PREFIX": prefix,
            "LOOPWATCH_GROUP_PREFIX": prefix,
            "LOOPWATCH_TOPIC_PARTITIONS": "4",
            "LOOPWATCH_SESSION_TIMEOUT_S": "6",
            "LOOPWATCH_HEARTBEAT_INTERVAL_S": "1",
            "LOOPWATCH_REBALANCE_TIMEOUT_S": "10",
        } | environ
        self._started = 0

    def write(self, name: str, config: str) -> Path:
        """Write a configuration file for the sessions of this site."""
        file = self.folder / name
        topics = f"topics: {{sessions: {self.topics.sessions}}}"
        file.write_text(f"version: 1\n{topics}\n{config}", encoding="utf-8")
        return file

    @property
    def connection(self) -> dict[str, Any]:
        """Keyword arguments of aiokafka's clients."""
        return {"bootstrap_servers": self.bootstrap}

    async def make_topics(self) -> None:
        """Create the topics before any worker does."""
        count = int(self.environ["LOOPWATCH_TOPIC_PARTITIONS"])
        specs = loopwatch_topics(
            self.topics, session_partitions=count, partitions=count
        )
        await ensure_topics(self.connection, specs)

    def start(self, *arguments: str, **environ: str) -> Worker:
        """Start a worker that detects."""
        self._started += 1
        return Worker(self, self._started, arguments or ("--only", "detect"), environ)

    @asynccontextmanager
    async def worker(self, *arguments: str, **environ: str) -> AsyncIterator[Worker]:
        """A worker that is ready; gone at the end."""
        worker = self.start(*arguments, **environ)
        try:
            await worker.ready()
            yield worker
        finally:
            worker.child.kill()

    async def publish(
        self,
        *sessions: Session | bytes,
        partition: int = 0,
        topic: str | None = None,
    ) -> None:
        """Write sessions to one partition, in order, acknowledged."""
        producer = AIOKafkaProducer(**self.connection, max_request_size=4 << 20)
        await producer.start()
        try:
            for session in sessions:
                value = session if isinstance(session, bytes) else encoded(session)
                await producer.send(
                    topic or self.topics.sessions, value, partition=partition
                )
            await producer.flush()
        finally:
            await producer.stop()

    async def lines(self) -> list[Line]:
        """All lines written so far, clocks included."""
        records = await read(self.connection, self.topics.transitions)
        return [decode_line(record.value) for record in records]

    async def transitions(self) -> list[Transition]:
        """All transitions written so far."""
        return [line for line in await self.lines() if isinstance(line, Transition)]

    async def until(
        self, enough: Callable[[list[Transition]], bool], worker: Worker | None = None
    ) -> list[Transition]:
        """Wait for transitions, and return all of them."""
        found: list[Transition] = []

        async def look() -> bool:
            nonlocal found
            if worker is not None:
                assert worker.child.running, worker.said()
            found = await self.transitions()
            return enough(found)

        try:
            await eventually(look)
        except TimeoutError:
            told = "\n".join(map(str, found[-20:]))
            said = worker.said() if worker is not None else ""
            raise AssertionError(f"not enough:\n{told}\n{said}") from None
        return found


class Worker:
    """A worker process."""

    def __init__(
        self,
        site: Site,
        number: int,
        arguments: Iterable[str],
        environ: Mapping[str, str],
    ) -> None:
        self.port = free_port()
        self.output = site.folder / f"worker-{number}.log"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LOOPWATCH_")
        }
        self.child = Child(
            [
                *(sys.executable, "-m", "loopwatch", "worker"),
                *("-c", str(site.config)),
                *arguments,
            ],
            cwd=site.folder,
            env=kept
            | site.environ
            | {"LOOPWATCH_WEB_PORT": str(self.port)}
            | dict(environ),
            output=self.output,
        )

    def said(self) -> str:
        """What it wrote to its log."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    async def get(self, path: str) -> tuple[int, str]:
        """Ask its web endpoint; 0 while nobody answers."""
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self.port}{path}")

    async def status(self) -> dict[str, Any]:
        """What it says of itself."""
        _, text = await self.get("/status")
        found: dict[str, Any] = json.loads(text)
        return found

    async def ready(self) -> None:
        """Wait until it has its partitions and their state."""

        async def look() -> bool:
            assert self.child.running, self.said()
            return (await self.get("/readyz"))[0] == 200

        try:
            await eventually(look)
        except TimeoutError:
            raise AssertionError(f"not ready:\n{self.said()}") from None

    async def stop(self) -> int:
        """Tell it to stop; its exit code."""
        return await asyncio.to_thread(self.child.stop, grace_s=30)


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


async def eventually(
    look: Callable[[], Any], patience_s: float = PATIENCE_S, step_s: float = 0.1
) -> None:
    """Look again and again until it is so.

    Raises:
        TimeoutError: It never was.
    """
    async with asyncio.timeout(patience_s):
        while not await look():  # noqa: ASYNC110  another process tells no event
            await asyncio.sleep(step_s)


async def read(connection: Mapping[str, Any], topic: str) -> list[Any]:
    """Every record of a topic, partition by partition."""
    consumer = AIOKafkaConsumer(**connection, enable_auto_commit=False)
    await consumer.start()
    try:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            numbers = await consumer._client._wait_on_metadata(topic)
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records = []
        for tp, first in (await consumer.beginning_offsets(partitions)).items():
            consumer.seek(tp, first)
        todo = {tp for tp in partitions if await consumer.position(tp) < ends[tp]}
        while todo:
            for found in (await consumer.getmany(*todo, timeout_ms=500)).values():
                records += found
            todo = {tp for tp in todo if await consumer.position(tp) < ends[tp]}
        return records
    finally:
        await consumer.stop()


def encoded(session: Session) -> bytes:
    """As agents write it."""
    return msgspec.json.encode(session)


def session(name: str, agent: str = "a", **changes: Any) -> Session:
    """A healthy session that ends now."""
    return {
        "session_id": name,
        "agent": agent,
        "ended_at": time.time(),
        "cost_usd": 0.01,
    } | changes


def clocks(lines: Iterable[Line]) -> dict[int, list[str | None]]:
    """The times that each partition told, in their order."""
    told: dict[int, list[str | None]] = {}
    for line in lines:
        if isinstance(line, Clock):
            told.setdefault(line.partition, []).append(line.time)
    return told
