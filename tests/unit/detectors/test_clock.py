"""Event time: whose it is, what runs before what, and what comes late or twice."""

from __future__ import annotations

import pytest

from detectors.partition import Partition
from detectors.rules import SECOND_US, Absence, RuleBook, Window
from detectors.rules import rule as make_rule
from detectors.transitions import Transition
from tests.unit.detectors.scenes import (
    Log,
    Scene,
    Session,
    alerts,
    at,
    changes,
    threshold,
    transitions,
    us,
)

BY = ("agent",)
costly = make_rule(
    "costly", "cost_usd", threshold(1.0), by=BY, keep_firing_for_us=60 * SECOND_US
)
silent = make_rule("silent", "sessions", Absence(30 * SECOND_US), by=BY)


def test_the_clock_stands_still_until_every_source_is_known() -> None:
    """S1: a source that nobody has read stops the clock."""
    scene = Scene(silent, sources=2)
    scene.session(100, source=0)
    scene.tick(1000, source=0)
    assert scene.partition.clock_us is None
    assert alerts(scene.said) == []
    scene.tick(500, source=1)
    assert scene.partition.clock_us == us(500)
    assert alerts(scene.said) == [(130, "ok", "firing")]


def test_the_clock_is_that_of_the_source_furthest_behind() -> None:
    """S1: our own lag is nobody's absence."""
    scene = Scene(silent, sources=2)
    scene.tick(100, source=1)
    scene.session(100, source=0)
    scene.session(300, source=0, labels={"agent": "b"})
    assert scene.partition.clock_us == us(100)
    assert alerts(scene.said) == []


def test_the_clock_never_goes_back() -> None:
    """S1: a new source, or an older word of a known one, does not turn it back."""
    scene = Scene(silent)
    scene.tick(100)
    scene.tick(50)
    assert scene.partition.clock_us == us(100)
    scene.log.sources = 2
    scene.tick(200)
    assert scene.partition.clock_us == us(100)


def test_a_series_own_sessions_may_run_ahead_of_the_clock() -> None:
    """S1: its now is the larger of the clock and its own largest ended_at."""
    scene = Scene(costly, sources=2)
    scene.session(100, cost_usd=5)
    assert alerts(scene.session(160, cost_usd=0.1)) == []
    lines = scene.session(161, cost_usd=0.1)
    assert changes(lines) == [(160, "firing", "resolved"), (161, "resolved", "ok")]


def test_a_timer_runs_at_its_due_time() -> None:
    """S2: its line carries that time, not the time of what moved the clock."""
    scene = Scene(silent)
    scene.session(0)
    assert changes(scene.tick(1000)) == [(30, "ok", "firing")]


def test_a_timer_due_exactly_now_waits_for_the_evidence_of_now() -> None:
    """S2: at an exact tie the evidence counts first."""
    scene = Scene(silent)
    scene.session(0)
    assert changes(scene.tick(30)) == []
    assert changes(scene.session(30)) == []
    assert scene.partition.next_due_us == us(60)


def test_timers_run_in_due_order_and_ties_in_order_of_creation() -> None:
    """S2, over several series."""
    scene = Scene(silent)
    for agent, at_s in (("z", 5), ("b", 10), ("a", 10), ("c", 0)):
        scene.session(at_s, labels={"agent": agent})
    lines = transitions(scene.tick(100))
    assert [(at(line), line.labels["agent"]) for line in lines] == [
        (30, "c"),
        (35, "z"),
        (40, "b"),
        (40, "a"),
    ]


def test_timers_before_a_time_and_at_it() -> None:
    """The end of a replay runs what was due, and no more."""
    scene = Scene(silent)
    scene.session(0)
    assert scene.partition.run_due(us(30), inclusive=False) == []
    assert changes(scene.partition.run_due(us(30), inclusive=True)) == [
        (30, "ok", "firing")
    ]


