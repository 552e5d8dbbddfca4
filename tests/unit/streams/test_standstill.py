"""Nobody at work for a minute, an hour, a day, with alerts open on both sides.

Both halves of a worker over one log, on a wall clock that the test moves: what they
do in production between topics happens here by plain calls.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from detectors.batch import tick
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Level,
    Rule,
    RuleBook,
    Severity,
    Threshold,
    Window,
)
from detectors.rules import rule as make_rule
from detectors.transitions import Clock, Transition, microseconds, rfc3339
from streams.observations.observe import Observer
from streams.replay import Replay
from tests.unit.alerts.conftest import Desk, a_routing

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
NOON_S = 1_800_000_000
STEP_S = 10

LIMIT = Threshold((Level(Severity.WARNING, 1.0),))
BY = ("agent",)
WINDOWED = make_rule(
    "mean", "cost_usd", LIMIT, by=BY, window=Window(samples=3), min_samples=3
)
EACH = make_rule("dear", "cost_usd", LIMIT, by=BY)

away = pytest.mark.parametrize("away_s", [MINUTE_S, HOUR_S, DAY_S])


class Plant:
    """A worker that comes and goes, and sessions that come all the time.

    Attributes:
        lines: All transitions so far.
        desk: Who is told what.
    """

    def __init__(self, *rules: Rule, repeat_s: float = 365 * DAY_S) -> None:
        self.book = RuleBook(rules)
        self.wall_s = float(NOON_S)
        self.log: list[bytes] = []
        self.lines: list[Transition] = []
        self.desk = Desk(a_routing(repeat_s=repeat_s), standstill=True)
        self.desk.now_us = NOON_S * SECOND_US
        self._partition = Partition(self.book)
        self._observer = Observer(self.book, 1, 1)
        self._read = self._blocks = 0

    def publish(self, agent: str, cost_usd: float, count: int = 1) -> None:
        """Sessions that end now."""
        for _ in range(count):
            session = {
                "session_id": f"s{len(self.log)}",
                "agent": agent,
                "ended_at": self.wall_s,
                "cost_usd": cost_usd,
            }
            self.log.append(json.dumps(session).encode())

    def wait(self, seconds: float, *, at_work: bool = True) -> None:
        """Time passes, with somebody at work or nobody."""
        end_s = self.wall_s + seconds
        while self.wall_s < end_s:
            self.wall_s = min(self.wall_s + STEP_S, end_s)
            if at_work:
                self.work()

    def come_back(self) -> None:
        """Another process starts from the rows."""
        self._partition = self._partition.under(self.book)
        observer = Observer(self.book, 1, 1)
        if (clock_us := self._observer.clock(0)) is not None:
            observer.set_clock(0, clock_us)
        self._observer = observer
        self.desk.now_us = self.now_us
        self.desk.restart()

    @property
    def now_us(self) -> int:
        """The wall clock."""
        return round(self.wall_s * SECOND_US)

    def work(self) -> None:
        """Read what has come, or say that nothing has; then tell people."""
        news = self.log[self._read :]
        if news:
            offsets = range(self._read, len(self.log))
            seen = self._observer.observe_values(0, offsets, news, self.now_us)
            self._read = len(self.log)
            for block in seen.columns.values():
                self._fold(block)
        else:
            quiet_us = self.now_us - self.book.lateness_us
            self._observer.set_clock(0, quiet_us)
            self._fold(tick({0: self._observer.clock(0) or quiet_us}, 1))
        clock_us = self._partition.clock_us
        if clock_us is not None:
            clock = Clock(partition=0, time=rfc3339(clock_us))
            self.desk.take(clock, at_s=self.wall_s)
        self.desk.until(self.wall_s)

    def _fold(self, block: Any) -> None:
        for line in self._partition.apply(block, self._blocks):
            if isinstance(line, Transition):
                self.lines.append(line)
            self.desk.take(line, at_s=self.wall_s)
        self._blocks += 1

    def told(self, agent: str) -> list[tuple[float, str]]:
        """When, in seconds after noon, and why anybody was told of an agent."""
        return [
            (microseconds(note.time) / SECOND_US - NOON_S, str(note.reason))
            for note in self.desk.lines
            if f'"{agent}"' in note.group
        ]

    def late(self, agent: str) -> list[bool]:
        """Of each message about an agent, whether it says that it is late."""
        return [
            each.late for each in self.desk.deliveries if f'"{agent}"' in each.group
        ]


def _lived(away_s: float, *, at_work: bool, repeat_s: float = 365 * DAY_S) -> Plant:
    """A break in the life of four agents, and ten minutes of work after it.

    Before it ``ends`` and ``stays`` fire. In it the first ends, ``begins`` fires, and
    ``passes`` fires and ends.
    """
    plant = Plant(WINDOWED, repeat_s=repeat_s)
    for agent in ("begins", "passes"):
        plant.publish(agent, 0.1, 3)
    for agent in ("ends", "stays"):
        plant.publish(agent, 5.0, 3)
    plant.wait(2 * MINUTE_S)
    plant.wait(away_s / 4, at_work=at_work)
    plant.publish("passes", 5.0, 3)
    plant.wait(away_s / 4, at_work=at_work)
    plant.publish("ends", 0.1, 3)
    plant.publish("passes", 0.1, 3)
    plant.publish("stays", 5.0)
    plant.wait(away_s / 4, at_work=at_work)
    plant.publish("begins", 5.0, 3)
    plant.wait(away_s / 4, at_work=at_work)
    if not at_work:
        plant.come_back()
    plant.wait(10 * MINUTE_S)
    return plant


class TestWhatIsTold:
    @away
    def test_an_end_that_is_owed_is_told_at_once(self, away_s: float) -> None:
        """Told before that it fires, and ended while nobody was at work."""
        plant = _lived(away_s, at_work=False)
        back_s = 2 * MINUTE_S + away_s
        (begun_s, begun), (ended_s, ended) = plant.told("ends")
        assert (begun, ended) == ("firing", "resolved")
        # Five minutes lie between two messages of a group, also after a minute's pause.
        assert ended_s <= max(back_s + STEP_S, begun_s + 5 * MINUTE_S)

    @away
    def test_what_still_fires_is_not_told_again(self, away_s: float) -> None:
        """It was told before, and nothing is new about it."""
        assert [why for _, why in _lived(away_s, at_work=False).told("stays")] == [
            "firing"
        ]

    @away
    def test_what_fired_and_ended_meanwhile_is_not_told(self, away_s: float) -> None:
        """Nobody can do anything about it any more."""
        assert _lived(away_s, at_work=False).told("passes") == []

    @away
    def test_what_began_meanwhile_is_told_once(self, away_s: float) -> None:
        """Marked as late, but after a minute's pause, which is none to speak of."""
        plant = _lived(away_s, at_work=False)
        back_s = 2 * MINUTE_S + away_s
        ((told_s, why),) = plant.told("begins")
        assert why == "firing"
        assert back_s <= told_s <= back_s + 5 * MINUTE_S + STEP_S
        assert plant.late("begins") == [away_s > 5 * MINUTE_S]

    def test_a_repeat_that_fell_due_meanwhile_is_told_once(self) -> None:
        """Not as often as it would have been: timers are rows, and each runs once."""
        plant = _lived(DAY_S, at_work=False, repeat_s=HOUR_S)
        reasons = [why for _, why in plant.told("stays")]
        assert reasons == ["firing", "repeat"]


