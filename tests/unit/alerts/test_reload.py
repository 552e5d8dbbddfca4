"""Another file while alerts fire: whoever was told of one is told its end, once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alerts.delivery import Action, Delivery, Failed, Outcome, Retry, Sent
from alerts.receivers import PagerDutyService, Secret, SlackChannel
from alerts.routes import Inhibition, Mute, MuteTime, Route
from detectors.matchers import Matchers, equal

_CRITICAL = Matchers((equal("severity", "critical"),))


def _both(scene: Any, **more: Any) -> Any:
    """Everything to agents, what is critical to on-call too."""
    return scene.routing(
        Route(1, "on-call", _CRITICAL, go_on=True), Route(2, "agents"), **more
    )


def _agents_alone(scene: Any, **more: Any) -> Any:
    """The receiver on-call is gone from the file."""
    routing = scene.routing(**more)
    receivers = tuple(each for each in routing.receivers if each.name != "on-call")
    return type(routing)(receivers, routing.route, routing.inhibit, routing.mute)


def _critical(scene: Any, at_s: float, to: str, **more: Any) -> Any:
    return scene.line(at_s, to, severity="critical", **more)


@pytest.fixture
def told(scene: Any) -> Any:
    """A desk whose two receivers were told of a critical alert."""
    desk = scene.Desk(_both(scene)).take(_critical(scene, 100, "firing"))
    return desk.until(120)


class TestOpenAlerts:
    def test_a_file_that_says_the_same_tells_nobody_anything(
        self, scene: Any, told: Any
    ) -> None:
        """No page doubles because somebody saved the file."""
        before = len(told.lines)
        told.reload(_both(scene)).until(4000)
        assert len(told.lines) == before

    def test_a_route_that_is_gone_still_owes_its_resolve(
        self, scene: Any, told: Any
    ) -> None:
        """S27: its receiver stays in the file, and is told the end."""
        told.reload(scene.routing()).take(_critical(scene, 1000, "resolved"))
        told.until(2000)
        assert told.told("on-call")[-1] == (1000, "resolved", 1)

    def test_a_route_that_is_new_tells_what_fires(self, scene: Any) -> None:
        """Within ``group_wait``, as if the alert had just begun there."""
        desk = scene.Desk(scene.routing()).take(_critical(scene, 100, "firing"))
        desk.until(120).reload(_both(scene)).until(200)
        assert desk.told("on-call") == [(130, "firing", 1)]
        assert len(desk.told("agents")) == 1

    def test_an_alert_stays_in_the_group_where_it_was_told(
        self, scene: Any, told: Any
    ) -> None:
        """S38: another ``group_by`` opens no second incident."""
        group = told.lines[0].group
        told.reload(_both(scene, group_by=("agent",)))
        told.take(_critical(scene, 1000, "resolved")).until(2000)
        assert {note.group for note in told.lines} == {group}
        assert [
            each.action for each in told.deliveries if each.receiver == "on-call"
        ] == [
            Action.OPEN,
            Action.CLOSE,
        ]

    def test_an_untold_alert_follows_the_new_tree(self, scene: Any) -> None:
        """Nobody is owed anything where nothing was said."""
        desk = scene.Desk(_both(scene)).take(_critical(scene, 100, "firing"))
        desk.until(105).reload(_agents_alone(scene)).until(400)
        assert desk.told("on-call") == []
        assert len(desk.told("agents")) == 1
        assert desk.notifier.unsettled() == {}

    def test_new_times_hold_from_the_next_flush_on(self, scene: Any, told: Any) -> None:
        """The file's ``group_interval``, not the one the group began with."""
        told.reload(scene.routing(interval_s=60))
        told.take(_critical(scene, 125, "resolved")).until(2000)
        assert told.told("agents")[-1] == (170, "resolved", 1)


