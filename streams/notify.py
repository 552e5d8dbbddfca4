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
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from alerts.clients import open_client
from alerts.delivery import Delivery, Outcome
from alerts.effects import GivenUp
from alerts.notifications import Notification
from alerts.notify import Notifier
from alerts.routes import Routing
from detectors.transitions import Line, decode_line
from streams.apps import make_app
from streams.deliver import RESULTS, DeliveryDesk, Rows
from streams.guards import FAULT, End, Watchdog, end_process
from streams.lease import Lease
from streams.metrics import Metrics
from streams.reading import Chunk, Reading, Source, Verdict
from streams.settings import Settings
from streams.state import append, read_rows
from streams.topic_specs import TopicNames

log = logging.getLogger(__name__)

TOLD: Final = 0
"""The partition of the transitions that people are told from."""

_STATE: Final = 0


class Notify:
    """The Faust app that delivers.

    Args:
        settings: Brokers and times.
        topics: Their names.
        routing: Receivers and the route tree.
        metrics: Told what is sent.
        watchdog: Told of assignments.
        end: Ends the process when state and world may differ.
    """

    def __init__(
        self,
        settings: Settings,
        topics: TopicNames,
        routing: Routing,
        metrics: Metrics,
        watchdog: Watchdog,
        *,
        end: End = end_process,
    ) -> None:
        self._options = settings.kafka_options()
        self._patience_s = settings.session_s / 2
        self._topics = topics
        self._routing = routing
        self._metrics = metrics
        self._watchdog = watchdog
        self._end = end
        self._desk: DeliveryDesk | None = None
        self._timers: asyncio.Task[None] | None = None
        self._lease = Lease(settings.session_s)
        self.group = settings.group("deliver")
        self.loaded = False
        reading = Reading(
            {topics.transitions: Source(wanted=lambda number: number == TOLD)},
            self._lease,
            settings.fetch_wait_ms,
            checkpoint=self._hand_over,
        )
        self.app = make_app(settings, self.group, reading)
        self.app.on_rebalance_complete.connect(self._assigned)
        self.app.on_before_shutdown.connect(self._stopping)
        stream = self.app.topic(topics.transitions, key_type=bytes, value_type=bytes)
        self.app.agent(stream, name="notify")(self._work)

    @property
    def notifier(self) -> Notifier | None:
        """The one that decides, while this worker is the active owner."""
        return None if self._desk is None else self._desk.notifier

    # Owning

    async def _assigned(self, _app: object, **_: object) -> None:
        """Faust waits for this before it lets streams go on."""
        consumer = self.app.consumer
        # Faust lets prefetched events in before it seeks (faust-streaming/faust#596).
        consumer.stop_flow()
        self.app.flow_control.suspend()
        self._watchdog.assigned(self.group)
        generation = self.app.consumer_generation_id
        ours = any(tp.partition == TOLD for tp in consumer.assignment())
        await self._close_desk()
        if not ours:
            self.loaded = True
            log.info("notify: standing by; another worker tells people")
            return
        self.loaded = False
        began_s = time.monotonic()
        state = self._topics.notify_state
        rows = (await read_rows(self._options, state, [_STATE]))[_STATE]
        if generation != self.app.consumer_generation_id:
            return
        notifier = Notifier(self._routing, standstill=True)
        for key, row in rows.items():
            notifier.restore_row(key, row)
        self._open_desk(notifier)
        self.loaded = True
        log.info(
            "notify: telling people; %d rows read in %.2f s",
            len(rows),
            time.monotonic() - began_s,
        )

    def _open_desk(self, notifier: Notifier) -> None:
        epoch = self.app.consumer_generation_id

        async def is_ours() -> bool:
            return await self._lease.hold(
                lambda: epoch == self.app.consumer_generation_id
            )

        self._desk = DeliveryDesk(
            notifier,
            clients=open_client,
            write=self._write,
            is_ours=is_ours,
            now_us=lambda: time.time_ns() // 1_000,
            fatal=self._fatal,
            told=self._told,
            lost=self._lost,
            said=self._said,
        )
        self._timers = asyncio.create_task(self._run_timers(self._desk))

    async def _run_timers(self, desk: DeliveryDesk) -> None:
        try:
            await desk.run()
        except asyncio.CancelledError:
            raise
        except BaseException as fault:  # noqa: BLE001 - whatever it is, it is the end
            self._fatal(fault)

    async def _close_desk(self) -> None:
        if self._timers is not None:
            self._timers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._timers
            self._timers = None
        if self._desk is not None:
            desk, self._desk = self._desk, None
            await desk.close()

    async def _hand_over(self) -> None:
        """Let what is on its way arrive, so that the next owner need not repeat it."""
        if self._desk is not None:
            await self._desk.settle(self._patience_s)

    async def _stopping(self, _app: object, **_: object) -> None:
        await self._hand_over()
        await self._close_desk()

    # Working

    async def _work(self, stream: Any) -> None:  # noqa: ANN401 - Faust has no types
        async for event in stream.events():
            try:
                await self._take(event.message)
            except asyncio.CancelledError:
                raise
            except BaseException as fault:  # noqa: BLE001 - Faust would go on
                self._fatal(fault)

    async def _take(self, chunk: Chunk) -> None:
        consumer = self.app.consumer
        verdict = consumer.verdict(chunk)
        if verdict is Verdict.STALE:
            return
        if verdict is Verdict.GAP or self._desk is None:
            self._end(
                FAULT,
                f"{chunk.topic}/{chunk.partition}: records before offset"
                f" {chunk.offset} are missing here, or the state is",
            )
        lines = list(self._decode(chunk))
        if not await self._lease.hold(lambda: consumer.is_current(chunk)):
            return
        await self._desk.take(lines)
        consumer.complete(chunk)

    def _decode(self, chunk: Chunk) -> Iterable[Line]:
        for record in chunk.value:
            try:
                yield decode_line(record.value or b"")
            except msgspec.MsgspecError as fault:
                # Somebody else writes to our topic, or a newer version does.
                log.error(
                    "%s/%d offset %d: not a line of ours, passed over: %s",
                    chunk.topic,
                    chunk.partition,
                    record.offset,
                    fault,
                )
                self._metrics.unreadable(chunk.topic)

    async def _write(self, rows: Rows) -> None:
        producer = self.app.producer._producer  # noqa: SLF001 - awaits Kafka itself
        await append(producer, self._topics.notify_state, _STATE, rows)

    # Telling

    def _told(self, delivery: Delivery, outcome: Outcome) -> None:
        self._metrics.delivered(
            delivery.receiver, delivery.channel.kind, RESULTS[type(outcome)]
        )

    def _lost(self, message: GivenUp) -> None:
        why = "refused" if message.refused else "not delivered in time"
        log.error(
            "%s (%s) will not hear of %s of %s: %s: %s",
            message.receiver,
            message.channel,
            message.reason,
            message.group,
            why,
            message.fault,
        )
        self._metrics.delivered(message.receiver, message.channel, "given_up")

    def _said(self, line: Notification) -> None:
        log.info(
            "notify %s (%s): %s %s",
            line.receiver,
            line.channel,
            line.reason,
            line.group,
        )
        self._metrics.notified(line.receiver, line.channel, line.reason)

    def _fatal(self, fault: BaseException) -> None:
        # No traceback for what is no fault of the program.
        shown = None if isinstance(fault, KafkaError) else fault
        log.critical("notify: %s: %s", type(fault).__name__, fault, exc_info=shown)
        self._end(FAULT, "notify cannot go on; what is written down stays true")
