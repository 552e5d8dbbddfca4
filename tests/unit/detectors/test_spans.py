"""Windows of time: steps, sums that fall by themselves, whole windows before."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kernels.steps import STEPS, WIDTH
from detectors.metrics import Aggregate, Direction
from detectors.normal.spans import Span
from detectors.rules import SECOND_US, Baseline, Rule, Severity, Window
from detectors.rules import rule as make_rule
from tests.slow.sketch import Bins, flatten, unflatten
from tests.unit.detectors.scenes import (
    START_S,
    Scene,
    alerts,
    chance,
    changes,
    threshold,
    transitions,
    us,
)

BY = ("agent",)
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def _rule(metric: str, limit: float, aggregate: Aggregate, **changes_: object) -> Rule:
    values = {
        "by": BY,
        "window": Window(span_us=HOUR_S * SECOND_US),
        "aggregate": aggregate,
        "min_samples": 1,
        **changes_,
    }
    return make_rule("r", metric, threshold(limit), **values)


def _daily(**changes_: object) -> Rule:
    values = {
        "by": BY,
        "window": Window(span_us=DAY_S * SECOND_US),
        "aggregate": Aggregate.SUM,
        "min_samples": 1,
        **changes_,
    }
    return make_rule("daily", "cost_usd", Baseline(ratio=2.0), **values)


def test_a_sum_falls_by_itself_as_samples_leave() -> None:
    """S14: the exact sum of (now - d, now], judged again by timers down to nothing."""
    scene = Scene(_rule("cost_usd", 5.0, Aggregate.SUM))
    for minute, cost in ((0, 2.0), (10, 2.0), (20, 2.0)):
        scene.session(minute * MINUTE_S, cost_usd=cost)
    scene.tick(3 * HOUR_S)
    assert changes(scene.said) == [
        (0, "insufficient", "ok"),
        (20 * MINUTE_S, "ok", "firing"),
        (60 * MINUTE_S, "firing", "resolved"),
        (70 * MINUTE_S, "resolved", "ok"),
    ]
    fired, resolved = transitions(scene.said)[1:3]
    assert (fired.value, resolved.value) == (6.0, 4.0)
    assert resolved.session_id is None


def test_the_window_is_open_at_its_old_end() -> None:
    """S13: at now the sample of exactly now - d is gone, evidence at now counted."""
    scene = Scene(_rule("cost_usd", 5.0, Aggregate.SUM))
    scene.session(0, cost_usd=5.0)
    assert alerts(scene.session(HOUR_S - 1, cost_usd=1.0)) == [
        (HOUR_S - 1, "ok", "firing")
    ]
    scene = Scene(_rule("cost_usd", 5.0, Aggregate.SUM))
    scene.session(0, cost_usd=5.0)
    assert alerts(scene.session(HOUR_S, cost_usd=1.0)) == []


def test_a_sum_can_fire_by_falling_where_little_is_bad() -> None:
    """S14: nothing is a true zero."""
    rule = _rule("sessions", 2.0, Aggregate.COUNT, direction=Direction.DOWN)
    scene = Scene(rule)
    for minute in (0, 1, 2):
        scene.session(minute * MINUTE_S)
    scene.tick(3 * HOUR_S)
    fired = [line for line in transitions(scene.said) if line.to_state == "firing"]
    assert changes(fired) == [
        (0, "insufficient", "firing"),
        (61 * MINUTE_S, "ok", "firing"),
    ]
    assert (fired[1].value, fired[1].session_id) == (1.0, None)


def test_other_aggregates_hold_while_nothing_comes() -> None:
    """S14: a mean over an hour is not healed by silence."""
    scene = Scene(_rule("latency_ms", 100.0, Aggregate.MEAN))
    scene.session(0, latency_ms=500)
    assert changes(scene.tick(5 * HOUR_S)) == []
    assert changes(scene.session(6 * HOUR_S, latency_ms=50)) == [
        (6 * HOUR_S, "firing", "resolved")
    ]


def test_a_window_that_thins_out_is_insufficient_again() -> None:
    """S13: ok goes back at the next sample; what fires holds."""
    scene = Scene(_rule("latency_ms", 100.0, Aggregate.MEAN, min_samples=2))
    for at_s, value in ((0, 50), (1, 50), (2 * HOUR_S, 50), (2 * HOUR_S + 1, 500)):
        scene.session(at_s, latency_ms=value)
    scene.session(9 * HOUR_S, latency_ms=50)
    assert changes(scene.said) == [
        (1, "insufficient", "ok"),
        (2 * HOUR_S, "ok", "insufficient"),
        (2 * HOUR_S + 1, "insufficient", "firing"),
    ]


def test_late_samples_count_where_they_fall_if_that_is_open() -> None:
    """S5: inside the window they count, before it they are only counted as late."""
    scene = Scene(_rule("cost_usd", 5.0, Aggregate.SUM))
    scene.session(2 * HOUR_S, cost_usd=3.0)
    assert alerts(scene.session(1 * HOUR_S, cost_usd=9.0)) == []
    lines = scene.session(2 * HOUR_S - 50 * MINUTE_S, cost_usd=3.0)
    assert alerts(lines) == [(2 * HOUR_S, "ok", "firing")]
    assert alerts(scene.tick(4 * HOUR_S)) == [
        (2 * HOUR_S + 10 * MINUTE_S, "firing", "resolved"),
        (3 * HOUR_S, "resolved", "ok"),
    ]
    assert scene.partition.counts.late == 2


def test_rates_over_time_are_pooled() -> None:
    """S12: errors over calls of the hour."""
    scene = Scene(_rule("tool_error_rate", 0.25, Aggregate.MEAN))
    scene.session(0, tool_calls=10, tool_errors=1)
    assert transitions(scene.said)[0].value == 0.1
    assert scene.session(1, tool_calls=2, tool_errors=2) == []
    (line,) = transitions(scene.session(2, tool_calls=1, tool_errors=1))
    assert line.to_state == "firing"
    assert line.value == pytest.approx(4 / 13)


@pytest.mark.parametrize("aggregate", [Aggregate.P50, Aggregate.P95, Aggregate.MAX])
def test_percentiles_over_time_are_within_one_percent(aggregate: Aggregate) -> None:
    """S13: whatever their scale; the largest is exact."""
    random = chance(4)
    scene = Scene(_rule("latency_ms", 0.0, aggregate, min_samples=300))
    values = [random.lognormvariate(8, 0.9) for _ in range(300)]
    scene.series("latency_ms", values)
    (line,) = transitions(scene.said)
    percent = aggregate.quantile or 1.0
    assert line.value == pytest.approx(np.quantile(values, percent), rel=0.01)
    if aggregate is Aggregate.MAX:
        assert line.value == max(values)


def test_a_percentile_passes_its_limit_when_the_samples_do() -> None:
    """S16: the sketch's error never decides; how many lie beyond is known exactly."""
    scene = Scene(_rule("latency_ms", 1000.0, Aggregate.P90))
    scene.series("latency_ms", [1000.0] * 40)
    assert alerts(scene.said) == []
    scene.series("latency_ms", [1000.001] * 10, from_s=40)
    assert alerts(scene.said)[0][1:] == ("ok", "firing")