def test_late_sessions_count_in_arrival_order_with_the_clocks_time() -> None:
    """S5: a late breach is told at the clock's time, and counted as late."""
    scene = Scene(costly)
    scene.session(100, cost_usd=0.1)
    lines = scene.session(40, cost_usd=7.0)
    assert changes(lines) == [(100, "ok", "firing")]
    assert scene.partition.counts.late == 1


def test_what_ingest_repeats_is_skipped() -> None:
    """Source offsets at or below the highest applied have no effect at all."""
    scene = Scene(costly)
    batch = scene.log.batch([Session(0, {"cost_usd": 9}, "s", {"agent": "a"})])
    assert len(transitions(scene.partition.apply(batch, 0))) == 1
    assert scene.partition.apply(batch, 1) == []
    assert scene.partition.counts.repeats == 1
    assert scene.partition.counts.duplicates == 0


def test_a_session_published_twice_counts_once_in_its_series() -> None:
    """S11: the first one wins, wherever the copy came from and whatever it says."""
    scene = Scene(costly, silent, sources=2)
    scene.session(0, session_id="x", cost_usd=0.1)
    assert scene.session(20, session_id="x", source=1, cost_usd=9) == []
    assert scene.partition.counts.duplicates == 1
    scene.tick(100, source=0)
    assert changes(scene.tick(100, source=1))[0] == (30, "ok", "firing")


def test_a_copy_with_other_labels_counts_where_it_had_not_been() -> None:
    """S11: a repeat is recognised by series and session id."""
    scene = Scene(costly)
    scene.session(0, session_id="x", cost_usd=0.1)
    lines = scene.session(1, session_id="x", labels={"agent": "b"}, cost_usd=9)
    assert changes(lines) == [(1, "insufficient", "firing")]


@pytest.mark.parametrize(("between", "known"), [(3, True), (4, False)])
def test_the_memory_reaches_back_as_far_as_it_says(between: int, known: bool) -> None:
    """S11: the last so many observations are remembered, in one block or in many."""
    for together in (False, True):
        rules = (make_rule("r", "cost_usd", threshold(9.0), by=BY),)
        log, partition = Log(rules), Partition(RuleBook(rules), memory=4)
        names = ["x", *(f"n{n}" for n in range(between)), "x"]
        told = [Session(n, {}, name, {"agent": "a"}) for n, name in enumerate(names)]
        blocks = [told] if together else [[one] for one in told]
        for offset, block in enumerate(blocks):
            partition.apply(log.batch(block), offset)
        assert partition.counts.duplicates == int(known)


def test_sessions_too_old_are_not_judged_one_by_one() -> None:
    """S62: per-session rules skip and count them, windows take them."""
    mean = make_rule(
        "mean", "cost_usd", threshold(1.0), by=BY, window=Window(samples=1)
    )
    scene = Scene(costly, mean)
    lines = transitions(scene.session(0, cost_usd=9, judged_from_s=50))
    assert [line.rule for line in lines] == ["mean"]
    assert scene.partition.counts.too_old == 1
    assert len(transitions(scene.session(50, cost_usd=9, judged_from_s=50))) == 1


def test_a_replayed_block_has_no_effect_twice() -> None:
    """A row that holds a block skips it, and says nothing again."""
    rules = (costly, silent)
    log = Log(rules)
    told = [
        Session(n, {"cost_usd": 3.0 * (n == 5)}, f"s{n}", {"agent": "a"})
        for n in range(9)
    ]
    blocks = [log.batch([session]) for session in told]
    first = Partition(RuleBook(rules))
    seal = first.seal(-1)
    lines = [
        line
        for offset, block in enumerate(blocks)
        for line in first.apply(block, offset)
    ]
    rows = first.take_dirty()
    again = Partition(RuleBook(rules))
    again.restore_seal(seal)
    for key, row in rows:
        assert row is not None
        again.restore_row(key, row)
    again.finish_restore()
    assert any(isinstance(line, Transition) for line in lines)
    assert [again.apply(block, offset) for offset, block in enumerate(blocks)] == [
        []
    ] * 9
    assert again.take_dirty() == []
    assert again.counts == first.counts
