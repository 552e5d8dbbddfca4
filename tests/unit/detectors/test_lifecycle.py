from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from detectors.life import lifecycle
from detectors.life.lifecycle import (
    CLEAR,
    EDGES,
    FAR,
    TABLE,
    THIN,
    Evaluation,
    Event,
    Life,
    Moment,
    Policy,
    Verdict,
    differs,
    expire,
    step,
)
from detectors.life.moves import ALWAYS
from detectors.transitions import State

INFO, WARNING, CRITICAL = 0, 1, 2
BREACH = Evaluation(Verdict.BREACH, WARNING, WARNING)
WORSE = Evaluation(Verdict.BREACH, CRITICAL, CRITICAL)
BETWEEN = Evaluation(Verdict.BETWEEN, -1, WARNING)

findings = st.sampled_from(
    [
        THIN,
        CLEAR,
        BREACH,
        WORSE,
        BETWEEN,
        Evaluation(Verdict.BREACH, WARNING, CRITICAL),
        Evaluation(Verdict.BETWEEN, -1, CRITICAL),
        Evaluation(Verdict.BREACH, INFO, INFO),
        Evaluation(Verdict.BREACH, INFO, WARNING),
    ]
)
policies = st.builds(
    Policy,
    hold_us=st.sampled_from([0, 3]),
    hold_samples=st.sampled_from([0, 2]),
    keep_us=st.sampled_from([0, 4]),
    sticky=st.booleans(),
    flap_changes=st.sampled_from([0, 2, 4]),
    flap_us=st.just(9),
)


Seen = list[tuple[int, State, int]]


def live(policy: Policy, *events: tuple[int, Evaluation]) -> tuple[Life, Seen]:
    """Each event is (time, finding); holds that end before it end first."""
    life, seen = Life(), Seen()
    for at_us, found in events:
        while life.due_us < at_us:
            after = expire(life, policy)
            if differs(life, after):
                seen.append((life.due_us, after.state, after.level))
            life = after
        after = step(life, found, Moment(at_us), policy)
        if differs(life, after):
            seen.append((at_us, after.state, after.level))
        life = after
    return life, seen


def states(seen: Seen) -> list[tuple[int, str]]:
    """Without the levels."""
    return [(at_us, state.value) for at_us, state, _ in seen]


@given(policies, st.lists(st.tuples(st.integers(0, 5), findings), max_size=30))
def test_only_edges_of_the_table_are_ever_told(
    policy: Policy, events: list[tuple[int, Evaluation]]
) -> None:
    """Whatever is found and whenever, each line is an edge of S22 (property)."""
    life, now_us, fired = Life(), 0, 0
    for wait_us, found in events:
        now_us += wait_us
        moves = []
        while life.due_us < now_us:
            moves.append((life, expire(life, policy)))
            life = moves[-1][1]
        moves.append((life, step(life, found, Moment(now_us), policy)))
        life = moves[-1][1]
        for before, after in moves:
            if differs(before, after):
                assert (before.state, after.state) in EDGES
                begins = after.state is State.FIRING and not before.state.is_open
                fired += begins
                assert after.generation == fired
            assert (after.due_us < FAR) or after.state is not State.RECOVERING


happenings = st.one_of(
    findings, st.sampled_from(["lost", "missed", "back", "gone", "forgotten", "row"])
)


def happen(life: Life, what: Evaluation | str, now: Moment, policy: Policy) -> Life:
    """One evaluation, or what else may happen to an alert."""
    match what:
        case Evaluation():
            return step(life, what, now, policy)
        case "lost" | "missed":
            level = WARNING if what == "missed" else None
            return lifecycle.miss(life, level, now, policy)
        case "back":
            return lifecycle.back(life, now, policy)
        case "row":
            return Life.load(life.dump())
        case _:
            return lifecycle.end(life, now.at_us)


