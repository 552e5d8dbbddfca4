"""A lasting shift is told once, with when and with what it began."""

from __future__ import annotations

import random
from math import isfinite
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.metrics import Direction
from detectors.partition import Partition
from detectors.rules import SECOND_US, Drift, Hold, Rule
from detectors.rules import rule as make_rule
from detectors.transitions import State, Transition, encode_line
from tests.unit.detectors.scenes import (
    Log,
    Scene,
    Session,
    at,
    chance,
    transitions,
)

RELEASED = 400


def _rule(
    metric: str = "cost_usd", by: tuple[str, ...] = ("agent",), **more: Any
) -> Rule:
    kind = Drift(more.pop("sensitivity", "medium"))
    return make_rule(f"{metric}-drift", metric, kind, by=by, **more)


def _session(
    luck: random.Random,
    *,
    times: float = 1.0,
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A session's cost follows its calls, as real ones do."""
    calls = 1 + luck.randint(0, 6)
    tokens = calls * 1500 * luck.lognormvariate(0, 0.3)
    return {
        "labels": {"agent": "a", **(labels or {})},
        "llm_calls": calls,
        "input_tokens": tokens,
        "output_tokens": calls * 120 * luck.lognormvariate(0, 0.3),
        "cost_usd": times * tokens * 4e-6 * luck.lognormvariate(0, 0.1),
    }


def _fired(scene: Scene) -> list[Transition]:
    said = transitions(scene.said)
    return [line for line in said if line.to_state is State.FIRING]


def _story(scene: Scene, changed: dict[str, Any], after: int = 200) -> list[Transition]:
    luck = chance(7)
    for number in range(RELEASED):
        version = {"agent_version": "v1"}
        scene.session(
            number * 60, session_id=f"s{number}", **_session(luck, labels=version)
        )
    for number in range(RELEASED, RELEASED + after):
        scene.session(number * 60, session_id=f"s{number}", **_session(luck, **changed))
    return _fired(scene)


class TestChange:
    """What is told, and what is not."""

    def test_a_lasting_rise_is_one_alert(self) -> None:
        """With the old level, the new one, and the session where it began."""
        fired = _story(
            Scene(_rule()), {"times": 2.0, "labels": {"agent_version": "v1"}}
        )
        assert len(fired) == 1
        line = fired[0]
        assert line.expected is not None
        assert line.value is not None
        assert line.value > 1.4 * line.expected
        assert line.evidence["began_session"] in {f"s{n}" for n in range(396, 405)}
        assert line.attribution == {}
        assert line.causes["price"] == pytest.approx(1.0, abs=0.35)

    def test_what_changed_there_is_named(self) -> None:
        """A version that came with it; the reason says so."""
        changed = {"times": 2.0, "labels": {"agent_version": "v2"}}
        line = _story(Scene(_rule()), changed)[0]
        assert line.attribution == {"agent_version": "v2"}
        assert line.reason.endswith("with agent_version v2")
        assert line.reason.startswith("cost_usd rose from ")

    def test_a_model_that_was_swapped_is_named(self) -> None:
        """Though every session since then has it, and none before."""
        scene, luck = Scene(_rule()), chance(9)
        for number in range(500):
            swapped = number >= RELEASED
            labels = {"model": "large" if swapped else "small"}
            session = _session(luck, times=3.0 if swapped else 1.0, labels=labels)
            scene.session(number * 60, **session)
        assert _fired(scene)[0].attribution == {"model": "large"}

    def test_a_deploy_that_changes_nothing_is_no_news(self) -> None:
        """Only what sessions cost is judged."""
        assert not _story(Scene(_rule()), {"labels": {"agent_version": "v2"}})

    def test_cheaper_is_no_alert(self) -> None:
        """The bad direction belongs to the metric."""
        assert not _story(Scene(_rule()), {"times": 0.4})

    def test_direction_overrides(self) -> None:
        """Where cheap is bad, cheaper is told."""
        down = _rule(direction=Direction.DOWN)
        line = _story(Scene(down), {"times": 0.4})[0]
        assert line.reason.startswith("cost_usd fell from ")

    def test_dear_input_but_cheap_sessions_are_no_alert(self) -> None:
        """A price per token that rises while sessions cost less is no rise in cost."""
        scene, luck = Scene(_rule()), chance(3)
        for number in range(700):
            session = _session(luck)
            if number >= RELEASED:
                session["input_tokens"] *= 0.3
                session["output_tokens"] *= 0.3
                session["cost_usd"] *= 0.6
            scene.session(number * 60, **session)
        assert not _fired(scene)

    def test_a_share_of_the_sessions_is_enough(self) -> None:
        """One in eight loops ten times as long; the median would not move."""
        scene, luck = Scene(_rule("loop_count")), chance(11)
        for number in range(600):
            loops = 2 + luck.randint(0, 5)
            if number >= RELEASED and luck.random() < 0.125:
                loops *= 10
            scene.session(number * 60, loop_count=loops)
        assert len(_fired(scene)) == 1

    def test_a_creep_is_told(self) -> None:
        """Six per cent a day, in a series of a hundred sessions a day, within a week."""
        scene, luck = Scene(_rule()), chance(6)
        for number in range(1000):
            times = 1.06 ** max(0.0, (number - RELEASED) / 100)
            session = _session(luck)
            session["input_tokens"] *= times
            session["cost_usd"] *= times
            scene.session(number * 864, **session)
        assert len(_fired(scene)) == 1

    @pytest.mark.parametrize(("a_day", "alerts"), [(1.04, 1), (1.0, 0)])
    def test_a_creep_that_is_learned_as_it_goes_is_told(
        self, a_day: float, alerts: int
    ) -> None:
        """Four per cent a day, of many sessions: normal follows, that of a week ago does not."""
        rule = _rule(by=("agent", "task_type"))
        scene, luck = Scene(rule), chance(6)
        for number in range(4_000):
            times = a_day ** max(0.0, (number - 4 * RELEASED) / 400)
            session = _session(luck, labels={"task_type": "t"})
            session["input_tokens"] *= times
            session["cost_usd"] *= times
            scene.session(number * 216, **session)
        lines = _fired(scene)
        assert len(lines) == alerts
        for line in lines:
            assert line.evidence["sessions_since"] > 300
            assert line.value is not None
            assert line.expected is not None
            assert line.value > 1.03 * line.expected

    def test_after_a_creep_it_is_well_again_where_it_was_before(self) -> None:
        """What was learned of the creep is taken back, so that its height is no normal."""
        rule = _rule(by=("agent", "task_type"))
        scene, luck = Scene(rule), chance(6)
        for number in range(3_400):
            times = 1.04 ** max(0.0, (number - 4 * RELEASED) / 400)
            session = _session(luck, labels={"task_type": "t"})
            session["cost_usd"] *= 1.0 if number >= 3_000 else times
            session["input_tokens"] *= 1.0 if number >= 3_000 else times
            scene.session(number * 216, **session)
        ends = [x for x in transitions(scene.said) if x.to_state is State.RESOLVED]
        assert len(_fired(scene)) == len(ends) == 1
        assert 0 < at(ends[0]) - 3_000 * 216 < 100 * 216

    def test_the_tenant_that_does_it_is_named(self) -> None:
        """Its sessions are bad, those of the others are not."""
        scene, luck = Scene(_rule()), chance(5)
        for number in range(600):
            tenant = luck.choice(["t1", "t2", "t3"])
            times = 3.0 if tenant == "t2" and number >= RELEASED else 1.0
            session = _session(luck, times=times, labels={"tenant": tenant})
            scene.session(number * 60, **session)
        assert _fired(scene)[0].attribution == {"tenant": "t2"}


class TestMix:
    """Like is compared with like."""

    @pytest.mark.parametrize(("dear", "alerts"), [(1.0, 0), (2.5, 1)])
    def test_a_shift_of_the_mix_is_no_drift(self, dear: float, alerts: int) -> None:
        """Dear task types may become more frequent; a dearer one is told."""
        scene, luck = Scene(_rule()), chance(2)
        for number in range(800):
            share = 0.2 if number < RELEASED else 0.8
            task = "report" if luck.random() < share else "lookup"
            times = (8.0 if task == "report" else 1.0) * (
                dear if number >= RELEASED else 1.0
            )
            session = _session(luck, times=times, labels={"task_type": task})
            scene.session(number * 60, **session)
        assert len(_fired(scene)) == alerts


class TestEnd:
    """How it ends."""

    def test_it_resolves_when_the_series_is_back(self) -> None:
        """And the way back is no alert of its own."""
        scene, luck = Scene(_rule()), chance(4)
        for number in range(900):
            times = 2.5 if RELEASED <= number < 500 else 1.0
            scene.session(number * 60, **_session(luck, times=times))
        told = [
            (line.to_state.value, line.generation) for line in transitions(scene.said)
        ]
        assert told == [("ok", 0), ("firing", 1), ("resolved", 1)]
        assert "is back near" in transitions(scene.said)[-1].reason

    def test_a_level_that_stays_becomes_normal(self) -> None:
        """It resolves as rebaselined, with the old level beside the new."""
        after = Hold(span_us=3600 * SECOND_US)
        scene, luck = Scene(_rule(rebaseline_after=after)), chance(4)
        for number in range(900):
            times = 2.5 if number >= RELEASED else 1.0
            scene.session(number * 60, **_session(luck, times=times))
        last = transitions(scene.said)[-1]
        assert (last.to_state, last.reason) == (State.RESOLVED, "rebaselined")
        assert last.value is not None
        assert last.expected is not None
        assert last.value > 1.5 * last.expected
        assert len(_fired(scene)) == 1

    def test_a_person_may_accept_the_new_level(self) -> None:
        """S59: it resolves at once, and the new level is what is held against."""
        scene, luck = Scene(_rule()), chance(4)
        for number in range(RELEASED + 60):
            times = 2.5 if number >= RELEASED else 1.0
            scene.session(number * 60, **_session(luck, times=times))
        (line,) = transitions(scene.accept({"agent": "a"}, by="ann"))
        assert (line.to_state, line.reason) == (State.RESOLVED, "accepted")
        assert line.value is not None
        assert line.expected is not None
        assert line.value > 1.5 * line.expected
        for number in range(RELEASED + 60, RELEASED + 360):
            scene.session(number * 60, **_session(luck, times=2.5))
        assert len(_fired(scene)) == 1

    def test_after_a_new_normal_the_old_one_is_no_alert(self) -> None:
        """Back where it was, and then worse again: that is told."""
        after = Hold(span_us=3600 * SECOND_US)
        scene, luck = Scene(_rule(rebaseline_after=after)), chance(4)
        for number in range(1600):
            times = 2.5 if RELEASED <= number < 700 or number >= 1400 else 1.0
            scene.session(number * 60, **_session(luck, times=times))
        fired = _fired(scene)
        assert [line.generation for line in fired] == [1, 2]
        assert fired[1].time > fired[0].time


@pytest.mark.parametrize(
    ("sensitivity", "wrong"), [("high", 1), ("medium", 0), ("low", 0)]
)
def test_healthy_sessions_are_left_alone(sensitivity: str, wrong: int) -> None:
    """Three thousand of them, with rare dear ones; high is wrong once in so many."""
    scene, luck = Scene(_rule(sensitivity=sensitivity)), chance(1)
    for number in range(3000):
        times = 10.0 if luck.random() < 0.01 else 1.0
        scene.session(number * 60, **_session(luck, times=times))
    assert len(_fired(scene)) <= wrong


def _sessions(seed: int, count: int) -> list[Session]:
    luck = chance(seed)
    found = []
    for number in range(count):
        bad = count // 2 <= number < count * 3 // 4
        calls = luck.randint(1, 8)
        values = {
            "cost_usd": luck.lognormvariate(1.5 if bad else 0.0, 0.5),
            "llm_calls": float(calls),
            "input_tokens": float(calls * luck.randint(500, 900)),
            "tool_calls": float(calls),
            "tool_errors": float(
                luck.randint(0, calls) if bad else luck.random() < 0.1
            ),
            "succeeded": float(luck.random() < (0.3 if bad else 0.9)),
            "quality_points": luck.uniform(20, 60) if bad else luck.uniform(60, 100),
            "loop_count": float(luck.randint(1, 9) * (4 if bad else 1)),
            "latency_ms": luck.lognormvariate(8 if bad else 7, 0.5),
        }
        kept = {name: value for name, value in values.items() if luck.random() < 0.95}
        labels = {
            "agent": luck.choice(["a", "b"]),
            "task_type": luck.choice(["x", "y"]),
            "tenant": luck.choice(["t", "u"]),
            "agent_version": "v2" if bad else "v1",
        }
        found.append(Session(number * 60.0, kept, f"s{number}", labels))
    return found


METRICS_WATCHED = (
    *("cost_usd", "latency_ms", "loop_count", "tool_error_rate"),
    *("success_rate", "quality_score"),
)


def _rules() -> list[Rule]:
    after = Hold(samples=40)
    return [
        make_rule(f"{metric}-{'-'.join(by)}", metric, Drift(level), by=by, **more)
        for metric in METRICS_WATCHED
        for by, level, more in (
            (("agent", "task_type"), "high", {"rebaseline_after": after}),
            (("agent",), "medium", {}),
        )
    ]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_neither_blocks_nor_restarts_change_a_line(
    seed: int, luck: random.Random
) -> None:
    """Sessions one by one, or in blocks with restarts from rows between them."""
    rules, sessions = _rules(), _sessions(seed, 360)
    single = Scene(*rules)
    alone: list[bytes] = []
    for offset, session in enumerate(sessions):
        lines = single.partition.apply(single.log.batch([session]), offset)
        alone += [encode_line(line) for line in lines]
    log, partition = Log(rules), Partition(single.book)
    kept: dict[bytes, bytes | None] = {}
    together: list[bytes] = []
    at = offset = 0
    while at < len(sessions):
        size = luck.randint(1, 60)
        batch = log.batch(sessions[at : at + size])
        together += [encode_line(line) for line in partition.apply(batch, offset)]
        at, offset = at + size, offset + 1
        kept |= dict(partition.take_dirty())
        seal = partition.seal(offset - 1)
        if luck.random() < 0.5:
            partition = Partition(single.book)
            partition.restore_seal(seal)
            for key, row in kept.items():
                if row is not None:
                    partition.restore_row(key, row)
            partition.finish_restore()
    assert together == alone
    assert any(b'"to":"firing"' in line for line in alone)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(METRICS_WATCHED),
    st.lists(
        st.sampled_from([0.0, 1e-300, 1e-9, 0.5, 1.0, 100.0, 1e9, 1e300]),
        min_size=30,
        max_size=80,
    ),
)
def test_absurd_numbers_stay_finite(metric: str, numbers: list[float]) -> None:
    """Whatever finite numbers sessions carry, lines and rows hold finite ones."""
    scene = Scene(_rule(metric, sensitivity="high"))
    for place, number in enumerate(numbers):
        values: dict[str, Any] = {
            "llm_calls": 1.0,
            "input_tokens": number,
            "cost_usd": number,
        }
        values |= {"latency_ms": number, "loop_count": number}
        values |= {"quality_points": min(number, 100.0), "succeeded": number > 0.4}
        values |= {
            "tool_calls": max(1.0, min(number, 1e6)),
            "tool_errors": number > 0.4,
        }
        scene.session(place * 60.0, **values)
    for line in transitions(scene.said):
        for value in (line.value, line.expected, line.peak):
            assert value is None or isfinite(value)
    assert b"Infinity" not in b"".join(encode_line(line) for line in scene.said)
    scene.partition.take_dirty()
