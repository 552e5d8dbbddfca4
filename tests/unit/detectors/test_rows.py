"""Rows, the book that changes under them, and values beyond all reason."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.identity import alert_id
from detectors.metrics import METRICS, Aggregate, Direction
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Absence,
    Baseline,
    Kind,
    Rule,
    RuleBook,
    Window,
)
from detectors.rules import rule as make_rule
from detectors.state.rows import RowError
from detectors.transitions import Census, Update, encode_line
from tests.unit.detectors.scenes import (
    Scene,
    alerts,
    at,
    changes,
    of_alerts,
    threshold,
    transitions,
)

BY = ("agent",)


def _mean(limit: float, **changes_: object) -> Rule:
    values = {"by": BY, "window": Window(samples=3), "min_samples": 3, **changes_}
    return make_rule("mean", "cost_usd", threshold(limit), **values)


def _moved(scene: Scene, *rules: Rule) -> Scene:
    """The same scene after a restart with another file."""
    after = Scene(*rules)
    after.partition.restore_seal(scene.partition.seal(scene.offset - 1))
    for key, row in scene.partition.take_dirty():
        assert row is not None
        after.partition.restore_row(key, row)
    after.partition.finish_restore()
    after.offset, after._ids = scene.offset, scene._ids
    after.log.next, after.log.clocks = scene.log.next, scene.log.clocks
    return after


def test_an_open_alert_goes_on_after_a_restart() -> None:
    """Generation, evidence and window are as before."""
    scene = Scene(_mean(1.0))
    scene.series("cost_usd", [2.0] * 4)
    after = _moved(scene, _mean(1.0))
    (was,) = after.partition.open_alerts()
    assert (was.generation, was.sessions, was.severity) == (1, 2, "warning")
    assert was.alert_id == alert_id("mean", {"agent": "a"})
    after.series("cost_usd", [0.0] * 3, from_s=4)
    assert changes(after.said)[0] == (5, "firing", "resolved")
    assert transitions(after.said)[0].sessions == 3


def test_another_window_starts_anew_and_the_open_alert_holds() -> None:
    """S27: until the new windows are ready; what was fine is insufficient."""
    scene = Scene(_mean(1.0))
    scene.series("cost_usd", [2.0] * 3)
    after = _moved(scene, _mean(1.0, window=Window(samples=2), min_samples=2))
    assert after.session(3, cost_usd=0.0) == []
    assert changes(after.session(4, cost_usd=0.0)) == [(4, "firing", "resolved")]
    fine = Scene(_mean(9.0))
    fine.series("cost_usd", [2.0] * 3)
    after = _moved(fine, _mean(9.0, aggregate=Aggregate.P50))
    assert changes(after.session(3, cost_usd=0.0)) == [(3, "ok", "insufficient")]


def test_another_time_window_holds_too_until_it_is_ready() -> None:
    """S27: a new sum is not judged by what is left before it began."""
    scene = Scene(_mean(1.0))
    scene.series("cost_usd", [2.0] * 3)
    span = Window(span_us=60 * SECOND_US)
    after = _moved(scene, _mean(5.0, window=span, aggregate=Aggregate.SUM))
    after.series("cost_usd", [0.1, 0.1], from_s=3)
    assert after.said == []
    assert changes(after.session(5, cost_usd=0.1)) == [(5, "firing", "resolved")]


def test_another_limit_keeps_the_window() -> None:
    """S27: a threshold is no part of a window's shape."""
    scene = Scene(_mean(9.0))
    scene.series("cost_usd", [2.0] * 3)
    after = _moved(scene, _mean(1.0, labels={"team": "new"}))
    (line,) = transitions(after.session(3, cost_usd=2.0))
    assert (line.from_state, line.to_state, line.value) == ("ok", "firing", 2.0)
    assert line.labels == {"agent": "a", "team": "new"}


def test_alerts_of_rules_that_are_gone_are_resolved_once() -> None:
    """S27: with reason config, their static labels, and a higher seq."""
    rule = _mean(
        1.0, labels={"team": "core"}, hold=make_rule("x", "cost_usd", threshold(1)).hold
    )
    scene = Scene(rule)
    scene.series("cost_usd", [2.0] * 3)
    fired = transitions(scene.said)[-1]
    after = _moved(scene, make_rule("other", "cost_usd", threshold(99.0), by=BY))
    assert alerts(after.session(3, cost_usd=2.0)) == []
    (line,) = transitions(after.partition.retire())
    assert (line.rule, line.to_state, line.reason) == ("mean", "resolved", "config")
    assert (line.alert_id, line.generation) == (fired.alert_id, 1)
    assert line.labels == {"agent": "a", "team": "core"}
    assert line.seq > fired.seq
    assert (line.metric, line.severity, line.peak) == ("cost_usd", "warning", 2.0)
    assert after.partition.retire() == []


