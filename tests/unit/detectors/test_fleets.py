"""A budget of false alarms: one for all series of a rule, wherever they are."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.batch import tick
from detectors.kinds.plans import Plan
from detectors.kinds.sensitivities import SETTINGS
from detectors.peers.fleets import LEAST, MOST, Fleet, limit_of
from detectors.peers.parents import Part, Sums
from detectors.rules import Drift, Rule
from detectors.rules import rule as make_rule
from detectors.state.seals import Seal
from detectors.transitions import State
from streams.state.parents import Told, encode_part
from tests.unit.detectors.scenes import Scene, chance, transitions

HOUR_US = 3_600_000_000
MEDIUM = SETTINGS["medium"].limit
DAYS = st.floats(1e-3, 1e9)


def _rule(a_day: float | None = 2.0) -> Rule:
    return make_rule("slow", "latency_ms", Drift(false_alarms_a_day=a_day))


def _fleet(a_day: float = 2.0) -> Fleet:
    return Fleet(Plan(_rule(a_day), 0), a_day)


def _run(fleet: Fleet, hours: int, an_hour: int, from_hour: int = 0) -> int:
    """Sessions at an even pace; the hour with which they end."""
    for hour in range(from_hour, from_hour + hours):
        fleet.count(hour * HOUR_US)
        fleet.taken += an_hour
    fleet.count((from_hour + hours) * HOUR_US)
    return from_hour + hours


def _a_day(fleet: Fleet) -> float | None:
    part = fleet.news()
    return None if part is None else part.sums.level


class TestLimit:
    """How much evidence a fleet needs."""

    @given(DAYS, DAYS, DAYS)
    def test_more_sessions_need_more_and_more_alarms_less(
        self, sessions: float, alarms: float, more: float
    ) -> None:
        """Never outside of what makes sense."""
        limit = limit_of(sessions, alarms)
        assert LEAST <= limit <= MOST
        assert limit_of(sessions + more, alarms) >= limit
        assert limit_of(sessions, alarms + more) <= limit

    def test_one_alarm_in_so_many_sessions_is_one_limit(self) -> None:
        """Ten times the fleet with ten times the alarms."""
        assert limit_of(1e5, 2) == pytest.approx(limit_of(1e6, 20))
        assert limit_of(1e6, 2) > limit_of(1e5, 2)

    def test_a_fleet_without_sessions_needs_the_least(self) -> None:
        """Nothing can be wrong there."""
        assert limit_of(0.0, 2.0) == LEAST

    def test_it_is_that_of_medium_until_sessions_are_known(self) -> None:
        """Also where partitions have nothing to say."""
        fleet = _fleet()
        assert fleet.limit == MEDIUM
        fleet.hear(Sums())
        assert (fleet.limit, fleet.doubt) == (MEDIUM, SETTINGS["medium"].doubt)

    def test_small_moves_are_not_followed(self) -> None:
        """A limit that moves with every hour explains nothing."""
        fleet = _fleet()
        fleet.hear(Sums(1.0, level=1e6))
        limit = fleet.limit
        assert limit != MEDIUM
        fleet.hear(Sums(1.0, level=1.2e6))
        assert fleet.limit == limit
        fleet.hear(Sums(1.0, level=1.5e6))
        assert fleet.limit == limit_of(1.5e6, 2.0)


class TestCount:
    """Sessions a day, as a partition counts them."""

    def test_an_even_pace_is_known_after_an_hour(self) -> None:
        """Sooner nothing is said, and later nothing that is no news."""
        fleet = _fleet()
        fleet.count(0)
        fleet.taken += 100
        fleet.count(HOUR_US // 2)
        assert _a_day(fleet) is None
        fleet.count(HOUR_US)
        assert _a_day(fleet) == pytest.approx(2_400)
        _run(fleet, 200, 100, from_hour=1)
        assert _a_day(fleet) is None

    def test_growth_shows_within_a_day(self) -> None:
        """Ten times the sessions: more than half of them count after a day."""
        fleet = _fleet()
        hour = _run(fleet, 500, 10)
        assert _a_day(fleet) == pytest.approx(240)
        _run(fleet, 24, 100, from_hour=hour)
        assert (_a_day(fleet) or 0.0) > 1_200

    def test_a_quiet_weekend_does_not_make_monday_loose(self) -> None:
        """After two days without sessions seven in ten still count."""
        fleet = _fleet()
        hour = _run(fleet, 500, 100)
        assert _a_day(fleet) == pytest.approx(2_400)
        _run(fleet, 48, 0, from_hour=hour)
        assert (_a_day(fleet) or 2_400) > 1_700

    def test_partitions_are_added_up(self) -> None:
        """What one half of a fleet has is not what decides."""
        one, other, told = _fleet(), _fleet(), Told()
        _run(one, 1, 100)
        _run(other, 1, 300)
        for number, fleet in enumerate((one, other)):
            part = fleet.news()
            assert part is not None
            told.hear(encode_part(number, part)[1])
        (total,) = told.take_news()
        assert total.sums.level == pytest.approx(24 * 400)
        assert total.key == one.key


def _steady(scene: Scene, count: int, from_s: float = 0.0) -> float:
    luck = chance(5)
    for number in range(count):
        scene.session(from_s + 60 * number, latency_ms=luck.lognormvariate(7, 0.3))
    return from_s + 60 * count


class TestRule:
    """A drift rule with a budget."""

    def test_evidence_says_which_limit_was_in_force(self) -> None:
        """It is the budget's, not that of a sensitivity."""
        scene = Scene(_rule(20.0))
        end_s = _steady(scene, 200)
        scene.hear_parents()
        luck = chance(6)
        for number in range(40):
            latency_ms = 4 * luck.lognormvariate(7, 0.3)
            scene.session(end_s + 60 * number, latency_ms=latency_ms)
        fired = [
            line for line in transitions(scene.said) if line.to_state is State.FIRING
        ]
        assert len(fired) == 1
        limit = scene.partition.limits["slow"]
        assert limit != MEDIUM
        assert fired[0].evidence["limit_nats"] == limit
        assert fired[0].evidence["evidence_nats"] > limit

    def test_a_generous_budget_finds_sooner_than_a_strict_one(self) -> None:
        """That is what it buys."""
        waits = []
        for a_day in (500.0, 1 / 30):
            scene = Scene(_rule(a_day))
            end_s = _steady(scene, 300)
            scene.hear_parents()
            luck = chance(7)
            waits.append(0)
            while not any(
                line.to_state is State.FIRING for line in transitions(scene.said)
            ):
                latency_ms = 1.8 * luck.lognormvariate(7, 0.3)
                scene.session(end_s + 60 * waits[-1], latency_ms=latency_ms)
                waits[-1] += 1
        assert waits[0] < waits[1]

    def test_what_is_heard_decides_and_not_what_is_counted(self) -> None:
        """Of the fleet in other partitions only the log tells."""
        scene = Scene(_rule())
        _steady(scene, 200)
        assert scene.partition.limits == {"slow": MEDIUM}
        part = Part(_fleet().key, Sums(3.0, level=5e6))
        scene.partition.apply(tick({}, 1, parents=[part]), scene.offset)
        assert scene.partition.limits == {"slow": limit_of(5e6, 2.0)}

    def test_a_restart_changes_nothing(self) -> None:
        """Neither the limit nor what has been counted."""
        seals = []
        for restarted in (False, True):
            scene = Scene(_rule())
            end_s = _steady(scene, 230)
            scene.hear_parents()
            if restarted:
                scene = scene.restart()
            assert scene.partition.limits["slow"] != MEDIUM
            _steady(scene, 300, end_s)
            seals.append(Seal.load(scene.partition.seal(0)).fleets)
        assert seals[0] == seals[1] != []

    def test_a_seal_from_before_there_were_budgets_is_read(self) -> None:
        """The limit is that of medium until the fleet is heard of."""
        scene = Scene(_rule())
        row = msgspec.msgpack.decode(scene.partition.seal(3))
        fleets = 1 + Seal._fields.index("fleets")
        assert Seal.load(msgspec.msgpack.encode(row[:fleets])).fleets == []

    def test_a_rule_without_a_budget_follows_nobody(self) -> None:
        """Its sensitivity says all."""
        scene = Scene(_rule(None))
        _steady(scene, 200)
        scene.hear_parents()
        assert scene.partition.limits == {}
