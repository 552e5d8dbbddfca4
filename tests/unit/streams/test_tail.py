"""What a restart reads is enough, and little, wherever a worker crashed before it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.batch import Batch
from detectors.partition import Partition
from detectors.rules import RuleBook
from detectors.state.seals import Seal
from detectors.state.stage import Said
from detectors.state.written import Written
from detectors.transitions import encode_line
from streams.kafka.link import StateError
from streams.kafka.topic_specs import TopicNames
from streams.state.newest import headers_of
from streams.state.owned import Owned
from streams.state.reach import Reach
from streams.state.restore import _restored
from streams.state.tail import Tail
from streams.state.topic import PLACES
from tests.unit.detectors.scenes import Log
from tests.unit.detectors.test_log_alone import _blocks, _book, _heard, _story

Record = tuple[bytes, bytes | None]
FEW = 12
LAG = 20
"""So many blocks a record is safe from compaction; in Kafka four hours."""
RETENTION = 6 * LAG
"""So many blocks a tombstone is; in Kafka a day more. Nobody is frozen for longer."""


class Topic:
    """A partition of a compacted topic.

    Attributes:
        now: Goes on with each block.
    """

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.end = 0
        self.now = 0

    def append(self, rows: Sequence[Record], gone: int | None = None) -> int:
        """Write records; the offset behind them."""
        for key, value in rows:
            ends = [] if gone is None or value is not None else headers_of(gone)
            self.records.append(
                SimpleNamespace(
                    offset=self.end, key=key, value=value, headers=ends, at=self.now
                )
            )
            self.end += 1
        return self.end

    def compact(self, luck: random.Random) -> None:
        """As Kafka does it: what is old enough, up to some record, each key's last.

        It goes from the front, and may be stopped before it is through.
        """
        old = sum(record.at <= self.now - LAG for record in self.records)
        known = luck.choice([old, luck.randint(0, old)])
        through = luck.choice([known, luck.randint(0, known)])
        last = {record.key: record.offset for record in self.records[:known]}
        self.records = [
            record
            for record in self.records[:through]
            if record.offset == last[record.key]
            and (record.value is not None or record.at > self.now - RETENTION)
        ] + self.records[through:]

    def read(self, luck: random.Random, few: int = FEW) -> Tail:
        """Read as much as is needed, in pieces."""
        tail = Tail(few)
        first = self.records[0].offset if self.records else self.end
        begin: int | None = tail.begin(first, self.end)
        while begin is not None:
            left = [record for record in self.records if record.offset >= begin]
            while left:
                count = luck.randint(1, 9)
                tail.take(left[:count])
                left = left[count:]
            begin = tail.more(self.end)
        return tail

    def copied(self) -> Topic:
        """What a tool makes of it that knows nothing of offsets."""
        other = Topic()
        for record in self.records:
            other.append([(record.key, record.value)])
            other.records[-1].headers = record.headers
        return other


def _values(tail: Tail) -> dict[bytes, bytes]:
    return {key: record.value for key, record in tail.rows.items()}


class Worker:
    """A partition with a state topic behind it, which crashes and comes back."""

    def __init__(self, book: RuleBook, blocks: Sequence[Batch]) -> None:
        self.book = book
        self.blocks = blocks
        self.topic = Topic()
        self.published: list[tuple[int, Said]] = []
        self.owned = Owned(Partition(book, memory=40), reach=Reach(few=FEW))

    def work(self) -> None:
        """Fold the next block and publish its lines."""
        at = self.owned.next
        lines = self.owned.partition.apply(self.blocks[at], at)
        self.published += [(at, line) for line in lines]
        self.owned.next = at + 1
        self.topic.now += 1

    def checkpoint(self) -> None:
        """Write what has changed, and look at what others wrote in between."""
        if self.owned.take_step():
            self._write()
        self.look()

    def _write(self) -> None:
        step = self.owned.step
        assert step is not None
        self.owned.made_safe(step, self.topic.append(step.records, step.gone))

    def look(self) -> None:
        """Look at what others wrote between the rows."""
        for stretch in list(self.owned.late.unread):
            self.owned.late.look(stretch, self.topic.records)

    def reload(self) -> None:
        """Go on under the rules of a file that was read again."""
        self.owned.take_up(self.owned.partition.under(self.book))
        self._write()

    def restart(self, luck: random.Random) -> None:
        """Come back from the topic and the log."""
        tail = self.topic.read(luck)
        everything = self.topic.read(luck, few=10**9)
        assert _values(tail) == _values(everything)
        if tail.seal is not None:
            begin = Seal.load(tail.seal.value).rows_from
            newest = [record.offset for record in everything.rows.values()]
            assert begin <= min(newest, default=begin)
        self.owned = self.restored(luck)

    def restored(self, luck: random.Random) -> Owned:
        """What a worker begins with."""
        tail = self.topic.read(luck)
        owned = _restored(Partition(self.book), tail, TopicNames(), {})
        owned.partition._memory.__init__(40)  # type: ignore[misc]
        owned._reach._few = FEW
        for offset in range(owned.partition.memory_from, owned.next):
            owned.partition.remember(self.blocks[offset], offset)
        owned.partition.finish_restore()
        return owned

    def state(self) -> dict[bytes, Any]:
        """The rows of all series, but for the offsets of blocks."""
        rows = self.owned.partition._checkpoints.all_rows()
        return {
            key: msgspec.msgpack.decode(row)[2:] for some in rows for key, row in some
        }


def _story_of(seed: int) -> tuple[random.Random, RuleBook, list[Batch]]:
    luck = random.Random(seed)  # noqa: S311
    book, sources = _book(luck), luck.randint(1, 3)
    steps = _story(luck, sources, 200)
    ends = [luck.random() < 0.6 for _ in steps]
    return luck, book, _blocks(steps, Log(book.rules, sources), ends, None)


class Frozen(NamedTuple):
    """A worker in the midst of a checkpoint, and what it has not written yet."""

    records: list[Record]
    gone: int
    since: int


def _work_on(shaken: Worker, luck: random.Random) -> None:
    """Work to the end of the blocks, with crashes in between."""
    frozen: list[Frozen] = []
    topic = shaken.topic
    while shaken.owned.next < len(shaken.blocks):
        shaken.work()
        chance = luck.random()
        if chance < 0.5:
            shaken.checkpoint()
        elif chance < 0.6:
            # It is torn away in the middle of what it writes. Or it is frozen there, and
            # writes the rest when its successor has been at work for a while.
            shaken.owned.take_step()
            step = shaken.owned.step
            assert step is not None
            written = luck.randint(0, len(step.records))
            topic.append(step.records[:written], step.gone)
            if luck.random() < 0.6:
                frozen.append(Frozen(step.records[written:], step.gone, topic.now))
            shaken.restart(luck)
        elif chance < 0.65:
            shaken.restart(luck)
        elif chance < 0.75 and frozen:
            records, gone, since = frozen.pop(luck.randrange(len(frozen)))
            if topic.now - since < RETENTION - LAG:
                written = luck.randint(0, len(records))
                topic.append(records[:written], gone)
                frozen.append(Frozen(records[written:], gone, since))
        elif chance < 0.85:
            topic.compact(luck)
        elif chance < 0.9:
            shaken.reload()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_restarts_make_no_difference(seed: int) -> None:
    """Crashes between any two records, compaction and reloads, late rows (property)."""
    luck, book, blocks = _story_of(seed)
    straight, shaken = Worker(book, blocks), Worker(book, blocks)
    while straight.owned.next < len(blocks):
        straight.work()
    _work_on(shaken, luck)
    known = {(at, encode_line(line)) for at, line in straight.published}
    assert {(at, encode_line(line)) for at, line in shaken.published} == known
    assert _heard(shaken.published) == _heard(straight.published)
    shaken.checkpoint()
    shaken.restart(luck)
    counts = [replace(each.owned.partition.counts) for each in (straight, shaken)]
    for each in counts:
        # Of a series that was forgotten and turned away in one block this is not known.
        each.turned_away = 0
    assert counts[0] == counts[1]
    assert shaken.state() == straight.state()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**9))
def test_a_topic_that_was_copied_is_read_from_its_beginning(seed: int) -> None:
    """Its offsets are others than those that the seals name (property)."""
    luck, book, blocks = _story_of(seed)
    worker = Worker(book, blocks)
    while worker.owned.next < len(blocks):
        worker.work()
        worker.checkpoint()
        if luck.random() < 0.2:
            worker.topic.compact(luck)
    before = worker.state()
    worker.topic = worker.topic.copied()
    worker.owned = worker.restored(luck)
    assert worker.state() == before


def test_rows_that_are_missing_are_noticed() -> None:
    """A partition never goes on without the series that its seal counted."""
    luck, book, blocks = _story_of(2)
    worker = Worker(book, blocks)
    while worker.owned.next < len(blocks):
        worker.work()
    worker.checkpoint()
    assert worker.topic.records
    gone = next(each for each in worker.topic.records if each.key.startswith(b"{"))
    worker.topic.records = [
        each for each in worker.topic.records if each.key != gone.key
    ]
    with pytest.raises(StateError, match="rows were lost"):
        worker.restored(luck)


class Series:
    """So many series, some of which change in each checkpoint; and what that writes."""

    def __init__(self, count: int, few: int) -> None:
        self.count = count
        self.written = Written()
        self.reach = Reach(few=few)
        self.again = 0

    def checkpoint(self, changed: Sequence[int]) -> None:
        """These have changed."""
        written, reach = self.written, self.reach
        reach.began(written.taken)
        written.note(np.array(changed, np.int64))
        many, before = reach.again(len(changed), self.count, written.oldest())
        numbers = written.longest_ago(many, before)
        written.note(numbers)
        self.again += len(numbers)
        reach.ended(reach.end + len(changed) + len(numbers) + 1)

    @property
    def reads(self) -> int:
        """How many rows a restart reads."""
        return self.reach.end - self.reach.begin(self.written.oldest())


def _in_turn(count: int, luck: random.Random) -> Iterator[int]:
    while True:
        yield from luck.sample(range(count), count)


def _at_random(count: int, luck: random.Random) -> Iterator[int]:
    while True:
        yield luck.randrange(count)


def _few_of_them(count: int, luck: random.Random) -> Iterator[int]:
    while True:
        yield luck.randrange(count // 50)


@pytest.mark.parametrize(
    ("which", "most_again"),
    [(_in_turn, 0.4), (_at_random, 0.6), (_few_of_them, 1.1)],
    ids=["in turn", "at random", "few of them"],
)
def test_little_is_read_and_little_is_written_for_it(
    which: Any, most_again: float
) -> None:
    """About twice as many rows as there are series, whichever of them change."""
    count, few, reads = 2_000, 100, list[int]()
    series = Series(count, few)
    series.checkpoint(range(count))
    changes, taken = which(count, random.Random(1)), 0  # noqa: S311
    for _ in range(1_500):
        changed = sorted({next(changes) for _ in range(30)})
        series.checkpoint(changed)
        taken += len(changed)
        reads.append(series.reads)
    # All of them were written at once: so many cannot be left behind little by little.
    assert max(reads[:400]) < 3.3 * count + few
    assert max(reads[400:]) < 2.2 * count + few
    assert series.again < most_again * taken


def test_with_few_series_nothing_is_written_again() -> None:
    """What a restart reads in no time may be read."""
    series = Series(20, 10_000)
    series.checkpoint(range(20))
    for _ in range(3_000):
        series.checkpoint([1, 2, 3])
    assert series.again <= 17
    assert series.reads < 10_100


def test_a_checkpoint_is_never_much_longer_for_it() -> None:
    """A topic from before anybody wrote rows again is caught up with little by little."""
    series = Series(1_000, 10)
    series.reach = Reach([(0, 0)], 1_000_000)
    series.written.note(np.arange(1_000))
    for _ in range(300):
        before = series.again
        series.checkpoint([5, 6])
        assert series.again - before <= 8
    assert series.reads < 3_500


def test_the_newest_of_all_series_lie_behind_what_a_seal_names() -> None:
    """The seal is behind its rows, and names an offset that is no later than any."""
    worker = Worker(*_story_of(5)[1:])
    newest: dict[bytes, int] = {}
    while worker.owned.next < len(worker.blocks):
        worker.work()
        worker.checkpoint()
        for record in worker.topic.records:
            if record.value is None:
                newest.pop(record.key, None)
            elif record.key != PLACES:
                newest[record.key] = record.offset
        seal = Seal.load(worker.topic.records[-1].value)
        assert seal.rows_from <= min(newest.values())
        assert seal.rows_end <= worker.topic.end
