"""A week of an agent's life on the virtual clock: who is told what, to the second.

The week begins on a Tuesday, 00:00 UTC. Every ten minutes a session ends; what goes
wrong on which day is written below, and so is every line that people get.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alerts.routes import Escalate, Mute, MuteTime, Route, Routing
from alerts.silences import Silence
from detectors.matchers import Matchers, equal
from detectors.rules import SECOND_US, Flapping, NoData, Rule, Window, rule
from detectors.state.stage import Said
from detectors.transitions import microseconds
from tests.unit.detectors.scenes import START_S, Scene, threshold, us

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = range(7)

SLOW: Rule = rule(
    "slow",
    "latency_ms",
    threshold(1000, 5000),
    by=("agent",),
    window=Window(samples=1),
    min_samples=1,
    keep_firing_for_us=5 * MINUTE_S * SECOND_US,
    flapping=Flapping(4, 2 * HOUR_S * SECOND_US),
    no_data=NoData.RESOLVE,
    no_data_after_us=3 * HOUR_S * SECOND_US,
)


def _latency_ms(at_s: int) -> float | None:
    """What the session at a time takes; None if there is none."""
    day, minute = divmod(at_s // MINUTE_S, DAY_S // MINUTE_S)
    if day == WEDNESDAY and 600 <= minute < 720:
        return 2000.0 if minute < 660 else 9000.0  # from bad to worse
    if day == THURSDAY and 600 <= minute < 900:
        return 2000.0 if minute // 10 % 2 == 0 else 300.0  # to and fro
    if day == FRIDAY and 600 <= minute < 720:
        return 2000.0  # under a silence
    if day == SATURDAY and 600 <= minute < 660:
        return 2000.0  # muted, and over before anybody would know
    if day == SUNDAY and minute >= 1380:
        return 2000.0  # muted, and still so on Monday
    if day == MONDAY and minute < 30:
        return 2000.0
    if day == MONDAY and 600 <= minute <= 610:
        return 2000.0 if minute == 600 else None  # it stops
    if day == MONDAY and 610 < minute < 900:
        return None
    return 300.0


def _routing(scene: Any) -> Routing:
    """Agents are told, and on-call when nobody looks after it for an hour."""
    weekend = Mute(
        Matchers((equal("severity", "warning"),)), (MuteTime(weekdays=(5, 6)),)
    )
    whole: Routing = scene.routing(mute=(weekend,))
    root = Route(
        0,
        "agents",
        group_wait_us=10 * SECOND_US,
        group_interval_us=300 * SECOND_US,
        repeat_interval_us=HOUR_S // 2 * SECOND_US,
        escalate=Escalate(HOUR_S * SECOND_US, "on-call"),
    )
    return replace(whole, route=root)


def _requests(desk: Any, at_s: int) -> None:
    """What people do at a time."""
    day, minute = divmod(at_s // MINUTE_S, DAY_S // MINUTE_S)
    if (day, minute) == (WEDNESDAY, 620):
        desk.notifier.requests.ack(
            {"agent": "a"},
            by="ann",
            at_us=us(at_s),
            until_us=us(at_s + 8 * HOUR_S),
            now_us=us(at_s),
        )
    elif (day, minute) == (FRIDAY, 540):
        silence = Silence("s1", {"rule": "slow"}, us(at_s), us(at_s + 2 * HOUR_S))
        desk.notifier.requests.silence(silence, us(at_s))
    else:
        return
    # It is written down, as every row is before anything else happens.
    desk._act(desk.notifier.run_due(us(at_s)))


def _session(sessions: Scene, at_s: int) -> list[Said]:
    """One of the agent; where it has none, another goes on, and with it the clock."""
    value = _latency_ms(at_s)
    if value is None:
        return sessions.session(at_s, labels={"agent": "b"}, latency_ms=1.0)
    return sessions.session(at_s, labels={"agent": "a"}, latency_ms=value)


def _hear(desk: Any, lines: list[Said]) -> None:
    """Each line at its time."""
    for line in lines:
        desk.take(line, at_s=microseconds(line.time) / 1e6)


def _week(scene: Any, *, restarts: bool) -> list[str]:
    """Every line that people get, as day, time, receiver and reason."""
    desk, sessions = scene.Desk(_routing(scene)), Scene(SLOW)
    for at_s in range(0, 7 * DAY_S, 10 * MINUTE_S):
        _hear(desk, sessions.tick(at_s))
        desk.until(START_S + at_s, inclusive=False)
        _requests(desk, at_s)
        _hear(desk, _session(sessions, at_s))
        if restarts and at_s % (70 * MINUTE_S) == 0:
            desk.restart()
            sessions = sessions.restart()
    desk.until(START_S + 7 * DAY_S)
    return [
        f"{(microseconds(note.time) // SECOND_US - START_S) // DAY_S}"
        f" {note.time[11:19]} {note.receiver} {note.reason}"
        for note in desk.lines
    ]


TOLD = [
    # Wednesday: acknowledged at 10:20, until it is worse; then nobody looks after it.
    "1 10:00:10 agents firing",
    "1 11:00:00 agents escalated",
    "1 11:00:10 on-call firing",
    "1 11:30:00 agents repeat",
    "1 11:30:10 on-call repeat",
    "1 12:00:00 agents repeat",
    "1 12:00:10 on-call repeat",
    "1 12:05:00 agents resolved",
    "1 12:05:10 on-call resolved",
    # Thursday: it flaps from 10:30 on, and is quiet from 14:50 on.
    "2 10:00:10 agents firing",
    "2 10:15:00 agents resolved",
    "2 10:20:10 agents firing",
    "2 10:30:00 agents changed",
    "2 11:00:00 agents repeat",
    "2 11:20:10 on-call firing",
    "2 11:30:00 agents repeat",
    "2 11:50:10 on-call repeat",
    "2 12:00:00 agents repeat",
    "2 12:20:10 on-call repeat",
    "2 12:30:00 agents changed",
    "2 12:30:00 on-call changed",
    "2 13:00:00 agents repeat",
    "2 13:00:00 on-call repeat",
    "2 13:30:00 agents repeat",
    "2 13:30:00 on-call repeat",
    "2 14:00:00 agents repeat",
    "2 14:00:00 on-call repeat",
    "2 14:30:00 agents changed",
    "2 14:30:00 on-call changed",
    "2 15:00:00 agents repeat",
    "2 15:00:00 on-call repeat",
    "2 15:30:00 agents repeat",
    "2 15:30:00 on-call repeat",
    "2 16:00:00 agents repeat",
    "2 16:00:00 on-call repeat",
    "2 16:30:00 agents changed",
    "2 16:30:00 on-call changed",
    "2 16:50:00 agents resolved",
    "2 16:50:00 on-call resolved",
    # Friday: silenced until 11:00.
    "3 11:00:10 agents unsuppressed",
    "3 11:30:10 agents repeat",
    "3 12:00:10 agents repeat",
    "3 12:00:10 on-call firing",
    "3 12:05:10 agents resolved",
    "3 12:05:10 on-call resolved",
    # Monday: what was muted at the weekend; from 10:00 on it stops, for three hours.
    "6 00:00:10 agents unsuppressed",
    "6 00:30:10 agents repeat",
    "6 00:35:10 agents resolved",
    "6 10:00:10 agents firing",
    "6 10:30:10 agents repeat",
    "6 11:00:10 agents repeat",
    "6 11:00:10 on-call firing",
    "6 11:30:10 agents repeat",
    "6 11:30:10 on-call repeat",
    "6 12:00:10 agents repeat",
    "6 12:00:10 on-call repeat",
    "6 12:30:10 agents repeat",
    "6 12:30:10 on-call repeat",
    "6 13:00:00 agents resolved",
    "6 13:00:00 on-call resolved",
]
"""Day, time, receiver and reason."""


def test_a_week_of_life(scene: Any) -> None:
    """Each line has its reason; there is no other."""
    assert _week(scene, restarts=False) == TOLD


def test_a_week_with_a_restart_every_hour_or_so(scene: Any) -> None:
    """Nobody hears the difference."""
    assert _week(scene, restarts=True) == TOLD
