"""Parents on their way: partitions are summed up, and every partition is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.types.tuples import TP
from msgspec import structs

from detectors.peers.parents import Part, Sums
from detectors.peers.questions import Question
from streams.ingest import TICK
from streams.kafka.lease import Lease
from streams.kafka.link import Link
from streams.kafka.topic_specs import TopicNames
from streams.observations.block import decode_block
from streams.state import parents
from streams.state.parents import (
    ParentForwarder,
    ShareWriter,
    Told,
    encode_part,
    encode_question,
)

TWO = Sums(2.0, 3.0, 5.0, 1.0, 6.0, 0.0)
THREE = Sums(3.0, 9.0, 29.0, 2.0, 9.0, 0.5)
ASKED = Question(1, "dear", 40, 70, {"model": {"x": 3}, "tenant": {"t1": 1}})


def _hear(told: Told, partition: int, part: Part) -> None:
    told.hear(encode_part(partition, part)[1])


class TestTold:
    """What partitions tell, added up."""

    def test_partitions_are_added_up(self) -> None:
        """What one says anew replaces what it said before."""
        told = Told()
        _hear(told, 0, Part("all", TWO))
        _hear(told, 3, Part("all", THREE))
        assert told.take_news() == [Part("all", TWO.plus(THREE))]
        assert told.take_news() == []
        _hear(told, 3, Part("all", TWO))
        assert told.take_news() == [Part("all", TWO.plus(TWO))]

    def test_what_is_told_again_is_no_news(self) -> None:
        """A worker that restarts tells everything anew."""
        told = Told()
        _hear(told, 0, Part("all", TWO))
        assert told.take_news()
        _hear(told, 0, Part("all", TWO))
        assert told.take_news() == []

    def test_a_parent_whose_series_are_gone_is_told_once(self) -> None:
        """Without series, so that it is forgotten."""
        told = Told()
        _hear(told, 0, Part("all", TWO))
        assert told.take_news()
        _hear(told, 0, Part("all", Sums()))
        assert told.take_news() == [Part("all", Sums())]
        assert told.take_news() == []

    @pytest.mark.parametrize(
        "value", [b"", b"{}", msgspec.msgpack.encode([9, 0, ["all", [1.0] * 6]])]
    )
    def test_what_is_not_understood_is_passed_by(self, value: bytes) -> None:
        """Nonsense, and what a later version wrote."""
        told = Told()
        told.hear(value)
        assert told.take_news() == []

    def test_questions_are_passed_on_as_they_are(self) -> None:
        """The newest of each partition and rule; with what is asked no more."""
        told, over = Told(), structs.replace(ASKED, firing={})
        for question in (ASKED, structs.replace(ASKED, rule="other"), over):
            told.hear(encode_question(question)[1])
        assert told.take_questions() == [over, structs.replace(ASKED, rule="other")]
        assert told.take_questions() == []
        assert told.take_news() == []


class Producer:
    """Keeps what is sent; the first writes may fail."""

    def __init__(self, faults: int = 0) -> None:
        self.faults = faults
        self.sent: list[tuple[int, Any]] = []

    async def send(
        self, topic: str, block: bytes, *, key: bytes, partition: int
    ) -> asyncio.Future[None]:
        """Write a block."""
        assert (topic, key) == ("loopwatch.observations", TICK)
        acked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.faults:
            self.faults -= 1
            acked.set_exception(KafkaTimeoutError())
        else:
            self.sent.append((partition, decode_block(block)))
            acked.set_result(None)
        return acked


def _link(producer: Any, *mine: int) -> Link:
    lease = Lease(600)
    lease.confirm(time.monotonic())
    link = Link(lease)
    link.app = SimpleNamespace(
        producer=SimpleNamespace(_producer=producer),
        consumer=SimpleNamespace(
            done=lambda: {TP("agent.sessions", number): 0 for number in mine}
        ),
    )
    return link


def _forwarder(producer: Producer, *mine: int) -> ParentForwarder:
    link = _link(producer, *mine)
    return ParentForwarder(link, TopicNames(), {}, sources=2, partitions=3)


async def test_news_goes_into_every_partition() -> None:
    """In a block without sessions and times, written until all have it."""
    producer = Producer(faults=1)
    news = [Part("all", THREE)]
    assert await _forwarder(producer, 0).pass_on(news)
    assert {partition for partition, _ in producer.sent} == {0, 1, 2}
    for _, batch in producer.sent:
        assert batch.parents == news
        assert (batch.sources, len(batch.offsets), batch.clocks_after_us) == (2, 0, {})


async def test_much_news_is_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its order, for brokers refuse large ones."""
    monkeypatch.setattr(parents, "_MOST", 2)
    producer = Producer()
    news = [Part(str(number), TWO) for number in range(5)]
    assert await _forwarder(producer, 0).pass_on(news)
    told = [part for at, batch in producer.sent if at == 1 for part in batch.parents]
    assert told == news


