"""Budgets: levels as they are reached, and periods as calendars have them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.identity import alert_id
from detectors.partition import Partition
from detectors.rules import SECOND_US, Absence, Budget, Rule, RuleBook
from detectors.rules import rule as make_rule
from detectors.transitions import microseconds
from tests.unit.detectors.budget_oracle import BudgetOracle, Told
from tests.unit.detectors.scenes import (
    START_S,
    Scene,
    Session,
    alerts,
    at,
    chance,
    changes,
    threshold,
    transitions,
    updates,
    us,
)

BY = ("agent",)
DAY_S = 86_400
HOUR_S = 3_600


def _rule(amount: float = 10.0, period: str = "day", **changes_: Any) -> Rule:
    """A budget; START_S is midnight of a Tuesday, 14 November 2023, in UTC."""
    kind = {name: changes_.pop(name) for name in ("at", "timezone") if name in changes_}
    metric = changes_.pop("metric", "cost_usd")
    budget = Budget(amount, period, **kind)
    return make_rule("b", metric, budget, by=BY, **changes_)


def _seconds(text: str) -> float:
    return microseconds(text) / SECOND_US - START_S


def _moved(scene: Scene, *rules: Rule) -> Scene:
    """The same scene after a restart, perhaps with another file."""
    after = Scene(*rules)
    after.partition.restore_seal(scene.partition.seal(scene.offset - 1))
    for key, row in scene.partition.take_dirty():
        assert row is not None
        after.partition.restore_row(key, row)
    after.partition.finish_restore()
    after.offset, after._ids = scene.offset, scene._ids
    after.log.next, after.log.clocks = scene.log.next, scene.log.clocks
    return after


class TestLevels:
    def test_each_level_is_told_as_it_is_reached(self) -> None:
        """S16, S24, S25, S28: exactly half is half; from 1.0 on it is critical."""
        scene = Scene(_rule())
        scene.series("cost_usd", [0.5] * 30, step_s=60)
        told = transitions(scene.said)
        assert [
            (line.to_state, line.severity, line.value, line.threshold) for line in told
        ] == [
            ("ok", None, 0.5, 5.0),
            ("firing", "warning", 5.0, 5.0),
            ("firing", "warning", 8.0, 8.0),
            ("firing", "warning", 9.5, 9.5),
            ("firing", "critical", 10.0, 10.0),
        ]
        assert {line.generation for line in told[1:]} == {1}
        assert [line.evidence["level"] for line in told[1:]] == [0.5, 0.8, 0.95, 1.0]

    def test_a_session_that_jumps_two_levels_makes_one_line(self) -> None:
        """S31: for the higher."""
        scene = Scene(_rule())
        scene.session(0, cost_usd=1)
        (line,) = transitions(scene.session(1, cost_usd=8.6))
        assert (line.from_state, line.to_state) == ("ok", "firing")
        assert (line.value, line.threshold, line.evidence["level"]) == (9.6, 9.5, 0.95)

    def test_cents_add_up_as_people_do(self) -> None:
        """Ten dimes are a dollar, and 0.70 and 0.10 reach 0.80."""
        dimes = Scene(_rule(1.0, at=(1.0,)))
        dimes.series("cost_usd", [0.1] * 10)
        assert alerts(dimes.said) == [(9, "ok", "firing")]
        cents = Scene(_rule(1.0, at=(0.8,)))
        cents.series("cost_usd", [0.7, 0.1])
        assert alerts(cents.said) == [(1, "ok", "firing")]

    def test_small_sums_are_not_lost_beside_large_ones(self) -> None:
        """Ten thousand cents after a fortune are a hundred dollars, to the cent."""
        scene = Scene(_rule(1e9 + 100, at=(1.0,)))
        scene.session(0, cost_usd=1e9)
        scene.series("cost_usd", [0.01] * 9_999, from_s=1)
        assert alerts(scene.said) == []
        assert alerts(scene.session(20_000, cost_usd=0.01)) == [
            (20_000, "ok", "firing")
        ]

    def test_other_sums_have_budgets_too(self) -> None:
        """Tokens, and sessions, of which each counts one."""
        scene = Scene(_rule(100, metric="output_tokens", at=(1.0,)))
        scene.series("output_tokens", [30.0] * 4)
        assert alerts(scene.said) == [(3, "ok", "firing")]
        scene = Scene(_rule(3, metric="sessions", at=(1.0,)))
        scene.series("cost_usd", [1.0] * 3)
        assert alerts(scene.said) == [(2, "ok", "firing")]
        assert transitions(scene.said)[-1].aggregate == "count"

    def test_a_session_without_the_metric_is_no_sample(self) -> None:
        """S12."""
        scene = Scene(_rule())
        assert scene.session(0, latency_ms=5) == []

    def test_more_than_the_amount_may_be_a_level(self) -> None:
        """Twice the amount is critical, and says since when it is exhausted."""
        scene = Scene(_rule(at=(2.0,)))
        scene.session(0, cost_usd=10)
        scene.session(60, cost_usd=1)
        (line,) = transitions(scene.session(120, cost_usd=9))
        assert (line.severity, line.threshold) == ("critical", 20.0)
        assert line.evidence["exhausted_at"] == "2023-11-14T00:00:00Z"

    def test_for_and_keep_firing_for_do_not_apply(self) -> None:
        """A level is reached once, and ends with its period."""
        scene = Scene(_rule(keep_firing_for_us=HOUR_S * SECOND_US))
        scene.session(0, cost_usd=6)
        scene.tick(DAY_S + 1)
        assert alerts(scene.said) == [
            (0, "insufficient", "firing"),
            (DAY_S, "firing", "resolved"),
        ]

    def test_an_open_alert_tells_of_its_spend_once_a_minute(self) -> None:
        """Updates carry the newest value to whoever is told next."""
        scene = Scene(_rule())
        scene.session(0, cost_usd=6)
        scene.session(10, cost_usd=0.5)
        scene.session(100, cost_usd=0.5)
        (update,) = updates(scene.said)
        assert (at(update), update.value, update.sessions) == (60, 6.5, 2)


class TestPeriods:
    def test_midnight_resolves_and_the_next_period_is_the_next_generation(
        self,
    ) -> None:
        """S31: by a timer, with nothing spent."""
        scene = Scene(_rule())
        scene.session(100, cost_usd=9)
        (line,) = transitions(scene.tick(2 * DAY_S))
        assert (at(line), line.to_state, line.value) == (DAY_S, "resolved", 0.0)
        assert (line.severity, line.session_id) == ("warning", None)
        assert (line.evidence["spend"], line.peak) == (9.0, 9.0)
        assert line.reason == "the day is over: cost_usd of the day begins at 0"
        scene.session(2 * DAY_S + 5, cost_usd=1)
        (line,) = transitions(scene.session(2 * DAY_S + 6, cost_usd=5))
        assert (line.to_state, line.generation, line.value) == ("firing", 2, 6.0)

    def test_what_is_spent_in_a_quiet_period_is_forgotten_with_it(self) -> None:
        """Without an alert no timer runs, and the next period begins at nothing."""
        scene = Scene(_rule())
        scene.session(0, cost_usd=4)
        assert scene.partition.next_due_us == us(7 * DAY_S)
        scene.session(DAY_S + 1, cost_usd=4)
        assert alerts(scene.said) == []

    @pytest.mark.parametrize(
        ("zone", "day", "ends"),
        [
            ("Europe/Berlin", "2024-03-31T02:00:00Z", "2024-03-31T22:00:00Z"),
            ("Europe/Berlin", "2024-10-27T02:00:00Z", "2024-10-27T23:00:00Z"),
            ("America/New_York", "2024-11-03T12:00:00Z", "2024-11-04T05:00:00Z"),
        ],
    )
    def test_the_end_is_the_local_midnight_where_clocks_change(
        self, zone: str, day: str, ends: str
    ) -> None:
        """After 23 or 25 hours, to the microsecond."""
        scene = Scene(_rule(timezone=zone))
        scene.session(_seconds(day), cost_usd=6)
        scene.session(_seconds(ends) - 0.000001, cost_usd=0.1)
        (line,) = transitions(scene.tick(_seconds(ends) + HOUR_S))
        assert (line.time, line.to_state, line.peak) == (ends, "resolved", 6.1)

    @pytest.mark.parametrize(
        ("period", "ends"),
        [("week", "2023-11-20T00:00:00Z"), ("month", "2023-12-01T00:00:00Z")],
    )
    def test_weeks_end_on_monday_and_months_on_the_first(
        self, period: str, ends: str
    ) -> None:
        """From a Tuesday in November; a month outlasts the retention of 7 days."""
        scene = Scene(_rule(period=period))
        scene.session(0, cost_usd=6)
        resolved = transitions(scene.tick(40 * DAY_S))[0]
        assert (resolved.time, resolved.to_state) == (ends, "resolved")

    def test_a_session_at_midnight_is_of_the_new_period(self) -> None:
        """S2: it ends the old one then, before it counts itself."""
        scene = Scene(_rule())
        scene.session(0, cost_usd=9)
        lines = transitions(scene.session(DAY_S, cost_usd=6))
        assert changes(lines) == [
            (DAY_S, "firing", "resolved"),
            (DAY_S, "resolved", "firing"),
        ]
        assert [line.value for line in lines] == [0.0, 6.0]
        assert [line.session_id for line in lines] == [None, "s2"]
        assert [line.generation for line in lines] == [1, 2]

    def test_midnight_by_the_clock_alone_still_lets_evidence_count(self) -> None:
        """S2: a timer due exactly now runs after the sessions of now."""
        scene = Scene(_rule())
        scene.session(0, cost_usd=9)
        scene.tick(DAY_S)
        (line,) = transitions(scene.session(DAY_S - 1, cost_usd=1))
        assert (at(line), line.severity, line.value) == (DAY_S, "critical", 10.0)
        assert changes(scene.tick(DAY_S + 1)) == [(DAY_S, "firing", "resolved")]

    def test_a_late_session_counts_while_its_period_is_open(self) -> None:
        """S5: with the clock's time; else it is only counted as late."""
        scene = Scene(_rule())
        scene.session(5 * HOUR_S, cost_usd=4)
        (line,) = transitions(scene.session(HOUR_S, cost_usd=2))
        assert (at(line), line.value) == (5 * HOUR_S, 6.0)
        scene.session(DAY_S + 1, cost_usd=1)
        late = scene.partition.counts.late
        assert scene.session(23 * HOUR_S, cost_usd=100) == []
        assert scene.partition.counts.late == late + 1
        (line,) = transitions(scene.session(DAY_S + 2, cost_usd=4))
        assert line.value == 5.0

    def test_a_series_that_begins_late_waits_for_its_own_period(self) -> None:
        """S5: what its first session spent yesterday is nobody's."""
        scene = Scene(_rule())
        scene.session(DAY_S + 5, cost_usd=1, labels={"agent": "other"})
        assert scene.session(5, cost_usd=100) == []
        assert changes(scene.session(DAY_S + 6, cost_usd=1)) == [
            (DAY_S + 6, "insufficient", "ok")
        ]