class TestSuppression:
    def test_a_mute_that_is_gone_tells_what_it_held(self, scene: Any) -> None:
        """S52: unsuppressed, as at the end of the mute itself."""
        always = Mute(Matchers(()), (MuteTime(),))
        desk = scene.Desk(scene.routing(mute=(always,)))
        desk.take(scene.line(100, "firing")).until(200)
        assert desk.lines == []
        desk.reload(scene.routing()).until(300)
        assert desk.told() == [(210, "unsuppressed", 1)]

    def test_a_mute_that_is_new_holds_what_was_not_told(self, scene: Any) -> None:
        """And takes nothing back: the end of what was told is told."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(120)
        desk.reload(scene.routing(mute=(Mute(Matchers(()), (MuteTime(),)),)))
        desk.take(scene.line(500, "firing", alert_id="a2", labels={"agent": "b"}))
        desk.take(scene.line(600, "resolved")).until(2000)
        assert desk.told() == [(110, "firing", 1), (600, "resolved", 1)]

    def test_an_inhibition_that_is_new_knows_what_fires_already(
        self, scene: Any
    ) -> None:
        """Its source fired before the file said so."""
        desk = scene.Desk(scene.routing())
        desk.take(scene.line(100, "firing", rule="source")).until(150)
        quiet = Inhibition(
            Matchers((equal("rule", "source"),)), Matchers((equal("rule", "target"),))
        )
        desk.reload(scene.routing(inhibit=(quiet,)))
        desk.take(scene.line(200, "firing", rule="target", alert_id="a2")).until(900)
        assert [note.alert_ids for note in desk.lines] == [("a1",)]

    def test_a_silence_outlives_the_edit(self, scene: Any) -> None:
        """It is nothing of the file's."""
        from alerts.silences import Silence

        desk = scene.Desk(scene.routing())
        desk.notifier.requests.silence(Silence("s1", {}, 0, 5000 * scene.S), 0)
        desk.take(scene.line(100, "firing")).reload(_both(scene)).until(4000)
        assert desk.lines == []


class TestReceiversThatAreGone:
    def test_they_are_told_the_end_while_the_process_runs(
        self, scene: Any, told: Any
    ) -> None:
        """Their channel stays until they are owed nothing, and goes then."""
        told.reload(_agents_alone(scene))
        assert told.notifier.unsettled() == {"on-call": 1}
        assert scene.pager in told.notifier.channels
        told.take(_critical(scene, 1000, "resolved")).until(2000)
        assert told.told("on-call")[-1] == (1000, "resolved", 1)
        assert told.notifier.unsettled() == {}
        assert scene.pager not in told.notifier.channels

    def test_they_are_told_nothing_but_the_end(self, scene: Any) -> None:
        """No change, no repeat: somebody took them out of the file."""
        desk = scene.Desk(_both(scene, repeat_s=600))
        desk.take(_critical(scene, 100, "firing")).until(120)
        desk.reload(_agents_alone(scene, repeat_s=600))
        desk.take(scene.line(500, "firing"), _critical(scene, 3000, "firing"))
        desk.until(9000)
        assert [reason for _, reason, _ in desk.told("on-call")] == ["firing"]
        assert "repeat" in {reason for _, reason, _ in desk.told("agents")}

    def test_one_that_comes_back_goes_on_as_before(self, scene: Any, told: Any) -> None:
        """It is not told twice of what it knows."""
        told.reload(_agents_alone(scene)).reload(_both(scene)).until(3000)
        assert [reason for _, reason, _ in told.told("on-call")] == ["firing"]
        told.take(_critical(scene, 3500, "resolved")).until(4000)
        assert told.told("on-call")[-1] == (3500, "resolved", 1)

    def test_after_a_restart_the_debt_stays_until_they_are_back(
        self, scene: Any, told: Any
    ) -> None:
        """Counted, though nobody can be told; then paid at once."""
        told.restart(_agents_alone(scene))
        told.take(_critical(scene, 1000, "resolved")).until(90_000)
        assert told.notifier.unsettled() == {"on-call": 1}
        assert [debt.receiver for debt in told.notifier.owed()] == ["on-call"]
        assert told.told("on-call") == [(110, "firing", 1)]
        told.reload(_both(scene)).until(90_001)
        assert told.told("on-call")[-1] == (90_000, "resolved", 1)
        assert told.notifier.unsettled() == {}

    def test_what_is_on_its_way_to_them_still_arrives(self, scene: Any) -> None:
        """The outcome of a message that was sent before the edit is not lost."""
        desk = scene.Desk(_both(scene), answer=lambda _delivery: None)
        desk.take(_critical(scene, 100, "firing")).until(120)
        (page,) = [each for each in desk.under_way if each.receiver == "on-call"]
        desk.reload(_agents_alone(scene))
        desk.take(_critical(scene, 130, "resolved")).until(500)
        desk.settle(page, Sent("ref"))
        (end,) = [each for each in desk.under_way if each.receiver == "on-call"]
        assert (end.action, end.ref) == (Action.CLOSE, "ref")
        desk.settle(end, Sent())
        assert desk.notifier.unsettled() == {}


