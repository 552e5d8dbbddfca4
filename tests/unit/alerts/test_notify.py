"""Who is told what, when and why: groups, reasons, and the end that is always told."""

from typing import Any

import pytest

from alerts.delivery import Action, Failed, Sent
from alerts.routes import Route
from detectors.matchers import Matchers, equal


class TestFirstNews:
    def test_it_waits_for_group_wait(self, scene: Any) -> None:
        """The first alert of a group is told ``group_wait`` after it fired."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(500)
        assert desk.told() == [(110, "firing", 1)]
        note = desk.lines[0]
        assert (note.channel, note.target) == ("slack", "#agent-alerts")
        assert note.group == '{agent="support",rule="session-cost",task_type="refund"}'
        assert note.alert_ids == ("a1",)

    def test_group_wait_may_be_nothing(self, scene: Any) -> None:
        """With a wait of 0 it is told at the time it fired."""
        desk = scene.Desk(scene.routing(wait_s=0)).take(scene.line(100, "firing"))
        assert desk.until(100).told() == [(100, "firing", 1)]

    def test_pending_is_not_told(self, scene: Any) -> None:
        """An alert that never fired leaves no trace, not even a row."""
        desk = scene.Desk(scene.routing())
        desk.take(scene.line(100, "pending", generation=0), scene.line(130, "ok"))
        assert (desk.until(9000).lines, desk.rows) == ([], {})

    def test_what_ends_inside_group_wait_is_not_told(self, scene: Any) -> None:
        """Nothing is sent, and no ``group_interval`` begins."""
        desk = scene.Desk(scene.routing())
        desk.take(scene.line(100, "firing"), scene.line(105, "resolved")).until(112)
        assert desk.lines == []
        desk.take(scene.line(120, "firing", generation=2)).until(500)
        assert desk.told() == [(130, "firing", 2)]

    def test_ended_and_fired_again_inside_group_wait_is_told_once(
        self, scene: Any
    ) -> None:
        """One ``firing``, of the generation that holds."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"),
            scene.line(103, "resolved"),
            scene.line(106, "firing", generation=2),
        )
        assert desk.until(500).told() == [(110, "firing", 2)]

    def test_a_change_of_level_inside_group_wait_changes_the_first_message(
        self, scene: Any
    ) -> None:
        """It is one ``firing`` at the newest level."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"), scene.line(105, "firing", severity="critical")
        )
        assert desk.until(500).told() == [(110, "firing", 1)]
        assert desk.deliveries[0].alerts[0].severity == "critical"

    def test_each_channel_of_a_receiver_is_told(self, scene: Any) -> None:
        """One line for each receiver and channel."""
        both = scene.routing(agents=(scene.slack, scene.pager))
        desk = scene.Desk(both).take(scene.line(100, "firing")).until(500)
        assert [note.channel for note in desk.lines] == ["slack", "pagerduty"]

    def test_two_alerts_are_two_groups(self, scene: Any) -> None:
        """Each alert has its own message and its own incident."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"),
            scene.line(101, "firing", alert_id="a2", labels={"agent": "sales"}),
        )
        assert desk.until(500).told() == [(110, "firing", 1), (111, "firing", 1)]
        assert len({delivery.dedup_key for delivery in desk.deliveries}) == 2


