"""What a sample is, how windows slide, and what is strictly worse."""

from __future__ import annotations

import pytest

from detectors.matchers import Matchers, equal
from detectors.metrics import Aggregate
from detectors.rules import SECOND_US, Hold, Level, Severity, Threshold, Window
from detectors.rules import rule as make_rule
from tests.unit.detectors.scenes import (
    Scene,
    alerts,
    changes,
    threshold,
    transitions,
    updates,
)

BY = ("agent",)


def _window(metric: str, size: int, limit: float, **changes_: object) -> Scene:
    values = {"by": BY, "window": Window(samples=size), "min_samples": size, **changes_}
    return Scene(make_rule("r", metric, threshold(limit), **values))


def test_only_sessions_that_carry_the_metric_are_samples() -> None:
    """S12: the others neither fill the window nor are judged."""
    scene = _window("cost_usd", 2, 1.0)
    assert scene.session(0, latency_ms=5) == []
    scene.session(1, cost_usd=0.5)
    scene.session(2, latency_ms=5)
    assert changes(scene.session(3, cost_usd=0.5)) == [(3, "insufficient", "ok")]


def test_rates_are_pooled() -> None:
    """S12: errors over calls of all sessions; none without calls; missing are none."""
    scene = _window("tool_error_rate", 3, 0.25)
    scene.session(0, tool_calls=1, tool_errors=1)
    scene.session(1, tool_calls=0, tool_errors=0)
    scene.session(2, tool_calls=8)
    (line,) = transitions(scene.session(3, tool_calls=1, tool_errors=1))
    assert line.value == pytest.approx(0.2)
    assert line.to_state == "ok"
    lines = transitions(scene.session(4, tool_calls=2, tool_errors=2))
    assert lines[0].value == pytest.approx(3 / 11)
    assert lines[0].to_state == "firing"


def test_success_is_a_share_of_sessions_with_a_status() -> None:
    """S12: sessions without one (cancelled ones too) are no sample."""
    scene = _window("success_rate", 2, 0.5, keep_firing_for_us=0)
    scene.session(0, succeeded=1)
    scene.session(1)
    assert changes(scene.session(2, succeeded=0)) == [(2, "insufficient", "ok")]
    assert changes(scene.session(3, succeeded=0)) == [(3, "ok", "firing")]


def test_evaluation_begins_at_min_samples_or_a_full_window() -> None:
    """S13: whichever is fewer."""
    early = _window("cost_usd", 10, 1.0, min_samples=3)
    early.series("cost_usd", [2.0] * 4)
    assert changes(early.said) == [(2, "insufficient", "firing")]
    small = _window("cost_usd", 2, 1.0, min_samples=50)
    small.series("cost_usd", [2.0] * 4)
    assert changes(small.said) == [(1, "insufficient", "firing")]


def test_a_count_window_slides_by_one() -> None:
    """S13: the sample that leaves no longer counts."""
    scene = _window("cost_usd", 3, 1.0)
    scene.series("cost_usd", [0.0, 0.0, 3.3, 0.0, 0.0, 0.0])
    assert changes(scene.said) == [
        (2, "insufficient", "firing"),
        (5, "firing", "resolved"),
    ]


def test_idle_is_not_recovery() -> None:
    """S14: without samples a count window holds, whatever the clock says."""
    scene = _window("cost_usd", 2, 1.0)
    scene.series("cost_usd", [2.0, 2.0])
    assert alerts(scene.tick(80_000)) == []


def test_exactly_the_limit_is_no_breach() -> None:
    """S16: only strictly worse is; at or better than the exit is out."""
    scene = _window("cost_usd", 1, 0.5)
    scene.series("cost_usd", [0.5, 0.5000001, 0.5])
    assert changes(scene.said) == [
        (0, "insufficient", "ok"),
        (1, "ok", "firing"),
        (2, "firing", "resolved"),
    ]


def test_down_metrics_breach_below() -> None:
    """S16: for quality lower is worse."""
    scene = _window("quality_score", 1, 60.0)
    scene.series("quality_points", [60.0, 59.9])
    line = transitions(scene.said)[-1]
    assert (line.to_state, line.value, line.threshold) == ("firing", 59.9, 60.0)
    assert line.reason == "mean quality_score of 1 session below 60"


def test_percentiles_interpolate_between_ranks() -> None:
    """S17: p50 of 1, 2, 3, 10 is 2.5."""
    scene = _window("loop_count", 4, 2.4, aggregate=Aggregate.P50)
    scene.series("loop_count", [10.0, 2.0, 3.0, 1.0])
    assert transitions(scene.said)[0].value == 2.5


def test_an_alert_on_each_session_is_one_a_series() -> None:
    """S15: further breaches are no line, a worse level escalates, time resolves."""
    rule = make_rule(
        "each",
        "cost_usd",
        threshold(1.0, 5.0),
        by=BY,
        keep_firing_for_us=60 * SECOND_US,
    )
    scene = Scene(rule)
    for at_s, cost in ((0, 0.1), (10, 2.0), (20, 3.0), (30, 9.0), (40, 2.0), (50, 0.1)):
        scene.session(at_s, cost_usd=cost)
    scene.tick(200)
    assert changes(scene.said) == [
        (0, "insufficient", "ok"),
        (10, "ok", "firing"),
        (30, "firing", "firing"),
        (100, "firing", "resolved"),
    ]
    resolved = transitions(scene.said)[-1]
    assert (resolved.severity, resolved.threshold) == ("critical", 5.0)
    assert (resolved.session_id, resolved.sessions, resolved.peak) == (None, 4, 9.0)


