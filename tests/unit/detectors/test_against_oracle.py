"""The engine and a slow, obvious reference agree on every line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.metrics import METRICS, Aggregate, Direction
from detectors.rules import SECOND_US, Hold, Level, Rule, Severity, Threshold, Window
from detectors.rules import rule as make_rule
from detectors.transitions import microseconds
from tests.unit.detectors.oracle import Oracle, Told, row
from tests.unit.detectors.scenes import Scene, Session, chance, transitions, us

METRIC_COLUMNS = {
    "cost_usd": "cost_usd",
    "latency_ms": "latency_ms",
    "loop_count": "loop_count",
    "quality_score": "quality_points",
    "success_rate": "succeeded",
}


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any threshold rule, on each session or over a count window."""
    metric = draw(st.sampled_from([*METRIC_COLUMNS, "tool_error_rate", "sessions"]))
    down = METRICS[metric].direction is Direction.DOWN
    pooled = METRICS[metric].pooled
    limits = sorted(draw(st.sets(st.integers(1, 9), min_size=1, max_size=3)))
    scale = 0.1 if pooled else 1.0
    severities = draw(
        st.permutations(list(Severity)).map(lambda names: names[: len(limits)])
    )
    levels = []
    for limit, severity in zip(
        reversed(limits) if down else limits,
        sorted(severities, key=lambda name: name.rank),
        strict=True,
    ):
        inside = draw(st.sampled_from([None, 0.0, 0.5, 2.0]))
        recover = None if inside is None else (limit + (inside if down else -inside))
        levels.append(
            Level(severity, limit * scale, None if recover is None else recover * scale)
        )
    size = draw(st.one_of(st.none(), st.integers(1, 12)))
    changes: dict[str, Any] = {
        "by": ("agent",),
        "window": None if size is None else Window(samples=size),
        "min_samples": draw(st.integers(1, 8)),
        "hold": draw(
            st.sampled_from([Hold(), Hold(span_us=4 * SECOND_US), Hold(samples=3)])
        ),
        "keep_firing_for_us": draw(st.sampled_from([0, 3, 11])) * SECOND_US,
    }
    if not pooled:
        changes["aggregate"] = draw(st.sampled_from(list(Aggregate)))
    return make_rule("r", metric, Threshold(tuple(levels)), **changes)


@st.composite
def sessions(draw: st.DrawFn, metric: str, count: int) -> list[Session]:
    """Sessions in the order of the log, some at one time, some late, some without."""
    seed = chance(draw(st.integers(0, 10**9)))
    at_s, made = 1000.0, []
    level = 4.0
    for number in range(count):
        if seed.random() < 0.08:
            level = seed.choice([1.0, 3.0, 5.0, 8.0, 10.0])
        at_s += seed.choice([0, 0, 1, 1, 2, 5])
        late_s = seed.choice([3, 20]) if seed.random() < 0.1 else 0
        values: dict[str, float] = {}
        if seed.random() < 0.92:
            value = float(max(0, round(level + seed.gauss(0, 1.5))))
            if metric == "success_rate":
                value = float(seed.random() * 10 < level)
            if metric == "tool_error_rate":
                calls = seed.randrange(5)
                values["tool_calls"] = float(calls)
                if seed.random() < 0.9:
                    values["tool_errors"] = float(
                        sum(seed.random() * 10 < level for _ in range(calls))
                    )
            elif metric in METRIC_COLUMNS:
                values[METRIC_COLUMNS[metric]] = value
        made.append(Session(at_s - late_s, values, f"s{number}", {"agent": "a"}))
    return made


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_every_line_of_a_threshold(data: st.DataObject) -> None:
    """S12 to S26: times, states, levels, values and sessions of all lines (property)."""
    rule = data.draw(rules())
    told = data.draw(sessions(rule.metric.name, data.draw(st.sampled_from([30, 200]))))
    scene, oracle = Scene(rule), Oracle(rule)
    for number, session in enumerate(told):
        oracle.session(number, us(session.at_s), row(**session.values))
    lines = transitions(scene.partition.apply(scene.log.batch(told), 0))
    found = [
        Told(
            microseconds(line.time),
            line.from_state,
            line.to_state,
            line.severity,
            line.value,
            None if line.session_id is None else int(line.session_id[1:]),
        )
        for line in lines
    ]
    assert len(found) == len(oracle.told)
    for ours, theirs in zip(found, oracle.told, strict=True):
        assert ours.value == pytest.approx(theirs.value, rel=1e-12, abs=1e-12)
        ours.value = theirs.value
        assert ours == theirs
