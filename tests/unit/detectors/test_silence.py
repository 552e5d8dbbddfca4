"""Silence that knows how busy a series usually is."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from math import cos, exp, pi
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kernels import layout
from detectors.kernels.missing import HOUR_US
from detectors.life.lifecycle import FAR
from detectors.normal.arrivals import Arrivals
from detectors.partition import Partition
from detectors.rules import SECOND_US, Absence, Rule, RuleBook, Silence
from detectors.rules import rule as make_rule
from detectors.state.stage import Said
from detectors.state.store import Store
from detectors.transitions import Transition
from tests.slow.arrivals import Arrivals as SlowArrivals
from tests.slow.partition import Partition as SlowPartition
from tests.unit.detectors.scenes import (
    Log,
    Scene,
    Session,
    alerts,
    chance,
    changes,
    transitions,
)

HOUR_S, DAY_S = 3_600, 86_400
MINUTE_US = 60 * SECOND_US
MONDAY_S = 4 * DAY_S
"""A Monday, in seconds since 1970."""

quiet = make_rule("quiet", "sessions", Silence(), by=("agent",))

Rate = Callable[[float], float]
"""Sessions a day at a time, in seconds since a Monday."""


def day_and_night(daily: float, weekend: float = 0.5, height: float = 1.0) -> Rate:
    """A rate with its peak at 14:00, ``exp(2 * height)`` times that of the night."""

    def rate(at_s: float) -> float:
        hour, day = at_s % DAY_S / HOUR_S, at_s // DAY_S % 7
        shape = exp(height * cos(2 * pi * (hour - 14) / 24))
        return daily * shape / 1.27 * (weekend if day >= 5 else 1.0)

    return rate


def poisson(draw: random.Random, rate: Rate, days: float, burst: int = 1) -> list[int]:
    """Times in microseconds since 1970, from a Monday on."""
    most = 5.0 * max(rate(3600.0 * hour) for hour in range(168)) / 4
    times, at_s = list[int](), 0.0
    while True:
        at_s += draw.expovariate(most / burst / DAY_S)
        if at_s >= days * DAY_S:
            return sorted(times)
        if draw.random() * most < rate(at_s):
            spread = [draw.uniform(0, 60) if burst > 1 else 0.0 for _ in range(burst)]
            times += [round((MONDAY_S + at_s + each) * SECOND_US) for each in spread]


def begun(at_us: int) -> Arrivals:
    """What is known after one session, in a memory of its own."""
    store = Store(())
    arrivals = Arrivals(store, store.arena.take(layout.SILENCE_WIDTH))
    arrivals.begin(at_us)
    return arrivals


def told(times: Iterable[int], after: Arrivals | None = None) -> list[tuple[int, int]]:
    """Silences between sessions, as a watch tells them: since when, and told when."""
    arrivals, found, due_us = after, list[tuple[int, int]](), None
    for at_us in times:
        if arrivals is None:
            arrivals = begun(at_us)
            continue
        due_us = due_us or max(arrivals.due_us(), arrivals.last_us + 10 * MINUTE_US)
        silent = False
        if at_us > due_us:
            due_us = max(arrivals.due_us(), arrivals.last_us + 10 * MINUTE_US)
            silent = at_us > due_us
        if silent:
            found.append((arrivals.last_us, due_us))
        if arrivals.take(at_us, told=silent):
            due_us = None
        if silent:
            arrivals.remember_told()
            due_us = None
    return found


def grown(times: Iterable[int]) -> Arrivals:
    """What is known after sessions that leave no silence to tell."""
    first, *rest = times
    arrivals = begun(first)
    for at_us in rest:
        arrivals.take(at_us)
    return arrivals


def wait_h(arrivals: Arrivals) -> float:
    """For how long it may be silent now."""
    return (arrivals.due_us() - arrivals.last_us) / HOUR_US


# A healthy series may be told silent once in years; so the numbers are the same in
# every run.
@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**9),
    st.sampled_from([6.0, 40.0, 300.0]),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.2),
)
def test_healthy_traffic_is_not_silent(
    seed: int, daily: float, weekend: float, height: float
) -> None:
    """Neither nights nor weekends, over three months from the first session on."""
    rate = day_and_night(daily, weekend, height)
    assert told(poisson(random.Random(seed), rate, 90)) == []  # noqa: S311


@pytest.mark.parametrize("burst", [5, 20])
def test_bursts_are_not_followed_by_silence(burst: int) -> None:
    """Sessions that come by the dozen are hours apart, and are known to be."""
    times = poisson(chance(4), day_and_night(400), 90, burst)
    assert [
        since for since, _ in told(times) if since > times[0] + 7 * 24 * HOUR_US
    ] == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([60.0, 300.0, 1500.0]), st.floats(14, 35))
def test_a_stop_is_told_after_a_dozen_or_two_of_missing_sessions(
    seed: int, daily: float, days: float
) -> None:
    """Whether it is night or day, busy or sleepy (property)."""
    rate = day_and_night(daily)
    arrivals = grown(poisson(random.Random(seed), rate, days))  # noqa: S311
    minute_s = 60
    missing, at_s = 0.0, arrivals.last_us / SECOND_US - MONDAY_S
    due_s = arrivals.due_us() / SECOND_US - MONDAY_S
    while at_s < due_s:
        missing += rate(at_s) * minute_s / DAY_S
        at_s += minute_s
    assert 7 < missing < 40


def test_the_busier_the_sooner() -> None:
    """Minutes, an hour, and a good part of the day."""
    found = [
        wait_h(grown(poisson(chance(1), day_and_night(daily), 17.6)))
        for daily in (2000.0, 200.0, 40.0)
    ]
    busy, usual, sleepy = found
    assert 0.05 < busy < 0.3 < usual < 2 < sleepy < 12


@pytest.mark.parametrize(
    ("daily", "busiest_h", "midnight_h"),
    [(2000.0, 1 / 6, 2 / 3), (240.0, 3 / 4, 5.0), (40.0, 5.0, 14.0)],
)
def test_waits_are_those_that_the_page_names(
    daily: float, busiest_h: float, midnight_h: float
) -> None:
    """``docs/configure.md``: on a Friday after three weeks, at 14:00 and at midnight."""
    times = poisson(chance(1), day_and_night(daily), 26)
    friday_us = (MONDAY_S + 25 * DAY_S) * SECOND_US
    for hour, expected_h in ((14, busiest_h), (0, midnight_h)):
        until_us = friday_us + hour * HOUR_US
        waited_h = wait_h(grown(at_us for at_us in times if at_us < until_us))
        assert max(waited_h, 1 / 6) == pytest.approx(expected_h, rel=0.2)


def test_a_clock_is_missed_after_a_few_beats() -> None:
    """What comes every hour need not be missing for a dozen of them."""
    arrivals = grown(range(0, 30 * 24 * HOUR_US, HOUR_US))
    assert 2 < wait_h(arrivals) < 4


def test_a_night_waits_for_the_morning() -> None:
    """Of what works from nine to five, the silence of the night is none."""
    office = lambda at_s: 400.0 if 9 <= at_s % DAY_S / HOUR_S < 17 else 0.0  # noqa: E731
    arrivals = grown(poisson(chance(2), office, 17))
    due_h = arrivals.due_us() // HOUR_US
    assert (due_h - arrivals.last_us // HOUR_US, due_h % 24) == (17, 9)


def test_a_first_weekend_is_no_silence() -> None:
    """A Saturday may be a day of rest: it is held against its own sessions alone."""
    weekdays = poisson(chance(3), day_and_night(500, weekend=0.0), 5)
    assert wait_h(grown(weekdays)) > 48
    begun = poisson(chance(3), day_and_night(500, weekend=0.5), 5.5)
    assert 0.2 < wait_h(grown(begun)) < 6


def test_a_weekend_that_falls_silent_for_good_is_learned() -> None:
    """Told for some weeks, and then it is usual."""
    before = poisson(chance(5), day_and_night(300, weekend=0.6), 42)
    after = poisson(chance(6), day_and_night(300, weekend=0.0), 70)
    times = before + [at_us + 42 * 24 * HOUR_US for at_us in after]
    weeks = [(since // HOUR_US - 96) // 168 for since, _ in told(times)]
    assert weeks[0] == 6
    assert 2 <= len(weeks) <= 5
    assert weeks == list(range(6, 6 + len(weeks)))


def test_one_outage_is_not_what_is_usual() -> None:
    """The same hours of the next day are waited for hardly longer."""
    rate = day_and_night(600)
    healthy = poisson(chance(7), rate, 23.4)
    start_us, hours = healthy[0], 24 * HOUR_US
    out = [t for t in healthy if not 22.3 * hours < t - start_us < 22.6 * hours]
    arrivals = begun(out[0])
    silences = told(out[1:], arrivals)
    assert len(silences) == 1
    assert wait_h(arrivals) < 2.5 * wait_h(grown(healthy))


def test_a_surge_is_not_how_busy_it_is() -> None:
    """Five times the sessions for a day; afterwards nothing is missing."""
    rate = day_and_night(300)
    surging = lambda at_s: rate(at_s) * (5 if 15 < at_s / DAY_S < 16 else 1)  # noqa: E731
    assert told(poisson(chance(8), surging, 40)) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([50.0, 800.0]))
def test_within_an_hour_a_session_never_brings_the_time_forward(
    seed: int, daily: float
) -> None:
    """So the time need not be worked out for each of them (property)."""
    draw = random.Random(seed)  # noqa: S311
    times = poisson(draw, day_and_night(daily), 9)
    arrivals, before = begun(times[0]), 0
    for at_us in times[1:]:
        turned = arrivals.take(at_us - draw.choice([0, 0, 0, 30, 3_600]) * SECOND_US)
        due_us = arrivals.due_us()
        assert turned or due_us >= before
        before = due_us


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([4.0, 60.0]), st.integers(1, 20))
def test_compiled_code_learns_what_the_slow_one_does(
    seed: int, daily: float, burst: int
) -> None:
    """Every number to the bit: late sessions, weeks without any, silences told (property)."""
    draw = random.Random(seed)  # noqa: S311
    times = poisson(draw, day_and_night(daily, draw.choice([0.0, 0.5])), 40, burst)
    fast, slow, gap_us = begun(times[0]), SlowArrivals(times[0]), 0
    for time_us in times[1:]:
        if draw.random() < 0.005:
            gap_us += draw.choice([2, 20, 200, 1_500]) * HOUR_US
        late_us = draw.choice([5, 4_000, 90_000]) * SECOND_US
        at_us = time_us + gap_us - (late_us if draw.random() < 0.05 else 0)
        silent = slow.due_us() < at_us
        assert fast.due_us() == slow.due_us()
        assert fast.expected(at_us) == slow.expected(at_us)
        assert fast.take(at_us, told=silent) == slow.take(at_us, told=silent)
        if silent:
            fast.remember_told()
            slow.remember_told()
        assert (fast.known, fast.last_us) == (slow.known, slow.last_us)
    assert _words(fast) == _numbers(slow)


def _words(fast: Arrivals) -> list[float]:
    """What the compiled one knows; fewer than 70 numbers."""
    begin, end = layout.HOUR_US, layout.SILENCE_WIDTH
    arena, at = fast.store.arena, fast.at
    numbers: list[float] = arena.floats[at + begin : at + end].tolist()
    for whole in (layout.HOUR_US, layout.FIRST_HOUR, layout.APART):
        numbers[whole - begin] = int(arena.ints[at + whole])
    return numbers


def _numbers(slow: SlowArrivals) -> list[float]:
    """What the slow one knows, in the order of the words."""
    return [
        slow.hour * HOUR_US,
        slow.rate,
        slow.count,
        slow.gaps,
        slow.total,
        slow.squares,
        slow.begun,
        slow.part_count,
        slow.part_silent,
        slow.recent,
        slow.recent_expected,
        slow.told,
        slow.level,
        slow.limit,
        slow.apart,
        *slow.hours,
        *slow.parts,
    ]


def test_nothing_is_expected_of_what_is_forgotten() -> None:
    """After two months it begins anew, even if the next session is in the far future."""
    arrivals = grown(range(0, 4 * 24 * HOUR_US, HOUR_US // 4))
    assert arrivals.known
    assert arrivals.take(250_000_000_000_000_000)
    assert (arrivals.known, arrivals.due_us()) == (False, FAR)


def every(step_s: float, from_s: float, to_s: float) -> list[float]:
    """Times at even distances."""
    return [from_s + step_s * n for n in range(int((to_s - from_s) / step_s))]


def steady(*rules: Rule, days: float = 3.0) -> Scene:
    """A session every ten minutes, from a midnight on."""
    scene = Scene(*(rules or (quiet,)))
    for at_s in every(600, 0, days * DAY_S):
        scene.session(at_s)
    return scene


def test_it_says_when_it_begins_to_know() -> None:
    """S23: two whole days, and sessions enough."""
    scene = steady()
    assert changes(scene.said) == [(49 * HOUR_S, "insufficient", "ok")]
    few = Scene(quiet)
    for at_s in every(DAY_S / 2, 0, 7 * DAY_S):
        few.session(at_s)
    assert changes(few.said) == []


def test_silence_is_told_by_a_timer_and_ends_with_a_session() -> None:
    """S2, S32: at its due time, with what was missing; the next session resolves."""
    scene = steady()
    lines = scene.tick(4 * DAY_S)
    (fired,) = transitions(lines)
    last_s = 3 * DAY_S - 600
    silent_s = alerts(lines)[0][0] - last_s
    assert 1_800 < silent_s < 5_400
    assert (fired.value, fired.threshold) == pytest.approx((silent_s, silent_s))
    assert fired.session_id is None
    assert fired.evidence["expected_sessions"] == pytest.approx(silent_s / 600, rel=0.2)
    assert fired.evidence["limit"] == fired.threshold
    assert fired.evidence["silent_s"] == fired.value
    assert fired.reason.startswith("no session for ")
    assert fired.reason.endswith(" were to be expected")
    scene.session(4 * DAY_S + 1)
    scene.session(4 * DAY_S + 2)
    assert changes(scene.said)[-2:] == [
        (4 * DAY_S + 1, "firing", "resolved"),
        (4 * DAY_S + 2, "resolved", "ok"),
    ]


def test_a_late_session_does_not_end_it() -> None:
    """S5: one that itself lies as far back as the silence."""
    scene = steady()
    scene.tick(4 * DAY_S)
    assert alerts(scene.session(3 * DAY_S)) == []
    assert [line[1:] for line in alerts(scene.session(4 * DAY_S - 60))] == [
        ("firing", "resolved")
    ]


def test_no_silence_is_shorter_than_at_least() -> None:
    """Where a minute would do, ten are waited for, or what the rule says."""
    for kind, least_s in (
        (Silence(), 600),
        (Silence(at_least_us=3_600 * SECOND_US), 3_600),
    ):
        scene = Scene(make_rule("quiet", "sessions", kind, by=("agent",)))
        for at_s in every(20, 0, 2.2 * DAY_S):
            scene.session(at_s)
        last_s = every(20, 0, 2.2 * DAY_S)[-1]
        assert alerts(scene.tick(3 * DAY_S)) == [(last_s + least_s, "ok", "firing")]


@pytest.mark.parametrize(
    ("most_s", "said"), [(45, "45s"), (1_810, "30m"), (20 * HOUR_S + 900, "20h")]
)
def test_a_silence_is_said_in_one_unit(most_s: int, said: str) -> None:
    """The numbers are exact in the line's evidence."""
    kind = Silence(SECOND_US, most_s * SECOND_US)
    scene = Scene(make_rule("quiet", "sessions", kind, by=("agent",)))
    scene.session(0)
    (fired,) = transitions(scene.tick(DAY_S))
    assert fired.reason == f"no session for {said}"
    assert fired.value == most_s


