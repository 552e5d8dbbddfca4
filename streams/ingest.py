"""Ingest: sessions become blocks of observations, one for each owner of series.

It may repeat itself after a crash, and is made harmless by numbers: within one
partition of the observations those of one source stand in source order, because a
chunk's blocks are acknowledged before the next chunk of that source is begun.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka.errors import KafkaError
from faust.types.tuples import TP

from detectors.batch import tick
from detectors.rules import RuleBook
from streams.events.deadletter import encode_dead_letter
from streams.events.session_fields import SessionEvent
from streams.kafka.link import Link
from streams.kafka.reading import Chunk
from streams.kafka.topic_specs import TopicNames
from streams.metrics import Meters
from streams.observations.block import encode_block
from streams.observations.observe import Observed, Observer

log = logging.getLogger(__name__)

TICK: Final = b"tick"
"""Key of blocks without rows, so that who looks for sessions can pass them by."""

IDLE_S: Final = 1.0
"""A source that is read to its end for so long has nothing more to say."""

_NAMES_SHOWN: Final = 20
_KINDS: Final = (
    *SessionEvent.__struct_fields__,
    *("not JSON", "not a JSON object", "invalid UTF-8", "empty", "no value"),
)


def reason_kind(reason: str) -> str:
    """The field that a reason is about, or what kind it is: one of few, for metrics."""
    if " bytes are more than " in reason:
        return "too large"
    return next((kind for kind in _KINDS if reason.startswith(kind)), "other")


class Ingest:
    """The agent on the sessions' topic.

    Args:
        book: The rules.
        topics: Names.
        sources: Partitions of the sessions' topic.
        partitions: Of the observations.
        link: The app it belongs to.
        meters: Told what was read.
        now_us: The wall clock.
    """

    def __init__(
        self,
        book: RuleBook,
        topics: TopicNames,
        *,
        sources: int,
        partitions: int,
        link: Link,
        meters: Meters,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._book = book
        self._topics = topics
        self._sources = sources
        self._partitions = partitions
        self._link = link
        self._meters = meters
        self._now_us = now_us
        self._passed_us: dict[int, int] = {}
        self._observer = self._new_observer()
        self._unknown: set[str] = set()

    def _new_observer(self) -> Observer:
        """One that knows the clocks of what was passed on, and of nothing else."""
        observer = Observer(self._book, self._partitions, self._sources)
        for source, passed_us in self._passed_us.items():
            observer.set_clock(source, passed_us)
        return observer

    def reload(self, book: RuleBook) -> None:
        """Go on under other rules, from the next chunk on."""
        self._book = book
        self._observer = self._new_observer()

    def on_assigned(self, assigned: set[TP]) -> None:
        """Forget sources that are no longer ours."""
        mine = {tp.partition for tp in assigned if tp.topic == self._topics.sessions}
        for source in self._passed_us.keys() - mine:
            del self._passed_us[source]
        self._observer = self._new_observer()

    async def take(self, chunk: Chunk) -> None:
        """Pass a chunk of sessions on."""
        began_s = time.perf_counter()
        source = chunk.partition
        offsets = [record.offset for record in chunk.value]
        values = [record.value for record in chunk.value]
        observer = self._observer
        seen = observer.observe_values(source, offsets, values, self._now_us())
        blocks = seen.blocks()

        async def write() -> None:
            producer, topic = self._link.producer, self._topics.observations
            acks: list[Awaitable[Any]] = [
                await producer.send(topic, block, partition=partition)
                for partition, parts in blocks.items()
                for block in parts
            ]
            acks += await self._bury(chunk, seen)
            await asyncio.gather(*acks)

        if not await self._link.deliver(chunk, write):
            # It will be read again, perhaps elsewhere; its times were not passed on.
            self._observer = self._new_observer()
            return
        clock_us = observer.clock(source)
        if clock_us is not None:
            self._passed_us[source] = clock_us
            # There may be another one since: under other rules, with other sources.
            self._observer.set_clock(source, clock_us)
        self._link.consumer.complete(chunk)
        self._note(seen)
        self._meters.chunk_s.labels("ingest").observe(time.perf_counter() - began_s)

    async def _bury(self, chunk: Chunk, seen: Observed) -> list[Awaitable[Any]]:
        if not seen.rejected:
            return []
        keys = {record.offset: record.key for record in chunk.value}
        return [
            await self._link.producer.send(
                self._topics.deadletter,
                encode_dead_letter(
                    rejected.reason,
                    topic=chunk.topic,
                    partition=chunk.partition,
                    offset=rejected.offset,
                    key=keys[rejected.offset],
                    value=rejected.value,
                    at_us=self._now_us(),
                ),
                partition=0,
            )
            for rejected in seen.rejected
        ]

    def _note(self, seen: Observed) -> None:
        counts, meters = seen.counts, self._meters
        meters.sessions.inc(counts.sessions)
        meters.unknown_fields.inc(counts.unknown_fields)
        meters.unpriced.inc(counts.unpriced)
        for rejected in seen.rejected:
            kind = reason_kind(rejected.reason)
            meters.dead_letters.labels(self._topics.sessions, kind).inc()
            log.warning(
                "dead letter: offset %d is no session: %s",
                rejected.offset,
                rejected.reason,
            )
        news = seen.unknown - self._unknown
        if news and len(self._unknown) < _NAMES_SHOWN:
            self._unknown |= news
            log.warning(
                "sessions carry fields that are not known and are left out: %s",
                ", ".join(sorted(news)),
            )

    async def run_ticks(self, every_s: float = 1.0) -> None:
        """Write a tick to every partition of the observations, every second."""
        while True:
            await asyncio.sleep(every_s)
            if self._link.running:
                await self.tick()

    async def tick(self) -> None:
        """Tell every partition of the observations the times of our sources.

        One that does not arrive is not missed: the next one says more.
        """
        clocks_us = self._clocks_us()
        if not clocks_us or not self._link.lease.valid:
            return
        block = encode_block(tick(clocks_us, self._sources))
        producer, topic = self._link.producer, self._topics.observations
        try:
            acks = [
                await producer.send(topic, block, key=TICK, partition=partition)
                for partition in range(self._partitions)
            ]
            await asyncio.gather(*acks)
        except KafkaError as error:
            log.warning("a tick was not written: %r", error)

    def _clocks_us(self) -> dict[int, int]:
        """Up to when each of our sources is known."""
        consumer = self._link.consumer
        quiet_us = self._now_us() - self._book.lateness_us
        clocks_us = {}
        for tp in consumer.done():
            if tp.topic != self._topics.sessions:
                continue
            known_us = self._passed_us.get(tp.partition)
            idle_s = consumer.idle_s(tp)
            if idle_s is not None and idle_s >= IDLE_S:
                known_us = quiet_us if known_us is None else max(known_us, quiet_us)
            if known_us is not None:
                clocks_us[tp.partition] = known_us
        return clocks_us