def test_min_samples_does_not_apply_to_each_session() -> None:
    """S15: the first session may fire."""
    scene = Scene(make_rule("each", "cost_usd", threshold(1.0), by=BY, min_samples=50))
    assert changes(scene.session(0, cost_usd=2)) == [(0, "insufficient", "firing")]


def test_a_value_between_exit_and_limit_keeps_firing() -> None:
    """S21: the exit is the level's recover."""
    kind = Threshold((Level(Severity.WARNING, 1.0, 0.5),))
    scene = Scene(make_rule("r", "cost_usd", kind, by=BY, window=Window(samples=1)))
    scene.series("cost_usd", [2.0, 0.8, 0.5])
    assert changes(scene.said)[1:] == [(2, "firing", "resolved")]


def test_where_makes_a_rule_blind_to_other_sessions() -> None:
    """A session that does not match is nothing to the rule, and starts no state."""
    rule = make_rule(
        "r", "cost_usd", threshold(1.0), by=BY, where=Matchers((equal("tenant", "x"),))
    )
    scene = Scene(rule, make_rule("all", "cost_usd", threshold(1.0), by=BY))
    lines = transitions(scene.session(0, cost_usd=0.1))
    assert [line.rule for line in lines] == ["all"]
    labels = {"agent": "a", "tenant": "x"}
    lines = transitions(scene.session(1, labels=labels, cost_usd=9))
    assert [line.rule for line in lines] == ["r", "all"]


def test_a_where_that_ingest_did_not_know_is_not_evaluated() -> None:
    """Until ingest has the new file, the rule waits."""
    rule = make_rule(
        "r", "cost_usd", threshold(1.0), by=BY, where=Matchers((equal("tenant", "x"),))
    )
    scene = Scene(rule)
    scene.log.wheres = ['tenant="other"']
    scene.log.rules = (
        make_rule(
            "o",
            "cost_usd",
            threshold(1.0),
            by=BY,
            where=Matchers((equal("tenant", "other"),)),
        ),
    )
    assert scene.session(0, labels={"agent": "a", "tenant": "other"}, cost_usd=9) == []


def test_missing_labels_are_empty() -> None:
    """S18: they make the series of the empty label; by [] is one series."""
    scene = Scene(
        make_rule("r", "cost_usd", threshold(1.0), by=("agent", "task_type")),
        make_rule("one", "cost_usd", threshold(1.0), by=()),
    )
    lines = transitions(scene.session(0, cost_usd=2))
    assert [line.labels for line in lines] == [{"agent": "a", "task_type": ""}, {}]


def test_what_a_line_says() -> None:
    """S25, S27, S28: levels, static labels, limit, example, and when it began."""
    rule = make_rule(
        "r",
        "latency_ms",
        threshold(1000, 5000),
        by=BY,
        window=Window(samples=2),
        hold=Hold(samples=2),
        labels={"team": "core"},
        summary="slow",
        runbook_url="https://runbooks.example/slow",
    )
    scene = Scene(rule)
    scene.session(0, latency_ms=100)
    scene.session(1, latency_ms=9000, trace="t1")
    pending, firing = transitions(scene.said) + transitions(
        scene.session(2, latency_ms=2000, trace="t2")
    )
    assert (pending.to_state, pending.severity) == ("pending", "warning")
    assert firing.labels == {"agent": "a", "team": "core"}
    assert (firing.severity, firing.value, firing.threshold) == ("critical", 5500, 5000)
    assert (firing.generation, firing.session_id, firing.expected) == (1, "s3", None)
    assert (firing.began, firing.sessions, firing.peak) == (pending.time, 2, 5500)
    assert (firing.trace, firing.summary) == ("t1", "slow")
    assert firing.reason == "mean latency_ms of 2 sessions above 5000"
    assert firing.seq > pending.seq


def test_updates_tell_of_news_at_most_once_a_minute() -> None:
    """An open alert whose peak or sessions changed; none without a change."""
    scene = _window("cost_usd", 1, 1.0)
    scene.series("cost_usd", [2.0, 3.0, 4.0], step_s=10)
    scene.tick(59)
    assert updates(scene.said) == []
    (news,) = updates(scene.tick(61))
    assert (news.peak, news.sessions, news.value) == (4.0, 3, 4.0)
    assert updates(scene.tick(600)) == []
    scene.session(700, cost_usd=2.5)
    (news,) = updates(scene.tick(701))
    assert (news.peak, news.sessions) == (4.0, 4)


def test_large_windows_stay_exact() -> None:
    """S13: a thousand samples, and a running sum that forgets what has left."""
    scene = _window("cost_usd", 1000, 0.2, min_samples=1000)
    scene.series("cost_usd", [1e15, *[0.1] * 999])
    assert changes(scene.said) == [(999, "insufficient", "firing")]
    (line,) = transitions(scene.session(1000, cost_usd=0.1))
    assert line.value == 0.1