@given(policies, st.lists(st.tuples(st.integers(0, 9), happenings), max_size=40))
def test_whatever_happens_to_an_alert_it_goes_along_the_table(
    policy: Policy, events: list[tuple[int, Evaluation | str]]
) -> None:
    """Evaluations, timers, want of data, the end of its rule, restarts (property).

    Only what is open flaps, and nothing that flaps ends before it was quiet, but by
    hand, or for want of data.
    """
    life, now_us, fired, moved_us = Life(), 0, 0, 0
    for wait_us, what in events:
        now_us += wait_us
        while (due_us := min(life.due_us, lifecycle.pause_us(life, policy))) < now_us:
            before, held = life, life.due_us == due_us
            life = (
                expire(life, policy)
                if held
                else lifecycle.calm_down(life, due_us, policy)
            )
            assert not differs(before, life) or (before.state, life.state) in EDGES
            if life.state is State.RESOLVED and before.flap.flaps:
                assert due_us - moved_us >= policy.flap_us
            if before.state is not life.state:
                moved_us = due_us
            assert (life.due_us if held else lifecycle.pause_us(life, policy)) > due_us
        before = life
        life = happen(life, what, Moment(now_us), policy)
        if what == "forgotten":
            life = lifecycle.forget(life)
        assert not differs(before, life) or (
            (before.state, life.state) in EDGES or what == "forgotten"
        )
        if before.state is not life.state:
            moved_us = now_us
        fired += life.state is State.FIRING and not before.state.is_open
        assert life.generation == fired
        assert life.state.is_open or not (life.flap.flaps or life.silent)
        assert len(life.flap.times) <= policy.flap_changes
        assert policy.flap_changes or life.flap == Life().flap


def test_every_state_knows_what_to_do_with_every_event() -> None:
    """The table is complete."""
    assert set(TABLE) == set(itertools.product(State, Event))
    assert all(edges[-1].guard is ALWAYS for edges in TABLE.values())


def test_the_edges_are_those_of_the_semantics() -> None:
    """S22, word for word: what the table may tell, and nothing else."""
    allowed = {
        "insufficient": "ok pending firing",
        "ok": "insufficient pending firing",
        "pending": "ok firing",
        "firing": "firing recovering resolved",
        "recovering": "firing resolved",
        "resolved": "ok insufficient pending firing",
    }
    assert {
        (State(at), State(to)) for at, many in allowed.items() for to in many.split()
    } == EDGES


def test_not_enough_data_is_told_apart_from_healthy() -> None:
    """S23: insufficient to ok is a line, and thinning out is another."""
    _, seen = live(Policy(), (1, THIN), (2, CLEAR), (3, CLEAR), (4, THIN))
    assert states(seen) == [(2, "ok"), (4, "insufficient")]


def test_too_little_data_holds_what_is_wrong() -> None:
    """S13: pending, firing and recovering hold when a window thins out."""
    policy = Policy(hold_us=5, keep_us=10)
    events = [(0, BREACH), (1, THIN), (6, BREACH), (7, THIN), (8, CLEAR), (9, THIN)]
    assert states(live(policy, *events)[1]) == [
        (0, "pending"),
        (6, "firing"),
        (8, "recovering"),
    ]


def test_a_breach_fires_at_once_without_a_hold() -> None:
    """S22: with for 0 nothing is pending."""
    assert states(live(Policy(), (1, BREACH))[1]) == [(1, "firing")]


def test_a_breach_must_last_by_evidence() -> None:
    """S20: it fires at the first evaluation at or after since + for, no earlier."""
    events = [(0, BREACH), (9, BREACH), (10, WORSE)]
    assert states(live(Policy(hold_us=10), *events)[1]) == [
        (0, "pending"),
        (10, "firing"),
    ]
    life, _ = live(Policy(hold_us=10), *events)
    assert life.level == CRITICAL
    late = live(Policy(hold_us=10), (0, BREACH), (50, BREACH))[1]
    assert states(late) == [(0, "pending"), (50, "firing")]


def test_any_other_evaluation_resets_the_hold() -> None:
    """S20: one that does not breach, even between exit and limit, starts it anew."""
    events = [(0, BREACH), (5, BETWEEN), (6, BREACH), (12, BREACH), (16, BREACH)]
    assert states(live(Policy(hold_us=10), *events)[1]) == [
        (0, "pending"),
        (5, "ok"),
        (6, "pending"),
        (16, "firing"),
    ]


def test_a_hold_may_count_evaluations() -> None:
    """S20: three sessions are three breaching evaluations in a row."""
    events = [(0, BREACH), (0, BREACH), (1, CLEAR), (2, BREACH), (3, BREACH)]
    seen = live(Policy(hold_samples=3), *events, (4, BREACH))[1]
    assert states(seen)[-2:] == [(2, "pending"), (4, "firing")]


