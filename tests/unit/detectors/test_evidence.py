"""The numbers behind a verdict: right, of fixed size, and the same after a restart."""

from __future__ import annotations

from statistics import median
from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.kernels.layout import LABELS
from detectors.life.breach import KEPT, Breach
from detectors.metrics import Aggregate
from detectors.rules import SECOND_US, Absence, Baseline, Kind, Rule, Window
from detectors.rules import rule as make_rule
from detectors.state.blocks import as_block
from detectors.state.stage import Said, Stage
from detectors.transitions import State, Transition, rfc3339
from tests.unit.detectors.scenes import (
    Log,
    Scene,
    Session,
    threshold,
    transitions,
    updates,
    us,
)

BY = ("agent",)


def rule(metric: str, kind: Kind, **changes: Any) -> Rule:
    """A rule by agent that judges from the second sample on."""
    return make_rule("r", metric, kind, **{"by": BY, "min_samples": 2, **changes})


def fired(lines: list[Said]) -> Transition:
    """The last line that said that it fires."""
    return [
        line
        for line in lines
        if isinstance(line, Transition) and line.to_state is State.FIRING
    ][-1]


def test_each_session() -> None:
    """The value, the limit in force, where it ends, and which session it was."""
    scene = Scene(rule("cost_usd", threshold(0.5, 2.0, recover=0.4)))
    scene.session(0, cost_usd=0.1)
    scene.session(10, cost_usd=0.9, trace="t-9", session_id="dear")
    assert fired(scene.said).evidence == {
        "value": 0.9,
        "trace": "t-9",
        "limit": 0.5,
        "recover_at": 0.4,
        "worst_sessions": [
            {
                "session_id": "dear",
                "value": 0.9,
                "ended_at": rfc3339(us(10)),
                "trace": "t-9",
            }
        ],
    }


def test_a_window_of_sessions() -> None:
    """Its size, what lies in it, and how it is spread; nothing of a baseline."""
    window = Window(samples=4)
    scene = Scene(rule("latency_ms", threshold(50.0), window=window))
    scene.series("latency_ms", [10.0, 20.0, 30.0, 40.0, 500.0])
    found = fired(scene.said).evidence
    assert [each["session_id"] for each in found.pop("worst_sessions")] == ["s5"]
    assert found == {
        "limit": 50.0,
        "recover_at": 50.0,
        "window_sessions": 4,
        "window_samples": 4,
        "window_total": 590.0,
        "window_min": 20.0,
        "window_median": 35.0,
        "window_max": 500.0,
    }


def test_a_pooled_rate() -> None:
    """Errors of calls, and the sessions' own rates."""
    scene = Scene(rule("tool_error_rate", threshold(0.3), window=Window(samples=3)))
    for number, errors in enumerate([0.0, 1.0, 9.0]):
        scene.session(number, tool_calls=10.0, tool_errors=errors)
    found = fired(scene.said)
    assert found.value == 10 / 30
    assert found.evidence["window_total"] == 10.0
    assert found.evidence["window_calls"] == 30.0
    assert found.evidence["window_median"] == 0.1


def test_a_baseline_of_sessions() -> None:
    """What was learned, when, and how far the value is from it."""
    kind = Baseline(ratio=2.0)
    scene = Scene(rule("loop_count", kind, window=Window(samples=2)))
    scene.series("loop_count", [4.0] * 30)
    scene.series("loop_count", [20.0], from_s=100)
    line = fired(scene.said)
    found = line.evidence
    assert (line.value, line.expected, found["ratio"]) == (12.0, 4.0, 3.0)
    assert found["ratio_limit"] == 2.0
    assert found["baseline_need"] == 2
    # All but the window; the first two were learned together.
    assert found["baseline_samples"] == 29
    assert found["baseline_since"] == rfc3339(us(3))
    assert found["baseline_until"] == rfc3339(us(100))
    assert found["baseline_scale"] == "sqrt"
    assert found["baseline_spread"] == 1.0
    assert 0.8 < found["baseline_low"] < 4.0 < found["baseline_high"] < 9.2


def test_a_drop() -> None:
    """How much worse than expected, the bad way round; points stay points."""
    scene = Scene(rule("quality_score", Baseline(drop=10.0), window=Window(samples=2)))
    scene.series("quality_points", [90.0] * 30)
    scene.series("quality_points", [60.0], from_s=100)
    line = fired(scene.said)
    assert line.value == 75.0
    assert (line.evidence["drop"], line.evidence["drop_limit"]) == (15.0, 10.0)
    assert line.evidence["limit"] == 80.0
    assert line.evidence["window_min"] == 60.0
    assert 0.0 <= line.evidence["baseline_low"] <= 90.0
    assert 90.0 <= line.evidence["baseline_high"] <= 100.0
    assert [each["value"] for each in line.evidence["worst_sessions"]] == [60.0]


def test_a_window_of_time() -> None:
    """Its length, its sum, and the whole windows that it is compared with."""
    kind = Baseline(ratio=2.0, over_us=600 * SECOND_US)
    scene = Scene(
        rule(
            "cost_usd",
            kind,
            window=Window(span_us=60 * SECOND_US),
            aggregate=Aggregate.SUM,
        )
    )
    for number in range(30):
        scene.session(10.0 * number + 5, cost_usd=1.0)
    scene.session(305, cost_usd=30.0)
    line = fired(scene.said)
    found = line.evidence
    assert (found["window_s"], found["window_total"]) == (60.0, line.value)
    assert found["window_samples"] == 6
    assert found["baseline_windows"] == 4
    assert found["baseline_windows_most"] == 10
    assert found["baseline_min"] == found["baseline_max"] == line.expected == 6.0
    assert (line.value, found["ratio"]) == (35.0, 35.0 / 6.0)


