"""A new normal: taken by a person, or by the rule after a while."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.metrics import Aggregate
from detectors.rules import SECOND_US, Absence, Baseline, Hold, Rule, Window
from detectors.rules import rule as make_rule
from detectors.state.stage import Said
from detectors.transitions import State, Transition
from tests.unit.detectors.scenes import (
    Scene,
    Session,
    alerts,
    at,
    chance,
    threshold,
    transitions,
)

BY = ("agent",)
HOUR_S = 3_600
DAY_S = 24 * HOUR_S


def _rule(**changes: Any) -> Rule:
    values = {"by": BY, "window": Window(samples=10), "min_samples": 10, **changes}
    return make_rule("cost", "cost_usd", Baseline(ratio=2.0), **values)


def _daily(**changes: Any) -> Rule:
    """The spend of a day against the days before."""
    return make_rule(
        "daily",
        "cost_usd",
        Baseline(ratio=2.0),
        by=BY,
        window=Window(span_us=DAY_S * SECOND_US),
        aggregate=Aggregate.SUM,
        min_samples=10,
        **changes,
    )


def _shifted(rule: Rule, samples: int = 30) -> Scene:
    """A level of 0.11 for a hundred sessions, then of 0.31."""
    scene = Scene(rule)
    scene.series("cost_usd", [0.11] * 100)
    scene.series("cost_usd", [0.31] * samples, from_s=100)
    return scene


def _last(lines: list[Said]) -> Transition:
    return transitions(lines)[-1]


def test_an_accepted_level_resolves_the_alert_and_is_the_baseline() -> None:
    """S59: the old level and the new one in the line, and the new one from then on."""
    scene = _shifted(_rule())
    (line,) = transitions(scene.accept({"agent": "a"}, by="ann"))
    assert (line.from_state, line.to_state) == (State.FIRING, State.RESOLVED)
    assert line.reason == "accepted"
    assert line.expected == pytest.approx(0.11)
    assert line.value == pytest.approx(0.31)
    assert line.session_id is None
    assert line.evidence["accepted_by"] == "ann"
    quiet = scene.series("cost_usd", [0.31] * 300, from_s=130)
    assert [line.to_state for line in transitions(quiet)] == [State.OK]
    assert _last(quiet).expected == pytest.approx(0.31)
    fired = scene.series("cost_usd", [0.7] * 12, from_s=430)
    assert _last(fired).to_state is State.FIRING
    assert _last(fired).expected == pytest.approx(0.31)


def test_the_level_before_the_shift_is_kept_as_an_anchor() -> None:
    """Later lines can say how far it has come, also after a restart."""
    scene = _shifted(_rule())
    began_s = alerts(scene.said)[0][0]
    scene.accept()
    for again in (scene, scene.restart()):
        fired = _last(again.series("cost_usd", [0.8] * 10, from_s=130))
        assert fired.to_state is State.FIRING
        anchor = fired.evidence["anchor"]
        assert anchor["expected"] == pytest.approx(0.11)
        assert anchor["at"].startswith("2023-11-14T00:01:4")
        assert 100 <= began_s < 110


def test_samples_since_firing_began_are_the_baseline() -> None:
    """Not those before it, and not the window alone."""
    scene = _shifted(_rule(), samples=12)
    scene.series("cost_usd", [0.29, 0.33] * 100, from_s=112)
    line = _last(scene.accept())
    assert line.value == pytest.approx(0.31, rel=0.01)
    narrow = _shifted(_rule(), samples=12)
    narrow.series("cost_usd", [0.41] * 100, from_s=112)
    narrow.series("cost_usd", [0.31] * 100, from_s=212)
    # Nine of 0.31, a hundred of each: the window holds the last ten alone.
    assert _last(narrow.accept()).value == pytest.approx(0.357, rel=0.02)


def test_at_least_the_window_is_the_baseline() -> None:
    """Accepted as soon as it fires, the whole window counts, healthy samples too."""
    scene = Scene(_rule())
    scene.series("cost_usd", [1.0] * 100)
    scene.series("cost_usd", [6.0] * 3, from_s=100)
    assert alerts(scene.said) == [(102, "ok", "firing")]
    assert _last(scene.accept()).value == pytest.approx((7 * 1.0 + 3 * 6.0) / 10)


def test_what_was_accepted_is_not_learned_again_as_it_leaves_the_window() -> None:
    """Each sample counts once in the new baseline."""
    scene = Scene(_rule(aggregate=Aggregate.MEAN))
    scene.series("cost_usd", [1.0] * 100)
    scene.series("cost_usd", [6.0] * 3, from_s=100)
    accepted = _last(scene.accept()).value
    assert accepted == pytest.approx(2.5)
    scene.series("cost_usd", [3.0] * 30, from_s=103)
    # Ten samples that were accepted, and twenty of 3.0 that have left the window.
    assert _learned(scene) == pytest.approx((10 * 2.5 + 20 * 3.0) / 30)


def test_with_too_little_to_compare_the_rule_is_insufficient_for_a_while() -> None:
    """S29 holds for an accepted level too: min_samples of it."""
    scene = _shifted(_rule(min_samples=40), samples=10)
    scene.accept()
    after = transitions(scene.series("cost_usd", [0.31] * 200, from_s=110))
    assert [line.to_state for line in after] == [State.INSUFFICIENT, State.OK]
    assert at(after[1]) - at(after[0]) < 60


def test_a_time_window_has_the_accepted_level_until_two_windows_are_whole() -> None:
    """S30: the current window stands in; then whole windows since the shift count."""
    scene = Scene(_daily())
    scene.series("cost_usd", [1.0] * 24 * 5, step_s=HOUR_S)
    scene.series("cost_usd", [3.0] * 36, from_s=5 * DAY_S, step_s=HOUR_S)
    fired = _last(scene.said)
    assert fired.to_state is State.FIRING
    line = _last(scene.accept())
    assert line.expected == fired.expected
    assert line.value == pytest.approx(72, rel=0.05)
    later = scene.series("cost_usd", [3.0] * 24 * 9, from_s=6.5 * DAY_S, step_s=HOUR_S)
    assert [line.to_state for line in transitions(later)] == [State.OK]
    assert _last(later).expected == pytest.approx(72, rel=0.05)
    dear = scene.series("cost_usd", [9.0] * 20, from_s=15.5 * DAY_S, step_s=HOUR_S)
    assert _last(dear).to_state is State.FIRING
    assert _last(dear).expected == pytest.approx(72, rel=0.05)


def test_days_since_the_shift_are_the_baseline_of_a_daily_rule() -> None:
    """S30: accepted late, there are whole windows; their mean is the level."""
    scene = Scene(_daily())
    scene.series("cost_usd", [1.0] * 24 * 5, step_s=HOUR_S)
    scene.series("cost_usd", [3.0] * 24 * 6, from_s=5 * DAY_S, step_s=HOUR_S)
    scene.series("cost_usd", [4.0] * 24, from_s=11 * DAY_S, step_s=HOUR_S)
    line = _last(scene.accept())
    assert line.value == pytest.approx(72, rel=0.05)


def test_an_accepted_day_reaches_no_further_than_over() -> None:
    """S30: with nothing whole since, it is forgotten like any other past."""
    rule = make_rule(
        "mean",
        "cost_usd",
        Baseline(ratio=2.0),
        by=BY,
        window=Window(span_us=DAY_S * SECOND_US),
        min_samples=1,
    )
    scene = Scene(rule, retention_us=90 * DAY_S * SECOND_US)
    scene.series("cost_usd", [1.0] * 24 * 5, step_s=HOUR_S)
    scene.series("cost_usd", [3.0] * 36, from_s=5 * DAY_S, step_s=HOUR_S)
    scene.accept()
    assert _last(scene.session(7 * DAY_S, cost_usd=3.0)).to_state is State.OK
    lines = scene.session(20 * DAY_S, cost_usd=3.0)
    assert _last(lines).to_state is State.INSUFFICIENT


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("rule", [_rule(), _daily()])
def test_after_a_time_the_rule_accepts_by_itself(rule: Rule, restart: bool) -> None:
    """``rebaseline``: by a timer, exactly so long after it fired."""
    step_s = 1 if rule.window and rule.window.samples else HOUR_S
    after_s = 50 * step_s
    timed = _with(rule, Hold(span_us=after_s * SECOND_US))
    scene = Scene(timed)
    scene.series("cost_usd", [1.0] * 120, step_s=step_s)
    scene.series("cost_usd", [40.0] * 50, from_s=120 * step_s, step_s=step_s)
    ((fired_s, _, _),) = alerts(scene.said)
    if restart:
        scene = scene.restart()
    assert transitions(scene.tick(fired_s + after_s)) == []
    (line,) = transitions(scene.tick(fired_s + after_s + 0.001))
    assert at(line) == fired_s + after_s
    assert (line.to_state, line.reason) == (State.RESOLVED, "rebaselined")
    assert line.value is not None
    assert line.expected is not None
    assert line.value > line.expected


def _with(rule: Rule, after: Hold) -> Rule:
    return make_rule(
        rule.name,
        rule.metric.name,
        rule.kind,
        by=rule.by,
        window=rule.window,
        aggregate=rule.aggregate,
        min_samples=rule.min_samples,
        rebaseline_after=after,
    )


@pytest.mark.parametrize("rule", [_rule(), _daily()])
def test_after_a_number_of_sessions_the_rule_accepts_by_itself(rule: Rule) -> None:
    """``rebaseline``: at the session that makes the number full."""
    step_s = 1 if rule.window and rule.window.samples else HOUR_S
    scene = Scene(_with(rule, Hold(samples=20)))
    scene.series("cost_usd", [1.0] * 120, step_s=step_s)
    scene.series("cost_usd", [40.0] * 40, from_s=120 * step_s, step_s=step_s)
    fired, line, *_ = (
        line for line in transitions(scene.said) if line.from_state != "insufficient"
    )
    assert fired.to_state is State.FIRING
    assert (line.to_state, line.reason) == (State.RESOLVED, "rebaselined")
    assert at(line) - at(fired) == 19 * step_s
    assert line.session_id is not None


def test_who_comes_back_in_time_is_not_rebaselined() -> None:
    """The wait ends with the alert."""
    rule = _with(_rule(), Hold(span_us=500 * SECOND_US))
    scene = _shifted(rule)
    scene.series("cost_usd", [0.11] * 20, from_s=130)
    scene.tick(10_000)
    reasons = [line.reason for line in transitions(scene.said)]
    assert "rebaselined" not in reasons
    assert [state for _, _, state in alerts(scene.said)] == ["firing", "resolved", "ok"]


def test_rules_that_learn_nothing_have_nothing_to_accept() -> None:
    """A threshold and an absence go on; the outcome counts them."""
    scene = Scene(
        make_rule("mean", "cost_usd", threshold(0.2), by=BY, window=Window(samples=3)),
        make_rule("each", "cost_usd", threshold(0.2), by=BY),
        make_rule("quiet", "sessions", Absence(60 * SECOND_US), by=BY),
        _rule(),
    )
    scene.series("cost_usd", [0.11] * 100)
    scene.series("cost_usd", [0.31] * 10, from_s=100)
    scene.tick(500)
    scene.series("cost_usd", [0.31], from_s=1_000)
    scene.tick(1_100)
    before = {each.rule for each in scene.partition.open_alerts()}
    assert before == {"mean", "each", "quiet", "cost"}
    lines = transitions(scene.accept())
    assert [line.rule for line in lines] == ["cost"]
    (outcome,) = scene.partition.outcomes
    assert (outcome.resolved, outcome.untouched) == (1, 3)
    assert scene.accept({"rule": "mean"}) == []


@pytest.mark.parametrize(
    ("match", "accepted"),
    [
        ({}, "ab"),
        ({"agent": "b"}, "b"),
        ({"agent": ["b", "c"], "task_type": ""}, "b"),
        ({"rule": "cost", "metric": "cost_usd", "kind": "baseline"}, "ab"),
        ({"severity": "critical"}, ""),
        ({"team": "t"}, "ab"),
        (['agent=~"a|x"'], "a"),
        (['agent!="a"', 'rule="other"'], ""),
    ],
)
def test_conditions_see_what_routes_see(match: Any, accepted: str) -> None:
    """S35, S36: labels of the series and of the rule, and the four reserved names."""
    scene = Scene(_rule(labels={"team": "t"}))
    for agent in "ba":
        for number in range(120):
            cost = 0.1 if number < 100 else 0.9
            scene.session(number, labels={"agent": agent}, cost_usd=cost)
    lines = transitions(scene.accept(match))
    assert [line.labels["agent"] for line in lines] == list(accepted)


def test_an_action_that_ingest_repeats_is_carried_out_once() -> None:
    """S59: by its number; the seal keeps it over a restart."""
    scene = _shifted(_rule())
    block = scene.log.accept({})
    assert len(scene._take(block)) == 1
    scene.series("cost_usd", [0.31] * 20, from_s=130)
    scene.series("cost_usd", [0.9] * 10, from_s=150)
    assert len(scene.partition.open_alerts()) == 1
    assert scene._take(block) == []
    after = scene.restart()
    assert after._take(block) == []
    assert after.partition.outcomes == []
    assert len(transitions(after.accept())) == 1


@pytest.mark.parametrize(
    ("metric", "kind", "before", "after", "worse"),
    [
        (
            "quality_score",
            Baseline(drop=10),
            {"quality_points": 80.0},
            {"quality_points": 60.0},
            {"quality_points": 45.0},
        ),
        (
            "success_rate",
            Baseline(ratio=2.0),
            {"succeeded": 1.0},
            {"succeeded": 0.4},
            {"succeeded": 0.1},
        ),
        (
            "tool_error_rate",
            Baseline(ratio=2.0),
            {"tool_calls": 50.0, "tool_errors": 1.0},
            {"tool_calls": 50.0, "tool_errors": 5.0},
            {"tool_calls": 50.0, "tool_errors": 15.0},
        ),
        (
            "loop_count",
            Baseline(ratio=2.0),
            {"loop_count": 3.0},
            {"loop_count": 9.0},
            {"loop_count": 30.0},
        ),
    ],
)
def test_levels_of_every_kind_of_metric_are_accepted(
    metric: str,
    kind: Baseline,
    before: dict[str, float],
    after: dict[str, float],
    worse: dict[str, float],
) -> None:
    """Points, rates and counts, whichever side is bad."""
    rule = make_rule(
        "r", metric, kind, by=BY, window=Window(samples=10), min_samples=10
    )
    scene = Scene(rule)

    def play(values: Any, begin: int, end: int) -> list[Said]:
        return [
            line
            for number in range(begin, end)
            for line in scene.session(number, **values)
        ]

    play(before, 0, 100)
    play(after, 100, 140)
    (column, new) = list(after.items())[-1]
    share = after.get("tool_calls", 1.0)
    (line,) = transitions(scene.accept())
    assert line.expected == pytest.approx(before[column] / share, rel=0.01)
    assert line.value == pytest.approx(new / share, rel=0.01)
    assert [each.to_state for each in transitions(play(after, 140, 300))] == [State.OK]
    fired = _last(play(worse, 300, 320))
    assert fired.to_state is State.FIRING
    assert fired.expected == pytest.approx(new / share, rel=0.02)


@pytest.mark.parametrize("rule", [_rule(), _daily()])
def test_rows_from_before_there_were_anchors_are_read(rule: Rule) -> None:
    """An alert that was open then goes on, and can be accepted."""
    step_s = 1 if rule.window and rule.window.samples else HOUR_S
    scene = Scene(rule)
    scene.series("cost_usd", [1.0] * 120, step_s=step_s)
    scene.series("cost_usd", [40.0] * 30, from_s=120 * step_s, step_s=step_s)
    after = Scene(rule)
    after.partition.restore_seal(scene.partition.seal(scene.offset - 1))
    for key, row in scene.partition.take_dirty():
        assert row is not None
        state = msgspec.msgpack.decode(row)
        (entry,) = state[-1]
        assert entry.pop() is None or rule.window == Window(samples=10)
        del entry[4][13:]
        after.partition.restore_row(key, msgspec.msgpack.encode(state))
    after.partition.finish_restore()
    after.offset, after._ids, after.log.next = scene.offset, 500, scene.log.next
    assert len(after.partition.open_alerts()) == 1
    after.series("cost_usd", [40.0] * 3, from_s=150 * step_s, step_s=step_s)
    (line,) = transitions(after.accept())
    assert (line.to_state, line.reason) == (State.RESOLVED, "accepted")


def test_a_row_that_holds_an_action_is_not_asked_again() -> None:
    """A crash after rows were written and before their seal: the next alert stays."""
    scene = _shifted(_rule())
    seal = scene.partition.seal(scene.offset - 1)
    scene.partition.take_dirty()
    begin, blocks = scene.offset, [scene.log.accept({})]
    for number in range(30):
        cost = 0.31 if number < 12 else 0.9
        session = Session(
            130.0 + number, {"cost_usd": cost}, f"n{number}", {"agent": "a"}
        )
        blocks.append(scene.log.batch([session]))
    for block in blocks:
        scene._take(block)
    rows = scene.partition.take_dirty()
    assert len(scene.partition.open_alerts()) == 1
    after = Scene(*scene.book.rules)
    after.offset = after.partition.restore_seal(seal) + 1
    assert after.offset == begin
    for key, row in rows:
        assert row is not None
        after.partition.restore_row(key, row)
    after.partition.finish_restore()
    for block in blocks:
        assert after._take(block) == []
    assert after.partition.open_alerts() == scene.partition.open_alerts()


def test_with_a_topic_made_anew_numbers_begin_anew() -> None:
    """What was carried out before says nothing of the new one's offsets."""
    scene = _shifted(_rule())
    block = scene.log.accept({"agent": "nobody"})
    scene._take(block)
    scene.log.actions = 0
    scene.partition.forget_actions()
    assert len(transitions(scene.accept())) == 1