async def test_questions_go_into_every_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In blocks of their own."""
    monkeypatch.setattr(parents, "_MOST_QUESTIONS", 1)
    producer = Producer()
    questions = [ASKED, structs.replace(ASKED, rule="other")]
    assert await _forwarder(producer, 0).pass_on([], questions)
    for partition in range(3):
        blocks = [batch for at, batch in producer.sent if at == partition]
        assert [block.questions for block in blocks] == [[one] for one in questions]


async def test_only_the_reader_of_partition_0_passes_on() -> None:
    """Two would say different things at different times."""
    producer = Producer()
    assert not await _forwarder(producer, 1).pass_on([Part("all", TWO)])
    assert producer.sent == []


class Shared:
    """A partition that has something to say once."""

    def __init__(self, *said: Part | Question) -> None:
        self.parts = [one for one in said if isinstance(one, Part)]
        self.questions = [one for one in said if isinstance(one, Question)]

    def take_parts(self) -> list[Part]:
        """What has moved."""
        parts, self.parts = self.parts, []
        return parts

    def take_questions(self) -> list[Question]:
        """What the others are to count."""
        questions, self.questions = self.questions, []
        return questions


class TestShareWriter:
    """What a worker's partitions say."""

    @staticmethod
    async def _write(
        monkeypatch: pytest.MonkeyPatch,
        rounds: list[Mapping[int, Shared]],
        faults: int = 0,
    ) -> list[list[tuple[bytes, bytes]]]:
        written: list[list[tuple[bytes, bytes]]] = []

        async def append(
            _producer: Any, topic: str, partition: int, rows: list[tuple[bytes, bytes]]
        ) -> None:
            nonlocal faults
            assert (topic, partition) == ("parents", 0)
            if faults:
                faults -= 1
                raise KafkaTimeoutError
            written.append(rows)

        monkeypatch.setattr(parents, "append", append)
        owned: Mapping[int, Any] = {}
        writer = ShareWriter(_link(None), "parents", lambda: owned)
        for owned in rounds:  # noqa: B007 - the writer looks at it
            await writer.write()
        return written

    async def test_what_has_moved_is_written_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Under a key of its partition and parent, so that the last one is kept."""
        shared = Shared(Part("all", TWO))
        written = await self._write(monkeypatch, [{1: shared}, {1: shared}])
        assert written == [[encode_part(1, Part("all", TWO))]]

    async def test_a_question_is_written_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Under a key that no parent has."""
        shared = Shared(Part("dear", TWO), ASKED)
        (rows,) = await self._write(monkeypatch, [{1: shared}, {1: shared}])
        assert rows == [encode_part(1, Part("dear", TWO)), encode_question(ASKED)]
        assert len({key for key, _ in rows}) == 2

    async def test_what_was_not_taken_is_written_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The newest of each parent."""
        before, after = Shared(Part("all", TWO)), Shared(Part("all", THREE))
        written = await self._write(monkeypatch, [{1: before}, {1: after}], faults=1)
        assert written == [[encode_part(1, Part("all", THREE))]]

    async def test_a_partition_that_is_lost_is_left_to_its_new_owner(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who would otherwise be overruled by old news."""
        shared = Shared(Part("all", TWO))
        assert await self._write(monkeypatch, [{1: shared}, {}], faults=1) == []