class TestForgiving:
    def test_a_receiver_that_is_gone_is_owed_nothing_any_more(
        self, scene: Any, told: Any
    ) -> None:
        """No row is left of it, and the others are as they were."""
        told.restart(_agents_alone(scene)).until(200)
        assert told.forgive("on-call") == 1
        told.until(201).take(_critical(scene, 1000, "resolved")).until(2000)
        assert told.notifier.unsettled() == {}
        assert told.notifier.owed() == ()
        assert told.told("on-call") == [(110, "firing", 1)]
        assert told.told("agents")[-1] == (1000, "resolved", 1)
        assert told.restart(_both(scene)).until(9000).told("on-call") == [
            (110, "firing", 1)
        ]

    def test_nothing_owed_is_nothing_forgiven(self, scene: Any, told: Any) -> None:
        """A name that nobody has, or who is told in time."""
        assert told.forgive("nobody") == 0
        assert told.forgive("on-call") == 0
        told.take(_critical(scene, 1000, "resolved")).until(2000)
        assert told.told("on-call")[-1] == (1000, "resolved", 1)

    def test_what_a_channel_refused_can_be_forgiven(self, scene: Any) -> None:
        """The receiver is in the file; what it would not take is forgotten."""

        def refuse(delivery: Delivery) -> Outcome:
            return Failed("no") if delivery.action is Action.CLOSE else Sent("ref")

        desk = scene.Desk(scene.routing(), answer=refuse)
        desk.take(scene.line(100, "firing"), scene.line(200, "resolved")).until(900)
        assert [debt.reason for debt in desk.notifier.owed()] == ["resolved"]
        assert desk.forgive("agents") == 1
        desk.restart().until(9000)
        assert desk.notifier.owed() == ()
        assert [each.action for each in desk.deliveries].count(Action.CLOSE) == 1

    def test_a_message_on_its_way_is_neither_tried_again_nor_owed(
        self, scene: Any
    ) -> None:
        """Whatever comes of it after it was forgiven."""
        desk = scene.Desk(_both(scene), answer=lambda _delivery: None)
        desk.take(_critical(scene, 100, "firing")).until(120)
        (page,) = [each for each in desk.under_way if each.receiver == "on-call"]
        desk.reload(_agents_alone(scene))
        assert desk.forgive("on-call") == 1
        desk.settle(page, Retry("busy"))
        desk.take(_critical(scene, 500, "resolved")).until(99_000)
        assert desk.notifier.unsettled() == {}
        assert [each for each in desk.deliveries if each.receiver == "on-call"] == [
            page
        ]


class TestChannelsThatMove:
    def test_an_incident_is_closed_with_the_key_that_opened_it(
        self, scene: Any, told: Any
    ) -> None:
        """Another routing key is another service: there it was never opened."""
        other = PagerDutyService(Secret("o" * 32))
        told.reload(_both(scene, **{"on-call": (other,)}))
        told.take(_critical(scene, 1000, "resolved")).until(2000)
        told.take(_critical(scene, 5000, "firing", generation=2)).until(6000)
        channels = [d.channel for d in told.deliveries if d.receiver == "on-call"]
        assert channels == [scene.pager, scene.pager, other]
        assert scene.pager not in told.notifier.channels

    def test_a_key_that_is_refused_now_gives_way_to_the_new_one(
        self, scene: Any
    ) -> None:
        """The key was changed because the old one is no longer good."""
        other = PagerDutyService(Secret("o" * 32))

        def answer(delivery: Delivery) -> Outcome:
            old = delivery.channel == scene.pager
            ends = delivery.action is Action.CLOSE
            return Failed("invalid key") if old and ends else Sent("ref")

        desk = scene.Desk(_both(scene), answer=answer)
        desk.take(_critical(scene, 100, "firing")).until(120)
        desk.reload(_both(scene, **{"on-call": (other,)}))
        desk.take(_critical(scene, 1000, "resolved")).until(2000)
        assert desk.deliveries[-1].channel == other
        assert desk.given_up == []
        assert desk.notifier.owed() == ()

    def test_a_message_is_edited_where_it_is(self, scene: Any, told: Any) -> None:
        """At Slack the message has a place of its own; another channel gets new ones."""
        other = SlackChannel("#elsewhere", token=Secret("xoxb-other"))
        told.reload(_both(scene, agents=(other,)))
        told.take(_critical(scene, 1000, "resolved")).until(2000)
        opened, ended = [d for d in told.deliveries if d.receiver == "agents"]
        assert (opened.channel, ended.channel) == (scene.slack, other)
        assert ended.ref == f"ref-{opened.id[:6]}"