STORY = st.lists(
    st.tuples(st.sampled_from([1.0, 3.0, 10.0, 30.0]), st.integers(30, 80)),
    min_size=2,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(STORY, st.sampled_from([Aggregate.MEAN, Aggregate.P90, Aggregate.MAX]))
def test_a_lasting_shift_stays_open_until_it_is_accepted(
    story: list[tuple[float, int]], aggregate: Aggregate
) -> None:
    """The alert is open exactly while the level is bad against what was accepted.

    Levels that stand still need no summary: what is expected is the level accepted
    last, worked out here by hand (property).
    """
    scene = Scene(_rule(aggregate=aggregate))
    at_s, accepted = 0.0, story[0][0]
    scene.series("cost_usd", [accepted] * 200)
    at_s = 200
    for level, sessions in story:
        scene.series("cost_usd", [level] * sessions, from_s=at_s)
        at_s += sessions
        scene = scene.restart()
        scene.series("cost_usd", [level] * 30, from_s=at_s)
        at_s += 30
        alerting = scene.partition.open_alerts()
        assert bool(alerting) == (level > 2 * accepted)
        lines = transitions(scene.accept())
        assert len(lines) == len(alerting)
        if lines:
            assert lines[0].expected == pytest.approx(accepted, rel=0.05)
            assert lines[0].value == pytest.approx(level, rel=0.05)
            accepted = level
            assert scene.accept() == []
        elif level < accepted:
            # Good news is learned as it comes; a hundred sessions back nothing is left.
            accepted = _learned(scene)


def _learned(scene: Scene) -> float:
    (series,) = scene.partition._all.all()
    (watch,) = series.live
    expected = watch.expected_now()
    assert expected is not None
    return expected


RULES = [
    _rule(),
    _rule(aggregate=Aggregate.P90),
    _rule(rebaseline_after=Hold(span_us=40 * SECOND_US)),
    _rule(rebaseline_after=Hold(samples=30)),
    make_rule(
        "errors",
        "tool_error_rate",
        Baseline(ratio=2.0),
        by=BY,
        window=Window(samples=10),
        min_samples=10,
        rebaseline_after=Hold(samples=35),
    ),
    make_rule(
        "spend",
        "cost_usd",
        Baseline(ratio=2.0, over_us=400 * SECOND_US),
        by=BY,
        window=Window(span_us=60 * SECOND_US),
        aggregate=Aggregate.SUM,
        min_samples=5,
        rebaseline_after=Hold(span_us=90 * SECOND_US),
    ),
    make_rule(
        "median",
        "cost_usd",
        Baseline(ratio=2.0, over_us=400 * SECOND_US),
        by=BY,
        window=Window(span_us=60 * SECOND_US),
        aggregate=Aggregate.P50,
        min_samples=5,
    ),
]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(RULES), st.integers(0, 10**9))
def test_a_row_in_the_midst_of_it_gives_back_the_same(rule: Rule, seed: int) -> None:
    """Bit for bit: before firing, open, just accepted, and after (property)."""
    random = chance(seed)
    scene = Scene(rule)
    other: Scene | None = None
    level = 1.0
    for number in range(420):
        if number == 200:
            level = 5.0
        values: dict[str, Any] = {
            "cost_usd": random.lognormvariate(0, 0.3) * level,
            "tool_calls": 20.0,
            "tool_errors": float(random.randint(0, 2)) * level,
        }
        lines = scene.session(number, **values)
        if other is not None:
            assert other.session(number, **values) == lines
        if random.random() < 0.05:
            other = scene.restart()
        if number > 200 and random.random() < 0.03:
            lines = scene.accept()
            if other is not None:
                assert other.accept() == lines
    if other is not None:
        assert _rows(other) == _rows(scene)


def _rows(scene: Scene) -> list[Any]:
    found = []
    for series in scene.partition._all.all():
        scene.partition._all.touch(series)
    scene.partition._all.close(0)
    for _, row in scene.partition.take_dirty():
        assert row is not None
        found.append(msgspec.msgpack.decode(row))
    return found