class TestRetention:
    def test_a_budget_outlasts_the_retention_of_its_series(self) -> None:
        """Who works every ten days is charged for all of the month."""
        quiet = make_rule("quiet", "sessions", Absence(HOUR_S * SECOND_US), by=BY)
        dear = make_rule("dear", "cost_usd", threshold(1.0), by=BY)
        scene = Scene(_rule(period="month"), quiet, dear)
        scene.session(0, cost_usd=4)
        gone = transitions(scene.tick(9 * DAY_S))
        assert {line.rule for line in gone} == {"quiet", "dear"}
        assert gone[-1].reason == "retention"
        assert len(scene.partition) == 1
        lines = transitions(scene.session(10 * DAY_S, cost_usd=1))
        assert [(line.rule, line.to_state, line.value) for line in lines] == [
            ("b", "firing", 5.0),
            ("quiet", "ok", 0.0),
            ("dear", "ok", 1.0),
        ]

    def test_what_comes_late_begins_the_rest_of_the_series_anew(self) -> None:
        """It counts for all rules, and lives as long as a series that is born then."""
        dear = make_rule("dear", "cost_usd", threshold(1.0), by=BY)
        scene = Scene(_rule(period="month"), dear, retention_us=HOUR_S * SECOND_US)
        scene.session(0, cost_usd=1)
        scene.tick(3 * HOUR_S)
        lines = transitions(scene.session(60, cost_usd=2))
        assert [(line.rule, at(line)) for line in lines] == [("dear", 3 * HOUR_S)]
        assert alerts(scene.tick(3 * HOUR_S)) == []
        gone = transitions(scene.tick(5 * HOUR_S))
        assert {(line.rule, at(line)) for line in gone} == {("dear", 3 * HOUR_S)}
        assert len(scene.partition) == 1

    def test_after_its_period_it_is_forgotten_with_the_series(self) -> None:
        """The alert ends with its period, in that order, and then nothing is left."""
        scene = Scene(_rule(period="month"))
        scene.session(0, cost_usd=6)
        assert changes(scene.tick(30 * DAY_S)) == [
            (17 * DAY_S, "firing", "resolved"),
            (17 * DAY_S, "resolved", "insufficient"),
        ]
        assert len(scene.partition) == 0

    def test_a_series_that_spent_nothing_is_forgotten_as_any(self) -> None:
        """There is nothing to keep."""
        scene = Scene(_rule(period="month"))
        scene.session(0, cost_usd=0)
        assert changes(scene.tick(8 * DAY_S)) == [(7 * DAY_S, "ok", "insufficient")]
        assert len(scene.partition) == 0

    def test_a_restart_in_between_changes_nothing(self) -> None:
        """The row of what is kept says so itself."""
        scene = Scene(
            _rule(period="month"), make_rule("d", "cost_usd", threshold(9.0), by=BY)
        )
        scene.session(0, cost_usd=4)
        scene.tick(9 * DAY_S)
        after = _moved(scene, *scene.book.rules)
        assert len(after.partition) == 1
        lines = transitions(after.session(10 * DAY_S, cost_usd=1))
        assert [(line.rule, line.to_state, line.value) for line in lines] == [
            ("b", "firing", 5.0),
            ("d", "ok", 1.0),
        ]


