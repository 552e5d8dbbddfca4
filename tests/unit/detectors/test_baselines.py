"""What is expected of a series: close to exact, and not to be poisoned."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from random import Random

import numpy as np
import pytest

from detectors.kinds.counted import CountWatch
from detectors.kinds.plans import Group
from detectors.metrics import Aggregate
from detectors.rules import SECOND_US, Baseline, Hold, Rule, Window
from detectors.rules import rule as make_rule
from detectors.state.series import watch
from detectors.state.store import Store
from tests.unit.detectors.scenes import (
    Log,
    Scene,
    Session,
    alerts,
    chance,
    changes,
    transitions,
)

BY = ("agent",)
DAY_S = 86_400


def _rule(metric: str, kind: Baseline, **changes_: object) -> Rule:
    values = {"by": BY, "window": Window(samples=10), "min_samples": 20, **changes_}
    return make_rule("r", metric, kind, **values)


def _expected(scene: Scene) -> float:
    (series,) = scene.partition._all.all()
    (found,) = series.live
    expected = found.expected_now()
    assert expected is not None
    return expected


def _poisson(random: Random, mean: float) -> float:
    limit, product, count = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return float(count)


STEADY: dict[str, tuple[str, str, Callable[[Random], float]]] = {
    "lognormal cost": ("cost_usd", "cost_usd", lambda r: r.lognormvariate(-3, 0.9)),
    "lognormal latency": (
        "latency_ms",
        "latency_ms",
        lambda r: r.lognormvariate(9, 0.9),
    ),
    "gamma-Poisson loops": (
        "loop_count",
        "loop_count",
        lambda r: _poisson(r, r.gammavariate(3, 1.5)),
    ),
    "beta quality": (
        "quality_score",
        "quality_points",
        lambda r: 100 * r.betavariate(8, 2),
    ),
    "success": ("success_rate", "succeeded", lambda r: float(r.random() < 0.93)),
    "constant": ("cost_usd", "cost_usd", lambda _: 0.25),
    "often nothing": (
        "cost_usd",
        "cost_usd",
        lambda r: r.lognormvariate(0, 0.9) if r.random() < 0.5 else 0.0,
    ),
}


@pytest.mark.parametrize("named", STEADY)
@pytest.mark.parametrize("aggregate", ["mean", "p50", "p90", "p95"])
def test_expected_is_close_to_exact_on_steady_data(named: str, aggregate: str) -> None:
    """S29: within 5 % of the same aggregate over the thousand samples before."""
    metric, column, draw = STEADY[named]
    random = chance(7)
    kind = (
        Baseline(ratio=1e9)
        if metric not in {"quality_score", "success_rate"}
        else Baseline(drop=1000)
    )
    rule = _rule(
        metric, kind, window=Window(samples=50), aggregate=Aggregate(aggregate)
    )
    scene, samples = Scene(rule), []
    sessions = []
    for number in range(2400):
        samples.append(draw(random))
        sessions.append(
            Session(number, {column: samples[-1]}, f"s{number}", {"agent": "a"})
        )
    scene.partition.apply(scene.log.batch(sessions), 0)
    before = np.array(samples[-1050:-50])
    exact = float(before.mean())
    if aggregate != "mean" and not rule.metric.pooled:
        exact = float(np.quantile(before, int(aggregate[1:]) / 100))
    assert _expected(scene) == pytest.approx(exact, rel=0.05)


def test_a_pooled_rate_is_expected_as_one() -> None:
    """S29: errors over calls of the samples before, not a mean of ratios."""
    random = chance(3)
    rule = _rule("tool_error_rate", Baseline(ratio=1e9), window=Window(samples=50))
    scene, errors, calls = Scene(rule), [], []
    sessions = []
    for number in range(2400):
        rate, of = random.betavariate(2, 30), random.randint(1, 30)
        calls.append(of)
        errors.append(sum(random.random() < rate for _ in range(of)))
        values = {"tool_calls": float(of), "tool_errors": float(errors[-1])}
        sessions.append(Session(number, values, f"s{number}", {"agent": "a"}))
    scene.partition.apply(scene.log.batch(sessions), 0)
    exact = sum(errors[-1050:-50]) / sum(calls[-1050:-50])
    assert _expected(scene) == pytest.approx(exact, rel=0.05)


def test_the_window_itself_is_no_part_of_what_is_expected() -> None:
    """S29: judged from the first sample that has min_samples before its window."""
    scene = Scene(_rule("loop_count", Baseline(ratio=3.0)))
    scene.series("loop_count", [2.0] * 29)
    assert scene.said == []
    scene.session(29, loop_count=2.0)
    (line,) = transitions(scene.said)
    assert (line.to_state, line.expected, line.threshold) == ("ok", 2.0, 6.0)


def test_it_fires_beyond_ratio_times_expected() -> None:
    """S16: strictly; the line names both."""
    scene = Scene(_rule("loop_count", Baseline(ratio=3.0), window=Window(samples=1)))
    scene.series("loop_count", [2.0] * 30)
    exactly = Scene(*scene.book.rules)
    exactly.series("loop_count", [2.0] * 30 + [6.0])
    assert alerts(exactly.said) == []
    (line,) = transitions(scene.session(30, loop_count=7.0))
    assert (line.value, line.expected, line.threshold) == (7.0, 2.0, 6.0)
    assert line.reason == "mean loop_count of 1 session above 3 x the expected 2"


def test_drops_and_ratios_downwards() -> None:
    """S16: below expected - drop, below expected / ratio."""
    drop = Scene(_rule("quality_score", Baseline(drop=10), window=Window(samples=1)))
    drop.series("quality_points", [80.0] * 30)
    assert alerts(drop.session(30, quality_points=70.0)) == []
    drop = Scene(*drop.book.rules)
    drop.series("quality_points", [80.0] * 30 + [69.0])
    line = transitions(drop.said)[-1]
    assert (line.to_state, line.threshold) == ("firing", 70.0)
    assert line.reason.endswith("more than 10 below the expected 80")
    ratio = Scene(_rule("success_rate", Baseline(ratio=2.0)))
    ratio.series("succeeded", [1.0] * 30)
    ratio.series("succeeded", [0.0] * 6, from_s=30)
    line = transitions(ratio.said)[-1]
    assert (line.to_state, line.threshold) == ("firing", 0.5)
    assert line.value == pytest.approx(0.4)


def test_a_recover_of_its_own() -> None:
    """S21: the exit in the unit of ratio or drop."""
    kind = Baseline(ratio=3.0, recover=2.0)
    scene = Scene(_rule("loop_count", kind, window=Window(samples=1)))
    scene.series("loop_count", [2.0] * 30)
    scene.series("loop_count", [7.0, 5.0, 4.0], from_s=30)
    assert alerts(scene.said) == [(30, "ok", "firing"), (32, "firing", "resolved")]


def test_an_alert_does_not_poison_its_baseline() -> None:
    """S29: a lasting shift fires as long as it lasts; what it fired with stays."""
    scene = Scene(_rule("loop_count", Baseline(ratio=2.0)))
    scene.series("loop_count", [2.0] * 60)
    scene.series("loop_count", [9.0] * 3000, from_s=60)
    (fired,) = (line for line in transitions(scene.said) if line.to_state != "ok")
    assert _expected(scene) == pytest.approx(2.0, rel=0.25)
    scene.series("loop_count", [2.0] * 20, from_s=3060)
    resolved = [line for line in transitions(scene.said) if line.to_state == "resolved"]
    assert [line.expected for line in resolved] == [fired.expected] == [2.0]


def test_samples_while_pending_are_not_learned() -> None:
    """S29: nor any that breached."""
    rule = _rule("loop_count", Baseline(ratio=2.0), hold=Hold(samples=1000))
    scene = Scene(rule)
    scene.series("loop_count", [2.0] * 60)
    scene.series("loop_count", [9.0] * 900, from_s=60)
    assert _expected(scene) == pytest.approx(2.0, rel=0.25)


def test_one_absurd_session_moves_little() -> None:
    """S29: it counts as if it lay four deviations out."""
    random = chance(5)
    rule = _rule("cost_usd", Baseline(ratio=1e12), window=Window(samples=1))
    scene = Scene(rule)
    costs = [random.lognormvariate(0, 0.5) for _ in range(500)]
    scene.series("cost_usd", costs)
    scene.series("cost_usd", [1e6], from_s=500)
    costs += [random.lognormvariate(0, 0.5) for _ in range(100)]
    scene.series("cost_usd", costs[500:], from_s=501)
    assert _expected(scene) == pytest.approx(float(np.mean(costs)), rel=0.05)


def test_a_new_scale_is_not_shut_out_for_ever() -> None:
    """Winsorising bends to what keeps coming: constant data may begin to vary."""
    random = chance(6)
    rule = _rule("cost_usd", Baseline(ratio=1e12), window=Window(samples=1))
    scene = Scene(rule)
    scene.series("cost_usd", [1.0] * 300)
    later = [random.choice([1.0, 40.0]) for _ in range(2500)]
    scene.series("cost_usd", later, from_s=300)
    assert _expected(scene) == pytest.approx(float(np.mean(later[-1000:])), rel=0.1)


def test_the_baseline_reaches_back_by_time_and_by_samples() -> None:
    """S29: whichever is shorter; with too little left the rule is insufficient."""
    by_time = Baseline(ratio=3.0, over_us=DAY_S * SECOND_US)
    scene = Scene(_rule("loop_count", by_time), retention_us=9 * DAY_S * SECOND_US)
    scene.series("loop_count", [2.0] * 40)
    assert changes(scene.session(2 * DAY_S, loop_count=2.0)) == [
        (2 * DAY_S, "ok", "insufficient")
    ]
    reason = transitions(scene.said)[-1].reason
    assert reason == "fewer than 20 samples before the window to compare"
    by_samples = Scene(_rule("loop_count", Baseline(ratio=9.0, over_samples=50)))
    by_samples.series("loop_count", [2.0] * 200)
    by_samples.series("loop_count", [4.0] * 150, from_s=200)
    assert _expected(by_samples) == 4.0


def test_a_row_gives_back_the_same_baseline() -> None:
    """Bit for bit, after any number of samples."""
    random = chance(8)
    rule = _rule("cost_usd", Baseline(ratio=2.0), aggregate=Aggregate.P90)
    group = Group(BY, [rule])
    store = Store([group])
    found = watch(
        group.plans[0], {"agent": "a"}, store, store.begin_watch(group.plans[0].row)
    )
    scene = Scene(rule)
    for number in range(700):
        scene.session(number, cost_usd=random.lognormvariate(0, 0.9))
    (old,) = next(scene.partition._all.all()).live
    assert isinstance(found, CountWatch)
    found.life = old.life
    found.load(old.dump())
    assert found.expected_now() == old.expected_now()
    assert found.dump() == old.dump()
    assert Log([rule]).wheres == [""]
