"""A series with which all is well is nothing but words, whatever its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from detectors.metrics import Aggregate, Direction
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Baseline,
    Budget,
    Kind,
    Rule,
    RuleBook,
    Window,
    rule,
)
from detectors.state.stage import Said
from detectors.transitions import State
from tests.slow.partition import Partition as SlowPartition
from tests.unit.detectors.scenes import (
    Log,
    Session,
    chance,
    of_alerts,
    threshold,
    transitions,
)
from tests.unit.detectors.test_oracle import WINDOWS, traffic

HOUR_S = 3_600
HOUR = Window(span_us=HOUR_S * SECOND_US)
BY = ("agent",)


def _healthy(count: int) -> list[Session]:
    luck = chance(4)
    return [
        Session(
            60.0 * number,
            {
                "cost_usd": luck.lognormvariate(-3, 0.1),
                "latency_ms": luck.lognormvariate(8, 0.1),
                "loop_count": 4.0,
                "quality_points": 80.0,
                "succeeded": 1.0,
                "tool_calls": 3.0,
                "tool_errors": 0.0,
            },
            f"s{number}",
            {"agent": "a", "task_type": "t", "environment": "production"},
        )
        for number in range(count)
    ]


def _both(rules: Sequence[Rule]) -> tuple[Partition, SlowPartition]:
    book = RuleBook(tuple(rules))
    return Partition(book), SlowPartition(book)


def test_windows_rest() -> None:
    """Windows of sessions and of time, with and without baselines."""
    busy = {"latency-count", "timed-latency-count", "timed-sessions"}
    calm = [each for each in WINDOWS if each.name not in busy]
    fast, _ = _both(calm)
    said = fast.apply(Log(calm).batch(_healthy(600)), 0)
    assert {line.to_state for line in transitions(said)} == {State.OK}
    assert len(fast) == 2
    assert not fast._all.awake


def test_time_passes_without_waking_a_series() -> None:
    """Samples leave a sum, which is then what it would be without them."""
    spent = rule(
        "spent",
        "cost_usd",
        threshold(5.0),
        by=BY,
        window=HOUR,
        aggregate=Aggregate.SUM,
        min_samples=2,
    )
    fast, slow = _both([spent])
    log = Log([spent])
    dear = [replace(each, values={"cost_usd": 0.4}) for each in _healthy(12)]
    said = fast.apply(batch := log.batch(dear), 0)
    assert said == slow.apply(batch, 0)
    fast.take_dirty()
    said = fast.apply(tick := log.tick({0: 1.5 * HOUR_S}), 1)
    assert said == slow.apply(tick, 1) == []
    assert not fast._all.awake
    assert len(fast.take_dirty()) == 1
    late = Session(1.6 * HOUR_S, {"cost_usd": 4.0}, "late", {"agent": "a"})
    assert fast.apply(log.batch([late]), 2) == []


def test_a_window_speaks_when_samples_leave_it() -> None:
    """Fewer sessions than usual in an hour are told though none has come."""
    few = rule(
        "few",
        "sessions",
        threshold(5.0),
        by=BY,
        window=HOUR,
        direction=Direction.DOWN,
        min_samples=6,
    )
    fast, slow = _both([few])
    log = Log([few])
    for offset, batch in enumerate(
        [log.batch(_healthy(40)), log.tick({0: 2 * HOUR_S}), log.tick({0: 9 * HOUR_S})]
    ):
        said = of_alerts(fast.apply(batch, offset))
        assert said == slow.apply(batch, offset)
        if offset == 1:
            assert [line.to_state for line in transitions(said)] == [State.FIRING]


def test_a_window_beside_a_budget_lets_its_series_leave() -> None:
    """It begins later than the budget, and does not keep the series as that does."""
    spend = rule("spend", "cost_usd", Budget(100.0, "week"), by=BY)
    mean = rule("mean", "latency_ms", threshold(1e9), by=BY, window=Window(samples=5))
    book = RuleBook((spend, mean), retention_us=HOUR_S * SECOND_US)
    fast, slow = Partition(book), SlowPartition(book)
    log = Log(book.rules)
    first, second, *_ = _healthy(2)
    first = replace(first, values={"cost_usd": 1.0})
    for offset, batch in enumerate(
        [log.batch([first]), log.batch([second]), log.tick({0: 3 * HOUR_S})]
    ):
        assert fast.apply(batch, offset) == slow.apply(batch, offset)
        assert fast.next_due_us == slow.next_due_us


def _restarted(
    make: type[Partition] | type[SlowPartition],
    before: Rule,
    after: Rule,
    sessions: Sequence[Session],
) -> list[Said]:
    """What is said after a restart with another rule in the middle."""
    half = len(sessions) // 2
    log = Log([before])
    first = make(RuleBook((before,)))
    first.apply(log.batch(sessions[:half]), 0)
    second = make(RuleBook((after,)))
    second.restore_seal(first.seal(0))
    for key, row in first.take_dirty():
        assert row is not None
        second.restore_row(key, row)
    second.finish_restore()
    return second.apply(log.batch(sessions[half:]), 1)


USUAL = Baseline(ratio=1.5, over_samples=60, over_us=4 * HOUR_S * SECOND_US)
FAR_BACK = replace(USUAL, over_us=40 * HOUR_S * SECOND_US)


@pytest.mark.parametrize("window", [Window(samples=10), HOUR], ids=["counted", "timed"])
@pytest.mark.parametrize("aggregate", ["mean", "sum", "p90", "max"])
@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (threshold(25_000.0), threshold(9_000.0)),
        (threshold(90_000.0), USUAL),
        (USUAL, threshold(25_000.0)),
        (USUAL, FAR_BACK),
        (FAR_BACK, USUAL),
    ],
    ids=["limit", "usual", "no-more", "farther", "nearer"],
)
def test_another_limit_takes_the_words_over(
    window: Window, aggregate: str, was: Kind, becomes: Kind
) -> None:
    """A rule of the same window reads what it is left, as the slow engine does."""
    before, after = (
        rule(
            "slow",
            "latency_ms",
            kind,
            by=BY,
            window=window,
            aggregate=Aggregate(aggregate),
            min_samples=5,
        )
        for kind in (was, becomes)
    )
    for seed in range(3):
        sessions = traffic(seed, 500)
        said = of_alerts(_restarted(Partition, before, after, sessions))
        assert said == _restarted(SlowPartition, before, after, sessions)
