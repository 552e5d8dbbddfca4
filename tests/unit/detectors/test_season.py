"""Season: a profile by the hour, used where it is earned, and only there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import exp, log, pi, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.slow.seasons as slow_seasons
from detectors.kernels import season as kernel
from detectors.kernels.words import arena
from detectors.normal.season import HOUR_US, VISITS, Season, bucket_of
from detectors.partition import Partition
from detectors.rules import Anomaly, Drift, RuleBook, rule
from detectors.transitions import State, Transition
from tests.unit.detectors.scenes import START_S, Log, Session, chance, transitions
from tests.unit.detectors.test_oracle import quickly, slowly

MONDAY = 4 * 24
"""The first hour of the first Monday of 1970."""

Shape = Callable[[int], float]
"""From an hour to what the logarithms of its numbers are raised by."""


def even(_: int) -> float:
    """No season."""
    return 0.0


def wave(hour: int) -> float:
    """40 % above the mean in the afternoon, 40 % below it by night."""
    return log(1 + 0.4 * sin(2 * pi * (hour % 24 - 9) / 24))


def night(hour: int) -> float:
    """Heavy work from one to five."""
    return 0.9 if 1 <= hour % 24 < 5 else 0.0


def taught(
    seed: int, shape: Shape, days: int, sessions: int = 20
) -> Iterator[tuple[int, Season]]:
    """A profile after each hour of a series whose level is 0."""
    luck, season, level = chance(seed), Season(), 0.0
    for hour in range(MONDAY, MONDAY + 24 * days):
        for _ in range(sessions):
            off = shape(hour) + luck.gauss(0, 0.6)
            level += season.see(off - level, hour, held=False) / 1_000 + season.moved
        yield hour - MONDAY, season


@pytest.mark.parametrize("seed", range(25))
def test_a_series_without_a_season_earns_none(seed: int) -> None:
    """In three weeks; the chance is below exp(-9), an eight-thousandth."""
    assert not any(season.turns for _, season in taught(seed, even, 21))


@pytest.mark.parametrize("seed", range(8))
def test_numbers_that_wander_for_hours_earn_none(seed: int) -> None:
    """What one hour has in common with the next is no season."""
    luck, drifts, at = chance(seed), [], 0.0
    for _ in range(24 * 21):
        at = 0.8 * at + 0.18 * luck.gauss(0, 1)
        drifts.append(at)
    found = taught(seed, lambda hour: drifts[hour - MONDAY], 21)
    assert not any(season.turns for _, season in found)


@pytest.mark.parametrize("shape", [wave, night])
def test_a_season_is_earned_within_a_week(shape: Shape) -> None:
    """But not before each hour has been seen on three days."""
    earned = next(hour for hour, season in taught(1, shape, 7) if season.turns)
    assert 24 * VISITS < earned < 24 * 6


def test_a_profile_is_what_hours_have_above_the_level() -> None:
    """Its mean is none of it."""
    *_, (_, season) = taught(2, night, 12, sessions=60)
    by_night, by_day = season.expects(MONDAY + 2), season.expects(MONDAY + 12)
    assert by_night - by_day == pytest.approx(0.9, abs=0.15)
    mean = sum(season.expects(MONDAY + hour) for hour in range(24)) / 24
    assert mean == pytest.approx(0.0, abs=0.05)


def test_a_profile_that_is_no_longer_so_goes_out_of_use() -> None:
    """Within two days of nights that have become like all other hours."""
    shape: Shape = lambda hour: night(hour) if hour < MONDAY + 24 * 9 else 0.0  # noqa: E731
    for hour, season in taught(3, shape, 12, sessions=60):
        if season.turns:
            season.used = not season.used
        if hour == 24 * 9:
            assert season.used
    assert not season.used


def test_a_weekend_not_seen_yet_is_taken_for_a_working_day() -> None:
    """And has a profile of its own after three visits."""
    weekend: Shape = lambda hour: wave(hour) if bucket_of(hour) < 24 else 0.0  # noqa: E731
    saturday, peak = MONDAY + 5 * 24, 15
    for hour, season in taught(4, weekend, 14, sessions=60):
        if hour == 4 * 24:
            assert season.expects(saturday + peak) > 0.2
    assert season.expects(saturday + peak) < 0.15 < season.expects(MONDAY + peak)


def test_an_incident_of_one_day_teaches_nothing() -> None:
    """Nor costs it a profile that is in use; what comes back the next day is learned."""
    *_, (_, season) = taught(5, wave, 9)
    season.used = True
    begin = MONDAY + 9 * 24
    season.see(0.0, begin, held=True)  # ends the hour before
    usual, won = [season.expects(begin + hour) for hour in range(24)], season.won

    def bad_day(begin: int) -> None:
        for hour in range(begin, begin + 25):
            for _ in range(20):
                season.see(wave(hour) + 1.5, hour, held=True)

    bad_day(begin)
    assert [season.expects(begin + hour) for hour in range(24)] == usual
    assert season.won == won
    before = season.expects(begin + 3)
    for hour in (begin + 24 + 3, begin + 24 + 4):
        for _ in range(20):
            season.see(1.5, hour, held=True)
    assert season.expects(begin + 3) > before


def test_a_late_session_teaches_nothing() -> None:
    """Its hour has been told of already."""
    *_, (_, season) = taught(6, wave, 5)
    before = season.dump()
    assert season.see(99.0, MONDAY, held=False) == 0.0
    assert season.dump() == before


def test_a_profile_is_plain_values() -> None:
    """Back from them it goes on as if nothing had been."""
    *_, (_, season) = taught(7, wave, 5)
    again = Season()
    again.load(season.dump())
    for hour in range(MONDAY + 24 * 5, MONDAY + 24 * 6):
        for number in range(5):
            off = 0.1 * number
            assert again.see(off, hour, held=False) == season.see(off, hour, held=False)
    assert again.dump() == season.dump()


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(-1, 30), st.booleans()), min_size=40, max_size=80),
)
def test_words_say_the_same(seed: int, steps: list[tuple[int, bool]]) -> None:
    """Compiled and plain, whatever the hours and alerts (property)."""
    luck, plain, (f, i) = chance(seed), Season(), arena(kernel.SEASON_WIDTH)
    kernel.season_begin(f, i, 0)
    hour = MONDAY
    for later, held in steps * 6:
        hour += later
        for _ in range(luck.randrange(1, 7)):
            off = night(hour) + luck.gauss(0, 0.3)
            left = kernel.season_see(f, i, 0, off, hour, held)
            assert left == plain.see(off, hour, held=held)
        assert kernel.season_expects(f, i, 0, hour + 3) == plain.expects(hour + 3)
        assert (f[kernel.WON], f[kernel.MOVED]) == (plain.won, plain.moved)
        assert kernel.season_turns(f, i, 0) == plain.turns
        if plain.turns:
            plain.used = not plain.used
            i[kernel.USED] = 1 - i[kernel.USED]


DRIFTS = (
    rule("slow", "latency_ms", Drift("high"), by=("agent", "task_type")),
    rule("all-slow", "latency_ms", Drift("medium"), by=("agent",)),
    rule("dear", "cost_usd", Drift("medium"), by=("agent",)),
)
STEP_S = 400.0
DAY = int(86_400 / STEP_S)
"""Sessions."""


def story(
    shape: Shape, days: int, seed: int = 1, worse: tuple[int, float] = (10**9, 1.0)
) -> list[Session]:
    """An agent with two kinds of task, nine sessions an hour.

    Args:
        shape: Of its season.
        days: How long.
        seed: Decides the numbers.
        worse: From which session on all numbers are how many times as high.
    """
    luck, made = chance(seed), []
    for number in range(days * DAY):
        at_s = number * STEP_S
        hour = int((START_S + at_s) * 1_000_000) // HOUR_US
        task = luck.choice(("chat", "batch"))
        times = exp(shape(hour)) * (worse[1] if number >= worse[0] else 1.0)
        base = 2.0 if task == "batch" else 1.0
        values = {
            "latency_ms": 9_000.0 * base * times * exp(luck.gauss(0, 0.2)),
            "cost_usd": 0.05 * base * times * exp(luck.gauss(0, 0.2)),
            "llm_calls": 3.0,
            "input_tokens": 3_000.0 * exp(luck.gauss(0, 0.1)),
            "output_tokens": 200.0,
        }
        labels = {"agent": "a0", "task_type": task}
        made.append(Session(at_s, values, f"s{number}", labels))
    return made


def fired(said: list[Transition]) -> list[Transition]:
    """The lines with which alerts begin."""
    return [
        line
        for line in said
        if line.to_state is State.FIRING and not line.from_state.is_open
    ]


def test_an_agent_that_works_hard_by_night_alerts_no_longer() -> None:
    """It did in its first days; from the second week on nobody is called."""
    sessions = story(night, 16)
    begins = [
        int(line.session_id[1:]) // DAY
        for line in fired(transitions(quickly(sessions, [], [], [], DRIFTS[1:])))
        if line.session_id
    ]
    assert begins
    assert max(begins) < 7


@pytest.mark.parametrize("seed", [1, 2])
def test_seasons_quick_and_slow_agree(seed: int) -> None:
    """Also over restarts while they are learned, and while they are in use."""
    sessions = story(night, 12, seed, worse=(11 * DAY + 30, 1.8))
    cuts = range(50, len(sessions), 211)
    found = quickly(sessions, [], cuts, [3 * DAY, 9 * DAY, 11 * DAY + 40], DRIFTS)
    assert found == slowly(sessions, [], DRIFTS)


def test_a_regression_by_day_is_seen_against_the_hour() -> None:
    """The alert says by what the hour differs from others."""
    sessions = story(night, 14, worse=(12 * DAY + 12, 1.8))
    lines = fired(transitions(quickly(sessions, [], [], [], DRIFTS)))
    late = [
        line for line in lines if int((line.session_id or "s0")[1:]) >= 12 * DAY + 12
    ]
    assert {line.rule for line in late} == {each.name for each in DRIFTS}
    for line in late:
        assert line.evidence["season"] > 1.5
        assert line.value is not None
        assert line.expected is not None
        assert line.value / line.expected == pytest.approx(1.8, rel=0.2)


def test_where_none_is_earned_all_is_as_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every line is the same to the bit."""
    sessions = story(even, 10, worse=(8 * DAY, 1.6))
    found = slowly(sessions, [], DRIFTS)
    assert fired(transitions(found))
    monkeypatch.setattr(slow_seasons, "OFTEN", 10**9)
    assert slowly(sessions, [], DRIFTS) == found


