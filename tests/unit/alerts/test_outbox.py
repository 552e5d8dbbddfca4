"""The outbox: order, replacement, retries, pauses, restarts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery import Action, Ambiguous, Delivery, Failed, Retry, Sent
from alerts.outbox import AT_ONCE
from alerts.retries import LONGEST_US, SHORTEST_US, back_off_us

_DAY_S = 86_400


def _waiting(scene: Any, **more: Any) -> Any:
    """A desk that leaves every delivery under way."""
    return scene.Desk(scene.routing(**more), answer=lambda _delivery: None)


def _said(deliveries: list[Delivery]) -> list[tuple[str, int]]:
    return [(str(one.action), one.generation) for one in deliveries]


class TestOrder:
    def test_the_end_waits_for_the_beginning(self, scene: Any) -> None:
        """While the firing is on its way, nothing else of the group is started."""
        desk = _waiting(scene).take(scene.line(100, "firing"))
        desk.take(scene.line(1000, "resolved")).until(2000)
        assert _said(desk.deliveries) == [("open", 1)]
        desk.settle(desk.deliveries[0], Sent("C1/1.1"))
        assert _said(desk.deliveries) == [("open", 1), ("close", 1)]
        assert desk.deliveries[1].ref == "C1/1.1"

    def test_a_firing_that_could_not_be_sent_is_still_told_before_its_end(
        self, scene: Any
    ) -> None:
        """What was over before the channel came back is not lost."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(120)
        desk.settle(desk.under_way[0], Retry("down"))
        desk.take(scene.line(121, "resolved")).until(900)
        assert _said(desk.deliveries) == [("open", 1), ("open", 1)]
        desk.settle(desk.under_way[0], Sent())
        assert _said(desk.deliveries)[2:] == [("close", 1)]

    def test_different_groups_do_not_wait_for_each_other(self, scene: Any) -> None:
        """Up to a few messages are on their way to one channel at a time."""
        desk = _waiting(scene)
        for number in range(10):
            desk.take(
                scene.line(
                    100, "firing", alert_id=f"a{number}", labels={"n": str(number)}
                )
            )
        desk.until(500)
        assert len(desk.under_way) == AT_ONCE
        desk.settle(desk.under_way[0], Sent())
        assert len(desk.under_way) == AT_ONCE

    def test_a_group_whose_end_is_under_way_begins_anew(self, scene: Any) -> None:
        """The next firing waits for ``group_wait``, and is sent after the end."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Sent("C1/1.1"))
        desk.take(
            scene.line(1000, "resolved"), scene.line(1010, "firing", generation=2)
        ).until(1100)
        assert desk.told()[1:] == [(1000, "resolved", 1), (1020, "firing", 2)]
        desk.settle(desk.under_way[0], Sent())
        assert _said(desk.deliveries)[1:] == [("close", 1), ("open", 2)]
        desk.settle(desk.under_way[0], Sent("C1/2.2"))
        (row,) = [row for key, row in desk.rows.items() if key.startswith(b"g/")]
        assert b"C1/2.2" in row
        assert b"C1/1.1" not in row

    def test_an_outcome_nobody_waits_for_changes_nothing(self, scene: Any) -> None:
        """One of another process, say."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(500)
        effects = desk.notifier.on_outcome("unknown", Failed("no"), desk.now_us)
        assert (effects.deliveries, effects.given_up) == ((), ())


