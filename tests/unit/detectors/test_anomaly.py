"""Single sessions that a healthy series would hardly show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.metrics import METRICS
from detectors.normal.beta_binomial import at_least, upper
from detectors.normal.facets import facets
from detectors.normal.odds import Odds
from detectors.partition import Partition
from detectors.rules import Anomaly, Rule
from detectors.rules import rule as make_rule
from detectors.transitions import State, Transition
from tests.unit.detectors.scenes import Scene, chance, transitions


def _rule(metric: str, **more: Any) -> Rule:
    kind = Anomaly(bool(more.pop("stretches", False)))
    more = {"keep_firing_for_us": 900_000_000, "by": ("agent",)} | more
    return make_rule("odd", metric, kind, **more)


def _fired(scene: Scene) -> list[Transition]:
    said = transitions(scene.said)
    return [line for line in said if line.to_state is State.FIRING]


def test_an_odd_session_is_told_with_its_probability() -> None:
    """Once, and it ends fifteen minutes after the last odd one, as S15 has it."""
    scene, luck = Scene(_rule("latency_ms")), chance(1)
    for number in range(300):
        slow = 40.0 if number in (200, 201) else 1.0
        scene.session(number * 60, latency_ms=slow * luck.lognormvariate(7, 0.4))
    told = [
        (line.from_state.value, line.to_state.value) for line in transitions(scene.said)
    ]
    assert told == [
        ("insufficient", "ok"),
        ("ok", "firing"),
        ("firing", "resolved"),
        ("resolved", "ok"),
    ]
    line = _fired(scene)[0]
    assert line.evidence["probability"] < 1e-4
    assert line.expected is not None
    assert line.value is not None
    assert line.value > 10 * line.expected


def test_it_is_judged_from_the_twentieth_session_on() -> None:
    """Before that there is nothing to hold it against."""
    scene, luck = Scene(_rule("latency_ms")), chance(2)
    for number in range(20):
        scene.session(number, latency_ms=luck.lognormvariate(7, 0.4))
    states = [line.to_state for line in transitions(scene.said)]
    assert states == [State.OK]
    assert transitions(scene.said)[0].session_id == "s20"


def test_what_is_rare_and_right_becomes_usual() -> None:
    """One session in a hundred costs ten times as much, and always did."""
    scene, luck = Scene(_rule("cost_usd")), chance(3)
    for number in range(3000):
        dear = 10.0 if luck.random() < 0.01 else 1.0
        scene.session(number * 3600, cost_usd=dear * luck.lognormvariate(-3, 0.4))
    late = [line for line in _fired(scene) if line.session_id in _ids(1000, 3000)]
    assert len(late) <= 2


def _ids(first: int, last: int) -> set[str]:
    return {f"s{number}" for number in range(first, last)}


def test_a_burst_of_failing_tools_is_odd() -> None:
    """Seven of eight calls fail, where one in fifty does."""
    scene, luck = Scene(_rule("tool_error_rate")), chance(4)
    for number in range(600):
        errors = sum(luck.random() < 0.02 for _ in range(8))
        scene.session(number * 60, tool_calls=8, tool_errors=errors)
    assert not _fired(scene)
    scene.session(600 * 60, tool_calls=8, tool_errors=7)
    assert len(_fired(scene)) == 1


@pytest.mark.parametrize("stretches", [False, True])
def test_an_odd_stretch_is_told_where_it_is_asked_for(stretches: bool) -> None:
    """A level at which no single session is odd, held by many of them."""
    scene, luck = Scene(_rule("latency_ms", stretches=stretches)), chance(5)
    for number in range(1600):
        shift = 0.9 if number >= 1400 else 0.0
        scene.session(number * 60, latency_ms=luck.lognormvariate(7 + shift, 0.25))
    told = [line for line in _fired(scene) if "stretch_score" in line.evidence]
    assert bool(told) is stretches


@pytest.mark.parametrize("level", [0.01, 0.001])
def test_a_probability_means_what_it_says(level: float) -> None:
    """Of 20,000 healthy sessions about so many are so improbable."""
    luck, odds = chance(6), Odds(facets(METRICS["cost_usd"], 1.0)[0])
    seen = odd = 0
    for _ in range(20_000):
        sample = (luck.lognormvariate(-3, 0.9), 1.0)
        found = odds.score(sample)
        if found is not None:
            seen += 1
            odd += found < level
        odds.learn(sample)
    assert 0.6 * level < odd / seen < 1.6 * level


@given(
    st.integers(0, 80),
    st.integers(1, 80),
    st.floats(0.001, 0.999),
    st.floats(0.7, 1e4),
)
def test_more_errors_are_never_more_probable(
    errors: int, calls: int, rate: float, concentration: float
) -> None:
    """And the exact tail holds half of its own mass more than the middle one."""
    errors = min(errors, calls)
    tail = at_least(errors, calls, rate, concentration)
    assert 0 <= upper(errors, calls, rate, concentration) <= tail + 1e-9 <= 1 + 1e-9
    if errors:
        assert tail <= at_least(errors - 1, calls, rate, concentration) + 1e-9


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.integers(1, 79), st.booleans())
def test_rows_change_nothing(seed: int, at: int, stretches: bool) -> None:
    """A restart from rows in the middle leads to the same lines."""
    luck, rule = chance(seed), _rule("cost_usd", stretches=stretches)
    values = [luck.lognormvariate(0, 2.0) for _ in range(80)]
    whole, parted = Scene(rule), Scene(rule)
    for number, value in enumerate(values):
        if number == at:
            rows = parted.partition.take_dirty()
            seal = parted.partition.seal(parted.offset - 1)
            parted.partition = Partition(parted.book)
            parted.partition.restore_seal(seal)
            for key, row in rows:
                assert row is not None
                parted.partition.restore_row(key, row)
            parted.partition.finish_restore()
        for scene in (whole, parted):
            scene.session(number * 60.0, cost_usd=value)
    assert parted.said == whole.said