def test_whole_windows_before_the_current_one_are_the_baseline() -> None:
    """S30: their mean, at least two of them; else insufficient."""
    scene = Scene(_daily())
    scene.series("cost_usd", [1.0] * 24 * 5, step_s=HOUR_S)
    (ready,) = transitions(scene.said)
    assert (ready.from_state, ready.to_state) == ("insufficient", "ok")
    assert ready.expected == pytest.approx(24, rel=0.05)
    assert changes([ready])[0][0] == pytest.approx(3 * DAY_S, abs=2 * HOUR_S)
    lines = scene.session(5 * DAY_S, cost_usd=30.0)
    (fired,) = transitions(lines)
    assert (fired.to_state, fired.value) == ("firing", 53.0)
    assert fired.threshold == pytest.approx(2 * (fired.expected or 0))
    assert "above 2 x the expected" in fired.reason


def test_a_window_with_a_sample_not_learned_is_left_out() -> None:
    """S30: an incident does not become tomorrow's normal."""
    scene = Scene(_daily(severity=Severity.CRITICAL))
    for hour in range(24 * 9):
        bad = hour == 24 * 5
        scene.session(hour * HOUR_S, cost_usd=200.0 if bad else 1.0)
    scene.session(9 * DAY_S, cost_usd=60.0)
    fired = [line for line in transitions(scene.said) if line.to_state == "firing"]
    assert len(fired) == 2
    assert fired[1].expected == pytest.approx(24, rel=0.05)