class TestChanges:
    def test_an_escalation_is_told_at_once(self, scene: Any) -> None:
        """It waits neither for ``group_wait`` nor for ``group_interval``."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"), scene.line(115, "firing", severity="critical")
        )
        assert desk.until(115).told() == [(110, "firing", 1), (115, "escalated", 1)]
        assert desk.deliveries[1].severity_before == "warning"

    def test_the_next_level_of_a_budget_is_an_escalation(self, scene: Any) -> None:
        """Though both are warnings: at once, and what goes with the old one is told."""
        desk = scene.Desk(scene.routing()).take(
            scene.budget(100, 0.5), scene.budget(115, 0.8), scene.budget(116, 0.8)
        )
        assert desk.until(9000).told() == [(110, "firing", 1), (115, "escalated", 1)]
        assert desk.deliveries[1].severity_before == "warning"

    def test_a_budget_that_was_raised_is_told_as_changed(self, scene: Any) -> None:
        """A lower share is no escalation, and waits."""
        desk = scene.Desk(scene.routing()).take(
            scene.budget(100, 0.8), scene.budget(150, 0.5)
        )
        assert desk.until(9000).told() == [(110, "firing", 1), (410, "changed", 1)]

    def test_a_restart_remembers_the_share_that_was_told(self, scene: Any) -> None:
        """Neither told again nor forgotten."""
        desk = scene.Desk(scene.routing()).take(scene.budget(100, 0.8)).until(200)
        desk.restart().take(scene.budget(300, 0.8, seq=300_000)).until(400)
        assert desk.told() == [(110, "firing", 1)]
        desk.take(scene.budget(500, 0.95)).until(600)
        assert desk.told() == [(110, "firing", 1), (500, "escalated", 1)]

    def test_a_level_whose_message_was_refused_is_told_by_the_next(
        self, scene: Any
    ) -> None:
        """What surely nobody heard of counts as not told."""
        answers = iter([Sent("1"), Failed("too long"), Sent("1")])
        desk = scene.Desk(scene.routing(), answer=lambda _: next(answers))
        desk.take(scene.budget(100, 0.5), scene.budget(115, 0.8)).until(116)
        desk.take(scene.budget(200, 0.8, value=410.0)).until(300)
        assert [reason for _, reason, _ in desk.told()] == [
            "firing",
            "escalated",
            "escalated",
        ]

    def test_a_lower_level_waits_for_group_interval(self, scene: Any) -> None:
        """``changed`` comes when the interval since the last message has passed."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing", severity="critical"),
            scene.line(150, "firing", severity="warning"),
        )
        assert desk.until(9000).told() == [(110, "firing", 1), (410, "changed", 1)]

    def test_a_level_that_came_back_is_no_news(self, scene: Any) -> None:
        """A flush without news sends nothing."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing", severity="critical"),
            scene.line(150, "firing", severity="warning"),
            scene.line(200, "firing", severity="critical"),
        )
        assert desk.until(9000).told() == [(110, "firing", 1)]

    def test_recovering_is_no_news(self, scene: Any) -> None:
        """An alert that recovers still fires, for those who were told."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"), scene.line(500, "recovering")
        )
        assert desk.until(9000).told() == [(110, "firing", 1)]

    def test_an_update_is_shown_by_the_next_message_and_sends_none(
        self, scene: Any
    ) -> None:
        """Its value, peak and sessions, though the process died in between."""
        update = scene.update(
            time="1970-01-01T00:01:45Z",
            alert_id="a1",
            seq=105_000,
            value=4.0,
            peak=9.0,
            sessions=7,
        )
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing"))
        desk.take(update, at_s=105).restart().until(500)
        assert desk.told() == [(110, "firing", 1)]
        (shown,) = desk.deliveries[0].alerts
        assert (shown.value, shown.peak, shown.sessions) == (4.0, 9.0, 7)

    def test_an_update_older_than_the_last_line_changes_nothing(
        self, scene: Any
    ) -> None:
        """It was read once more, after a crash."""
        update = scene.update(
            time="1970-01-01T00:01:39Z",
            alert_id="a1",
            seq=99_000,
            value=4.0,
            peak=9.0,
            sessions=7,
        )
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing"))
        desk.take(update, at_s=105).until(500)
        assert desk.deliveries[0].alerts[0].value == 3.2