def test_a_series_with_few_sessions_begins_none() -> None:
    """Three an hour are too few, whatever their season: its row holds no profile."""
    few, many = (watched_row(story(night, 3)[::every]) for every in (3, 1))
    assert len(many) > len(few) + 300


def watched_row(sessions: list[Session]) -> bytes:
    """The row of an agent after its sessions."""
    log, partition = Log(DRIFTS[1:2]), Partition(RuleBook(DRIFTS[1:2]))
    partition.apply(log.batch(sessions), 0)
    ((_, row),) = partition.take_dirty()
    assert row is not None
    return row


def test_an_odd_session_by_day_is_odd_though_nights_are_like_it() -> None:
    """And it says what the hour usually has."""
    odd = rule("odd", "latency_ms", Anomaly(), by=("agent",))
    sessions = story(night, 12)
    noon = 11 * DAY + DAY // 2
    values = {"latency_ms": 9_000.0 * 3.2}
    sessions = [
        replace(
            each,
            values=values if number == noon else each.values,
            labels={**each.labels, "agent": each.labels["task_type"]},
        )
        for number, each in enumerate(sessions)
    ]
    sessions[noon] = replace(
        sessions[noon], labels={"agent": "chat", "task_type": "chat"}
    )
    (line,) = fired(transitions(quickly(sessions, [], [], [10 * DAY], (odd,))))
    assert line.session_id == f"s{noon}"
    assert 0.8 < line.evidence["season"] < 0.95
    assert line.expected == pytest.approx(9_000.0, rel=0.1)
