"""An alert that begins and ends again and again stays open until it is quiet."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.rules import SECOND_US, Absence, Flapping, Rule, Window, rule
from detectors.state.stage import Said
from detectors.transitions import Census, State, Update
from detectors.transitions import Flapping as Told
from tests.unit.detectors.scenes import Scene, alerts, at, threshold, transitions

HOUR_S = 3600
FOUR = Flapping(changes=4, within_us=HOUR_S * SECOND_US)


def one(flapping: Flapping | None = FOUR, **changes: Any) -> Rule:
    """Judges each session by its latency, and has no hold."""
    given: dict[str, Any] = {
        "by": ("agent",),
        "window": Window(samples=1),
        "min_samples": 1,
        "flapping": flapping,
    }
    return rule("slow", "latency_ms", threshold(100), **(given | changes))


def play(scene: Scene, *sessions: tuple[float, bool]) -> list[tuple[float, str, str]]:
    """Sessions at times, bad ones and good ones; the lines of the alert."""
    for at_s, bad in sessions:
        scene.session(at_s, latency_ms=200.0 if bad else 50.0)
    return alerts(scene.said)


def flapping(line: Said) -> tuple[int, int] | None:
    """Number and changes, as a line tells them."""
    told = None if isinstance(line, Census) else line.flapping
    return (told.number, told.changes) if isinstance(told, Told) else None


def test_it_stays_open_from_the_change_that_is_one_too_many() -> None:
    """The fourth change of four in an hour is an end, and is none."""
    scene = Scene(one())
    lines = play(scene, (0, True), (60, False), (120, True), (180, False))
    assert [to for _, _, to in lines] == [
        "firing",
        "resolved",
        "firing",
        "recovering",
    ]
    assert flapping(transitions(scene.said)[-1]) == (1, 4)
    assert [flapping(line) for line in scene.said[:-1]] == [None] * (
        len(scene.said) - 1
    )


def test_it_goes_on_in_the_same_generation_and_ends_once_it_is_quiet() -> None:
    """An hour after its last change, by the clock; the next time is the next one."""
    scene = Scene(one())
    play(scene, (0, True), (60, False), (120, True), (180, False), (240, True))
    lines = play(scene, (300, False))
    assert [to for _, _, to in lines[-2:]] == ["firing", "recovering"]
    assert {line.generation for line in transitions(scene.said)[-3:]} == {2}
    said = scene.tick(300 + HOUR_S + 1)
    assert alerts(said) == [(300 + HOUR_S, "recovering", "resolved")]
    (resolved,) = transitions(said)
    assert flapping(resolved) == (0, 6)
    assert resolved.reason == "mean latency_ms of 1 session not above 100 for 1h"
    assert play(scene, (9000, True))[-1][2] == "firing"
    assert transitions(scene.said)[-1].generation == 3


def test_without_the_key_every_change_is_told() -> None:
    """As if nobody had thought of it."""
    scene = Scene(one(None))
    sessions = [(60.0 * n, n % 2 == 0) for n in range(20)]
    states = [to for _, _, to in play(scene, *sessions)]
    assert states.count("resolved") == 10


def test_changes_far_apart_are_no_flapping() -> None:
    """Four in an hour, and never within one."""
    scene = Scene(one())
    sessions = [(1300.0 * n, n % 2 == 0) for n in range(12)]
    states = [to for _, _, to in play(scene, *sessions)]
    assert states.count("firing") == states.count("resolved") == 6
    assert not any(map(flapping, scene.said))


def test_it_is_told_again_once_within_the_time() -> None:
    """While it changes each minute for three hours: a notice and a digest an hour."""
    scene = Scene(one())
    play(scene, *[(60.0 * n, n % 2 == 0) for n in range(180)])
    told = [(at(line), found) for line in scene.said if (found := flapping(line))]
    firsts: dict[int, float] = {}
    for at_s, (number, _) in told:
        firsts.setdefault(number, at_s)
    assert firsts == {1: 180.0, 2: 180.0 + HOUR_S, 3: 180.0 + 2 * HOUR_S}
    assert told[-1][1] == (3, 180)


def test_one_that_settles_in_firing_is_told_so() -> None:
    """An hour after its last change it flaps no more, and still fires."""
    scene = Scene(one())
    play(scene, (0, True), (60, False), (120, True), (180, False), (240, True))
    said = [
        line
        for line in scene.tick(240 + HOUR_S + 1)
        if isinstance(line, Update) and flapping(line)
    ]
    assert [(at(line), flapping(line)) for line in said] == [
        (180.0 + HOUR_S, (2, 5)),
        (240.0 + HOUR_S, (0, 5)),
    ]
    assert play(scene, (5000, False))[-1][1:] == ("firing", "resolved")


def test_a_relapse_within_the_hold_is_no_change() -> None:
    """What ``keep_firing_for`` holds nobody hears of."""
    scene = Scene(one(keep_firing_for_us=300 * SECOND_US))
    play(scene, *[(60.0 * n, n % 2 == 0) for n in range(30)])
    assert not any(map(flapping, scene.said))


def test_a_rule_on_each_session_flaps_as_well() -> None:
    """It recovers where it would end, and a breach is one more change."""
    scene = Scene(
        rule(
            "dear",
            "cost_usd",
            threshold(1),
            by=("agent",),
            keep_firing_for_us=60 * SECOND_US,
            flapping=Flapping(4, HOUR_S * SECOND_US),
        )
    )
    for at_s in (0, 120, 240, 480):
        scene.session(at_s, cost_usd=2.0)
    scene.tick(600)
    assert alerts(scene.said)[2:] == [
        (120, "resolved", "firing"),
        (180, "firing", "resolved"),
        (240, "resolved", "firing"),
        (300, "firing", "recovering"),
        (480, "recovering", "firing"),
        (540, "firing", "recovering"),
    ]
    said = scene.tick(540 + HOUR_S + 1)
    assert alerts(said) == [(540 + HOUR_S, "recovering", "resolved")]


def test_silence_may_flap() -> None:
    """An agent that comes and goes is told once."""
    scene = Scene(
        rule("quiet", "sessions", Absence(60 * SECOND_US), by=("agent",), flapping=FOUR)
    )
    for at_s in range(0, 1200, 200):
        scene.session(at_s, latency_ms=1.0)
    states = [to for _, _, to in alerts(scene.said)]
    assert states[:4] == ["firing", "resolved", "firing", "recovering"]
    assert "resolved" not in states[4:]
    scene.session(1230, latency_ms=1.0)


def test_accepting_its_level_ends_it_at_once() -> None:
    """And so does the end of its rule: nothing is held open that nobody judges."""
    scene = Scene(one())
    play(scene, (0, True), (60, False), (120, True), (180, False))
    after = scene.restart(rule("other", "cost_usd", threshold(1), by=("agent",)))
    (line,) = transitions(after.partition.retire())
    assert (line.from_state, line.to_state) == (State.RECOVERING, State.RESOLVED)


def test_a_rule_that_ceases_to_ask_lets_go() -> None:
    """After an edit the next change is told as any other."""
    scene = Scene(one())
    play(scene, (0, True), (60, False), (120, True), (180, False), (240, True))
    after = scene.restart(one(None))
    assert alerts(after.session(300, latency_ms=50.0)) == [(300, "firing", "resolved")]


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_restart_changes_nothing(cut: int) -> None:
    """Wherever it comes, the lines are the same."""
    sessions = [(60.0 * n, n % 2 == 0) for n in range(9)]
    whole = Scene(one())
    play(whole, *sessions)
    whole.tick(3 * HOUR_S)
    first = Scene(one())
    play(first, *sessions[:cut])
    second = first.restart()
    play(second, *sessions[cut:])
    second.tick(3 * HOUR_S)
    assert first.said + second.said == whole.said


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 30, 400, 3599, 3600]), st.booleans()), max_size=40
    ),
    st.integers(2, 5),
)
def test_what_holds_of_any_flapping(
    steps: list[tuple[int, bool]], changes: int
) -> None:
    """Never more than ``changes`` beginnings and ends are heard of within the time.

    It ends only when nothing has changed for so long, every beginning has its end, and
    no two updates are closer than a minute.
    """
    scene, at_s = Scene(one(Flapping(changes, HOUR_S * SECOND_US))), 0.0
    for after_s, bad in steps:
        at_s += after_s
        scene.session(at_s, latency_ms=200.0 if bad else 50.0)
    scene.tick(at_s + 3 * HOUR_S)
    lines = transitions(scene.said)
    heard = [
        at(line) for line in lines if line.from_state.is_open != line.to_state.is_open
    ]
    for first, last in zip(heard, heard[changes:], strict=False):
        assert last - first >= HOUR_S or last == first
    moved = [
        at(line) for line in lines if State.FIRING in (line.from_state, line.to_state)
    ]
    for line in lines:
        if line.to_state is State.RESOLVED and flapping(line) is not None:
            assert at(line) - max(t for t in moved if t < at(line)) >= HOUR_S
    updates = [at(line) for line in scene.said if isinstance(line, Update)]
    assert all(later - earlier >= 60 for earlier, later in pairwise(updates))