class TestTheEnd:
    def test_it_is_told_after_group_interval(self, scene: Any) -> None:
        """Resolved inside the interval is told when that has passed."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"), scene.line(150, "resolved")
        )
        assert desk.until(9000).told() == [(110, "firing", 1), (410, "resolved", 1)]

    def test_it_is_told_at_once_after_a_long_time(self, scene: Any) -> None:
        """The interval has passed already."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"), scene.line(2000, "resolved")
        )
        assert desk.until(2000).told()[-1] == (2000, "resolved", 1)

    def test_nothing_is_left_of_a_group_that_was_told_its_end(self, scene: Any) -> None:
        """The alert's last number stays for a while, then goes too."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"), scene.line(2000, "resolved")
        )
        desk.until(3000)
        assert sorted(desk.rows) == [b"a/a1"]
        week_s = 7 * 86_400
        desk.take(scene.line(3000 + week_s, "firing", alert_id="other"))
        desk.until(4000 + week_s)
        assert b"a/a1" not in desk.rows

    def test_the_next_generation_is_first_news_again(self, scene: Any) -> None:
        """After the end was told, firing again waits for ``group_wait``."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"),
            scene.line(2000, "resolved"),
            scene.line(2100, "firing", generation=2),
        )
        assert desk.until(9000).told()[-1] == (2110, "firing", 2)

    def test_a_flap_inside_the_interval_is_told_as_the_new_generation(
        self, scene: Any
    ) -> None:
        """The receiver hears of the second firing and of its end."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"),
            scene.line(150, "resolved"),
            scene.line(200, "firing", generation=2),
            scene.line(3000, "resolved", generation=2),
        )
        assert desk.until(9000).told() == [
            (110, "firing", 1),
            (410, "firing", 2),
            (3000, "resolved", 2),
        ]

    def test_a_flap_does_not_leave_a_red_message_behind(self, scene: Any) -> None:
        """The first generation's message is set right, quietly, before the second's."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"),
            scene.line(150, "resolved"),
            scene.line(200, "firing", generation=2),
        )
        desk.until(9000)
        first, closing, second = desk.deliveries
        assert (closing.action, closing.generation, closing.quiet) == (
            Action.CLOSE,
            1,
            True,
        )
        assert closing.ref is not None
        assert (second.action, second.generation) == (Action.OPEN, 2)
        assert (first.ref, second.ref) == (None, None)

    def test_the_end_shows_the_line_that_ended_it(self, scene: Any) -> None:
        """Lines that follow, such as ok, do not change what is told of the end."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"),
            scene.line(150, "resolved", reason="the end"),
            scene.line(160, "ok", severity=None, reason="healthy"),
        )
        desk.until(9000)
        assert desk.deliveries[-1].alerts[0].reason == "the end"


class TestRepeatsOfLines:
    def test_a_line_seen_before_changes_nothing(self, scene: Any) -> None:
        """Lines are known by their numbers, never by the generation."""
        first, last = scene.line(100, "firing"), scene.line(2000, "resolved")
        desk = scene.Desk(scene.routing()).take(first, last).until(3000)
        rows = dict(desk.rows)
        desk.take(first, last, at_s=3000).until(9000)
        assert (len(desk.lines), desk.rows) == (2, rows)

    def test_the_last_line_seen_again_does_not_tell_anew(self, scene: Any) -> None:
        """Not even where the first telling was refused."""
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: Failed("no"))
        line = scene.line(100, "firing")
        desk.take(line).until(200)
        desk.take(line, at_s=300).until(9000)
        assert desk.told() == [(110, "firing", 1)]


class TestSeverityReroutes:
    def test_a_receiver_for_critical_hears_of_the_escalation_as_firing(
        self, scene: Any
    ) -> None:
        """Who is newly matched gets ``firing``, who was told ``escalated``."""
        desk = scene.Desk(scene.critical_to_on_call()).take(
            scene.line(100, "firing"), scene.line(500, "firing", severity="critical")
        )
        desk.until(9000)
        assert desk.told("on-call") == [(510, "firing", 1)]
        assert desk.told("agents") == [(110, "firing", 1), (500, "escalated", 1)]

    def test_who_was_told_stays_to_the_end(self, scene: Any) -> None:
        """A fall to warning is ``changed`` for on-call too, and so is the end told."""
        desk = scene.Desk(scene.critical_to_on_call()).take(
            scene.line(100, "firing", severity="critical"),
            scene.line(1000, "firing", severity="warning"),
            scene.line(2000, "resolved", severity="warning"),
        )
        assert desk.until(9000).told("on-call") == [
            (110, "firing", 1),
            (1000, "changed", 1),
            (2000, "resolved", 1),
        ]

    def test_who_was_not_told_yet_hears_nothing_when_it_falls(self, scene: Any) -> None:
        """Critical for less than ``group_wait`` is no news for on-call."""
        desk = scene.Desk(scene.critical_to_on_call()).take(
            scene.line(100, "firing", severity="critical"),
            scene.line(105, "firing", severity="warning"),
        )
        desk.until(9000)
        assert desk.told("on-call") == []
        assert desk.told("agents") == [(110, "firing", 1)]
        assert sum(key.startswith(b"g/") for key in desk.rows) == 1

    def test_a_generation_that_is_routed_elsewhere_is_not_told_here(
        self, scene: Any
    ) -> None:
        """On-call hears the end of the critical one, nothing of the mild one after."""
        desk = scene.Desk(scene.critical_to_on_call()).take(
            scene.line(100, "firing", severity="critical"),
            scene.line(150, "resolved", severity="critical", reason="the end"),
            scene.line(200, "firing", generation=2),
        )
        desk.until(9000)
        assert desk.told("on-call") == [(110, "firing", 1), (410, "resolved", 1)]
        to_on_call = [one for one in desk.deliveries if one.receiver == "on-call"]
        assert to_on_call[-1].alerts[0].reason == "the end"


class TestDebts:
    def test_a_receiver_that_is_gone_is_owed_the_end(self, scene: Any) -> None:
        """The debt stays over restarts, is counted, and paid when it is back."""
        routing = scene.critical_to_on_call()
        desk = scene.Desk(routing).take(scene.line(100, "firing", severity="critical"))
        desk.until(300).restart(scene.routing(**{"on-call": ()}))
        desk.take(scene.line(1000, "resolved", severity="critical")).until(5000)
        assert desk.told("on-call") == [(110, "firing", 1)]
        (debt,) = desk.notifier.owed()
        assert (debt.receiver, debt.reason, debt.alert_ids) == (
            "on-call",
            "resolved",
            ("a1",),
        )
        desk.restart().until(6000)
        assert len(desk.notifier.owed()) == 1
        desk.restart(routing)
        desk.until(6000)
        assert desk.told("on-call")[-1] == (6000, "resolved", 1)
        assert desk.notifier.owed() == ()

    def test_an_end_that_is_refused_is_owed_and_tried_again_by_a_restart(
        self, scene: Any
    ) -> None:
        """What nobody could be told is visible, with the reason."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(200)
        desk.answer = lambda _delivery: Failed("the token is revoked")
        desk.take(scene.line(1000, "resolved")).until(2000)
        (debt,) = desk.notifier.owed()
        assert (debt.reason, debt.fault) == ("resolved", "the token is revoked")
        assert [lost.refused for lost in desk.given_up] == [True]
        desk.answer = lambda _delivery: Sent()
        desk.restart()
        desk.until(3000)
        assert desk.notifier.owed() == ()
        assert desk.told() == [(110, "firing", 1), (1000, "resolved", 1)]

    def test_a_firing_that_is_refused_counts_as_not_told(self, scene: Any) -> None:
        """No end is told of it, and its debt ends with the alert."""
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: Failed("no"))
        desk.take(scene.line(100, "firing")).until(200)
        (debt,) = desk.notifier.owed()
        assert debt.reason == "firing"
        desk.take(scene.line(1000, "resolved")).until(9000)
        assert desk.told() == [(110, "firing", 1)]
        assert desk.notifier.owed() == ()

    def test_a_firing_that_was_refused_is_told_anew_after_a_restart(
        self, scene: Any
    ) -> None:
        """The configuration may have been put right."""
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: Failed("no"))
        desk.take(scene.line(100, "firing")).until(200)
        desk.answer = lambda _delivery: Sent()
        desk.restart()
        desk.until(2000)
        assert desk.told() == [(110, "firing", 1), (210, "firing", 1)]

    def test_an_escalation_after_a_refused_firing_is_first_news(
        self, scene: Any
    ) -> None:
        """Who never heard of it is told ``firing``, at its new level."""
        answers = [Failed("no"), Sent()]
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: answers.pop(0))
        desk.take(
            scene.line(100, "firing"), scene.line(1000, "firing", severity="critical")
        )
        assert desk.until(9000).told() == [(110, "firing", 1), (1010, "firing", 1)]

    def test_an_escalation_that_was_refused_is_news_still(self, scene: Any) -> None:
        """The channel knows of the lower level, and is told when there is a line."""
        answers = [Sent(), Failed("no"), Sent()]
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: answers.pop(0))
        desk.take(
            scene.line(100, "firing"),
            scene.line(500, "firing", severity="critical"),
            scene.line(900, "recovering", severity="critical"),
        )
        assert desk.until(9000).told()[1:] == [
            (500, "escalated", 1),
            (900, "escalated", 1),
        ]