class TestForecast:
    def test_a_steady_pace_says_when_the_amount_will_be_gone(self) -> None:
        """In the evidence, and in words in the reason."""
        scene = Scene(_rule(100.0, "month", at=(0.5, 1.0)))
        lines = transitions(scene.series("cost_usd", [0.5] * 201, step_s=2 * HOUR_S))
        half, whole = lines[1:]
        assert half.evidence["burn_per_hour"] == pytest.approx(0.25, rel=0.02)
        gone_s = _seconds(half.evidence["exhausted_at"])
        assert gone_s == pytest.approx(at(whole), abs=4 * HOUR_S)
        assert half.reason.startswith(
            "cost_usd of the month has reached 50 % of 100: the budget will be"
            " exhausted on 30 November "
        )
        assert half.reason.endswith(" UTC at the present rate")

    def test_nothing_is_said_where_it_would_last(self) -> None:
        """Neither a time nor words; the rate is known all the same."""
        scene = Scene(_rule(100.0, "month", at=(0.2,)))
        lines = transitions(scene.series("cost_usd", [0.2] * 120, step_s=2 * HOUR_S))
        line = lines[-1]
        assert line.evidence["burn_per_hour"] == pytest.approx(0.1, rel=0.02)
        assert "exhausted_at" not in line.evidence
        assert line.reason == "cost_usd of the month has reached 20 % of 100"

    def test_once_it_is_spent_it_says_since_when(self) -> None:
        """Also in the line that tells of the period's end."""
        scene = Scene(_rule(at=(0.5, 1.0, 1.5)))
        scene.session(60, cost_usd=10)
        scene.session(600, cost_usd=5)
        first, second = transitions(scene.said)
        since = "the budget has been exhausted since 14 November 00:01 UTC"
        for line in (first, second):
            assert line.evidence["exhausted_at"] == "2023-11-14T00:01:00Z"
            assert line.reason.endswith(since)
        (over,) = transitions(scene.tick(2 * DAY_S))
        assert over.evidence["exhausted_at"] == "2023-11-14T00:01:00Z"

    def test_a_first_session_makes_no_rate(self) -> None:
        """Nobody knows how long it took to spend that."""
        scene = Scene(_rule())
        (line,) = transitions(scene.session(5 * HOUR_S, cost_usd=6))
        assert line.evidence == {
            "spend": 6.0,
            "amount": 10.0,
            "level": 0.5,
            "period": "day",
            "period_start": "2023-11-14T00:00:00Z",
            "period_end": "2023-11-15T00:00:00Z",
            "worst_sessions": line.evidence["worst_sessions"],
        }