def test_another_by_is_another_rule_to_the_old_series() -> None:
    """S27: where by changes, the open alerts are resolved."""
    scene = Scene(_mean(1.0))
    scene.series("cost_usd", [2.0] * 3)
    after = _moved(scene, _mean(1.0, by=("tenant",)))
    assert changes(after.partition.retire()) == [(2, "firing", "resolved")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            make_rule("r", "sessions", Absence(7200 * SECOND_US), by=("agent",)),
            make_rule("r", "sessions", Absence(600 * SECOND_US), by=("agent",)),
        ),
        (
            make_rule(
                "r",
                "latency_ms",
                threshold(1),
                by=("agent",),
                window=Window(samples=1),
                min_samples=1,
            ),
            make_rule("r", "latency_ms", threshold(1), by=("agent",)),
        ),
    ],
    ids=["a shorter silence", "a hold that was none"],
)
def test_what_an_edit_makes_due_is_due_now(before: Rule, after: Rule) -> None:
    """S3: no line tells of a time that has passed."""
    scene = Scene(before)
    scene.session(0, latency_ms=2.0)
    scene.tick(3000)
    edited = scene.restart(after)
    assert [at(line) for line in of_alerts(edited.tick(3001))] == [3000.0]


def test_states_of_unknown_rules_come_back_with_them() -> None:
    """A worker with another file carries them along untouched."""
    scene = Scene(_mean(1.0))
    scene.series("cost_usd", [2.0] * 3)
    other = make_rule("other", "cost_usd", threshold(99.0), by=BY)
    between = _moved(scene, other)
    between.session(3, cost_usd=0.1)
    back = _moved(between, _mean(1.0))
    lines = transitions(back.session(4, cost_usd=2.5))
    assert lines == []
    (alert,) = back.partition.open_alerts()
    assert (alert.generation, alert.sessions) == (1, 2)


def test_of_two_rows_the_newer_holds() -> None:
    """Rows of one key may be read in any order of age."""
    scene = Scene(_mean(1.0))
    scene.session(0, cost_usd=2.0)
    ((key, old),) = scene.partition.take_dirty()
    scene.series("cost_usd", [2.0] * 2, from_s=1)
    ((_, new),) = scene.partition.take_dirty()
    assert old is not None
    assert new is not None
    for rows in ((old, new), (new, old)):
        partition = Partition(scene.book)
        for row in rows:
            partition.restore_row(key, row)
        partition.finish_restore()
        assert len(partition.open_alerts()) == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (msgspec.msgpack.encode([99, 1, 2]), "has version 99"),
        (b"\xc1", "is damaged"),
        (msgspec.msgpack.encode({"a": 1}), "is none of Loopwatch's"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(row: bytes, said: str) -> None:
    """In words that name the series; never guessed at."""
    partition = Partition(RuleBook((_mean(1.0),)))
    with pytest.raises(RowError, match=said):
        partition.restore_row(b'{"agent":"a"}', row)
    with pytest.raises(RowError):
        partition.restore_seal(row)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["cost_usd", "loop_count", "quality_score", "tool_error_rate"]),
    st.sampled_from(["threshold", "ratio", "drop"]),
    st.sampled_from([None, Window(samples=3), Window(span_us=10 * SECOND_US)]),
    st.sampled_from(list(Aggregate)),
    st.lists(
        st.sampled_from([0.0, 5e-324, 1e-300, 1.0, 3.0, 1e17, 1e200, 1.7e308]),
        min_size=20,
        max_size=60,
    ),
)
def test_finite_in_finite_out(
    metric: str,
    which: str,
    window: Window | None,
    aggregate: Aggregate,
    values: list[float],
) -> None:
    """Whatever a session says, no line holds what is no number (property)."""
    down = METRICS[metric].direction is Direction.DOWN
    kind: Kind = threshold(2.0)
    if which != "threshold":
        kind = Baseline(drop=2.0) if which == "drop" and down else Baseline(ratio=2.0)
    scene = Scene(
        make_rule(
            "r", metric, kind, by=BY, window=window, aggregate=aggregate, min_samples=2
        ),
        make_rule("gone", "sessions", Absence(SECOND_US), by=BY),
    )
    for number, value in enumerate(values):
        at_s = number * 7 if number % 10 == 0 else number
        scene.session(
            max(0, at_s),
            cost_usd=value,
            loop_count=value,
            quality_points=min(100.0, value),
            tool_calls=value,
            tool_errors=value / 2,
        )
    for line in scene.said:
        assert b"null" not in encode_line(line) or not isinstance(line, Update)
        assert isinstance(line, Census) or (
            b"null" not in msgspec.json.encode(line.evidence)
        )
        numbers = msgspec.to_builtins(line)
        for number in numbers.values():
            assert not isinstance(number, float) or abs(number) < float("inf")
