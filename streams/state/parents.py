"""What crosses partitions: what each one knows is summed up and told to all.

Detect writes what the series of a partition add to each parent, keyed by partition and
parent, into a compacted topic. The worker that reads partition 0 of the sessions adds
the partitions up and writes the sums that moved into every partition of the
observations, so that each stands at one place of its log: what a series is born with
must not hang on when somebody happened to read something. What partitions ask each other
goes the same way, as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types.tuples import TP

from detectors.batch import tick
from detectors.partition import Partition
from detectors.peers.parents import Part, Sums
from detectors.peers.questions import Question
from streams.ingest import TICK
from streams.kafka.link import Link
from streams.kafka.topic_specs import TopicNames
from streams.observations.block import encode_block
from streams.state.topic import append

log = logging.getLogger(__name__)

_DECIDES: Final = 0
"""Partition of the sessions whose reader sums up."""

_PARTITION: Final = 0
_POLL_MS: Final = 200
_MOST: Final = 1_000
"""Parents in a block."""

_MOST_QUESTIONS: Final = 20
"""Questions in a block: they may be long."""

_QUESTION: Final = "\x1e"
"""Before a rule's name, where others have the key of a parent: what is asked of it."""

_VERSION: Final = 1


class _Row(msgspec.Struct, array_like=True):
    """What one partition adds to a parent, or asks the others."""

    version: int
    partition: int
    part: Part | None
    question: Question | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode
_encode_key = msgspec.json.Encoder().encode


def encode_part(partition: int, part: Part) -> tuple[bytes, bytes]:
    """Key and value of what a partition adds to a parent."""
    key = _encode_key([partition, part.key])
    return key, _encode(_Row(_VERSION, partition, part))


def encode_question(question: Question) -> tuple[bytes, bytes]:
    """Key and value of what a partition asks; it replaces what it asked of the rule."""
    key = _encode_key([question.partition, _QUESTION + question.rule])
    return key, _encode(_Row(_VERSION, question.partition, None, question))


class Told:
    """What partitions have told of parents, and what of it is to be passed on."""

    def __init__(self) -> None:
        self._questions: dict[tuple[int, str], Question] = {}
        self._shares: dict[str, dict[int, Sums]] = {}
        self._said: dict[str, Sums] = {}
        self._moved: dict[str, None] = {}

    def hear(self, value: bytes) -> None:
        """Take a record; it replaces what the partition told of that parent before."""
        try:
            row = _decode(value)
        except msgspec.MsgspecError as fault:
            log.warning("a record of parents is passed by: %s", fault)
            return
        if row.version != _VERSION:
            return  # Of a later version.
        if row.question is not None:
            self._questions[row.partition, row.question.rule] = row.question
        if row.part is None:
            return
        key, sums = row.part.key, row.part.sums
        shares = self._shares.setdefault(key, {})
        if sums.series:
            shares[row.partition] = sums
        else:
            shares.pop(row.partition, None)
        self._moved[key] = None

    def take_news(self) -> list[Part]:
        """The parents that have moved noticeably, all partitions together."""
        news = []
        for key in self._moved:
            shares = self._shares[key]
            total = Sums()
            for partition in sorted(shares):
                total = total.plus(shares[partition])
            if not shares:
                del self._shares[key]
            if total.moved_from(self._said.get(key, Sums())):
                self._said[key] = total
                news.append(Part(key, total))
        self._moved.clear()
        return news

    def take_questions(self) -> list[Question]:
        """What has been asked since the last call, the newest of each."""
        questions = list(self._questions.values())
        self._questions.clear()
        return questions


class ShareWriter:
    """Writes what our partitions add to parents, and ask, once a second where it is new.

    Args:
        link: The app of detect.
        topic: Of the parents.
        owned: The partitions that are ours now.
    """

    def __init__(
        self,
        link: Link,
        topic: str,
        owned: Callable[[], Mapping[int, Partition]],
    ) -> None:
        self._link = link
        self._topic = topic
        self._owned = owned
        self._waiting: dict[tuple[int, str], tuple[bytes, bytes]] = {}

    async def run(self, every_s: float = 1.0) -> None:
        """Write, again and again, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            if self._link.running and self._link.lease.valid:
                await self.write()

    async def write(self) -> None:
        """Write what has moved, and what could not be written before."""
        owned, waiting = self._owned(), self._waiting
        for number, partition in owned.items():
            for part in partition.take_parts():
                waiting[number, part.key] = encode_part(number, part)
            for asked in partition.take_questions():
                waiting[number, _QUESTION + asked.rule] = encode_question(asked)
        for number, key in [each for each in waiting if each[0] not in owned]:
            # Who has it now tells it anew.
            del waiting[number, key]
        if not waiting:
            return
        rows = list(waiting.values())
        try:
            await append(self._link.producer, self._topic, _PARTITION, rows)
        except KafkaError as error:
            log.warning("what parents are like was not written, again: %r", error)
            return
        waiting.clear()


class ParentForwarder:
    """Sums up what partitions tell of parents, and tells every partition.

    Args:
        link: The app of ingest.
        topics: Names.
        options: Keyword arguments of aiokafka's clients.
        sources: Partitions of the sessions' topic.
        partitions: Of the observations.
    """

    def __init__(
        self,
        link: Link,
        topics: TopicNames,
        options: Mapping[str, Any],
        *,
        sources: int,
        partitions: int,
    ) -> None:
        self._link = link
        self._topics = topics
        self._options = options
        self._sources = sources
        self._partitions = partitions

    async def run(self, every_s: float = 1.0) -> None:
        """Forward whenever it is ours to do, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            if not self._is_ours():
                continue
            try:
                await self._forward(every_s)
            except KafkaError as error:
                log.warning("parents cannot be forwarded, again: %r", error)

    def _is_ours(self) -> bool:
        link = self._link
        return link.running and TP(self._topics.sessions, _DECIDES) in (
            link.consumer.done()
        )

    async def _forward(self, every_s: float) -> None:
        """Read the topic from its beginning: who forwarded before said no less."""
        consumer = AIOKafkaConsumer(
            **self._options,
            client_id="loopwatch-parents",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            tp = TopicPartition(self._topics.parents, _PARTITION)
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            told = Told()
            while self._is_ours():
                found = await consumer.getmany(tp, timeout_ms=_POLL_MS)
                for record in found.get(tp, ()):
                    if record.value is not None:
                        told.hear(record.value)
                if found:
                    continue
                if not await self.pass_on(told.take_news(), told.take_questions()):
                    return
                await asyncio.sleep(every_s)
        finally:
            await consumer.stop()

    async def pass_on(
        self, news: Sequence[Part], questions: Sequence[Question] = ()
    ) -> bool:
        """Write them into every partition; False once that is no longer ours to do."""
        for begin in range(0, len(news), _MOST):
            if not await self._write(parents=news[begin : begin + _MOST]):
                return False
        for begin in range(0, len(questions), _MOST_QUESTIONS):
            asked = questions[begin : begin + _MOST_QUESTIONS]
            if not await self._write(questions=asked):
                return False
        return True

    async def _write(
        self, parents: Sequence[Part] = (), questions: Sequence[Question] = ()
    ) -> bool:
        block = encode_block(
            tick({}, self._sources, parents=parents, questions=questions)
        )

        async def write() -> None:
            producer, topic = self._link.producer, self._topics.observations
            acks = [
                await producer.send(topic, block, key=TICK, partition=partition)
                for partition in range(self._partitions)
            ]
            await asyncio.gather(*acks)

        return await self._link.write(write, self._is_ours)