_ALERTS = ("a1", "a2")
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("live"), st.sampled_from(_ALERTS), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 9, 60, 299, 1000])),
        st.tuples(st.just("outcome"), st.booleans()),
        st.tuples(st.just("reload"), st.integers(0, 3)),
        st.tuples(st.just("restart"), st.integers(0, 3)),
    ),
    max_size=50,
)


class _World:
    """Alerts, files that come and go, and receivers that may be busy."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.files = [
            _both(scene),
            scene.routing(),
            _agents_alone(scene),
            _both(scene, group_by=("rule",), interval_s=30),
        ]
        self.desk = scene.Desk(self.files[0], answer=lambda _delivery: None)
        self.at_s = 1000.0
        self.lives = dict.fromkeys(_ALERTS, ("ok", 0))

    def run(self, steps: Any) -> None:
        for step in steps:
            match step:
                case "live", name, choice:
                    self.live(name, choice)
                case "wait", seconds:
                    self.at_s += seconds
                    self.desk.until(self.at_s)
                case "outcome", arrives:
                    self.outcome(arrives=arrives)
                case "reload", file:
                    self.desk.until(self.at_s).reload(self.files[file])
                case "restart", file:
                    self.desk.until(self.at_s).restart(self.files[file])

    def live(self, name: str, choice: int) -> None:
        state, generation = self.lives[name]
        if state == "firing" and choice > 1:
            state = "resolved"
        elif state != "firing":
            state, generation = "firing", generation + 1
        self.lives[name] = (state, generation)
        self.at_s += 1
        severity = "critical" if choice % 2 else "warning"
        self.desk.take(
            self.scene.line(
                self.at_s,
                state,
                alert_id=name,
                labels={"agent": name},
                generation=generation,
                severity=severity,
            )
        )

    def outcome(self, *, arrives: bool) -> None:
        if self.desk.under_way:
            delivery = self.desk.under_way[0]
            self.desk.settle(delivery, Sent("ref") if arrives else Retry("busy"))

    def finish(self) -> None:
        for name, (state, _) in self.lives.items():
            if state == "firing":
                self.live(name, 2)
        for _ in range(1_000):
            while self.desk.under_way:
                self.outcome(arrives=True)
            due_us = self.desk.notifier.next_due_us
            if due_us is None:
                return
            self.at_s = max(self.at_s, due_us // self.scene.S + 1)
            self.desk.until(self.at_s)
        raise AssertionError("it never comes to rest")

    def unfinished(self) -> set[tuple[str, str, str]]:
        """Who was told that an alert fires, and not of its end; asserts the order."""
        found = set[tuple[str, str, str]]()
        for note in self.desk.lines:
            for alert in note.alert_ids:
                who = (note.receiver, note.group, alert)
                # A group of several names the highest generation among them.
                assert note.reason == "firing" or who in found
                found.add(who)
                if note.reason == "resolved":
                    found.remove(who)
        return found


class TestAnyHistory:
    @settings(max_examples=80)
    @given(steps=_steps)
    def test_edits_of_the_file_leave_nothing_open(self, scene: Any, steps: Any) -> None:
        """Whoever was told firing is told resolved once, whatever the file says then."""
        world = _World(scene)
        world.run([step for step in steps if step[0] != "restart"])
        world.finish()
        assume(not world.desk.given_up)
        assert world.unfinished() == set()
        assert world.desk.notifier.unsettled() == {}
        assert world.desk.notifier.owed() == ()
        assert world.desk.notifier.queued == 0

    @settings(max_examples=80)
    @given(steps=_steps)
    def test_what_a_restart_could_not_pay_is_counted_and_paid_at_last(
        self, scene: Any, steps: Any
    ) -> None:
        """Debts are those of receivers the file lacks, until one that has them."""
        world = _World(scene)
        world.run(steps)
        world.finish()
        assume(not world.desk.given_up)
        owed = world.desk.notifier.unsettled()
        assert {receiver for receiver, _, _ in world.unfinished()} <= owed.keys()
        world.desk.reload(world.files[0])
        world.finish()
        assert world.unfinished() == set()
        assert world.desk.notifier.unsettled() == {}
