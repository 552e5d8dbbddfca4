"""The whole road on a real Kafka: a worker as users run it, against two yardsticks.

A worker is ready and warm before the sessions that are measured are written, so that
neither its start nor anybody's writing is measured; it is done when every observation has been
folded, its transitions published and its state sealed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from loopwatch.apache_kafka import ApacheKafka
from loopwatch.child import Child
from loopwatch.ports import free_port
from streams.kafka.topics import TopicSpec, ensure_topics
from tests.bench.figures import Figure, read
from tests.bench.process import output_of
from tests.bench.traffic import fill, healthy

PARTITIONS: Final = 4
WINDOWS: Final = Path(__file__).with_name("windows.yaml")
INIT: Final = Path(str(files("loopwatch.config").joinpath("loopwatch.yaml")))

WARM_UP: Final = 60
"""Sessions of each series before those that are measured: rules judge from 50 on."""

_PATIENCE_S: Final = 300.0


async def yardstick(
    kafka: ApacheKafka,
    module: str,
    *,
    count: int,
    series: int,
    python: str | Path = sys.executable,
) -> Figure:
    """Run a yardstick over a topic of its own."""
    topic = f"bench-{module}-{time.monotonic_ns()}"
    await ensure_topics(kafka.connection, [TopicSpec(topic, PARTITIONS)])
    await fill(kafka.connection, topic, PARTITIONS, healthy(count, series))
    servers = kafka.bootstrap_servers
    output = await output_of(module, servers, topic, str(count), python=python)
    return read(output)


async def road(
    kafka: ApacheKafka, count: int, series: int, rules: Path, *, workers: int = 1
) -> list[Figure]:
    """Sessions through both hops; what each worker did.

    Windows are full and baselines have learned, as they are on any day but the first.
    """
    warm = WARM_UP * series
    async with fleet(kafka, rules, workers) as team:
        await team.fill(kafka, warm, series)
        await team.until_done(warm)
        before = team.figures()
        began_s = time.perf_counter()
        await team.fill(kafka, count, series, first=warm)
        await team.until_done(warm + count)
        wall_s = time.perf_counter() - began_s
        return [
            Figure(
                sessions=done - done_before, wall_s=wall_s, cpu_s=cpu_s - cpu_before_s
            )
            for (done, cpu_s), (done_before, cpu_before_s) in zip(
                team.figures(), before, strict=True
            )
        ]


class Worker:
    """A worker as users run it, and what it says of itself."""

    def __init__(self, process: Child, port: int) -> None:
        self.process = process
        self._address = f"http://127.0.0.1:{port}/status"

    def status(self) -> dict[str, Any] | None:
        """None while it does not answer."""
        try:
            with urllib.request.urlopen(self._address, timeout=5) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return None

    async def until(self, reached: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until its status is like that.

        Raises:
            RuntimeError: It has ended, or does not get there.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            status = await asyncio.to_thread(self.status)
            if status is not None and reached(status):
                return
            if not self.process.running or time.monotonic() > deadline:
                raise RuntimeError(
                    f"the worker does not get there: {status}\n"
                    f"{self.process.output_tail(30)}"
                )
            await asyncio.sleep(0.05)


class Fleet:
    """Workers on the same topics.

    Attributes:
        topic: Of the sessions.
    """

    def __init__(
        self, topic: str, start: Callable[[int], Worker], workers: int
    ) -> None:
        self.topic = topic
        self._start = start
        self.workers = [start(number) for number in range(workers)]

    async def until_ready(self) -> None:
        """Wait until all have their share of the partitions, and its state."""
        parts = len(self.workers)
        for worker in self.workers:
            await worker.until(lambda found: bool(found["ready"]))
        for worker in self.workers:
            await worker.until(
                lambda found: partitions(found) >= PARTITIONS // parts - 1
            )

    async def fill(
        self, kafka: ApacheKafka, count: int, series: int, *, first: int = 0
    ) -> None:
        """Write sessions that have just ended."""
        values = healthy(count, series, first)
        await fill(kafka.connection, self.topic, PARTITIONS, values)

    async def until_done(self, count: int) -> None:
        """Wait until so many were folded, and what they led to is safe."""
        calm, deadline = 0, time.monotonic() + _PATIENCE_S
        while calm < 2:
            found = [await asyncio.to_thread(worker.status) for worker in self.workers]
            known = [status for status in found if status is not None]
            read = sum(status["counts"]["sessions"] for status in known)
            done = len(known) == len(found) and read >= count
            calm = calm + 1 if done and not any(map(behind, known)) else 0
            if time.monotonic() > deadline:
                raise RuntimeError(f"the workers do not get there: {known}")
            await asyncio.sleep(0.25)

    def figures(self) -> list[tuple[int, float]]:
        """Of each worker: sessions read, CPU seconds so far."""
        return [
            ((worker.status() or {})["counts"]["sessions"], cpu_s(worker.process.pid))
            for worker in self.workers
        ]

    async def restart(self) -> float:
        """Stop the first worker, start it again; seconds until it is ready."""
        await asyncio.to_thread(self.workers[0].process.stop, grace_s=60.0)
        began_s = time.perf_counter()
        self.workers[0] = self._start(0)
        await self.workers[0].until(lambda found: bool(found["ready"]))
        return time.perf_counter() - began_s

    async def stop(self) -> None:
        """End all of them."""
        for worker in self.workers:
            await asyncio.to_thread(worker.process.stop, grace_s=30.0)


def partitions(status: Mapping[str, Any]) -> int:
    """How many partitions of observations a worker has."""
    return max(len(part.get("clocks", ())) for part in status["groups"].values())


def behind(status: Mapping[str, Any]) -> int:
    """Records that a worker has not done with, all topics."""
    return sum(
        lag
        for group in status["groups"].values()
        for lags in group["lag"].values()
        for lag in lags.values()
    )


@asynccontextmanager
async def fleet(
    kafka: ApacheKafka, rules: Path, workers: int = 1, **settings: str
) -> AsyncIterator[Fleet]:
    """Workers that are ready, on topics of their own.

    Args:
        kafka: Where.
        rules: Their file.
        workers: How many.
        settings: Of theirs, by the names of their variables without ``LOOPWATCH_``.
    """
    name = f"bench{time.monotonic_ns()}"
    with tempfile.TemporaryDirectory() as folder:
        config = _copied(rules, Path(folder), name)
        environ = {
            **os.environ,
            "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "LOOPWATCH_TOPIC_PARTITIONS": str(PARTITIONS),
            "LOOPWATCH_TOPIC_PREFIX": f"{name}.",
            "LOOPWATCH_GROUP_PREFIX": f"{name}-",
            "LOOPWATCH_LOG_LEVEL": "warning",
            "SLACK_BOT_TOKEN": "xoxb-bench",
            "PAGERDUTY_ROUTING_KEY": "0" * 32,
            **{f"LOOPWATCH_{key.upper()}": value for key, value in settings.items()},
        }

        def start(number: int) -> Worker:
            port = free_port()
            process = Child(
                [sys.executable, "-m", "loopwatch", "worker", "-c", str(config)],
                cwd=Path.cwd(),
                env={**environ, "LOOPWATCH_WEB_PORT": str(port)},
                output=Path(folder, f"worker-{number}.log"),
            )
            return Worker(process, port)

        team = Fleet(name, start, workers)
        try:
            await team.until_ready()
            yield team
        finally:
            await team.stop()


def _copied(rules: Path, folder: Path, sessions: str) -> Path:
    """A rule file for a topic of that name."""
    copy = folder / "loopwatch.yaml"
    copy.write_text(rules.read_text().replace("agent.sessions", sessions))
    return copy


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