def test_at_most_holds_from_the_first_session_on() -> None:
    """It needs no knowledge, and no longer silence is left untold."""
    kind = Silence(at_most_us=2 * HOUR_US)
    scene = Scene(make_rule("quiet", "sessions", kind, by=("agent",)))
    scene.session(0)
    (fired,) = transitions(scene.tick(DAY_S))
    assert changes(scene.said) == [(2 * HOUR_S, "insufficient", "firing")]
    assert (fired.threshold, fired.reason) == (7_200.0, "no session for 2h")
    scene.session(DAY_S)
    scene.session(DAY_S + 1)
    assert changes(scene.said)[1:] == [
        (DAY_S, "firing", "resolved"),
        (DAY_S + 1, "resolved", "insufficient"),
    ]


def test_a_rule_that_had_a_time_learns_from_then_on() -> None:
    """The edit keeps the alert, and does not guess what was usual."""
    fixed = make_rule("quiet", "sessions", Absence(HOUR_US), by=("agent",))
    scene = steady(fixed).restart(quiet)
    scene.session(3 * DAY_S)
    assert changes(scene.said) == [(3 * DAY_S, "ok", "insufficient")]
    back = scene.restart(fixed)
    assert alerts(back.tick(4 * DAY_S)) == [
        (3 * DAY_S + HOUR_S, "insufficient", "firing")
    ]


