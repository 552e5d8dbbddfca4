"""What every kind of rule promises, whatever it computes.

One series, one metric, one rule; the traffic turns bad for good two thirds of the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from math import exp, isfinite
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.metrics import Aggregate
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Absence,
    Anomaly,
    Baseline,
    Budget,
    Drift,
    Hold,
    Rule,
    RuleBook,
    Silence,
    Window,
    rule,
)
from detectors.state.stage import Said
from detectors.transitions import State, encode_line
from tests.unit.detectors.scenes import Log, Session, chance, threshold, transitions

COUNT: Final = 420
BAD_FROM: Final = 280
ODD: Final = 200
"""The one session before that is odder than any."""

STEP_S: Final = 60.0
DAY_S: Final = 86_400.0
LAST_TEN, HALF_HOUR = Window(samples=10), Window(span_us=1800 * SECOND_US)

Values = dict[str, float]


@dataclass(frozen=True)
class Way:
    """How a metric is healthy, and how it goes bad.

    Attributes:
        make: A session's columns, of luck and of how bad it is (0 or 1).
        worse: A session's columns made worse.
        limits: A mild limit, a hard one, and an amount for a day.
        odd: The columns of one odd session.
    """

    make: Callable[[Any, int], Values]
    worse: Callable[[Values], Values]
    limits: tuple[float, float, float]
    odd: Values


def _times(name: str, mean: float, spread: float) -> Way:
    def make(luck: Any, bad: int) -> Values:
        return {name: mean * exp(luck.gauss(0, spread)) * (8 if bad else 1)}

    return Way(
        make,
        lambda values: {name: values[name] * 3 + mean},
        (mean * 6, mean * 9, mean * COUNT * 1.6),
        {name: mean * 1000},
    )


WAYS: Final = {
    "cost_usd": _times("cost_usd", 0.11, 0.5),
    "loop_count": Way(
        lambda luck, bad: {"loop_count": float(luck.randint(2, 6) * (5 if bad else 1))},
        lambda values: {"loop_count": values["loop_count"] + 30},
        (10.0, 18.0, 2_400.0),
        {"loop_count": 200.0},
    ),
    "tool_error_rate": Way(
        lambda luck, bad: {
            "tool_calls": 8.0,
            "tool_errors": float(
                sum(luck.random() < (0.7 if bad else 0.05) for _ in range(8))
            ),
        },
        lambda _: {"tool_calls": 8.0, "tool_errors": 8.0},
        (0.5, 0.7, 400.0),
        {"tool_calls": 8.0, "tool_errors": 8.0},
    ),
    "success_rate": Way(
        lambda luck, bad: {"succeeded": float(luck.random() > (0.8 if bad else 0.05))},
        lambda _: {"succeeded": 0.0},
        (0.7, 0.4, 0.0),
        {"succeeded": 0.0},
    ),
    "quality_score": Way(
        lambda luck, bad: {"quality_points": luck.gauss(38 if bad else 84, 5)},
        lambda values: {"quality_points": max(0.0, values["quality_points"] - 30)},
        (65.0, 50.0, 0.0),
        {"quality_points": 20.0},
    ),
}
"""One metric of each scale."""


def _kinds(metric: str) -> Mapping[str, Mapping[str, Any]]:
    """What rules there are on a metric: by name, the kind and how it is set."""
    mild, hard, amount = WAYS[metric].limits
    limits = threshold(mild, hard)
    down = metric in ("success_rate", "quality_score")
    past = Baseline(drop=15) if metric == "quality_score" else Baseline(ratio=3.0)
    brief = replace(past, over_us=6 * 3600 * SECOND_US)
    found: dict[str, Mapping[str, Any]] = {
        "each": {"kind": limits},
        "last-ten": {"kind": limits, "window": LAST_TEN, "min_samples": 10},
        "half-hour": {"kind": limits, "window": HALF_HOUR, "min_samples": 5},
        "usual-ten": {"kind": past, "window": LAST_TEN},
        "usual-half-hour": {"kind": brief, "window": HALF_HOUR, "min_samples": 5},
        "drift-low": {"kind": Drift("low")},
        "drift-medium": {"kind": Drift("medium")},
        "drift-high": {"kind": Drift("high")},
        "rebaselined": {
            "kind": Drift("high"),
            "rebaseline_after": Hold(samples=60),
        },
        "budgeted": {"kind": Drift(false_alarms_a_day=20.0)},
        "anomaly": {"kind": Anomaly()},
        "stretches": {"kind": Anomaly(stretches=True)},
    }
    if metric not in ("tool_error_rate", "success_rate", "quality_score"):
        found["p90"] = {
            "kind": limits,
            "window": LAST_TEN,
            "aggregate": Aggregate.P90,
            "min_samples": 10,
        }
        found["usual-p90"] = {
            "kind": past,
            "window": Window(samples=20),
            "aggregate": Aggregate.P90,
        }
    if not down:
        found["budget"] = {"kind": Budget(amount, "day", at=(1.0,))}
    if metric == "success_rate":
        del found["each"]
    return found


CASES: Final = {
    f"{metric}-{name}": rule(name, metric, by=("agent",), **kind)
    for metric in WAYS
    for name, kind in _kinds(metric).items()
} | {
    "absence": rule("absence", "sessions", Absence(1800 * SECOND_US), by=("agent",)),
    "silence": rule("silence", "sessions", Silence(), by=("agent",)),
}
"""Every kind of rule on every kind of metric."""

NEVER_FIRE: Final = {
    "success_rate-anomaly",
    "success_rate-stretches",
}
"""One failed session is nothing odd."""

by_case = pytest.mark.parametrize("name", CASES)


def story(name: str, seed: int = 2, bad: int = 1) -> list[Session]:
    """Sessions of one agent; one is odd and the last third bad, or none for hours."""
    metric = CASES[name].metric.name
    luck = chance(seed)
    way = WAYS.get(metric)
    made, at_s = [], 0.0
    for number in range(COUNT):
        wrong = bad if number >= BAD_FROM else 0
        if way is None and number == BAD_FROM and bad:
            at_s += 10 * 3600
        at_s += (STEP_S if way else 900) * luck.uniform(0.5, 1.5)
        values = {"cost_usd": 0.1} if way is None else way.make(luck, wrong)
        if way is not None and bad and number == ODD:
            values = way.odd
        made.append(Session(at_s, values, f"s{number}", {"agent": "a"}))
    return made


def told(
    case: Rule,
    sessions: Sequence[Session],
    cuts: Iterable[int] = (),
    restarts: Iterable[int] = (),
) -> list[Said]:
    """What is said of sessions that come in blocks, perhaps with restarts between."""
    book, log = RuleBook((case,)), Log((case,))
    partition, rows = Partition(book, memory=10_000), dict[bytes, bytes]()
    said: list[Said] = []
    ends = sorted({0, *cuts, *restarts, len(sessions)})
    blocks = []
    for offset, (begin, end) in enumerate(pairwise(ends)):
        blocks.append(log.batch(sessions[begin:end]))
        said += partition.apply(blocks[-1], offset)
        if end in restarts:
            for key, row in partition.take_dirty():
                assert row is not None
                rows[key] = row
            seal = partition.seal(offset)
            partition = Partition(book, memory=10_000)
            partition.restore_seal(seal)
            for key, row in rows.items():
                partition.restore_row(key, row)
            for at in range(partition.memory_from, offset + 1):
                partition.remember(blocks[at], at)
            partition.finish_restore()
    return said


def fired(said: Iterable[Said]) -> list[str | None]:
    """The sessions that made it fire."""
    return [t.session_id for t in transitions(said) if t.to_state is State.FIRING]


def shape(said: Iterable[Said]) -> list[tuple[str, str, str | None, str | None]]:
    """The lines without their numbers."""
    return [
        (line.from_state, line.to_state, line.severity, line.session_id)
        for line in transitions(said)
    ]


@cache
def usual(name: str) -> tuple[Said, ...]:
    """What is said of the story as it is."""
    return tuple(told(CASES[name], story(name)))


@by_case
def test_what_turns_bad_is_told(name: str) -> None:
    """Every rule has something to say of this traffic: the laws below hold of that."""
    found = fired(usual(name))
    assert bool(found) is (name not in NEVER_FIRE)


@by_case
def test_it_is_nothing_but_luck_as_long_as_all_is_well(name: str) -> None:
    """The same traffic that does not turn bad fires nothing."""
    assert fired(told(CASES[name], story(name, bad=0))) == []


@by_case
@settings(max_examples=2, deadline=None)
@given(st.sets(st.integers(1, COUNT - 1), max_size=40))
def test_batches_end_where_they_like(name: str, cuts: set[int]) -> None:
    """Blocks change nothing of what is said (property)."""
    assert tuple(told(CASES[name], story(name), cuts)) == usual(name)


@by_case
@settings(max_examples=2, deadline=None)
@given(st.sets(st.integers(1, COUNT - 1), min_size=1, max_size=4))
def test_state_to_row_and_back(name: str, restarts: set[int]) -> None:
    """A restart, whenever it comes, is bit-equal to none (property)."""
    found = told(CASES[name], story(name), restarts=restarts)
    assert tuple(found) == usual(name)


@by_case
@settings(max_examples=2, deadline=None)
@given(st.data())
def test_finite_in_finite_out(name: str, data: st.DataObject) -> None:
    """Whatever numbers sessions carry, what is said holds numbers alone (property)."""
    largest = st.sampled_from([0.0, 5e-324, 1e-9, 1.0, 1e6, 1e15, 1e300])
    sessions = story(name)
    for at in data.draw(st.lists(st.integers(0, COUNT - 1), max_size=60)):
        values = dict(sessions[at].values)
        for column in values:
            if column == "cost_usd":
                values[column] = data.draw(largest)
            elif column == "loop_count":
                values[column] = float(data.draw(st.sampled_from([0, 1, 2**31, 2**53])))
            elif column == "quality_points":
                values[column] = data.draw(st.sampled_from([0.0, 100.0, 50.0]))
        sessions[at] = replace(sessions[at], values=values)
    for line in told(CASES[name], sessions):
        assert all(isfinite(n) for n in _numbers(json.loads(encode_line(line))))


def _numbers(value: Any) -> Iterable[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, (int, float)):
        yield value


@pytest.mark.parametrize(
    "name", [name for name in CASES if name.startswith("cost_usd")]
)
@pytest.mark.parametrize("factor", [2.0**-7, 2.0**10])
def test_the_unit_is_nobodys_business(name: str, factor: float) -> None:
    """Cents for dollars, or seconds for milliseconds: the same is told of them."""
    case = CASES[name]
    column = case.metric.name
    sessions = [
        replace(each, values={column: each.values[column] * factor})
        for each in story(name)
    ]
    expected, found = usual(name), told(_scaled(case, factor), sessions)
    assert shape(found) == shape(expected)
    for one, other in zip(transitions(found), transitions(expected), strict=True):
        if other.value is not None:
            assert one.value == pytest.approx(other.value * factor, rel=1e-6)


def _scaled(case: Rule, factor: float) -> Rule:
    kind = case.kind
    if isinstance(kind, Budget):
        return replace(case, kind=replace(kind, amount=kind.amount * factor))
    if kind.name == "threshold":
        mild, hard, _ = WAYS[case.metric.name].limits
        return replace(case, kind=threshold(mild * factor, hard * factor))
    return case


@by_case
@pytest.mark.parametrize("weeks", [1, 52])
def test_it_is_the_same_in_another_week(name: str, weeks: int) -> None:
    """Times count from each other; that it is Monday may matter, the year may not."""
    later = [replace(each, at_s=each.at_s + weeks * 7 * DAY_S) for each in story(name)]
    expected, found = usual(name), told(CASES[name], later)
    assert shape(found) == shape(expected)
    assert [line.value for line in transitions(found)] == [
        line.value for line in transitions(expected)
    ]


@by_case
@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10**6))
def test_a_worse_value_never_scores_lower(name: str, seed: int) -> None:
    """What fires at a session fires at it had it been worse still (property)."""
    case, sessions = CASES[name], story(name, seed)
    way = WAYS.get(case.metric.name)
    lines = [t for t in transitions(told(case, sessions)) if t.to_state is State.FIRING]
    if way is None or not lines:
        return
    first = lines[0]
    at = next(n for n, s in enumerate(sessions) if s.session_id == first.session_id)
    worse = [
        *sessions[:at],
        replace(sessions[at], values=way.worse(dict(sessions[at].values))),
    ]
    again = [t for t in transitions(told(case, worse)) if t.to_state is State.FIRING]
    assert again, "it no longer fires"
    assert again[0].session_id == first.session_id
    ranks = ("info", "warning", "critical")
    assert ranks.index(str(again[0].severity)) >= ranks.index(str(first.severity))


@pytest.mark.parametrize("name", ["absence", "silence"])
def test_a_longer_silence_never_ends_an_alert(name: str) -> None:
    """Nothing for a day fires once, and only the next session ends it."""
    states = [line.to_state for line in transitions(usual(name))]
    assert states.count(State.FIRING) == 1
    assert states[-1] in (State.RESOLVED, State.OK)