class TestReplacement:
    def test_an_unsent_firing_takes_on_the_newest_level(self, scene: Any) -> None:
        """It is one message, still a firing, with a new id."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Retry("down", after_s=100))
        desk.take(scene.line(150, "firing", severity="critical")).until(500)
        first, second = desk.deliveries
        assert (second.action, second.reason) == (Action.OPEN, "firing")
        assert second.alerts[0].severity == "critical"
        assert second.severity_before is None
        assert first.id != second.id

    def test_an_unsent_change_is_replaced_by_the_end(self, scene: Any) -> None:
        """Nobody needs to hear that an alert that is over rose before."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Sent("C1/1.1"))
        desk.take(scene.line(150, "firing", severity="critical")).until(150)
        desk.settle(desk.under_way[0], Retry("down", after_s=3000))
        desk.take(scene.line(1000, "resolved", severity="critical")).until(9000)
        assert _said(desk.deliveries) == [("open", 1), ("update", 1), ("close", 1)]

    def test_a_generation_nobody_heard_of_gives_way_to_the_next(
        self, scene: Any
    ) -> None:
        """Of an alert that flapped while the channel was down, the last one is told."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Retry("down", after_s=3000))
        desk.take(
            scene.line(1000, "resolved"), scene.line(1100, "firing", generation=2)
        ).until(9000)
        assert _said(desk.deliveries) == [("open", 1), ("open", 2)]

    def test_what_failed_takes_on_what_came_while_it_was_under_way(
        self, scene: Any
    ) -> None:
        """The next attempt says it all, and nothing follows it."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.take(scene.line(111, "firing", severity="critical")).until(111)
        desk.settle(desk.under_way[0], Retry("down"))
        desk.until(500)
        assert _said(desk.deliveries) == [("open", 1), ("open", 1)]
        assert desk.deliveries[1].alerts[0].severity == "critical"
        desk.settle(desk.under_way[0], Sent())
        assert _said(desk.deliveries)[2:] == []

    def test_what_came_behind_a_refused_opening_opens_in_its_place(
        self, scene: Any
    ) -> None:
        """Perhaps only the first message was one that the channel does not take."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.take(scene.line(111, "firing", severity="critical")).until(111)
        desk.settle(desk.under_way[0], Failed("invalid_blocks"))
        (second,) = desk.under_way
        assert (second.action, second.reason) == (Action.OPEN, "firing")
        assert second.severity_before is None
        desk.settle(second, Sent("C1/1.1"))
        desk.take(scene.line(1000, "resolved", severity="critical")).until(2000)
        assert desk.told()[-1] == (1000, "resolved", 1)

    def test_what_may_have_arrived_is_not_replaced(self, scene: Any) -> None:
        """It is sent again as a possible repeat, and what came after it follows."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Ambiguous("reset"))
        desk.take(scene.line(111, "firing", severity="critical")).until(600)
        assert _said(desk.deliveries) == [("open", 1), ("open", 1)]
        assert desk.deliveries[0].id == desk.deliveries[1].id
        assert desk.deliveries[1].possible_repeat
        desk.settle(desk.under_way[0], Sent("C1/1.1"))
        assert _said(desk.deliveries)[2:] == [("update", 1)]