def _story(draw: random.Random) -> list[Session]:
    """Two agents over a week: nights, silences, late sessions, ties."""
    origin_us = MONDAY_S * SECOND_US
    sessions = []
    for agent, daily in (("a", 250.0), ("b", 40.0)):
        for at_us in poisson(draw, day_and_night(daily, height=0.7), 7):
            at_s = (at_us - origin_us) // SECOND_US
            if draw.random() < 0.004:
                origin_us -= draw.choice([1, 5, 20]) * HOUR_US
            if agent == "b" or not 3.2 < at_s / DAY_S < 4:
                sessions.append((at_s, agent))
    sessions.sort()
    return [
        Session(
            at_s - (draw.choice([5, 900, 9_000]) if draw.random() < 0.05 else 0),
            {},
            f"s{number}",
            {"agent": agent},
            clock_s=at_s,
        )
        for number, (at_s, agent) in enumerate(sessions)
    ]


def _lines(lines: Iterable[Said]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(line) for line in lines if isinstance(line, Transition)]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**9))
def test_lines_hang_on_the_log_alone(seed: int) -> None:
    """Not on where batches end, restarts in between, or compiled code (property)."""
    draw = random.Random(seed)  # noqa: S311
    rules = (
        quiet,
        make_rule("soon", "sessions", Silence(0, 6 * HOUR_US), by=("agent",)),
    )
    story = _story(draw)
    cuts = sorted(draw.sample(range(1, len(story)), 12))
    outcomes = []
    for split, restarts in ((False, False), (True, False), (True, True)):
        scene, said, begun = Scene(*rules), list[Said](), 0
        rows: dict[bytes, bytes] = {}
        for end in [*(cuts if split else []), len(story)]:
            said += scene.partition.apply(
                scene.log.batch(story[begun:end]), scene.offset
            )
            scene.offset += 1
            begun = end
            if restarts:
                rows |= {k: row for k, row in scene.partition.take_dirty() if row}
                seal = scene.partition.seal(scene.offset - 1)
                scene.partition = Partition(scene.book)
                scene.partition.restore_seal(seal)
                for key, row in rows.items():
                    scene.partition.restore_row(key, row)
                scene.partition.finish_restore()
        outcomes.append(_lines(said))
    slow, log, said = SlowPartition(RuleBook(rules)), Log(rules), list[Said]()
    for offset, session in enumerate(story):
        said += slow.apply(log.batch([session]), offset)
    assert outcomes[0] == outcomes[1] == outcomes[2] == _lines(said)
    assert {line["to"] for line in outcomes[0]} >= {"ok", "firing", "resolved"}