def test_recovery_begins_with_evidence_and_ends_with_time() -> None:
    """S21: inside the exit it recovers; the hold's end needs nobody."""
    seen = live(Policy(keep_us=10), (0, BREACH), (1, CLEAR), (5, CLEAR), (99, THIN))[1]
    assert states(seen) == [
        (0, "firing"),
        (1, "recovering"),
        (11, "resolved"),
        (99, "insufficient"),
    ]


def test_a_relapse_goes_on_in_the_same_generation() -> None:
    """S21, S26: a new breach returns to firing; a later one is the next generation."""
    policy = Policy(keep_us=10)
    life, seen = live(policy, (0, BREACH), (1, CLEAR), (11, BREACH))
    assert states(seen)[-1] == (11, "firing")
    assert life.generation == 1
    life, _ = live(policy, (0, BREACH), (1, CLEAR), (12, BREACH))
    assert life.generation == 2


def test_between_exit_and_limit_nothing_moves_and_the_hold_restarts() -> None:
    """S21: firing stays firing, recovering keeps recovering from anew."""
    policy = Policy(keep_us=10)
    events = [(0, BREACH), (1, BETWEEN), (2, CLEAR), (8, BETWEEN), (100, THIN)]
    assert states(live(policy, *events)[1])[:3] == [
        (0, "firing"),
        (2, "recovering"),
        (18, "resolved"),
    ]


def test_levels_rise_at_once() -> None:
    """S24, S33: without a hold of their own."""
    seen = live(Policy(hold_us=5), (0, BREACH), (5, BREACH), (6, WORSE))[1]
    assert seen[-1] == (6, State.FIRING, CRITICAL)


def test_levels_fall_after_the_hold() -> None:
    """S24: the milder level comes when the worse has been left for long enough."""
    policy = Policy(keep_us=10)
    seen = live(policy, (0, WORSE), (3, BREACH), (9, BREACH), (14, BREACH))[1]
    assert seen[-1] == (13, State.FIRING, WARNING)
    back = live(policy, (0, WORSE), (3, BREACH), (12, WORSE), (14, BREACH))[1]
    assert [level for _, _, level in back] == [CRITICAL]
    at_once = live(Policy(), (0, WORSE), (3, BREACH))[1]
    assert at_once[-1] == (3, State.FIRING, WARNING)


def test_a_worse_levels_exit_holds_it() -> None:
    """S24: critical stays while its own exit is not reached."""
    lingering = Evaluation(Verdict.BREACH, WARNING, CRITICAL)
    seen = live(Policy(keep_us=10), (0, WORSE), (3, BREACH), (5, lingering))[1]
    assert [level for _, _, level in seen] == [CRITICAL]


def test_a_milder_relapse_keeps_the_worse_level_until_its_hold_ends() -> None:
    """S24: recovering carries the last level, which falls when it would have ended."""
    seen = live(Policy(keep_us=10), (0, WORSE), (2, CLEAR), (5, BREACH), (20, BREACH))
    assert seen[1][1:] == [
        (2, State.RECOVERING, CRITICAL),
        (5, State.FIRING, CRITICAL),
        (12, State.FIRING, WARNING),
    ]


def test_an_alert_on_each_session_holds_from_its_last_breach() -> None:
    """S15: healthy sessions do not end it, breaches prolong it, its level stays."""
    policy = Policy(keep_us=10, sticky=True)
    events = [(0, BREACH), (1, CLEAR), (5, WORSE), (8, BREACH), (9, CLEAR), (99, CLEAR)]
    assert live(policy, *events)[1] == [
        (0, State.FIRING, WARNING),
        (5, State.FIRING, CRITICAL),
        (18, State.RESOLVED, CRITICAL),
        (99, State.OK, -1),
    ]


def test_the_end_of_a_rule_leaves_nothing_open() -> None:
    """S27: what fires or recovers is resolved, what is pending was nothing."""
    firing = live(Policy(), (0, BREACH))[0]
    pending = live(Policy(hold_us=9), (0, BREACH))[0]
    assert lifecycle.end(firing, 5).state is State.RESOLVED
    assert lifecycle.end(pending, 5).state is State.OK
    assert lifecycle.end(Life(State.OK), 5) == Life(State.OK)