class TestRetries:
    def test_it_is_tried_again_after_a_while(self, scene: Any) -> None:
        """Each attempt has its number."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        for attempt in (1, 2, 3):
            delivery = desk.under_way[0]
            assert delivery.attempt == attempt
            before_us = desk.now_us
            desk.settle(delivery, Retry("down"))
            due_us = desk.notifier.next_due_us
            assert due_us is not None
            assert SHORTEST_US <= due_us - before_us <= LONGEST_US
            desk.until(due_us / scene.S + 0.001)

    @given(st.text(max_size=40), st.integers(1, 10_000))
    def test_the_back_off_has_bounds_and_no_chance(
        self, name: str, attempts: int
    ) -> None:
        """From a second to five minutes, the same each time."""
        assert SHORTEST_US <= back_off_us(name, attempts) <= LONGEST_US
        assert back_off_us(name, attempts) == back_off_us(name, attempts)

    def test_retry_after_holds_for_the_whole_channel(self, scene: Any) -> None:
        """No other group's message is started before."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Retry("limited", after_s=50.0))
        desk.take(scene.line(112, "firing", alert_id="a2", labels={"agent": "b"}))
        desk.until(159.9)
        assert len(desk.deliveries) == 1
        desk.until(400)
        assert {one.alerts[0].alert_id for one in desk.deliveries[1:]} == {"a1", "a2"}

    def test_retry_after_holds_over_a_restart(self, scene: Any) -> None:
        """A pause is a row too."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Retry("limited", after_s=50.0))
        desk.restart().take(scene.line(112, "firing", alert_id="a2", labels={"n": "2"}))
        desk.until(159.9)
        assert len(desk.deliveries) == 1

    def test_a_warning_is_given_up_after_two_hours(self, scene: Any) -> None:
        """Old news of little weight helps nobody; it is counted."""
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: Retry("down"))
        desk.take(scene.line(100, "firing")).until(110 + 2 * 3600 - 1)
        assert desk.given_up == []
        (lost,) = desk.until(9000).given_up
        assert (lost.receiver, lost.channel, lost.refused) == ("agents", "slack", False)

    def test_critical_news_and_ends_are_tried_for_a_day(self, scene: Any) -> None:
        """An incident whose end is not told stays open for ever."""
        down = Retry("down")
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: down)
        desk.take(scene.line(100, "firing", severity="critical"))
        assert desk.until(_DAY_S).given_up == []
        assert len(desk.until(_DAY_S + 500).given_up) == 1
        ends = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(200)
        ends.answer = lambda _delivery: down
        ends.take(scene.line(1000, "resolved"))
        assert ends.until(_DAY_S).given_up == []

    def test_a_refusal_is_final_at_once(self, scene: Any) -> None:
        """It is not tried again."""
        desk = scene.Desk(
            scene.routing(), answer=lambda _delivery: Failed("invalid_auth")
        )
        desk.take(scene.line(100, "firing")).until(9000)
        assert len(desk.deliveries) == 1
        assert desk.given_up[0].fault == "invalid_auth"
        assert desk.notifier.next_due_us is None


class TestRestarts:
    def test_a_retry_that_was_under_way_is_a_possible_repeat_too(
        self, scene: Any
    ) -> None:
        """Every attempt is written down before it is made, not only the first."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Retry("down"))
        desk.until(500)
        assert not desk.deliveries[1].possible_repeat
        desk.restart().until(501)
        assert desk.deliveries[2].possible_repeat

    def test_what_was_under_way_is_sent_again_as_a_possible_repeat(
        self, scene: Any
    ) -> None:
        """The process may have died before the request or after it."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(500)
        desk.restart().until(501)
        first, second = desk.deliveries
        assert first.id == second.id
        assert (first.possible_repeat, second.possible_repeat) == (False, True)
        assert second.attempt == 2

    def test_what_was_sent_is_not_sent_again(self, scene: Any) -> None:
        """Nor is anything else done."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(500)
        desk.restart().until(900)
        assert len(desk.deliveries) == 1

    def test_the_message_to_edit_is_known_after_a_restart(self, scene: Any) -> None:
        """What Slack called it is in the row."""
        desk = scene.Desk(scene.routing(), answer=lambda _delivery: Sent("C1/17.5"))
        desk.take(scene.line(100, "firing")).until(500).restart()
        desk.take(scene.line(1000, "resolved")).until(2000)
        assert desk.deliveries[-1].ref == "C1/17.5"

    def test_timers_run_once_after_a_restart(self, scene: Any) -> None:
        """A flush that fell due while nobody ran is made up."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).restart()
        assert desk.until(500).told() == [(110, "firing", 1)]

    def test_a_firing_that_ended_unsent_long_ago_is_not_told(self, scene: Any) -> None:
        """After a day without a worker nobody wants both in a row."""
        desk = _waiting(scene).take(scene.line(100, "firing")).until(110)
        desk.settle(desk.under_way[0], Retry("down"))
        desk.take(scene.line(110.5, "resolved")).until(110.9)
        desk.take(scene.line(410.5, "ok", severity=None))
        before = len(desk.deliveries)
        for delivery in list(desk.under_way):
            desk.settle(delivery, Retry("down", after_s=3000))
        desk.now_us = 2 * _DAY_S * scene.S
        desk.restart().until(2 * _DAY_S + 10)
        assert len(desk.deliveries) == before

    def test_rows_hold_no_secret(self, scene: Any) -> None:
        """Tokens and keys stay in the configuration."""
        desk = _waiting(scene, agents=(scene.slack, scene.pager))
        desk.take(scene.line(100, "firing")).until(500)
        written = b"".join(desk.rows.values())
        assert scene.slack.token.read().encode() not in written
        assert scene.pager.routing_key.read().encode() not in written

    def test_deliveries_show_no_secret(self, scene: Any) -> None:
        """They may be logged."""
        desk = _waiting(scene, agents=(scene.slack, scene.pager))
        shown = repr(desk.take(scene.line(100, "firing")).until(500).deliveries)
        assert scene.slack.token.read() not in shown
        assert scene.pager.routing_key.read() not in shown


class TestPagerDutyKeys:
    def test_the_key_hangs_on_receiver_and_group_alone(self, scene: Any) -> None:
        """Generations, routes and times do not change it."""
        routing = scene.critical_to_on_call()
        desk = scene.Desk(routing, answer=lambda one: Sent(one.dedup_key)).take(
            scene.line(100, "firing", severity="critical"),
            scene.line(2000, "resolved", severity="critical"),
            scene.line(3000, "firing", severity="critical", generation=2),
        )
        desk.until(9000)
        keys = {one.dedup_key for one in desk.deliveries if one.receiver == "on-call"}
        assert len(keys) == 1
        assert keys != {
            one.dedup_key for one in desk.deliveries if one.receiver == "agents"
        }

    def test_the_end_goes_out_under_the_key_of_the_beginning(self, scene: Any) -> None:
        """The outbox keeps the key that PagerDuty confirmed."""
        desk = scene.Desk(
            scene.routing(agents=(scene.pager,)),
            answer=lambda _delivery: Sent("old-key"),
        )
        desk.take(scene.line(100, "firing"), scene.line(1000, "resolved")).until(2000)
        assert desk.deliveries[-1].dedup_key == "old-key"

    def test_a_flap_goes_on_in_the_open_incident(self, scene: Any) -> None:
        """The second generation triggers under the same key; one resolve ends both."""
        desk = scene.Desk(scene.routing(agents=(scene.pager,))).take(
            scene.line(100, "firing"),
            scene.line(150, "resolved"),
            scene.line(200, "firing", generation=2),
            scene.line(3000, "resolved", generation=2),
        )
        desk.until(9000)
        assert _said(desk.deliveries) == [("open", 1), ("open", 2), ("close", 2)]