class TestEdits:
    def test_another_amount_is_held_against_the_same_spend(self) -> None:
        """At the next session: a raised one ends the alert, or lowers its level."""
        scene = Scene(_rule())
        scene.series("cost_usd", [3.0] * 3)
        lower = _moved(scene, _rule(15.0))
        (line,) = transitions(lower.session(10, cost_usd=0))
        assert (line.from_state, line.to_state) == ("firing", "firing")
        assert (line.evidence["level"], line.threshold) == (0.5, 7.5)
        raised = _moved(lower, _rule(100.0))
        (line,) = transitions(raised.session(11, cost_usd=0))
        assert (line.to_state, line.value) == ("resolved", 9.0)
        assert line.reason == "cost_usd of the day no longer at 50 % of 100"

    def test_another_level_in_between_escalates_nothing_by_itself(self) -> None:
        """A level is known by its share, wherever it stands in the list."""
        scene = Scene(_rule(at=(0.5, 0.9)))
        scene.series("cost_usd", [6.0])
        after = _moved(scene, _rule(at=(0.2, 0.3, 0.5, 0.9)))
        assert transitions(after.session(10, cost_usd=0)) == []

    def test_a_raised_amount_is_exhausted_anew(self) -> None:
        """Since the session that reached it, not since the lower one was."""
        scene = Scene(_rule())
        scene.session(60, cost_usd=10)
        after = _moved(scene, _rule(12.0))
        (line,) = transitions(after.session(120, cost_usd=1))
        assert (line.value, line.evidence["level"]) == (11.0, 0.8)
        assert "exhausted_at" not in line.evidence
        (line,) = transitions(after.session(180, cost_usd=1))
        assert line.evidence["exhausted_at"] == "2023-11-14T00:03:00Z"

    def test_another_period_starts_anew_and_the_open_alert_holds(self) -> None:
        """S27: a new sum does not end it; the end of its period does."""
        scene = Scene(_rule(period="month"))
        scene.session(0, cost_usd=6)
        after = _moved(scene, _rule(period="day"))
        assert transitions(after.session(60, cost_usd=1)) == []
        again = _moved(after, _rule(period="day"))
        assert transitions(again.session(120, cost_usd=1)) == []
        assert changes(again.tick(DAY_S + 1)) == [(DAY_S, "firing", "resolved")]

    def test_a_budget_that_is_gone_is_resolved_with_its_severity(self) -> None:
        """S27: with reason config."""
        scene = Scene(_rule())
        scene.session(0, cost_usd=12)
        (alert,) = scene.partition.open_alerts()
        assert (alert.severity, alert.value) == ("critical", 12.0)
        after = _moved(scene, make_rule("other", "cost_usd", threshold(9.0), by=BY))
        (line,) = transitions(after.partition.retire())
        assert (line.severity, line.reason) == ("critical", "config")
        assert line.alert_id == alert_id("b", {"agent": "a"})


