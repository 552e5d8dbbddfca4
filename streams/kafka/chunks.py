"""The chunk consumer: one Faust event is a chunk of records of one partition.

All that has to be done about Faust's own faults when reading is done here, each with
its reason. Faust 0.15.3 costs 80 µs an event, so it is given few, large ones. It also
loses, repeats and freezes around rebalances (faust-streaming/faust#596, #502, #606),
so its books are not used: this consumer keeps its own, in which a chunk that does not
follow the one before is noticed. Chaos runs found nothing lost and nothing twice with
them, and up to a seventh of all alerts lost with Faust's.
"""

# ruff: noqa: SLF001  what has to be put right is private
from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP

from streams.kafka.lean_records import make_lean
from streams.kafka.reading import Chunk, Reading, Source, Verdict, in_turns, make_chunk
from streams.logs import LIBRARY

log = logging.getLogger(__name__)


class _NoReadOffset(defaultdict[TP, None]):
    """Answers that nothing has been read.

    After a seek Faust writes the offset of a chunk in flight and then drops the copy
    that is fetched again, without a word (#596).
    """

    def __getitem__(self, _key: TP) -> None:
        return None

    def __setitem__(self, _key: TP, _value: None) -> None:
        return None


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust fixes the fetch wait at 1.5 s, which a quiet topic pays as latency."""

    logger = LIBRARY

    def _create_worker_consumer(self, transport: Transport) -> Any:  # noqa: ANN401
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = transport.reading.fetch_wait_ms
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        self.transport.reading.lease.watch(self._consumer._coordinator)
        make_lean(self._consumer)


class ChunkConsumer(driver.Consumer):  # type: ignore[misc]
    """Reads chunks, and commits what the agents say is done or sealed."""

    logger = LIBRARY

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.reading: Reading = self.transport.reading
        self._read_offset = _NoReadOffset()
        self._fetched: dict[TP, int] = {}
        self._done: dict[TP, int] = {}
        self._safe: dict[TP, int] = {}
        self._active_s: dict[TP, float] = {}
        self.epoch = 0

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    # -- what agents ask and tell -----------------------------------------------------

    def verdict(self, chunk: Chunk) -> Verdict:
        """Whether a chunk may be worked on; to be asked before each step for good."""
        if (
            chunk.epoch != self.epoch
            or chunk.generation_id != self.app.consumer_generation_id
        ):
            return Verdict.STALE
        expected = self._done.get(chunk.tp)
        if expected is None:
            return Verdict.STALE
        return Verdict.OK if chunk.start == expected else Verdict.GAP

    def is_current(self, chunk: Chunk) -> bool:
        """Whether a chunk may still be worked on."""
        return self.verdict(chunk) is Verdict.OK

    def complete(self, chunk: Chunk) -> None:
        """Every effect of a chunk is acknowledged by Kafka: the agent's last word.

        Faust's acks mean nothing: it acks after exceptions too, and its compiled
        stream acks without asking ``Consumer.ack``.
        """
        if chunk.epoch == self.epoch:
            self._done[chunk.tp] = chunk.next
            self._active_s[chunk.tp] = time.monotonic()

    def done(self) -> dict[TP, int]:
        """For each partition being read, the offset after the last chunk done."""
        return dict(self._done)

    def seal(self, tp: TP, position: int, epoch: int) -> None:
        """What precedes a position is safe, and may be committed."""
        if epoch == self.epoch and tp in self._done:
            self._safe[tp] = position

    def wants(self, tp: TP) -> bool:
        """Whether a partition is read at all."""
        return self._source(tp).wanted(tp.partition)

    def ends(self, tp: TP) -> tuple[int, int, float] | None:
        """Position, high watermark and age in seconds of the last fetch's answer.

        Both numbers come out of fetch answers: asking for end offsets is wrong on
        the embedded broker. None while there is no answer.
        """
        with contextlib.suppress(AttributeError, IllegalStateError, AssertionError):
            consumer = self._thread._ensure_consumer()
            state = consumer._subscription.subscription.assignment.state_value(tp)
            if state is not None and state.highwater is not None:
                age_s = time.time() - state.timestamp / 1000
                return state.position, state.highwater, age_s
        return None

    def idle_s(self, tp: TP) -> float | None:
        """How long a partition has been read to its end; None if it is not."""
        ends = self.ends(tp)
        done = self._done.get(tp)
        if ends is None or done is None or not self.flow_active:
            return None
        position, highwater, age_s = ends
        if position < highwater or done != self._fetched.get(tp) or age_s > 3:
            return None
        return time.monotonic() - self._active_s[tp]

    # -- where reading starts ---------------------------------------------------------

    async def perform_seek(self) -> None:
        """Seek every partition ourselves.

        aiokafka's seek_to_committed passes over partitions without a commit, so that
        what was fetched and dropped before the first one is gone until a restart; and
        seek_to_beginning leaves a partition without a position, of which Faust's
        livelock detector dies.
        """
        self._forget_positions()
        epoch = self.epoch
        try:
            known = await self._thread.call_thread(self._known_offsets)
            if self.epoch != epoch:
                return  # Overtaken: whoever did seeks as well, or will.
            places = {
                tp: self._source(tp).start(tp.partition, committed, beginning)
                for tp, (committed, beginning) in known.items()
            }
            await self._thread.call_thread(self._seek_to, places)
        except IllegalStateError:
            return  # Revoked meanwhile: the next assignment seeks again.
        if self.epoch != epoch:
            return
        self.epoch += 1
        now_s = time.monotonic()
        self._fetched.update(places)
        self._done.update(places)
        self._safe.update({tp: at for tp, (at, _) in known.items() if at is not None})
        self._active_s.update(dict.fromkeys(places, now_s))
        self._committed_offset.update(
            {tp: committed for tp, (committed, _) in known.items()}
        )

    async def _known_offsets(self) -> dict[TP, tuple[int | None, int]]:
        consumer = self._thread._ensure_consumer()
        partitions = list(consumer.assignment())
        beginnings = await consumer.beginning_offsets(partitions)
        return {
            TP(tp.topic, tp.partition): (await consumer.committed(tp), beginnings[tp])
            for tp in partitions
        }

    async def _seek_to(self, places: Mapping[TP, int]) -> None:
        consumer = self._thread._ensure_consumer()
        for tp, offset in places.items():
            consumer.seek(tp, offset)
            if not self.wants(tp):
                consumer.pause(TopicPartition(tp.topic, tp.partition))

    def _forget_positions(self) -> None:
        self.epoch += 1
        for book in (self._fetched, self._done, self._safe, self._active_s):
            book.clear()

    def _source(self, tp: TP) -> Source:
        return self.reading.sources[tp.topic]

    # -- fetching ---------------------------------------------------------------------

    def on_buffer_full(self, tp: TP) -> None:
        """Let the full queue hold us up: Faust would sleep a second instead."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Chunk]]:  # noqa: ASYNC109
        """Fetch, and hand on what can be placed."""
        epoch = self.epoch
        records, _ = await self._wait_next_records(timeout)
        if not records or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        if epoch != self.epoch:
            # A seek overtook this fetch, which may have moved aiokafka's position
            # since: what it brought has no place, and has to be fetched again.
            try:
                await self.perform_seek()
            except Exception as error:  # noqa: BLE001  the next fetch tries again
                log.warning("could not seek again: %r", error)
            return
        if not self.flow_active:
            return  # A rebalance is under way, and will seek.
        for tp, part in in_turns(records, self.reading.sources):
            if (
                self.epoch != epoch
                or not self.flow_active
                or generation != self.app.consumer_generation_id
            ):
                return
            yield tp, self._chunk(tp, part, epoch, generation)

    def _chunk(self, tp: TP, part: list[Any], epoch: int, generation: int) -> Chunk:
        # Holes that Kafka made (markers, compaction) need no special case: a chunk
        # starts where the one before it ended, not at its first offset.
        start = self._fetched.get(tp, part[0].offset)
        chunk = make_chunk(tp, part, start, epoch, generation)
        self._fetched[tp] = chunk.next
        self._active_s[tp] = time.monotonic()
        return chunk

    def highwater(self, tp: TP) -> int:
        """The high watermark; 0 while a partition is being given away."""
        try:
            return super().highwater(tp) or 0
        except IllegalStateError:
            return 0

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock detector; it must not die of a moment without a position."""
        if not self.wants(tp):
            return  # Nothing is read there, and nothing is stuck.
        with contextlib.suppress(AssertionError, AttributeError, IllegalStateError):
            super().verify_event_path(now, tp)

    # -- committing -------------------------------------------------------------------

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:  # noqa: ANN401
        return [
            tp
            for tp in self._done
            if self._offset_to_commit(tp) != self._committed_offset[tp]
            and (topics is None or tp in topics or tp.topic in topics)
        ]

    def _offset_to_commit(self, tp: TP) -> int | None:
        book = self._safe if self._source(tp).checkpointed else self._done
        return book.get(tp)

    def _new_offset(self, tp: TP) -> int | None:
        # Faust's lists of acks are not used, and would grow for ever.
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        return self._offset_to_commit(tp)

    async def _add_gap(self, *_: object) -> None:
        """Faust's gaps count an offset twice, after which commits stand still."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish the chunk in work, checkpoint and commit, then give away.

        Faust throws its acks away before it commits for the last time (#502), and so
        repeats up to a commit interval at each rebalance.
        """
        if self._done and not self.app.should_stop and self.assignment():
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            await self._settle()
        self._done.clear()  # A chunk still in work is stale from here on.
        await super().on_partitions_revoked(revoked)
        self._forget_positions()

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(self.app.conf.broker_session_timeout / 2):
                await super().wait_empty()
                await self.reading.checkpoint()
                await self.commit()
        except TimeoutError:
            log.warning("gave partitions away before all was written; it is repeated")

    async def wait_empty(self) -> None:
        """Wait for the chunk in work; when the app stops, checkpoint as well."""
        if self.app.should_stop and self._done:
            await self._settle()
            self._forget_positions()
        await super().wait_empty()


class Transport(driver.Transport):  # type: ignore[misc]
    """Makes Faust read chunks: ``app.transport = Transport(app, reading)``."""

    Consumer = ChunkConsumer

    def __init__(self, app: Any, reading: Reading) -> None:  # noqa: ANN401
        super().__init__(app.conf.broker_consumer, app)
        self.reading = reading
