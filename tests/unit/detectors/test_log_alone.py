"""Lines hang on the log alone: not on where batches end, nor on restarts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.batch import Batch, tick
from detectors.matchers import Matchers, equal
from detectors.metrics import METRICS, Aggregate
from detectors.normal.calendar import PERIODS
from detectors.partition import Partition
from detectors.peers.questions import Question
from detectors.rules import (
    SECOND_US,
    Absence,
    Baseline,
    Budget,
    Hold,
    Kind,
    Rule,
    RuleBook,
    Silence,
    Window,
)
from detectors.rules import rule as make_rule
from detectors.state.stage import Said
from detectors.transitions import Census, FirstCensus, encode_line
from tests.unit.detectors.scenes import Log, Session, threshold, us

Step = Session | dict[int, float] | list[str] | Question
"""A session, a tick with the clocks it tells, what somebody accepts, or what another
partition asks."""

RULED = {
    "cost_usd": "cost_usd",
    "loop_count": "loop_count",
    "quality_score": "quality_points",
    "success_rate": "succeeded",
    "tool_error_rate": "tool_errors",
    "sessions": None,
}
MEMORY = 40


def _rule(chance: random.Random, name: str) -> Rule:
    metric = chance.choice(list(RULED))
    known = METRICS[metric]
    kind: Kind
    changes: dict[str, Any] = {
        "by": chance.choice([("agent",), ("agent", "tenant"), ()]),
        "min_samples": chance.randint(1, 6),
        "hold": chance.choice([Hold(), Hold(span_us=4 * SECOND_US), Hold(samples=2)]),
        "keep_firing_for_us": chance.choice([0, 2, 9, 90]) * SECOND_US,
        "labels": chance.choice([{}, {"team": "t"}]),
    }
    if chance.random() < 0.25:
        changes["where"] = Matchers((equal("tenant", "x"),))
    shape = chance.random()
    if shape < 0.5:
        changes["window"] = Window(samples=chance.randint(1, 9))
    elif shape < 0.85:
        changes["window"] = Window(span_us=chance.choice([10, 30, 120]) * SECOND_US)
    if not known.pooled:
        changes["aggregate"] = chance.choice(list(Aggregate))
    which = chance.random()
    if which < 0.15 and not known.pooled and metric != "quality_score":
        at = chance.choice([(0.5, 0.8, 1.0), (0.1, 0.2, 0.3, 0.5, 2.0)])
        kind = Budget(chance.choice([20.0, 90.0]), chance.choice(PERIODS), at)
        changes.pop("window", None)
        changes.pop("aggregate", None)
    elif which < 0.3:
        after_us = chance.choice([5, 20]) * SECOND_US
        learns = chance.random() < 0.5
        kind = Silence(SECOND_US, after_us) if learns else Absence(after_us)
        changes.pop("window", None)
    elif which < 0.6:
        reach = {
            "over_us": chance.choice([60, 300, 100_000]) * SECOND_US,
            "over_samples": chance.choice([4, 20, 1000]),
        }
        if known.direction.value == "down":
            drop = 20.0 if metric == "quality_score" else 0.2
            kind = Baseline(drop=drop, recover=drop / 2, **reach)
        else:
            kind = Baseline(ratio=1.5, recover=1.2, **reach)
        changes["rebaseline_after"] = chance.choice(
            [None, None, Hold(span_us=25 * SECOND_US), Hold(samples=8)]
        )
    elif metric == "quality_score":
        kind = threshold(60.0, 40.0, 70.0)
    elif metric == "success_rate":
        kind = threshold(0.7, 0.4, 0.8)
    elif known.pooled:
        kind = threshold(0.3, 0.6, 0.2)
    else:
        kind = threshold(4.0, 8.0, 3.0)
    return make_rule(name, metric, kind, **changes)


def _values(chance: random.Random, bad: bool) -> dict[str, float]:
    calls = chance.randint(0, 4)
    values = {
        "cost_usd": chance.lognormvariate(2.0 if bad else 0.5, 0.5),
        "loop_count": float(chance.randint(6, 12) if bad else chance.randint(0, 4)),
        "quality_points": chance.uniform(0, 60) if bad else chance.uniform(65, 100),
        "succeeded": float(chance.random() < (0.2 if bad else 0.9)),
        "tool_calls": float(calls),
        "tool_errors": float(chance.randint(0, calls) if bad else 0),
        "llm_calls": float(chance.randint(0, 5)),
        "input_tokens": float(chance.randint(0, 9_000 if bad else 3_000)),
        "output_tokens": float(chance.randint(0, 500)),
    }
    return {name: value for name, value in values.items() if chance.random() < 0.9}


def _story(chance: random.Random, sources: int, count: int) -> list[Step]:
    """Sessions of several sources, with ticks, lags, repeats and silences."""
    # Midnight is at 0.
    at_s, steps, known = -100.0, list[Step](), list[Session]()
    bad = False
    for number in range(count):
        bad = chance.random() < 0.3 if chance.random() < 0.1 else bad
        at_s += chance.choice([0, 0, 0.5, 1, 1, 3]) + 40 * (chance.random() < 0.02)
        if chance.random() < 0.06:
            steps.append(dict.fromkeys(range(sources), at_s))
            continue
        if chance.random() < 0.03:
            steps.append(chance.choice([[], ['agent="a"'], ['tenant!~"x|"']]))
            continue
        if chance.random() < 0.03:
            steps.append(_question(chance, at_s))
            continue
        source = chance.randrange(sources)
        if known and chance.random() < 0.08:
            again = chance.choice(known)
            steps.append(
                Session(
                    again.at_s, again.values, again.session_id, again.labels, source
                )
            )
            continue
        late_s = chance.choice([2, 15, 100]) if chance.random() < 0.08 else 0
        labels = {
            "agent": chance.choice("ab"),
            "tenant": chance.choice(["x", "y", ""]),
            "model": chance.choice(["new", "old", ""] if bad else ["old", ""]),
        }
        session = Session(
            at_s - late_s,
            _values(chance, bad),
            f"s{number}",
            labels,
            source,
            trace=chance.choice(["", f"t{number}"]),
        )
        steps.append(session)
        known.append(session)
    return steps


def _question(chance: random.Random, at_s: float) -> Question:
    """Another partition begins to ask, goes on, or ends."""
    firing = {
        label: {name: chance.randint(1, 3) for name in chance.sample(names, 2)}
        for label, names in (("agent", "ab"), ("tenant", ["x", "y", ""]))
    }
    partition, rule = chance.randint(1, 2), f"r{chance.randint(0, 6)}"
    since_us, at_us = us(chance.choice([-90.0, 0.0])), us(at_s)
    asks = chance.random() < 0.8
    return Question(partition, rule, since_us, at_us, firing if asks else {})


def _blocks(
    steps: Sequence[Step], log: Log, ends: Sequence[bool], old_s: float | None
) -> list[Batch]:
    """The story in blocks; where ``ends`` says so a block ends without need."""
    blocks, waiting, sources = list[Batch](), list[Session](), log.sources

    def flush() -> None:
        if waiting:
            blocks.append(log.batch(waiting, judged_from_s=old_s))
            waiting.clear()

    for step, end in zip(steps, ends, strict=True):
        if isinstance(step, dict):
            flush()
            blocks.append(log.tick(step))
            continue
        if isinstance(step, list):
            flush()
            blocks.append(log.accept(step))
            continue
        if isinstance(step, Question):
            flush()
            blocks.append(tick({}, sources, questions=[step]))
            continue
        if waiting and waiting[-1].source != step.source:
            flush()
        waiting.append(step)
        if end:
            flush()
    flush()
    return blocks


def _book(chance: random.Random) -> RuleBook:
    rules = tuple(_rule(chance, f"r{n}") for n in range(chance.randint(1, 6)))
    retention_s = chance.choice([30, 604_800])
    most = chance.choice([None, None, 1, 3, 5])
    return RuleBook(rules, retention_us=retention_s * SECOND_US, max_series=most)


def _states(partition: Partition) -> dict[bytes, Any]:
    """The rows of all series, but for the offsets of blocks."""
    rows = {}
    for key, row in partition.take_dirty():
        if row is not None:
            state = msgspec.msgpack.decode(row)
            if len(state) > 3:
                rows[key] = state[2:]
    return rows


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_where_batches_end_makes_no_difference(seed: int) -> None:
    """The same story in other blocks gives the same lines and rows (property)."""
    chance = random.Random(seed)  # noqa: S311
    book = _book(chance)
    sources = chance.randint(1, 3)
    steps = _story(chance, sources, 250)
    old_s = chance.choice([None, 150.0])
    outcomes = []
    for share in (1.0, chance.random(), 0.0):
        ends = [chance.random() < share for _ in steps]
        partition = Partition(book, memory=MEMORY)
        # Labels have codes in the order of a block's tables, which is another one.
        partition._store.labels.codes(("new", "old"))
        lines: list[Said] = []
        log = Log(book.rules, sources)
        for offset, batch in enumerate(_blocks(steps, log, ends, old_s)):
            lines += partition.apply(batch, offset)
        outcomes.append((lines, _states(partition), partition.counts))
    assert outcomes[0] == outcomes[1] == outcomes[2]


class Worker:
    """A partition with a state topic behind it, which crashes and comes back."""

    def __init__(self, book: RuleBook, blocks: Sequence[Batch]) -> None:
        self.book = book
        self.blocks = blocks
        self.rows: dict[bytes, bytes | None] = {}
        self.sealed: bytes | None = None
        self.places: bytes | None = None
        self.at = 0
        self.published: list[tuple[int, Said]] = []
        self.partition = Partition(book, memory=MEMORY)

    def work(self) -> None:
        """Fold the next block and publish its lines."""
        lines = self.partition.apply(self.blocks[self.at], self.at)
        self.published += [(self.at, line) for line in lines]
        self.at += 1

    def checkpoint(self, chance: random.Random, *, whole: bool) -> None:
        """Write the rows, and the seal after them; or be torn away in between.

        Who found no place is always written before; what lies before a seal is not
        read again.
        """
        self.places = self.partition.take_places() or self.places
        rows = self.partition.take_dirty()
        if not whole:
            rows = chance.sample(rows, chance.randint(0, len(rows)))
        self.rows.update(rows)
        if whole:
            self.sealed, self.places = self.partition.seal(self.at - 1), None

    def alive(self, key: bytes) -> bool:
        """Whether a series has a row that is neither a mark nor a tombstone."""
        row = self.rows[key]
        return row is not None and len(msgspec.msgpack.decode(row)) > 3

    def restart(self) -> None:
        """Come back from the rows, the seal and the log."""
        self.partition = partition = Partition(self.book, memory=MEMORY)
        self.at = 0
        if self.sealed is not None:
            self.at = partition.restore_seal(self.sealed) + 1
        if self.places is not None:
            partition.restore_places(self.places)
        for key, row in self.rows.items():
            if row is not None:
                partition.restore_row(key, row)
        for offset in range(partition.memory_from, self.at):
            partition.remember(self.blocks[offset], offset)
        partition.finish_restore()


def _heard(published: Sequence[tuple[int, Said]]) -> dict[str, list[bytes]]:
    """What notify makes of the lines: nothing that is not above the last one."""
    heard: dict[str, list[bytes]] = {}
    last: dict[str, int] = {}
    for _, line in published:
        if isinstance(line, Census):
            continue
        if line.seq > last.get(line.alert_id, -1):
            last[line.alert_id] = line.seq
            heard.setdefault(line.alert_id, []).append(encode_line(line))
    return heard


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_restarts_make_no_difference(seed: int) -> None:
    """Crashes at any point repeat lines at most, and end in the same rows (property)."""
    chance = random.Random(seed)  # noqa: S311
    book = _book(chance)
    sources = chance.randint(1, 3)
    steps = _story(chance, sources, 200)
    share = chance.random()
    ends = [chance.random() < share for _ in steps]
    blocks = _blocks(steps, Log(book.rules, sources), ends, None)
    straight, shaken = Worker(book, blocks), Worker(book, blocks)
    while straight.at < len(blocks):
        straight.work()
    while shaken.at < len(blocks):
        shaken.work()
        luck = chance.random()
        if luck < 0.15:
            shaken.checkpoint(chance, whole=True)
        elif luck < 0.2:
            shaken.checkpoint(chance, whole=False)
            shaken.restart()
        elif luck < 0.25:
            shaken.restart()
    known = {(at, encode_line(line)) for at, line in straight.published}
    assert {(at, encode_line(line)) for at, line in shaken.published} == known
    assert _heard(shaken.published) == _heard(straight.published)
    shaken.checkpoint(chance, whole=True)
    shaken.restart()
    counts = [replace(each.partition.counts) for each in (straight, shaken)]
    for each in counts:
        # Of a series that was forgotten and turned away in one block this is not known.
        each.turned_away = 0
    assert counts[0] == counts[1]
    straight.checkpoint(chance, whole=True)
    live = [
        {key: worker.rows[key] for key in worker.rows if worker.alive(key)}
        for worker in (straight, shaken)
    ]
    assert live[0] == live[1]
    assert len(shaken.partition) == len(straight.partition) == len(live[0])


def test_censuses_are_taken_in_these_stories() -> None:
    """At whole minutes, where a rule begins to fire, and where others ask."""
    kinds, asked = set(), 0
    for seed in (1, 5, 6):
        chance = random.Random(seed)  # noqa: S311
        book, sources = _book(chance), chance.randint(1, 3)
        steps = _story(chance, sources, 200)
        ends = [True] * len(steps)
        blocks = _blocks(steps, Log(book.rules, sources), ends, None)
        worker = Worker(book, blocks)
        while worker.at < len(blocks):
            worker.work()
        kinds |= {type(line) for _, line in worker.published}
        asked += sum(
            isinstance(line, FirstCensus) and not line.firing
            for _, line in worker.published
        )
    assert asked
    assert kinds >= {Census, FirstCensus}