def test_while_an_alert_is_open_its_expected_stays() -> None:
    """S30: it resolves against what it fired with."""
    scene = Scene(_daily())
    scene.series("cost_usd", [1.0] * 24 * 4, step_s=HOUR_S)
    scene.series("cost_usd", [50.0] * 24, from_s=4 * DAY_S, step_s=HOUR_S)
    scene.tick(6 * DAY_S)
    fired, resolved = (
        line
        for line in transitions(scene.said)
        if line.generation == 1 and line.to_state in {"firing", "resolved"}
    )
    assert fired.expected == resolved.expected is not None


def test_with_nothing_expected_no_ratio_breaches() -> None:
    """S30: twice zero is no limit."""
    scene = Scene(_daily())
    scene.series("cost_usd", [0.0] * 24 * 5, step_s=HOUR_S)
    assert alerts(scene.session(5 * DAY_S, cost_usd=100.0)) == []


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 100) | st.integers(10**3, 10**12),
    st.integers(0, 10**16),
    st.integers(0, 10**15),
)
def test_steps_cover_time_without_gap_or_overlap(
    span: int, at_us: int, later_us: int
) -> None:
    """A time lies in its step, which leaves a step's length after d at most (property)."""
    window = Span(span * 60)
    number = window.number(at_us)
    assert window.ends_us(number - 1) < at_us <= window.ends_us(number)
    leaves_us = window.leaves_us(number)
    assert at_us + span * 60 <= leaves_us < at_us + span * 61
    inside = number + STEPS > window.passed(at_us + later_us)
    assert inside == (at_us + later_us < leaves_us)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=60),
    st.sampled_from([0, 5, 50, 90, 99, 100]),
)
def test_a_sketch_is_within_its_width(values: list[float], percent: int) -> None:
    """Any percentile of any values, within half a bin of each neighbour (property)."""
    bins = Bins(WIDTH)
    counts = Counter(bins.keys(values))
    found = bins.quantile(unflatten(flatten(counts)), percent)
    exact = float(np.percentile(values, percent))
    assert found == pytest.approx(exact, rel=WIDTH)


def test_small_counts_are_exact_in_a_sketch() -> None:
    """Whole numbers below 64 have bins of their own."""
    bins = Bins(0.04, whole=True)
    values = [0.0, 1.0, 1.0, 5.0, 63.0]
    counts = Counter(bins.keys(values))
    assert [bins.quantile(counts, percent) for percent in (0, 50, 100)] == [0, 1, 63]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_a_sum_over_time_agrees_with_one_worked_out_anew(seed: int) -> None:
    """S13, S14: at every sample and whenever samples leave (property)."""
    random = chance(seed)
    span_s = random.choice([60, 90, 3600])
    rule = _rule(
        "cost_usd",
        6.0,
        Aggregate.SUM,
        window=Window(span_us=span_s * SECOND_US),
        keep_firing_for_us=0,
    )
    scene, told, at_s = Scene(rule), list[tuple[float, str]](), 0.0
    known: list[tuple[int, float]] = []
    state = "insufficient"

    def judge(now_us: int) -> None:
        nonlocal state
        inside = [
            cost
            for ended_us, cost in known
            if -(-ended_us * 60 // (span_s * SECOND_US)) + 60
            > now_us * 60 // (span_s * SECOND_US)
        ]
        breach = sum(inside) > 6.0
        after = "firing" if breach else "resolved" if state == "firing" else "ok"
        if after != state:
            told.append((now_us / SECOND_US - START_S, after))
        state = after

    for _ in range(120):
        before_us = us(at_s)
        at_s += random.choice([0, 1, span_s / 60, span_s / 7, 2 * span_s])
        ended_us = us(at_s - random.choice([0, 0, 0, span_s / 3, 3 * span_s]))
        cost = float(random.randint(0, 3))
        step = span_s * SECOND_US
        leaving = {-(-(-(-t * 60 // step) + 60) * step // 60) for t, _ in known}
        for leaves_us in sorted(leaving):
            if before_us <= leaves_us < us(at_s):
                judge(leaves_us)
        scene.session((ended_us - us(0)) / SECOND_US, clock_s=at_s, cost_usd=cost)
        if -(-ended_us * 60 // step) + 60 > us(at_s) * 60 // step:
            known.append((ended_us, cost))
            judge(us(at_s))
    assert [(time, after) for time, _, after in changes(scene.said)] == told
