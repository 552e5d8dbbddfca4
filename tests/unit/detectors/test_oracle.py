"""Compiled code says what the slow engine says, to the bit."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import exp, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.matchers import Matchers, equal
from detectors.metrics import Aggregate
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Absence,
    Anomaly,
    Baseline,
    Drift,
    Flapping,
    Hold,
    NoData,
    Rule,
    RuleBook,
    Silence,
    Window,
    rule,
)
from detectors.state.stage import Said
from detectors.transitions import State
from tests.slow.partition import Partition as SlowPartition
from tests.unit.detectors.scenes import (
    Log,
    Session,
    of_alerts,
    threshold,
    transitions,
)

PAIR, AGENT = ("agent", "task_type"), ("agent",)
PRODUCTION = Matchers((equal("environment", "production"),))
HOUR_US = 3600 * SECOND_US


def _counted() -> Iterator[Rule]:
    """Rules over the last sessions: every aggregate, with limits and with baselines."""
    limits = {
        "mean": 12_000.0,
        "sum": 120_000.0,
        "min": 6_000.0,
        "max": 30_000.0,
        "count": 9.0,
        "p50": 11_000.0,
        "p90": 20_000.0,
        "p95": 25_000.0,
        "p99": 30_000.0,
    }
    for name, limit in limits.items():
        aggregate, window = Aggregate(name), Window(samples=10)
        yield rule(
            f"latency-{name}",
            "latency_ms",
            threshold(limit, 2 * limit, recover=0.8 * limit),
            by=AGENT,
            window=window,
            aggregate=aggregate,
            min_samples=5,
        )
        yield rule(
            f"usual-latency-{name}",
            "latency_ms",
            Baseline(ratio=1.6, recover=1.3, over_samples=80),
            by=PAIR,
            window=window,
            aggregate=aggregate,
            min_samples=12,
            where=PRODUCTION if name == "mean" else Matchers(),
        )
        yield rule(
            f"usual-loops-{name}",
            "loop_count",
            Baseline(ratio=2.0, over_samples=60, over_us=2 * HOUR_US),
            by=AGENT,
            window=Window(samples=12),
            aggregate=aggregate,
            min_samples=15,
            hold=Hold(samples=2),
            rebaseline_after=Hold(samples=30) if name == "p90" else None,
        )
        yield rule(
            f"quality-{name}",
            "quality_score",
            Baseline(drop=8, over_samples=100),
            by=AGENT,
            window=Window(samples=8),
            aggregate=aggregate,
            min_samples=8,
            rebaseline_after=Hold(span_us=HOUR_US) if name == "mean" else None,
        )
    yield rule(
        "tools-rate",
        "tool_error_rate",
        threshold(0.15, 0.4, recover=0.1),
        by=PAIR,
        window=Window(samples=10),
    )
    yield rule(
        "usual-tools-rate",
        "tool_error_rate",
        Baseline(ratio=2.0, over_samples=80),
        by=AGENT,
        window=Window(samples=10),
        min_samples=20,
    )
    yield rule(
        "success-rate",
        "success_rate",
        threshold(0.85, 0.5),
        by=PAIR,
        window=Window(samples=10),
    )
    yield rule(
        "usual-success-rate",
        "success_rate",
        Baseline(ratio=1.2, over_samples=60),
        by=AGENT,
        window=Window(samples=10),
        min_samples=10,
    )
    yield rule(
        "usual-sessions",
        "sessions",
        Baseline(ratio=2.0, over_samples=60),
        by=AGENT,
        window=Window(samples=10),
        min_samples=10,
    )
    for name in ("mean", "sum", "p90", "max"):
        yield rule(
            f"cost-{name}",
            "cost_usd",
            Baseline(ratio=1.7, over_samples=90),
            by=PAIR,
            window=Window(samples=10),
            aggregate=Aggregate(name),
            min_samples=12,
        )


def _timed() -> Iterator[Rule]:
    """The same over windows of time."""
    limits = {
        "mean": 12_000.0,
        "sum": 400_000.0,
        "min": 6_000.0,
        "max": 40_000.0,
        "count": 30.0,
        "p50": 11_000.0,
        "p95": 25_000.0,
    }
    window = Window(span_us=HOUR_US // 2)
    for name, limit in limits.items():
        aggregate = Aggregate(name)
        yield rule(
            f"timed-latency-{name}",
            "latency_ms",
            threshold(limit, 2 * limit, recover=0.8 * limit),
            by=AGENT,
            window=window,
            aggregate=aggregate,
            min_samples=5,
            where=PRODUCTION if name == "p95" else Matchers(),
        )
        yield rule(
            f"usual-timed-latency-{name}",
            "latency_ms",
            Baseline(ratio=1.6, recover=1.3, over_us=3 * HOUR_US),
            by=AGENT,
            window=window,
            aggregate=aggregate,
            min_samples=5,
            rebaseline_after=Hold(samples=30) if name == "mean" else None,
        )
        yield rule(
            f"usual-timed-cost-{name}",
            "cost_usd",
            Baseline(ratio=1.6, over_us=2 * HOUR_US),
            by=PAIR,
            window=window,
            aggregate=aggregate,
            min_samples=3,
        )
    yield rule(
        "timed-quality",
        "quality_score",
        Baseline(drop=8, over_us=3 * HOUR_US),
        by=AGENT,
        window=window,
        min_samples=5,
    )
    yield rule(
        "timed-tools",
        "tool_error_rate",
        threshold(0.15, recover=0.1),
        by=AGENT,
        window=window,
        min_samples=5,
    )
    yield rule(
        "usual-timed-tools",
        "tool_error_rate",
        Baseline(ratio=2.0, over_us=2 * HOUR_US),
        by=AGENT,
        window=window,
        min_samples=5,
    )
    yield rule(
        "timed-sessions",
        "sessions",
        threshold(15.0),
        by=AGENT,
        window=window,
        min_samples=5,
    )


RULES: tuple[Rule, ...] = (
    rule("dear", "cost_usd", threshold(0.5, 2.0, recover=0.3), by=PAIR),
    rule("cost", "cost_usd", Drift("high"), by=PAIR),
    rule("loops", "loop_count", Drift("medium"), by=PAIR),
    rule("tools", "tool_error_rate", Drift("high"), by=PAIR),
    rule("odd", "latency_ms", Anomaly(), by=PAIR),
    rule(
        "success",
        "success_rate",
        Drift("low"),
        by=PAIR,
        rebaseline_after=Hold(samples=40),
    ),
    rule("failing", "tool_error_rate", threshold(0.8), by=PAIR),
    rule("agent-cost", "cost_usd", Drift("medium"), by=AGENT),
    rule("agent-latency", "latency_ms", Drift("high"), by=AGENT),
    rule("agent-quality", "quality_score", Drift("high"), by=AGENT),
    rule("quiet", "sessions", Absence(1800 * SECOND_US), by=AGENT),
    rule("usual", "sessions", Silence(SECOND_US, 3000 * SECOND_US), by=AGENT),
    rule(
        "window",
        "latency_ms",
        Baseline(ratio=2.0),
        by=AGENT,
        window=Window(samples=20),
        aggregate=Aggregate.P90,
    ),
    rule("count", "sessions", threshold(0.0), by=("task_type",)),
    rule(
        "model-latency",
        "latency_ms",
        Drift("high"),
        by=("model",),
        where=PRODUCTION,
    ),
    rule(
        "to-and-fro",
        "latency_ms",
        threshold(11_000, 20_000),
        by=AGENT,
        window=Window(samples=4),
        min_samples=4,
        flapping=Flapping(3, HOUR_US),
        no_data=NoData.ALERT,
        no_data_after_us=400 * SECOND_US,
    ),
    rule(
        "dear-now-and-then",
        "cost_usd",
        threshold(0.08),
        by=PAIR,
        keep_firing_for_us=60 * SECOND_US,
        flapping=Flapping(4, HOUR_US),
        no_data=NoData.RESOLVE,
        no_data_after_us=300 * SECOND_US,
        where=PRODUCTION,
    ),
    rule(
        "comes-and-goes",
        "sessions",
        Absence(300 * SECOND_US),
        by=PAIR,
        flapping=Flapping(3, 2 * HOUR_US),
    ),
    rule(
        "quality-unknown",
        "quality_score",
        Drift("high"),
        by=AGENT,
        no_data=NoData.ALERT,
        no_data_after_us=500 * SECOND_US,
    ),
)
WINDOWS: tuple[Rule, ...] = (*_counted(), *_timed())


def traffic(seed: int, count: int) -> list[Session]:
    """Sessions of a few agents, most of which go bad for a while, one way or another."""
    chance = random.Random(seed)  # noqa: S311
    bad = {
        (agent, task): (
            chance.randrange(count),
            chance.choice(("cost", "price", "loops", "tools", "quality", "slow", "")),
        )
        for agent in range(3)
        for task in range(2)
    }
    lasts = chance.randrange(60, count)
    slow_from = chance.randrange(count // 2, count)
    made, at_s = [], 0.0
    for number in range(count):
        agent, task = chance.choice(list(bad))
        at_s += chance.expovariate(1 / 40) + (4000 if chance.random() < 0.003 else 0)
        begins, way = bad[agent, task]
        wrong = way if begins <= number < begins + lasts else ""
        calls = chance.randrange(1, 12)
        loops = max(1.0, round(chance.gauss(4, 1.5)) * (3 if wrong == "loops" else 1))
        tokens = 3000 * loops * exp(chance.gauss(0, 0.3))
        price = 4e-6 * (3 if wrong == "price" else 1)
        faulty = 0.5 if wrong == "tools" else 0.06
        values = {
            "cost_usd": tokens * price * (4 if wrong == "cost" else 1),
            "latency_ms": 2000 * loops * exp(chance.gauss(0, 0.4)),
            "loop_count": loops,
            "quality_points": min(
                100.0, chance.gauss(50 if wrong == "quality" else 85, 6)
            ),
            "succeeded": float(chance.random() > (0.6 if wrong else 0.1)),
            "tool_calls": float(calls),
            "tool_errors": float(sum(chance.random() < faulty for _ in range(calls))),
            "llm_calls": loops,
            "llm_faults": float(chance.random() < 0.05),
            "input_tokens": tokens,
            "output_tokens": tokens / 10,
        }
        if wrong == "slow":
            values["latency_ms"] *= 3
        for name in chance.sample(sorted(values), chance.choice((0, 0, 0, 1, 3))):
            values[name] = nan
        labels = {
            "agent": f"a{agent}",
            "task_type": f"t{task}",
            "agent_version": "2" if wrong else "1",
            "model": chance.choice(("m1", "m2")) if wrong != "price" else "m3",
            "tenant": chance.choice(("x", "y")),
            "environment": chance.choice(("production", "production", "staging")),
        }
        if labels["model"] == "m1" and number > slow_from:
            values["latency_ms"] *= 3
        if chance.random() < 0.004:
            values["latency_ms"] *= 100
        late_s = 600.0 if chance.random() < 0.02 else 0.0
        made.append(
            Session(
                at_s - late_s,
                values,
                f"s{number if chance.random() > 0.01 else number // 2}",
                labels,
                trace=f"t{number}" if chance.random() < 0.7 else "",
                clock_s=at_s,
            )
        )
    return made


def slowly(
    sessions: Sequence[Session],
    accepts: Sequence[int],
    rules: tuple[Rule, ...] = RULES,
    **book: Any,
) -> list[Said]:
    """What the slow engine says, told of one session after the other."""
    log, partition = Log(rules), SlowPartition(RuleBook(rules, **book), memory=200)
    said, offset = [], 0
    for number, session in enumerate(sessions):
        said += partition.apply(log.batch([session]), offset)
        offset += 1
        if number in accepts:
            said += partition.apply(log.accept({"agent": "a0"}), offset)
            offset += 1
    return said


def quickly(
    sessions: Sequence[Session],
    accepts: Sequence[int],
    cuts: Sequence[int],
    restarts: Sequence[int],
    rules: tuple[Rule, ...] = RULES,
    **more: Any,
) -> list[Said]:
    """What the fast one says, told in blocks, and now and then restored from rows."""
    book = RuleBook(rules, **more)
    log, partition = Log(rules), Partition(book, memory=200)
    ends = sorted({*cuts, *(number + 1 for number in accepts), len(sessions)})
    said, offset, begin = [], 0, 0
    rows: dict[bytes, bytes] = {}
    blocks = []
    for end in ends:
        blocks.append(log.batch(sessions[begin:end]))
        said += partition.apply(blocks[-1], offset)
        offset += 1
        if end - 1 in accepts:
            blocks.append(log.accept({"agent": "a0"}))
            said += partition.apply(blocks[-1], offset)
            offset += 1
        if end in restarts:
            for key, row in partition.take_dirty():
                rows.pop(key, None) if row is None else rows.update({key: row})
            seal = partition.seal(offset - 1)
            partition = Partition(book, memory=200)
            partition.restore_seal(seal)
            for key, row in rows.items():
                partition.restore_row(key, row)
            for at in range(partition.memory_from, offset):
                partition.remember(blocks[at], at)
            partition.finish_restore()
        begin = end
    # The slow engine takes no census.
    return of_alerts(said)


@pytest.mark.parametrize("rules", [RULES, WINDOWS], ids=["all", "windows"])
@settings(max_examples=4)
@given(
    st.integers(0, 10**6),
    st.sets(st.integers(1, 700), max_size=30),
    st.sets(st.integers(1, 700), max_size=3),
    st.sets(st.integers(200, 690), max_size=2),
)
def test_quick_and_slow_agree(
    rules: tuple[Rule, ...],
    seed: int,
    cuts: set[int],
    restarts: set[int],
    accepts: set[int],
) -> None:
    """Wherever blocks end, whenever it restarts, whatever is accepted (property)."""
    sessions = traffic(seed, 700)
    expected = slowly(sessions, sorted(accepts), rules)
    found = quickly(
        sessions, sorted(accepts), sorted(cuts | restarts), sorted(restarts), rules
    )
    for at, (one, other) in enumerate(zip(found, expected, strict=False)):
        assert one == other, at
    assert len(found) == len(expected)


@settings(max_examples=6)
@given(
    st.integers(0, 10**6),
    st.sets(st.integers(1, 400), max_size=30),
    st.sets(st.integers(1, 400), max_size=3),
    st.integers(1, 12),
)
def test_they_agree_on_who_finds_a_place(
    seed: int, cuts: set[int], restarts: set[int], most: int
) -> None:
    """Wherever blocks end, whenever it restarts, with series that go (property)."""
    rules = tuple(each for each in RULES if not isinstance(each.kind, Absence))[:6]
    limits = {"max_series": most, "retention_us": 200 * SECOND_US}
    sessions = traffic(seed, 400)
    expected = slowly(sessions, [], rules, **limits)
    ends = sorted(cuts | restarts)
    assert quickly(sessions, [], ends, sorted(restarts), rules, **limits) == expected


def test_the_traffic_is_worth_the_comparison() -> None:
    """Alerts of all these rules fire in it, and some resolve."""
    said = [line for seed in range(6) for line in slowly(traffic(seed, 700), [400])]
    lines = transitions(said)
    fired = {line.rule for line in lines if line.to_state is State.FIRING}
    assert fired >= {each.name for each in RULES} - {"success"}
    assert any("accepted" in line.reason for line in lines)


def test_windows_have_something_to_say() -> None:
    """Alerts of all rules over windows fire, but where a count of ten stays one."""
    said = [
        line for seed in range(3) for line in slowly(traffic(seed, 700), [400], WINDOWS)
    ]
    lines = transitions(said)
    fired = {line.rule for line in lines if line.to_state is State.FIRING}
    never = {each.name for each in WINDOWS if each.name.endswith("-count")}
    assert {each.name for each in WINDOWS} - fired <= {*never, "usual-sessions"}
    assert any("accepted" in line.reason for line in lines)
    assert any("rebaselined" in line.reason for line in lines)


def test_a_healthy_fleet_is_folded_without_asking() -> None:
    """Blocks of any size, of new and known series, change no line of a quiet fleet."""
    sessions = [
        replace(session, labels={**session.labels, "agent_version": "1"})
        for session in traffic(5, 300)
    ]
    whole = quickly(sessions, [], [], [])
    assert whole == quickly(sessions, [], range(1, 300), [])


def test_a_series_of_many_kinds_of_sessions() -> None:
    """More kinds than a series tells apart: the busy ones stay, others share one."""
    luck = random.Random(3)  # noqa: S311
    sessions = []
    for number, session in enumerate(traffic(3, 2_600)):
        # For a while all kinds are busy; then some are not seen for long.
        kinds = 60 if number < 1_000 else 5
        task = f"t{luck.randrange(kinds)}" if number < 2_400 else f"late-{number % 3}"
        labels = {**session.labels, "agent": "a0", "task_type": task}
        sessions.append(replace(session, labels=labels))
    found = quickly(sessions, [], range(100, 2_600, 300), [900])
    assert found == slowly(sessions, [])
