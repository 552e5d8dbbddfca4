"""A rule fires in one partition: the others count its series as well."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.headcount import Headcounts
from alerts.ledger import Ledger
from detectors.identity import partition_of, series_key
from detectors.peers import questions
from detectors.peers.questions import (
    ENOUGH,
    RENEW_US,
    Asked,
    Asking,
    Question,
    Values,
)
from detectors.rules import SECOND_US, Rule, Window, rule
from detectors.state.stage import Said
from detectors.transitions import Census, Clock, FirstCensus, Transition
from tests.unit.detectors.scenes import Scene, at, chance, threshold, us

BY = ("model", "tenant")


def _dear(**changes: Any) -> Rule:
    values: dict[str, Any] = {"by": BY, "keep_firing_for_us": 150 * SECOND_US}
    return rule("dear", "cost_usd", threshold(4.0), **(values | changes))


class Fleet:
    """The partitions of a fleet, and what notify hears of them."""

    def __init__(self, *rules: Rule, partitions: int = 4) -> None:
        self.scenes = [Scene(*rules, number=number) for number in range(partitions)]
        self.counts = Headcounts(Ledger())
        self.said: list[Said] = []
        for number in range(partitions):
            self.counts.tick(Clock(partition=number, time=None))

    def place(self, model: str, tenant: str) -> int:
        """The partition that has a series."""
        key = series_key({"model": model, "tenant": tenant})
        return partition_of(key, len(self.scenes))

    def session(self, at_s: float, model: str, tenant: str, cost: float = 1.0) -> None:
        """One session, to the partition that has its series."""
        labels = {"model": model, "tenant": tenant}
        scene = self.scenes[self.place(model, tenant)]
        self._tell(scene.session(at_s, labels=labels, cost_usd=cost))

    def tick(self, at_s: float) -> None:
        """The time, for all of them."""
        for scene in self.scenes:
            self._tell(scene.tick(at_s))

    def ask(self) -> list[Question]:
        """What they ask is passed on to all of them."""
        scenes = self.scenes
        asked = [one for each in scenes for one in each.partition.take_questions()]
        for scene in scenes:
            self._tell(scene.hear(*asked))
        return asked

    def restart(self, number: int) -> None:
        """A worker takes over."""
        self.scenes[number] = self.scenes[number].restart()

    def _tell(self, lines: list[Said]) -> None:
        for line in lines:
            if isinstance(line, Transition):
                self.counts.note(line)
            elif isinstance(line, Census):
                self.counts.hear(line)
        self.said += lines

    def censuses(self, kind: type[Census] = Census) -> list[Census]:
        """Those of a kind, of all partitions."""
        return [line for line in self.said if type(line) is kind]


def _fleet(*rules: Rule) -> Fleet:
    """Forty tenants on the model x, some in each of four partitions; all is well."""
    fleet = Fleet(*(rules or (_dear(),)))
    for number in range(40):
        fleet.session(0, "x", f"t{number}")
    fleet.tick(1)
    return fleet


def _broken(fleet: Fleet, partition: int) -> list[str]:
    """The tenants of one partition."""
    names = [f"t{number}" for number in range(40)]
    return [name for name in names if fleet.place("x", name) == partition]


def _dealt(fleet: Fleet) -> list[int]:
    return [len(_broken(fleet, number)) for number in range(4)]


class TestOtherPartitionsCount:
    def test_of_all_there_are(self) -> None:
        """Where the tenants of one partition break, the headline knows the others."""
        fleet = _fleet()
        names = _broken(fleet, 0)
        for name in names:
            fleet.session(10, "x", name, 9.0)
        fleet.ask()
        assert 0 < len(names) < 40
        assert fleet.counts.is_whole("dear")
        assert fleet.counts.series("dear") == 40
        assert fleet.counts.carrying("dear", "model", "x") == 40
        assert fleet.counts.firing_with("dear", "model", "x") == len(names)

    def test_until_they_have_it_is_known_that_some_are_missing(self) -> None:
        """Then notify says *at least*."""
        fleet = _fleet()
        fleet.session(10, "x", _broken(fleet, 0)[0], 9.0)
        assert not fleet.counts.is_whole("dear")
        assert fleet.counts.series("dear") == _dealt(fleet)[0]

    def test_at_once_and_then_once_a_minute(self) -> None:
        """With lines like those of a partition in which it fires."""
        fleet = _fleet()
        name = _broken(fleet, 0)[0]
        fleet.session(10, "x", name, 9.0)
        fleet.tick(12)
        fleet.ask()
        fleet.tick(121)
        for number in (1, 2, 3):
            count = _dealt(fleet)[number]
            told = [
                (at(line), type(line), line.label, line.name, line.series, line.firing)
                for line in fleet.said
                if isinstance(line, Census) and line.partition == number
            ]
            assert told == [
                (at_s, kind, *what)
                for at_s, kind in ((12, FirstCensus), (60, Census), (120, Census))
                for what in (("model", "x", count, 0), ("tenant", name, 0, 0))
            ]

    def test_a_partition_without_any_series_of_it_says_so(self) -> None:
        """Else it would be waited for."""
        fleet = Fleet(_dear())
        fleet.session(10, "x", "t1", 9.0)
        fleet.tick(12)
        fleet.ask()
        assert fleet.counts.is_whole("dear")
        assert fleet.counts.series("dear") == 1

    def test_until_nothing_fires_any_more(self) -> None:
        """Or who asked is not heard of for ten minutes: its worker may have died."""
        for ends in (True, False):
            fleet = _fleet()
            fleet.session(10, "x", _broken(fleet, 0)[0], 9.0)
            fleet.ask()
            fleet.tick(200)
            if ends:
                assert [asked.firing for asked in fleet.ask()] == [{}]
            fleet.tick(5_000)
            last = max(at(line) for line in fleet.censuses() if line.partition == 1)
            assert last == (180 if ends else 600)

    def test_what_still_fires_is_asked_again(self) -> None:
        """Every five minutes."""
        fleet = _fleet(_dear(keep_firing_for_us=1_000 * SECOND_US))
        fleet.session(10, "x", _broken(fleet, 0)[0], 9.0)
        times = []
        for at_s in range(10, 1_000, 10):
            fleet.tick(at_s)
            times += [asked.at_us for asked in fleet.ask()]
        assert [time - us(0) for time in times] == [
            10 * SECOND_US,
            310 * SECOND_US,
            610 * SECOND_US,
            910 * SECOND_US,
        ]

    def test_when_it_fires_anew_all_is_told_anew(self) -> None:
        """Notify has forgotten the numbers with the last alert."""
        fleet = _fleet(_dear(keep_firing_for_us=SECOND_US))
        name = _broken(fleet, 0)[0]
        for at_s in (10, 11, 21):
            # At 21 it is not known yet that it was over for a while.
            fleet.session(at_s, "x", name, 9.0)
            fleet.tick(at_s)
            fleet.ask()
        told = {at(line) for line in fleet.censuses(FirstCensus) if line.partition == 1}
        assert told == {10, 21}

    def test_a_restart_is_not_seen(self) -> None:
        """What was asked stands in the seal."""
        fleet, shaken = _fleet(), _fleet()
        for each in (fleet, shaken):
            each.session(10, "x", _broken(fleet, 0)[0], 9.0)
            each.ask()
        shaken.restart(1)
        for each in (fleet, shaken):
            each.tick(121)
        assert shaken.censuses() == fleet.censuses() != []

    @pytest.mark.parametrize("restarts", [False, True])
    def test_it_is_told_at_the_next_minute_whatever_fires_later(
        self, restarts: bool
    ) -> None:
        """A series may fire at a time of its own, ahead of the clock."""
        scene = Scene(_dear())
        labels = {"model": "x", "tenant": "t1"}
        scene.session(100, labels=labels, clock_s=10, cost_usd=9.0)
        scene.hear(Question(1, "dear", us(5), us(9), {"model": {"y": 3}}))
        if restarts:
            scene = scene.restart()
        scene.tick(61)
        told = [line for line in scene.said if type(line) is Census]
        assert [(at(line), line.name, line.series) for line in told] == [(60, "y", 0)]

    def test_a_rule_for_everything_asks_nothing(self) -> None:
        """It has one series."""
        fleet = Fleet(_dear(by=()))
        fleet.scenes[0].session(10, cost_usd=9.0)
        assert fleet.ask() == []

    @settings(max_examples=10, deadline=None)
    @given(st.integers(0, 10**9))
    def test_sums_are_those_of_the_whole_fleet(self, seed: int) -> None:
        """Of every value that three firing series share (property)."""
        last = _dear(window=Window(samples=1), min_samples=1, keep_firing_for_us=0)
        luck, fleet = chance(seed), Fleet(last)
        series = {
            (luck.choice("xyz"), f"t{luck.randrange(12)}"): 0.0
            for _ in range(luck.randrange(1, 50))
        }
        worst = luck.choice("xyz")
        for at_s in range(1, 12):
            for model, tenant in series:
                bad = luck.random() < (0.6 if model == worst else 0.05)
                cost = series[model, tenant] = 9.0 if bad else 1.0
                fleet.session(at_s, model, tenant, cost)
            fleet.tick(at_s)
            if luck.random() < 0.3:
                fleet.ask()
        fleet.ask()
        counts = fleet.counts
        fleet.restart(luck.randrange(4))
        fleet.tick(61)
        broken = [key for key, cost in series.items() if cost > 4]
        assert counts.firing("dear") == len(broken)
        if not broken:
            return
        assert counts.is_whole("dear")
        assert counts.series("dear") == len(series)
        for place, label in enumerate(BY):
            for name in {key[place] for key in broken}:
                fires = sum(key[place] == name for key in broken)
                if fires >= ENOUGH:
                    assert counts.is_counted("dear", label, name)
                    mine = sum(key[place] == name for key in series)
                    assert counts.carrying("dear", label, name) == mine


FIRES: dict[Values, int] = {("x", f"t{number:02}"): 0 for number in range(40)}


class TestAsking:
    def test_the_values_that_fire_most_are_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Few of them: what three series share is no rarity of one in a thousand."""
        monkeypatch.setattr(questions, "MOST", 3)
        fires = FIRES | {("y", "t17"): 0, ("y", "t23"): 0}
        asked = Asking(2).ask("dear", BY, fires, 5, 8)
        firing = {
            "model": {"x": 3, "y": 2},
            "tenant": {"t00": 1, "t17": 2, "t23": 2},
        }
        assert asked == Question(2, "dear", 5, 8, firing)

    def test_nothing_is_asked_twice(self) -> None:
        """Until something else fires, or five minutes have passed."""
        asking = Asking(0)
        assert asking.ask("dear", BY, FIRES, 5, 8) is not None
        asking.note("dear")
        assert asking.ask("dear", BY, FIRES | {("x", "t99"): 8}, 5, 9) is None
        asking.note("dear")
        more = FIRES | {("y", "t00"): 9}
        asked = asking.ask("dear", BY, more, 5, 9)
        assert asked is not None
        assert asked.firing["model"] == {"x": 3, "y": 1}
        assert asking.ask("dear", BY, more, 5, 9 + RENEW_US) is not None

    def test_of_very_many_a_change_of_a_tenth_counts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are not looked through each second."""
        monkeypatch.setattr(questions, "_FEW", 30)
        asking = Asking(0)
        assert asking.ask("dear", BY, FIRES, 5, 8) is not None
        more: dict[Values, int] = {("y", name): 9 for _, name in FIRES}
        for _ in range(3):
            asking.note("dear")
            assert asking.ask("dear", BY, more, 5, 9) is None
        asking.note("dear")
        assert asking.ask("dear", BY, more, 5, 9) is not None

    def test_the_end_is_told_once(self) -> None:
        """Of what had been asked."""
        asking = Asking(0)
        asking.ask("dear", BY, FIRES, 5, 8)
        assert asking.ended(["dear"], 9) == []
        assert asking.ended([], 9) == [Question(0, "dear", 5, 9)]
        assert asking.ended([], 9) == []


def _question(partition: int, **firing: dict[str, int]) -> Question:
    return Question(partition, "dear", 5, 8, firing)


class TestAsked:
    def test_values_are_wanted_with_which_enough_fire_in_all(self) -> None:
        """And one of each label, with which comes how many series there are."""
        asked = Asked()
        asked.hear(_question(1, model={"x": 2, "y": 1}, tenant={"t1": 1, "t0": 1}), 9)
        assert asked.wanted("dear") == {"model": {"x"}, "tenant": {"t0"}}
        asked.hear(_question(2, model={"y": 2}, tenant={"t2": 1}), 9)
        assert asked.wanted("dear") == {"model": {"y"}, "tenant": {"t0"}}
        asked.hear(_question(3, model={"x": 1}), 9)
        assert asked.wanted("dear")["model"] == {"x", "y"}

    def test_the_newest_of_a_partition_holds(self) -> None:
        """Without values it asks nothing more."""
        asked = Asked()
        assert asked.hear(_question(1, model={"x": 3}), 9)
        assert not asked.hear(_question(1, model={"y": 3}), 9)
        assert asked.wanted("dear") == {"model": {"y"}}
        assert not asked.hear(_question(1), 9)
        assert not asked

    def test_it_is_no_larger_than_a_seal_may_be(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is too much is not heeded; what is over makes room."""
        asked, long = Asked(), _question(1, model={"x" * 90: 3})
        monkeypatch.setattr(questions, "MOST_HEARD", long.size)
        assert asked.hear(long, 9)
        assert not asked.hear(_question(2, model={"y": 3}), 9)
        again = Asked()
        again.load(asked.dump())
        for each in (asked, again):
            each.hear(_question(1), 9)
            assert each.hear(_question(2, model={"y": 3}), 9)
            each.lapse(9 + 3 * RENEW_US)
            assert not each
            assert each.hear(Question(2, "dear", 5, 4 * RENEW_US, long.firing), 9)
