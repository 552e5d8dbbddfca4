"""The whole road on a real Kafka: a worker as users run it, against two yardsticks.

A worker is ready and warm before the sessions that are measured are written, so that
neither its start nor anybody's writing is measured; it is done when every observation has been
folded, its transitions published and its state sealed.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from loopwatch.apache_kafka import ApacheKafka
from loopwatch.child import Child
from loopwatch.ports import free_port
from streams.topics import TopicSpec, ensure_topics
from tests.bench.figures import Figure, read
from tests.bench.traffic import fill

PARTITIONS: Final = 4
SERIES_A_SESSION: Final = 3
"""Both files tell series apart by agent and task, by agent, and by one label more."""

WINDOWS: Final = Path(__file__).with_name("windows.yaml")
INIT: Final = Path(str(files("loopwatch.config").joinpath("loopwatch.yaml")))

WARM_UP: Final = 300
"""Sessions of each series before those that are measured."""

_PATIENCE_S: Final = 300.0


async def yardstick(
    kafka: ApacheKafka, module: str, *options: str, count: int, series: int
) -> Figure:
    """Run a yardstick over a topic of its own."""
    topic = f"bench-{module}-{time.monotonic_ns()}"
    await ensure_topics(kafka.connection, [TopicSpec(topic, PARTITIONS)])
    await fill(kafka.connection, topic, PARTITIONS, count, series)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.bench.{module}",
        kafka.bootstrap_servers,
        topic,
        str(count),
        *options,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return read(output.decode())


async def road(kafka: ApacheKafka, count: int, series: int, rules: Path) -> Figure:
    """Sessions through one worker, both hops.

    Its windows are full and its baselines have learned, as they are on any day but
    the first.
    """
    warm = WARM_UP * series
    async with _worker(kafka, rules) as (worker, status):
        await fill(kafka.connection, status.topic, PARTITIONS, warm, series)
        await status.until_observations(SERIES_A_SESSION * warm)
        cpu_s = _cpu_s(worker.pid)
        filling = asyncio.create_task(
            fill(kafka.connection, status.topic, PARTITIONS, count, series, first=warm)
        )
        began = await status.until_sessions(warm + 1)
        await filling
        await status.until_observations(SERIES_A_SESSION * (warm + count))
        return Figure(
            sessions=count,
            wall_s=time.perf_counter() - began,
            cpu_s=_cpu_s(worker.pid) - cpu_s,
        )


class _Status:
    """What the worker says of itself."""

    def __init__(self, port: int, topic: str, worker: Child) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self.topic = topic
        self._worker = worker

    async def until_ready(self) -> None:
        """Wait until it has its partitions and their state."""
        await self._until(lambda status: bool(status["ready"]))

    async def until_sessions(self, count: int) -> float:
        """Wait until so many sessions were read; when that was seen."""
        await self._until(lambda status: status["counts"]["sessions"] >= count)
        return time.perf_counter()

    async def until_observations(self, count: int) -> None:
        """Wait until so many observations were folded, and what they led to is safe."""
        await self._until(
            lambda status: (
                status["counts"]["observations"] >= count
                and not any(
                    lag
                    for group in status["groups"].values()
                    for lags in group["lag"].values()
                    for lag in lags.values()
                )
            )
        )

    async def _until(self, reached: Any) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            status = await asyncio.to_thread(self._get)
            if status is not None and reached(status):
                return
            if not self._worker.running or time.monotonic() > deadline:
                raise RuntimeError(
                    f"the worker does not get there: {status}\n"
                    f"{self._worker.output_tail(30)}"
                )
            await asyncio.sleep(0.25)

    def _get(self) -> dict[str, Any] | None:
        try:
            address = f"{self._address}/status"
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return None


@asynccontextmanager
async def _worker(
    kafka: ApacheKafka, rules: Path
) -> AsyncIterator[tuple[Child, _Status]]:
    port, name = free_port(), f"bench{time.monotonic_ns()}"
    with tempfile.TemporaryDirectory() as folder:
        config = _copied(rules, Path(folder), name)
        environ = {
            **os.environ,
            "LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "LOOPWATCH_TOPIC_PARTITIONS": str(PARTITIONS),
            "LOOPWATCH_TOPIC_PREFIX": f"{name}.",
            "LOOPWATCH_GROUP_PREFIX": f"{name}-",
            "LOOPWATCH_WEB_PORT": str(port),
            "LOOPWATCH_LOG_LEVEL": "warning",
            "SLACK_BOT_TOKEN": "xoxb-bench",
            "PAGERDUTY_ROUTING_KEY": "0" * 32,
        }
        worker = Child(
            [sys.executable, "-m", "loopwatch", "worker", "-c", str(config)],
            cwd=Path.cwd(),
            env=environ,
            output=Path(folder, "worker.log"),
        )
        status = _Status(port, name, worker)
        try:
            await status.until_ready()
            yield worker, status
        finally:
            await asyncio.to_thread(worker.stop, grace_s=30.0)


def _copied(rules: Path, folder: Path, sessions: str) -> Path:
    """A rule file for a topic of that name."""
    copy = folder / "loopwatch.yaml"
    copy.write_text(rules.read_text().replace("agent.sessions", sessions))
    return copy


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
