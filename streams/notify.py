"""Notify: transitions become messages, under one active owner.

A consumer group of its own, so that a slow receiver never holds up a baseline. The
owner of partition 0 of the transitions is the one who tells people; other workers
stand by. Its state is rows in a topic of one partition, written before anything is
sent and again when it is known what came of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable
from typing import Any, Final

import msgspec
from faust.types.tuples import TP

from alerts.clients import open_client
from alerts.delivery import Delivery, Outcome
from alerts.effects import GivenUp
from alerts.lanes import Lanes
from alerts.notify import Notifier
from alerts.routes import Routing
from alerts.rows import UnknownRowError
from detectors.transitions import Line, decode_line
from streams.control.hearing import hear
from streams.control.notify_status import measure_debts, status_of, warn_of_debts
from streams.deliver import RESULTS, DeliveryDesk, NoLongerOursError, Rows
from streams.kafka.apps import make_app
from streams.kafka.guards import FAULT, Watchdog
from streams.kafka.lease import Lease
from streams.kafka.link import Link, StateError
from streams.kafka.reading import Chunk, Reading, Source
from streams.kafka.topic_specs import TopicNames
from streams.metrics import Meters
from streams.reload import Configuration
from streams.score import lags
from streams.settings import Settings
from streams.state.topic import append, read_rows

log = logging.getLogger(__name__)

TOLD: Final = 0
"""The partition of the transitions that people are told from."""

_STATE: Final = 0


class Notify:
    """The Faust app ``deliver``.

    Args:
        settings: Of this process.
        routing: Receivers and the route tree.
        topics: Names.
        meters: Told what happens.
        watchdog: Told of assignments.
    """

    def __init__(
        self,
        settings: Settings,
        routing: Routing,
        topics: TopicNames,
        *,
        meters: Meters,
        watchdog: Watchdog,
    ) -> None:
        self.group = settings.group("deliver")
        self._options = settings.kafka_options()
        self._patience_s = settings.session_s / 2
        self._routing = routing
        self._topics = topics
        self._meters = meters
        self._watchdog = watchdog
        self._lanes = Lanes(routing.receivers)
        self._results = defaultdict[str, Counter[str]](Counter)
        self._desk: DeliveryDesk | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._link = link = Link(Lease(settings.session_s))
        reading = Reading(
            {topics.transitions: Source(wanted=lambda number: number == TOLD)},
            link.lease,
            settings.fetch_wait_ms,
            checkpoint=self._hand_over,
        )
        self.app = link.app = make_app(settings, self.group, reading)
        self._add_agent()
        watchdog.expect(self.group)

    def _add_agent(self) -> None:
        app = self.app

        async def notify(stream: Any) -> None:  # noqa: ANN401  Faust has no types
            await self._link.run(stream, self._take)

        async def on_rebalance(_app: object, **_: object) -> None:
            await self._link.take_over(self._load)
            self._watchdog.assigned(self.group)

        async def on_shutdown(_app: object, **_: object) -> None:
            await self._hand_over()
            await self._close_desk()

        stream = app.topic(self._topics.transitions, key_type=bytes, value_type=bytes)
        app.agent(stream, name="notify")(notify)
        app.on_rebalance_complete.connect(on_rebalance)
        app.on_before_shutdown.connect(on_shutdown)

    # Owning

    async def _load(self, assigned: set[TP], _kept: bool) -> None:
        """Begin to tell people from the rows as they stand, or stand by."""
        generation = self._link.generation
        await self._close_desk()
        if all(tp.partition != TOLD for tp in assigned):
            log.info("standing by: another worker tells people")
            return
        began_s = time.monotonic()
        state = self._topics.notify_state
        rows = (await read_rows(self._options, state, [_STATE]))[_STATE]
        notifier = Notifier(self._routing, standstill=True, lanes=self._lanes)
        try:
            for key, row in rows.items():
                notifier.restore_row(key, row)
        except UnknownRowError as error:
            raise StateError(f"{state}: {error}") from None
        if generation != self._link.generation:
            return
        self._open_desk(notifier, generation)
        took_s = time.monotonic() - began_s
        log.info("telling people; %d rows were read in %.2f s", len(rows), took_s)

    def _open_desk(self, notifier: Notifier, generation: int) -> None:
        link = self._link

        def still_ours() -> bool:
            return generation == link.generation

        async def is_ours() -> bool:
            return await link.lease.hold(still_ours)

        async def write(rows: Rows) -> None:
            safe = await link.write(
                lambda: append(link.producer, self._topics.notify_state, _STATE, rows),
                still_ours,
            )
            if not safe:
                raise NoLongerOursError

        self._desk = DeliveryDesk(
            notifier,
            clients=open_client,
            write=write,
            is_ours=is_ours,
            now_us=lambda: time.time_ns() // 1_000,
            fatal=self._fatal,
            told=self._told,
            lost=self._lost,
        )
        control = self._topics.control
        self._tasks = [
            asyncio.create_task(self._work(self._desk.run())),
            asyncio.create_task(self._work(hear(self._desk, self._options, control))),
        ]

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except NoLongerOursError:
            log.info("another worker tells people now")
        except asyncio.CancelledError:
            raise
        except BaseException as fault:  # noqa: BLE001  whatever it is, it is the end
            self._fatal(fault)

    async def _close_desk(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._desk is not None:
            desk, self._desk = self._desk, None
            await desk.close()

    async def _hand_over(self) -> None:
        """Let what is on its way arrive, so that the next owner need not repeat it."""
        if self._desk is not None:
            await self._desk.settle(self._patience_s)

    async def reload(self, found: Configuration) -> None:
        """Go on with the receivers and routes of another file."""
        self._routing = found.routing
        if self._desk is None:
            # Should we have to tell people, those of before can be told their ends.
            self._lanes.reload(found.routing.receivers)
            return
        with contextlib.suppress(NoLongerOursError):
            await self._desk.reload(found.routing)
        warn_of_debts(self._desk.notifier)

    # Working

    async def _take(self, chunk: Chunk) -> None:
        if self._desk is None:
            self._link.end(FAULT, f"{chunk.topic}: lines came before their state")
        lines = list(self._decode(chunk))
        if not await self._link.hold(chunk):
            return
        with contextlib.suppress(NoLongerOursError):
            await self._desk.take(lines)
            self._link.consumer.complete(chunk)

    def _decode(self, chunk: Chunk) -> Iterable[Line]:
        for record in chunk.value:
            try:
                yield decode_line(record.value or b"")
            except msgspec.MsgspecError as fault:
                # Somebody else writes to our topic, or a newer version does.
                log.error(
                    "%s %d offset %d: no line of ours, passed over: %s",
                    chunk.topic,
                    chunk.partition,
                    record.offset,
                    fault,
                )
                self._meters.dead_letters.labels(chunk.topic, "no line").inc()

    # Telling

    def _told(self, delivery: Delivery, outcome: Outcome) -> None:
        self._count(delivery.receiver, RESULTS[type(outcome)])

    def _lost(self, message: GivenUp) -> None:
        log.error(
            "%s (%s) will not hear of %s %s: %s: %s",
            message.receiver,
            message.channel,
            message.reason,
            message.group,
            "refused" if message.refused else "could not be told in time",
            message.fault,
        )
        self._count(message.receiver, "given_up")

    def _count(self, receiver: str, result: str) -> None:
        self._results[receiver][result] += 1
        self._meters.deliveries.labels(receiver, result).inc()

    def _fatal(self, fault: BaseException) -> None:
        log.error("fault while telling people", exc_info=fault)
        self._link.end(FAULT, f"{type(fault).__name__}: {fault}")

    # What is told about it

    @property
    def ready(self) -> bool:
        """Whether it is known who tells people, and the state is here if we do."""
        return self._link.ready

    def status(self) -> dict[str, Any]:
        """For ``loopwatch status``."""
        found: dict[str, Any] = {"active": False, "lag": lags(self._link)}
        if self._desk is None:
            return found
        return found | status_of(
            self._desk.notifier, self._results, self._routing, self._lanes
        )

    def measure(self) -> None:
        """Bring gauges up to date."""
        meters = self._meters
        notifier = None if self._desk is None else self._desk.notifier
        measure_debts(meters, notifier, self._routing)
        for topic, by_partition in lags(self._link).items():
            for number, lag in by_partition.items():
                meters.lag.labels(self.group, topic, number).set(lag)


def build_deliver_app(
    settings: Settings,
    routing: Routing,
    topics: TopicNames,
    *,
    meters: Meters,
    watchdog: Watchdog,
) -> Notify:
    """The part of a worker that tells people."""
    return Notify(settings, routing, topics, meters=meters, watchdog=watchdog)
