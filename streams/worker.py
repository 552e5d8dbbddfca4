"""The worker: score and deliver in one process, started and ended together."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import faust
from aiokafka.errors import KafkaError

from detectors import compiled
from detectors.warm import compile_ahead
from streams.kafka.connection import ConnectionFailed, connect, say_on_stderr
from streams.kafka.guards import FAILED, FAULT, ShutdownGuard, Watchdog
from streams.kafka.topics import (
    TopicError,
    TopicNames,
    TopicReport,
    ensure_topics,
    loopwatch_topics,
)
from streams.logs import LIBRARY, set_up_logging
from streams.metrics import Meters
from streams.notify import build_deliver_app
from streams.parts import Part
from streams.reload import Configuration, ConfigurationFile, Reloader
from streams.score import Score
from streams.settings import PREFIX, Settings, SettingsError
from streams.warm_up import warm_up
from streams.web import WebEndpoint

log = logging.getLogger(__name__)

Only = Literal["detect", "notify"]

_BEAT_S: Final = 1.0


class _Worker(faust.Worker):  # type: ignore[misc]
    """Starts its apps together: one after the other each waits for its own join."""

    logger = LIBRARY

    def __init__(
        self,
        parts: Sequence[Part],
        web: WebEndpoint,
        *,
        reloader: Reloader,
        watchdog: Watchdog,
        guard: ShutdownGuard,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._apps = [part.app for part in parts]
        self._web = web
        self._reloader = reloader
        self._watchdog = watchdog
        self._guard = guard
        first, *others = self._apps
        super().__init__(
            first,
            *others,
            web,
            quiet=True,
            override_logging=False,
            redirect_stdouts=False,
            loop=loop,
        )
        self.spinner = None

    async def on_start(self) -> None:
        for app in self._apps:
            app.in_worker = True
        await super().on_start()
        self.add_future(self._beat())
        self.add_future(self._reloader.run())
        await asyncio.gather(*(app.maybe_start() for app in self._apps))

    async def _beat(self) -> None:
        while not self.should_stop:
            self._watchdog.beat()
            await asyncio.sleep(_BEAT_S)

    def _schedule_shutdown(self, number: signal.Signals) -> None:
        log.info("%s: finishing what was begun", number.name)
        self._guard.start()
        self._watchdog.expect_nothing()
        super()._schedule_shutdown(number)

    async def stop(self) -> None:
        self._guard.start()
        await super().stop()

    async def _sentinel_task(self) -> None:
        """Do not wait a second more when all is done."""

    def _setproctitle(self, info: str, *, ident: str = "") -> None:
        """Leave the process its name."""


def run(
    settings: Settings,
    file: ConfigurationFile,
    found: Configuration,
    *,
    only: Only | None = None,
    wait_s: float = 60.0,
    say: Callable[[str], None] = say_on_stderr,
) -> int:
    """Run a worker until it is told to stop; the exit code.

    Args:
        settings: Of this process.
        file: The configuration file, which may change.
        found: What it says at the start.
        only: Run this half alone.
        wait_s: How long to wait for a Kafka that is not there yet.
        say: Told what the person who started it must know.
    """
    set_up_logging(settings.log_level)
    # Until there is something to reload: what changes before that is seen then.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if only != "notify":
        if not compiled.kept():
            log.info("compiling the engine, once for each version: half a minute")
        compile_ahead()
        warm_up()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    names = settings.topics(found.sessions)
    try:
        report = loop.run_until_complete(_prepare(settings, names, wait_s, say))
    except (ConnectionFailed, TopicError, SettingsError, KafkaError) as error:
        say(f"error: {error}")
        return FAILED
    except asyncio.CancelledError:
        return 0
    for note in report.notes:
        log.warning("%s", note)
    if report.created:
        log.info("created topics %s", ", ".join(report.created))
    meters = Meters()
    parts: list[Part] = []

    async def apply(other: Configuration) -> None:
        for part in parts:
            await part.reload(other)

    reloader = Reloader(file, found, apply, meters)
    loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    watchdog = Watchdog(
        stall_s=settings.stall_timeout_s, assignment_s=settings.assignment_timeout_s
    )
    guard = ShutdownGuard(settings.shutdown_timeout_s)
    if only != "notify":
        parts.append(
            Score(
                settings,
                found.book,
                names,
                report.partitions,
                meters=meters,
                watchdog=watchdog,
            )
        )
    if only != "detect":
        parts.append(
            build_deliver_app(
                settings, found.routing, names, meters=meters, watchdog=watchdog
            )
        )
    web = _web(settings, parts, meters, reloader)
    try:
        loop.run_until_complete(web.open())
    except OSError as error:
        say(
            f"error: the web endpoint cannot listen on {settings.web_host}:"
            f"{settings.web_port} ({error.strerror}): set {PREFIX}WEB_HOST and "
            f"{PREFIX}WEB_PORT"
        )
        return FAILED
    worker = _Worker(
        parts, web, reloader=reloader, watchdog=watchdog, guard=guard, loop=loop
    )
    _collect_rarely()
    watchdog.start()
    code = _execute(worker)
    watchdog.stop()
    guard.stop()
    return code


def _collect_rarely() -> None:
    """Look for cycles of garbage where some may be.

    Blocks are lists of rows, thousands of containers that no cycle goes through. By
    default every 700 new ones have Python look through the youngest, again and again
    through all of state: a third of the cost of reading a block.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _execute(worker: _Worker) -> int:
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        failed = end.code not in {0, None}
    except BaseException as error:
        log.critical("the worker ended by itself", exc_info=error)
        return FAULT
    else:
        failed = False
    if failed or worker.crash_reason is not None:
        log.critical("the worker ended by itself: %r", worker.crash_reason)
        return FAULT
    log.info("stopped")
    return 0


async def _prepare(
    settings: Settings, names: TopicNames, wait_s: float, say: Callable[[str], None]
) -> TopicReport:
    """Wait for Kafka, and have all topics as they must be."""
    specs = loopwatch_topics(
        names,
        session_partitions=settings.topic_partitions,
        partitions=settings.topic_partitions,
        replication_factor=settings.topic_replication_factor,
    )
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)

    async def start() -> TopicReport:
        return await ensure_topics(
            settings.kafka_options(),
            specs,
            replication_factor=settings.topic_replication_factor,
        )

    return await connect(start, settings, wait_s, say)


def _web(
    settings: Settings, parts: Sequence[Part], meters: Meters, reloader: Reloader
) -> WebEndpoint:
    began_s = time.time()

    def ready() -> list[str]:
        return [f"{part.group}: no partitions yet" for part in parts if not part.ready]

    def status() -> dict[str, Any]:
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "up_s": round(time.time() - began_s),
            "ready": not ready(),
            "configuration": reloader.status(),
            "counts": counts(meters),
            "groups": {part.group: part.status() for part in parts},
        }

    def measure() -> None:
        for part in parts:
            part.measure()

    return WebEndpoint(
        settings.web_host,
        settings.web_port,
        any_port="web_port" not in settings.model_fields_set,
        ready=ready,
        meters=meters,
        measure=measure,
        status=status,
    )


def counts(meters: Meters) -> Mapping[str, int]:
    """Totals of what was counted since the start, by name."""
    totals: dict[str, int] = {}
    for family in meters.registry.collect():
        if family.type != "counter":
            continue
        name = family.name.removeprefix("loopwatch_")
        totals[name] = sum(
            int(sample.value)
            for sample in family.samples
            if sample.name.endswith("_total")
        )
    return totals