def test_a_percentile_over_time() -> None:
    """Its ends are exact, though the percentile itself is a sketch's."""
    window = Window(span_us=60 * SECOND_US)
    scene = Scene(
        rule("latency_ms", threshold(50.0), window=window, aggregate=Aggregate.P90)
    )
    scene.series("latency_ms", [10.0, 20.0, 700.0])
    found = fired(scene.said).evidence
    assert (found["window_min"], found["window_max"]) == (10.0, 700.0)
    assert "window_total" not in found


def test_silence() -> None:
    """How long, and since when."""
    scene = Scene(make_rule("r", "sessions", Absence(30 * SECOND_US), by=BY))
    scene.session(10)
    scene.tick(100)
    assert fired(scene.said).evidence == {
        "limit": 30.0,
        "silent_s": 30.0,
        "last_session_at": rfc3339(us(10)),
    }


def test_what_is_well_has_no_evidence() -> None:
    """Lines between insufficient and ok, of which there are most, stay short."""
    scene = Scene(rule("cost_usd", threshold(5.0), window=Window(samples=3)))
    scene.series("cost_usd", [1.0, 1.0, 1.0])
    assert [line.evidence for line in transitions(scene.said)] == [{}]


def test_the_resolved_line_compares_with_what_it_fired_against() -> None:
    """Its limit is the one that was breached, whatever was learned since."""
    kind = Baseline(ratio=2.0)
    scene = Scene(rule("loop_count", kind, window=Window(samples=2)))
    scene.series("loop_count", [4.0] * 30)
    scene.series("loop_count", [40.0, 4.0, 4.0], from_s=100)
    resolved = scene.said[-1]
    assert isinstance(resolved, Transition)
    assert resolved.to_state is State.RESOLVED
    assert resolved.evidence["limit"] == resolved.threshold == 8.0


def test_updates_renew_the_worst_sessions() -> None:
    """An alert that stays open tells of those that came since."""
    scene = Scene(rule("cost_usd", threshold(0.5)))
    scene.session(0, cost_usd=0.1)
    scene.session(1, cost_usd=1.0, session_id="first")
    scene.session(2, cost_usd=3.0, session_id="worse")
    scene.tick(100)
    (update,) = updates(scene.said)
    named = [each["session_id"] for each in update.evidence["worst_sessions"]]
    assert named == ["worse", "first"]


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0]), min_size=1, max_size=40))
def test_the_worst_are_the_worst(values: list[float]) -> None:
    """At most five, worst first, of equals those that came first (property)."""
    sessions = [Session(n, {}, f"s{n}", trace=f"t{n}") for n in range(len(values))]
    stage = Stage(0)
    block = as_block(Log([rule("cost_usd", threshold(0.0))]).batch(sessions))
    stage.begin(block, np.zeros((len(sessions), LABELS), np.int64), 0)
    breach = Breach(0, 0.0, None)
    for number, value in enumerate(values):
        stage.at = number
        breach.note(value, value, stage)
        breach = Breach.load(breach.dump())
    ranked = sorted(range(len(values)), key=lambda number: (-values[number], number))
    assert [
        (each.session_id, each.value, each.ended_us, each.trace)
        for each in breach.culprits
    ] == [(f"s{n}", values[n], us(n), f"t{n}") for n in ranked[:KEPT]]


def test_ids_of_milder_sessions_are_not_decoded() -> None:
    """Decoding an id has a cost, which only the few worst sessions bear."""
    asked: list[int] = []

    class Ids(list[str]):
        def __getitem__(self, at: Any) -> Any:
            asked.append(at)
            return super().__getitem__(at)

    values = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 8.5]
    sessions = [Session(n, {}, f"s{n}") for n in range(len(values))]
    batch = Log([rule("cost_usd", threshold(0.0))]).batch(sessions)
    batch = msgspec.structs.replace(batch, session_ids=Ids(batch.session_ids))
    stage = Stage(0)
    stage.begin(as_block(batch), np.zeros((len(values), LABELS), np.int64), 0)
    breach = Breach(0, 0.0, None)
    for number, value in enumerate(values):
        stage.at = number
        breach.note(value, value, stage)
    assert asked == [0, 1, 2, 3, 4, 7]


@given(st.lists(st.integers(0, 1000).map(float), min_size=6, max_size=30))
def test_the_window_is_the_window(values: list[float]) -> None:
    """Whatever waits before it to be dropped is no part of it (property)."""
    scene = Scene(rule("latency_ms", threshold(-1.0), window=Window(samples=5)))
    scene.session(0, latency_ms=-2.0)
    scene.session(1, latency_ms=-2.0)
    scene.series("latency_ms", [-2.0] * 70, from_s=2)
    scene.series("latency_ms", [*values, 10_000.0], from_s=100)
    watch = next(scene.partition._all.all()).live[0]
    window = [*values, 10_000.0][-5:]
    found = watch.evidence()
    assert found["window_median"] == median(window)
    assert found["window_total"] == sum(window)


def test_a_breach_of_an_older_row_has_no_names() -> None:
    """Rows once ended before the sessions: they are read, and remember none."""
    breach = Breach(7, 1.0, None)
    assert Breach.load(breach.dump()[:-1]).dump() == breach.dump()