class TestWhatIsDecided:
    @away
    def test_the_lines_are_those_of_a_worker_that_was_never_away(
        self, away_s: float
    ) -> None:
        """Event time decides: our outage is nobody's alert, and hides none."""
        assert _lived(away_s, at_work=False).lines == _lived(away_s, at_work=True).lines

    @away
    def test_they_are_those_of_replay(self, away_s: float) -> None:
        """S1: the log in the order of its times, on a virtual clock."""
        plant = _lived(away_s, at_work=False)
        replay = Replay(plant.book, a_routing(), lambda *_: None)
        said = [line for line in replay.run(plant.log) if isinstance(line, Transition)]
        assert said == plant.lines

    def test_single_sessions_of_the_day_before_yesterday_are_not_judged(self) -> None:
        """They are counted as too old; those of the last day are news."""
        plant = Plant(EACH)
        plant.publish("a", 0.1)
        plant.wait(2 * MINUTE_S)
        plant.publish("old", 9.0)
        plant.wait(30 * HOUR_S, at_work=False)
        plant.publish("new", 9.0)
        plant.wait(MINUTE_S, at_work=False)
        plant.come_back()
        plant.wait(5 * MINUTE_S)
        assert plant.told("old") == []
        assert [why for _, why in plant.told("new")] == ["firing"]
        assert plant._partition.counts.too_old == 1
