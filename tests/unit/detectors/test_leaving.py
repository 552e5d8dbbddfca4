"""What series that leave had said for others is taken back, however many leave at once."""

from __future__ import annotations

import numpy as np

from detectors.kernels import layout
from detectors.partition import Partition
from detectors.rules import Absence, Drift, RuleBook
from detectors.rules import rule as make_rule
from tests.unit.detectors.scenes import Log, Session, chance

DAY_S = 86_400
DAY_US = DAY_S * 1_000_000
SESSIONS = 25
"""Of each series: from its twentieth on it says what is normal for it."""


def _sessions(names: list[str], from_s: float = 0.0) -> list[Session]:
    luck = chance(3)
    return [
        Session(
            from_s + number,
            {"loop_count": float(round(6 * luck.lognormvariate(0, 0.4)))},
            f"{from_s}-{number}",
            {"agent": name, "tenant": name, "task_type": "t", "model": "m"},
        )
        for number, name in enumerate(names * SESSIONS)
    ]


def _said(partition: Partition) -> dict[str, float]:
    """By parent how many series are told of."""
    return {part.key: part.sums.series for part in partition.take_parts()}


def test_many_leave_before_anybody_adds_up() -> None:
    """More than there is room for: nothing is lost, and nothing is overwritten."""
    rules = (make_rule("loops", "loop_count", Drift(), by=("agent",)),)
    names = [f"a{n}" for n in range(300)]
    log = Log(rules)
    partition = Partition(RuleBook(rules, retention_us=DAY_US))
    partition.apply(log.batch(_sessions(names)), 0)
    assert set(_said(partition).values()) == {300.0}
    # As small as it may be, so that the room has to grow.
    store = partition._store
    store.given = np.zeros((128, layout.GIVEN_INTS), np.int64)
    store.given_floats = np.zeros((128, store.given_floats.shape[1]))
    partition.apply(log.tick({0: 10 * DAY_S}), 1)
    assert len(partition) == 0
    assert set(_said(partition).values()) == {0.0}


def test_what_the_dead_had_said_is_theirs_whoever_has_their_place() -> None:
    """Series by a label without a code leave, and others are born, in one block."""
    rules = (make_rule("loops", "loop_count", Drift(), by=("tenant",)),)
    names = [f"x{n}" for n in range(5)]
    log = Log(rules)
    partition = Partition(RuleBook(rules, retention_us=DAY_US))
    partition.apply(log.batch(_sessions(names)), 0)
    before = _said(partition)
    assert set(before.values()) == {1.0, 5.0}
    late = [f"y{n}" for n in range(5)]
    partition.apply(log.batch(_sessions(late, 10 * DAY_S)), 1)
    after = _said(partition)
    gone = {key for key, series in after.items() if series == 0}
    assert {key for key in gone if "agent=x" in key} == {
        key for key in before if "agent=x" in key
    }
    again = {key.replace("agent=x", "agent=y") for key in before}
    assert again <= after.keys() | before.keys()


def test_a_series_whose_rules_are_gone_is_kept_and_left_alone() -> None:
    """A worker with another book takes it over: what it held goes back as it was."""
    old = (make_rule("loops", "loop_count", Drift(), by=("agent",)),)
    new = (make_rule("quiet", "sessions", Absence(DAY_US), by=("task_type",)),)
    log = Log(old)
    first = Partition(RuleBook(old))
    first.apply(log.batch(_sessions(["a", "b", "c"])), 0)
    rows = dict(first.take_dirty())
    other = Partition(RuleBook(new))
    other.restore_seal(first.seal(0))
    for key, row in rows.items():
        assert row is not None
        other.restore_row(key, row)
    other.finish_restore()
    assert len(other) == 3
    # Blocks of a worker with the old book name it still.
    assert other.apply(log.batch(_sessions(["a", "b", "c"], 100)), 1) == []
    addresses = np.fromiter(other._all.addresses.values(), np.int64)
    other._store.forget_sessions(addresses, list(other._groups.values()))
    again = Partition(RuleBook(old))
    again.restore_seal(other.seal(1))
    for key, row in (rows | dict(other.take_dirty())).items():
        assert row is not None
        again.restore_row(key, row)
    again.finish_restore()
    assert [len(series.live) for series in again._all.all()] == [1, 1, 1]