class TestConfigurationChanges:
    def test_a_new_receiver_is_told_of_what_fires(self, scene: Any) -> None:
        """After a restart with another route tree, open alerts are routed by it."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(500)
        desk.restart(scene.routing(Route(1, "agents", go_on=True), Route(2, "on-call")))
        desk.until(2000)
        assert desk.told("on-call") == [(510, "firing", 1)]
        assert desk.told("agents") == [(110, "firing", 1)]

    def test_a_static_label_that_is_edited_moves_nothing(self, scene: Any) -> None:
        """The alert stays in the group where it was told."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(100, "firing"),
            scene.line(1000, "recovering", labels={"agent": "support", "team": "b"}),
            scene.line(2000, "resolved", labels={"agent": "support", "team": "b"}),
        )
        assert desk.until(9000).told() == [(110, "firing", 1), (2000, "resolved", 1)]
        assert len({note.group for note in desk.lines}) == 1

    @pytest.mark.parametrize("severity", ["critical", "warning", "info"])
    def test_routes_match_the_severity_in_force(
        self, scene: Any, severity: str
    ) -> None:
        """A route for one severity reaches its receiver for that one alone."""
        match = Matchers((equal("severity", severity),))
        desk = scene.Desk(scene.routing(Route(1, "on-call", match)))
        for name in ("critical", "warning", "info"):
            desk.take(scene.line(100, "firing", alert_id=name, severity=name))
        desk.until(500)
        told = [note.alert_ids for note in desk.lines if note.receiver == "on-call"]
        assert told == [(severity,)]
