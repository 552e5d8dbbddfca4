"""Detect: blocks of observations become transitions, and state that is safe.

A chunk is folded, its lines are published and acknowledged, and only then may a
checkpoint see what it changed. A checkpoint writes rows, then the seal that says up to
where they are complete; only what is sealed is committed. So whatever happens between
two steps, what is read again leads to the same lines with the same numbers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka.errors import KafkaError
from faust.types.tuples import TP

from detectors.rules import RuleBook
from detectors.state.acceptance import Outcome
from detectors.state.stage import Said
from detectors.transitions import Clock, Transition, encode_line, rfc3339
from streams.crowd import crowded
from streams.events.deadletter import encode_dead_letter
from streams.kafka.guards import FAILED, FAULT
from streams.kafka.link import Link, may_pass
from streams.kafka.reading import Chunk
from streams.kafka.topic_specs import TopicNames
from streams.lines import NOTIFIED, write_lines
from streams.metrics import Meters
from streams.observations.block import decode_block
from streams.observations.columns import Columns
from streams.state.looking import look_for_late_rows
from streams.state.moving import all_moved
from streams.state.owned import Owned
from streams.state.topic import PLACES, SEAL, append
from streams.state.turns import Turns

log = logging.getLogger(__name__)


class Detect:
    """The agent on the observations.

    Args:
        book: The rules in force.
        topics: Names.
        link: The app it belongs to.
        meters: Told what was folded.
        options: Keyword arguments of aiokafka's clients.
        retire: Whether rules that the book lacks are gone for all live workers.
        now_us: The wall clock.
    """

    def __init__(
        self,
        book: RuleBook,
        topics: TopicNames,
        *,
        link: Link,
        meters: Meters,
        options: Mapping[str, Any],
        retire: Callable[[], bool] = lambda: True,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.book = book
        self._topics = topics
        self._link = link
        self._meters = meters
        self._options = options
        self._retire = retire
        self._now_us = now_us
        self.owned: dict[int, Owned] = {}
        self._taking_s = 0.0
        # Held from the fold of a chunk to the acknowledgement of its lines: a row
        # must never hold what was not published.
        self._turn = asyncio.Lock()
        self._writing = asyncio.Lock()

    def start(self, number: int, committed: int | None, beginning: int) -> int:
        """Where reading a partition starts: after what its state holds."""
        owned = self.owned.get(number)
        if owned is None:
            return beginning if committed is None else committed
        if owned.fresh and beginning > owned.next:
            owned.begin(beginning)
        if committed is not None and committed > max(owned.next, beginning):
            if not self._link.lease.valid:
                # Frozen meanwhile: another worker has it, and has gone on.
                self._drop(number, owned)
                return committed
            self._link.end(
                FAILED,
                f"group {self._link.app.conf.id} has committed offset {committed} of "
                f"{self._topics.observations} {number}, but its state in "
                f"{self._topics.detect_state} ends before {owned.next}: rows were "
                "lost. Delete that group's offsets to fold again what is still there",
            )
        if beginning > owned.next:
            log.error(
                "observations %d to %d of partition %d are gone: no worker ran for "
                "longer than %s keeps them",
                owned.next,
                beginning - 1,
                number,
                self._topics.observations,
            )
            owned.begin(beginning)
        return owned.next

    async def take(self, chunk: Chunk) -> None:
        """Fold a chunk of blocks and publish what came of it."""
        began_s = time.perf_counter()
        number = chunk.partition
        async with self._turn:
            if not await self._link.hold(chunk):
                return
            owned = self.owned.get(number)
            if owned is None:
                self._link.end(
                    FAULT, f"{self._topics.observations} {number} comes without state"
                )
            said, dead = await self._fold(owned, chunk)
            kept = await self._publish(chunk, said, dead)
            if not kept:
                self._drop(number, owned)
                return
            owned.next = chunk.next
            self._link.consumer.complete(chunk)
        self._note(owned, said, len(dead))
        self._meters.chunk_s.labels("detect").observe(time.perf_counter() - began_s)

    async def _fold(self, owned: Owned, chunk: Chunk) -> tuple[list[Said], list[bytes]]:
        said: list[Said] = []
        dead: list[bytes] = []
        for record in chunk.value:
            if record.offset < owned.next:
                continue
            try:
                batch: Columns | None = decode_block(record.value or b"")
            except ValueError as error:
                batch = None
                reason = str(error)
            if batch is None:
                log.error(
                    "dead letter: offset %d is no block: %s", record.offset, reason
                )
                dead.append(
                    encode_dead_letter(
                        reason,
                        topic=chunk.topic,
                        partition=chunk.partition,
                        offset=record.offset,
                        key=record.key,
                        value=record.value or b"",
                        at_us=self._now_us(),
                    )
                )
            else:
                said += owned.partition.apply(batch, record.offset)
                self._tell(owned.partition.outcomes)
            owned.next = record.offset + 1
            await asyncio.sleep(0)
        return said, dead

    @staticmethod
    def _tell(outcomes: Iterable[Outcome]) -> None:
        """Log what became of actions; most partitions have nothing to do with one."""
        for accept, resolved, untouched in outcomes:
            if resolved or untouched:
                log.info(
                    "accept at offset %d by %s: alerts resolved: %d, with nothing to "
                    "accept: %d",
                    accept.offset,
                    accept.by or "somebody",
                    resolved,
                    untouched,
                )

    async def _publish(self, chunk: Chunk, said: list[Said], dead: list[bytes]) -> bool:
        if not said and not dead:
            return self._link.consumer.is_current(chunk)

        async def write() -> None:
            await self._write_lines(said)
            if dead:
                letters = [(None, letter) for letter in dead]
                await append(self._link.producer, self._topics.deadletter, 0, letters)

        return await self._link.deliver(chunk, write)

    async def _write_lines(self, said: Iterable[Said]) -> None:
        await write_lines(self._link.producer, self._topics.transitions, said)

    def _drop(self, number: int, owned: Owned) -> None:
        """Forget a state that holds what may not have been published."""
        if self.owned.get(number) is owned:
            del self.owned[number]
            log.warning("partition %d was lost with its state", number)

    def _note(self, owned: Owned, said: Iterable[Said], dead: int) -> None:
        meters = self._meters
        if dead:
            meters.dead_letters.labels(self._topics.observations, "no block").inc(dead)
        for line in said:
            if isinstance(line, Transition):
                meters.transitions.labels(line.to_state).inc()
        owned.count(meters)
        if not owned.warned and (crowd := owned.partition.crowd()) is not None:
            owned.warned = True
            partition = owned.partition
            full = crowded(crowd, partition.counts.turned_away)
            log.warning("partition %d is full: %s", partition.number, full)

    async def reload(self, book: RuleBook) -> None:
        """Go on under other rules, in all partitions at one place between chunks.

        Raises:
            ValueError: The state of a series cannot be taken over; nothing changed.
        """
        began_s = time.monotonic()
        async with self._writing, self._turn:
            ready = await all_moved(self.owned, book)
            self.book = book
            for owned, partition in ready.items():
                owned.take_up(partition)
        log.info(
            "%d series go on under the new rules, after %.2f s",
            sum(len(partition) for partition in ready.values()),
            time.monotonic() - began_s,
        )

    # -- every second -----------------------------------------------------------------

    async def run_checkpoints(self, every_s: float) -> None:
        """Make safe what has changed, and tell the clocks, again and again."""
        turns = Turns(every_s)
        while True:
            await asyncio.sleep(every_s)
            if not self._link.running:
                continue
            try:
                await self.retire()
                if turns.due(self._observed) or self._unwritten:
                    began_s = self._taking_s
                    await self.checkpoint()
                    turns.took(self._taking_s - began_s)
                await look_for_late_rows(
                    self.owned, self._link, self._topics.detect_state, self._options
                )
                await self.tell_clocks()
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                log.error("fault in a checkpoint", exc_info=error)
                self._link.end(FAULT, f"{type(error).__name__}: {error}")

    @property
    def _observed(self) -> int:
        """Observations folded so far, in all partitions that we have."""
        return sum(each.partition.counts.observations for each in self.owned.values())

    @property
    def _unwritten(self) -> bool:
        """Whether a checkpoint was taken that could not be written."""
        return any(each.step is not None for each in self.owned.values())

    async def checkpoint(self) -> None:
        """Write rows that have changed, then seals, of every partition."""
        async with self._writing:
            consumer = self._link.consumer
            await asyncio.gather(
                *(
                    self._checkpoint(tp, self.owned[tp.partition])
                    for tp in consumer.done()
                    if tp.topic == self._topics.observations
                    and tp.partition in self.owned
                )
            )

    async def _checkpoint(self, tp: TP, owned: Owned) -> None:
        epoch = self._link.consumer.epoch
        # What an earlier checkpoint could not write comes first, in its order.
        if owned.step is not None and not await self._write(tp, owned, epoch):
            return
        async with self._turn:
            began_s = time.perf_counter()
            taken = self.owned.get(tp.partition) is owned and owned.take_step()
            self._taking_s += time.perf_counter() - began_s
        if not taken or await self._write(tp, owned, epoch):
            self._link.consumer.seal(tp, owned.safe, epoch)

    async def _write(self, tp: TP, owned: Owned, epoch: int) -> bool:
        """Write a step: places, if any, then rows, then the seal on them."""
        consumer, step = self._link.consumer, owned.step
        if step is None or not await self._link.lease.hold(
            lambda: consumer.epoch == epoch
        ):
            return False
        topic, producer = self._topics.detect_state, self._link.producer
        try:
            if step.first is not None:
                await append(producer, topic, tp.partition, [(PLACES, step.first)])
            if step.rows:
                await append(producer, topic, tp.partition, step.rows, step.gone)
            end = await append(producer, topic, tp.partition, [(SEAL, step.seal)])
        except KafkaError as error:
            if not may_pass(error):
                raise
            log.warning("a checkpoint was not written, again: %r", error)
            return False
        owned.made_safe(step, end)
        return True

    async def tell_clocks(self) -> None:
        """Write how far the event time of each partition has come, where it moved."""
        lines: list[tuple[bytes | None, bytes | None]] = []
        told: list[tuple[Owned, int | None]] = []
        async with self._turn:
            # Everything that was said before these times has been acknowledged.
            for number, owned in self.owned.items():
                clock_us = owned.partition.clock_us
                if owned.told == (clock_us,):
                    continue
                time_text = None if clock_us is None else rfc3339(clock_us)
                line = Clock(partition=number, time=time_text)
                lines.append((None, encode_line(line)))
                told.append((owned, clock_us))
        if not lines or not self._link.lease.valid:
            return
        try:
            await append(self._link.producer, self._topics.transitions, NOTIFIED, lines)
        except KafkaError as error:
            log.warning("clocks were not written: %r", error)
            return
        for owned, clock_us in told:
            owned.told = (clock_us,)

    async def retire(self) -> None:
        """Resolve what rules left open that are gone from the book, once."""
        if not self._retire():
            return
        consumer = self._link.consumer
        epoch = consumer.epoch
        for tp in consumer.done():
            owned = self.owned.get(tp.partition)
            if tp.topic != self._topics.observations or owned is None or owned.retired:
                continue
            async with self._turn:
                said = owned.partition.retire()
                owned.retired = owned.changed = True
                if said and not await self._link.write(
                    lambda said=said: self._write_lines(said),  # type: ignore[misc]
                    lambda: consumer.epoch == epoch,
                ):
                    self._drop(tp.partition, owned)
                    return
            if said:
                log.info("resolved %d alerts of rules that are gone", len(said))