@pytest.mark.parametrize("amount", [5e-324, 1.0, 1.7e308])
def test_absurd_sums_stay_finite(amount: float) -> None:
    """Whatever a session says it cost, lines and rows hold numbers."""
    scene = Scene(_rule(amount, at=(0.5, 10.0)))
    for number, value in enumerate([0.0, 1.7e308, 1.7e308, 5e-324, 0.0, 1.0]):
        scene.session(number * HOUR_S, cost_usd=value)
    after = _moved(scene, *scene.book.rules)
    after.session(9 * HOUR_S, cost_usd=1.7e308)
    after.tick(2 * DAY_S)
    said = transitions(scene.said + after.said)
    assert said[-1].to_state == "resolved"
    for line in said:
        for found in (line.value, line.threshold, line.peak, *line.evidence.values()):
            assert not isinstance(found, float) or abs(found) <= sys.float_info.max


def test_the_end_of_time_ends_no_period() -> None:
    """S6: in replay a clock far off is legal."""
    scene = Scene(_rule(period="month"))
    last_s = _seconds("9999-12-31T23:59:59Z")
    scene.session(last_s - 10, cost_usd=6)
    scene.session(last_s, cost_usd=6)
    assert transitions(scene.said)[0].to_state == "firing"


@st.composite
def _stories(draw: st.DrawFn) -> tuple[Budget, list[Session]]:
    """A budget, and sessions around midnights, some late, some exactly on the line."""
    seed = chance(draw(st.integers(0, 10**9)))
    zone = draw(st.sampled_from(["UTC", "Europe/Berlin", "America/Havana"]))
    shares = sorted(
        draw(st.sets(st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5]), min_size=1))
    )
    kind = Budget(
        draw(st.sampled_from([8.0, 40.0, 200.0])),
        draw(st.sampled_from(["day", "day", "week", "month"])),
        tuple(shares),
        zone,
    )
    # In front of changes of the clocks, and of a new year.
    at_s = _seconds(
        draw(st.sampled_from(["2024-03-08", "2024-10-25", "2023-12-28"])) + "T00:00:00Z"
    )
    made = list[Session]()
    for number in range(draw(st.sampled_from([20, 120]))):
        at_s += seed.choice([0, 0, 900, 1800, 5400, 20 * HOUR_S])
        late_s = seed.choice([900, DAY_S]) if seed.random() < 0.15 else 0
        values = (
            {"cost_usd": seed.choice([0, 0.25, 0.5, 1, 6])}
            if seed.random() < 0.9
            else {}
        )
        made.append(Session(at_s - late_s, values, f"s{number}", {"agent": "a"}))
    return kind, made


@settings(max_examples=60, deadline=None)
@given(_stories())
def test_every_line_of_a_budget(story: tuple[Budget, list[Session]]) -> None:
    """S5, S16, S24 to S28, S31: as a slow and obvious reference says (property)."""
    kind, sessions = story
    rules = (make_rule("b", "cost_usd", kind, by=BY),)
    scene, oracle = Scene(*rules), BudgetOracle(kind)
    for number, session in enumerate(sessions):
        value = session.values.get("cost_usd", float("nan"))
        oracle.session(number, us(session.at_s), value)
    partition = Partition(RuleBook(rules, retention_us=400 * DAY_S * SECOND_US))
    said = partition.apply(scene.log.batch(sessions), 0)
    found = [
        Told(
            microseconds(line.time),
            line.from_state,
            line.to_state,
            line.severity,
            line.value or 0.0,
            line.threshold or 0.0,
            None if line.session_id is None else int(line.session_id[1:]),
            line.generation,
        )
        for line in transitions(said)
    ]
    assert found == oracle.told
