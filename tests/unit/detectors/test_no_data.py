"""What becomes of an alert whose rule has no data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detectors.matchers import Matchers, equal
from detectors.metrics import Aggregate
from detectors.rules import (
    SECOND_US,
    Anomaly,
    Baseline,
    Drift,
    Hold,
    NoData,
    Rule,
    Window,
    rule,
)
from tests.unit.detectors.scenes import (
    Scene,
    alerts,
    at,
    of_alerts,
    threshold,
    transitions,
)

HOUR_S = 3600


def slow(no_data: NoData, **changes: Any) -> Rule:
    """A rule over the last session, of which nothing is heard for an hour."""
    given: dict[str, Any] = {
        "by": ("agent",),
        "window": Window(samples=1),
        "min_samples": 1,
        "no_data": no_data,
    }
    return rule("slow", "latency_ms", threshold(100), **(given | changes))


def test_it_holds_unless_a_rule_says_otherwise() -> None:
    """S14: idle is not recovery."""
    scene = Scene(slow(NoData.HOLD))
    scene.session(0, latency_ms=200.0)
    assert of_alerts(scene.tick(5 * HOUR_S)) == []


def test_it_is_resolved_after_an_hour_without_a_sample() -> None:
    """By the clock, with its last value; the next breach is the next generation."""
    scene = Scene(slow(NoData.RESOLVE))
    scene.session(0, latency_ms=200.0)
    scene.session(60, latency_ms=300.0)
    (line,) = transitions(scene.tick(5 * HOUR_S))
    assert (at(line), line.to_state, line.reason) == (
        60 + HOUR_S,
        "resolved",
        "no data for 1h",
    )
    assert (line.value, line.session_id, line.generation) == (300.0, None, 1)
    (line,) = transitions(scene.session(6 * HOUR_S, latency_ms=200.0))
    assert (line.to_state, line.generation) == ("firing", 2)
    assert alerts(scene.tick(7 * HOUR_S + 1)) == [(7 * HOUR_S, "firing", "resolved")]


def test_what_recovers_or_is_pending_ends_as_well() -> None:
    """There is nothing more to wait for."""
    kept = Scene(slow(NoData.RESOLVE, keep_firing_for_us=5 * HOUR_S * SECOND_US))
    kept.session(0, latency_ms=200.0)
    kept.session(1, latency_ms=50.0)
    assert alerts(kept.tick(2 * HOUR_S))[-1] == (1 + HOUR_S, "recovering", "resolved")
    held = Scene(slow(NoData.RESOLVE, hold=Hold(samples=3)))
    held.session(0, latency_ms=200.0)
    assert alerts(held.tick(2 * HOUR_S)) == [(HOUR_S, "pending", "ok")]


def test_a_sample_at_the_very_end_counts_first() -> None:
    """S2: a timer due exactly at a time runs after the events of that time."""
    scene = Scene(slow(NoData.RESOLVE))
    scene.session(0, latency_ms=200.0)
    assert of_alerts(scene.session(HOUR_S, latency_ms=200.0)) == []
    assert alerts(scene.tick(3 * HOUR_S)) == [(2 * HOUR_S, "firing", "resolved")]


def test_a_late_session_is_data_of_its_own_time() -> None:
    """As it is to a rule on silence: what it tells is over already."""
    scene = Scene(slow(NoData.RESOLVE))
    scene.session(2 * HOUR_S, latency_ms=50.0, labels={"agent": "b"})
    scene.session(1, latency_ms=200.0, clock_s=2 * HOUR_S + 1)
    assert alerts(scene.tick(2 * HOUR_S + 2)) == [
        (2 * HOUR_S + 1, "firing", "resolved")
    ]


def test_a_session_without_the_metric_is_no_data() -> None:
    """S12: what does not carry it is no sample; and a rate needs calls."""
    scene = Scene(slow(NoData.RESOLVE))
    scene.session(0, latency_ms=200.0)
    for minute in range(1, 90):
        scene.session(60 * minute, cost_usd=1.0)
    assert alerts(scene.said)[-1] == (HOUR_S, "firing", "resolved")
    rate = Scene(
        rule(
            "tools",
            "tool_error_rate",
            threshold(0.1),
            by=("agent",),
            window=Window(samples=1),
            min_samples=1,
            no_data=NoData.RESOLVE,
        )
    )
    rate.session(0, tool_calls=4, tool_errors=2)
    for minute in range(1, 90):
        rate.session(60 * minute, tool_calls=0, tool_errors=0)
    assert alerts(rate.said)[-1] == (HOUR_S, "firing", "resolved")


def test_sessions_that_the_rule_does_not_take_are_no_data() -> None:
    """``where`` says which they are."""
    scene = Scene(
        slow(NoData.RESOLVE, where=Matchers((equal("environment", "production"),)))
    )
    labels = {"agent": "a", "environment": "production"}
    scene.session(0, latency_ms=200.0, labels=labels)
    for minute in range(1, 90):
        labels = {"agent": "a", "environment": "staging"}
        scene.session(60 * minute, latency_ms=200.0, labels=labels)
    assert alerts(scene.said)[-1] == (HOUR_S, "firing", "resolved")


def test_a_window_of_time_is_empty_after_its_length() -> None:
    """Unless the rule says how long."""
    window = Window(span_us=600 * SECOND_US)
    for after_us, end_s in ((None, 600), (1800 * SECOND_US, 1800)):
        scene = Scene(slow(NoData.RESOLVE, window=window, no_data_after_us=after_us))
        scene.session(0, latency_ms=200.0)
        assert alerts(scene.tick(HOUR_S)) == [(end_s, "firing", "resolved")]


def test_where_sessions_are_added_up_none_are_data() -> None:
    """S14: nothing is a true zero, and judged as such."""
    scene = Scene(
        rule(
            "few",
            "sessions",
            threshold(1),
            by=("agent",),
            window=Window(span_us=60 * SECOND_US),
            aggregate=Aggregate.COUNT,
            min_samples=1,
            no_data=NoData.ALERT,
        )
    )
    scene.session(0, latency_ms=1.0)
    scene.session(1, latency_ms=1.0)
    scene.tick(5 * HOUR_S)
    assert (60, "firing", "resolved") in alerts(scene.said)
    assert not [line for line in transitions(scene.said) if "no data" in line.reason]


def test_it_may_be_an_alert_of_its_own() -> None:
    """At the mildest level, without a value; data ends it, if it is healthy."""
    scene = Scene(slow(NoData.ALERT))
    scene.session(0, latency_ms=50.0)
    (line,) = transitions(scene.tick(2 * HOUR_S))
    assert (at(line), line.from_state, line.to_state) == (HOUR_S, "ok", "firing")
    assert (line.severity, line.value, line.peak) == ("warning", None, None)
    assert line.reason == "no data for 1h"
    (line,) = transitions(scene.session(3 * HOUR_S, latency_ms=50.0))
    assert (line.to_state, line.generation) == ("resolved", 1)
    assert (
        transitions(scene.session(3 * HOUR_S + 1, latency_ms=50.0))[0].to_state == "ok"
    )


def test_a_breach_is_what_it_fires_for_once_there_is_one() -> None:
    """In the same generation; then only recovery ends it."""
    scene = Scene(slow(NoData.ALERT))
    scene.session(0, latency_ms=50.0)
    scene.tick(2 * HOUR_S)
    assert alerts(scene.session(3 * HOUR_S, latency_ms=200.0)) == []
    (line,) = transitions(scene.session(3 * HOUR_S + 1, latency_ms=50.0))
    assert (line.to_state, line.generation, line.peak) == ("resolved", 1, 200.0)


def test_what_fires_already_goes_on() -> None:
    """S22: no line without a change."""
    scene = Scene(slow(NoData.ALERT))
    scene.session(0, latency_ms=200.0)
    assert alerts(scene.tick(5 * HOUR_S)) == []
    assert alerts(scene.session(6 * HOUR_S, latency_ms=50.0))[0][2] == "resolved"


def test_what_recovers_without_data_fires_again() -> None:
    """Nothing shows any more that it is over."""
    scene = Scene(slow(NoData.ALERT, keep_firing_for_us=5 * HOUR_S * SECOND_US))
    scene.session(0, latency_ms=200.0)
    scene.session(1, latency_ms=50.0)
    assert alerts(scene.tick(9 * HOUR_S)) == [(1 + HOUR_S, "recovering", "firing")]
    assert alerts(scene.session(10 * HOUR_S, latency_ms=50.0)) == [
        (10 * HOUR_S, "firing", "recovering")
    ]


def test_too_little_data_is_none() -> None:
    """A window that thins out tells nothing; the first sample is data."""
    window = Window(span_us=600 * SECOND_US)
    scene = Scene(slow(NoData.ALERT, window=window, min_samples=3))
    for at_s in range(3):
        scene.session(at_s, latency_ms=50.0)
    assert alerts(scene.tick(HOUR_S)) == [(602, "ok", "firing")]
    (line,) = transitions(scene.session(HOUR_S + 1, latency_ms=50.0))
    assert (line.to_state, line.reason) == ("resolved", "there is data again")


def test_who_never_had_enough_is_not_missed() -> None:
    """A series that cannot be judged has nothing to lose."""
    scene = Scene(slow(NoData.ALERT, window=Window(samples=10), min_samples=5))
    scene.session(0, latency_ms=50.0)
    assert transitions(scene.tick(5 * HOUR_S)) == []


def test_who_never_had_data_has_none_to_miss() -> None:
    """A series whose sessions do not carry the metric is left alone, and kept."""
    scene = Scene(slow(NoData.ALERT))
    for minute in range(100):
        assert scene.session(60 * minute, cost_usd=1.0) == []
    assert of_alerts(scene.tick(5 * HOUR_S)) == []
    after = scene.restart()
    assert after.tick(9 * HOUR_S) == []
    assert len(after.partition) == 1
    after.session(10 * HOUR_S, latency_ms=50.0)
    assert alerts(after.tick(12 * HOUR_S)) == [(11 * HOUR_S, "ok", "firing")]


@pytest.mark.parametrize(
    "given",
    [
        rule("each", "latency_ms", threshold(100), by=("agent",)),
        rule("odd", "latency_ms", Anomaly(), by=("agent",)),
        rule("drift", "latency_ms", Drift(), by=("agent",)),
        rule(
            "usual",
            "latency_ms",
            Baseline(ratio=2.0),
            by=("agent",),
            window=Window(samples=5),
            min_samples=5,
        ),
    ],
    ids=lambda given: given.name,
)
def test_every_kind_of_rule_may_miss_its_data(given: Rule) -> None:
    """And finds it again with the next session."""
    scene = Scene(replace(given, no_data=NoData.ALERT))
    for at_s in range(40):
        scene.session(at_s, latency_ms=50.0 + at_s % 3)
    assert alerts(scene.tick(2 * HOUR_S)) == [(39 + HOUR_S, "ok", "firing")]
    assert alerts(scene.session(3 * HOUR_S, latency_ms=50.0)) == [
        (3 * HOUR_S, "firing", "resolved")
    ]


@pytest.mark.parametrize("no_data", [NoData.RESOLVE, NoData.ALERT])
@pytest.mark.parametrize("cut", range(6))
def test_a_restart_changes_nothing(no_data: NoData, cut: int) -> None:
    """Wherever it comes, also while it waits for data."""
    rules = slow(no_data)
    steps = [(0, 50.0), (60, 200.0), (2 * HOUR_S, None), (3 * HOUR_S, 50.0)]
    steps += [(5 * HOUR_S, None), (6 * HOUR_S, 200.0)]

    def play(scene: Scene, some: list[Any]) -> None:
        for at_s, value in some:
            if value is None:
                scene.tick(at_s)
            else:
                scene.session(at_s, latency_ms=value)

    whole = Scene(rules)
    play(whole, steps)
    first = Scene(rules)
    play(first, steps[:cut])
    second = first.restart()
    play(second, steps[cut:])
    assert first.said + second.said == whole.said


def test_a_series_that_is_forgotten_waits_no_more() -> None:
    """Its alert resolves with it, once."""
    scene = Scene(slow(NoData.HOLD), retention_us=HOUR_S * SECOND_US)
    alert = Scene(
        slow(NoData.ALERT, no_data_after_us=2 * HOUR_S * SECOND_US),
        retention_us=HOUR_S * SECOND_US,
    )
    for each in (scene, alert):
        each.session(0, latency_ms=200.0)
        assert alerts(each.tick(5 * HOUR_S)) == [
            (HOUR_S, "firing", "resolved"),
            (HOUR_S, "resolved", "insufficient"),
        ]
        assert len(each.partition) == 0
