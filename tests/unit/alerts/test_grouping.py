"""Groups of many: one message for what belongs together, and what it says when."""

from typing import Any

import pytest

from alerts.delivery import Action, Failed, Retry, Sent
from alerts.routes import ALL_LABELS, Route


def _fires(scene: Any, at_s: float, name: str, to: str = "firing", **more: Any) -> Any:
    """A line of one agent's alert."""
    values = {"alert_id": name, "labels": {"agent": name}, **more}
    return scene.line(at_s, to, **values)


def _told(desk: Any) -> list[tuple[float, str, tuple[str, ...]]]:
    """When, why and which alerts."""
    return [
        (at_s, reason, note.alert_ids)
        for (at_s, reason, _), note in zip(desk.told(), desk.lines, strict=True)
    ]


@pytest.fixture
def desk(scene: Any) -> Any:
    """One group for each rule, as by default."""
    return scene.Desk(scene.routing(group_by=("rule",)))


class TestKeys:
    def test_alerts_of_one_rule_are_one_group_by_default(self) -> None:
        """S38: ``group_by: [rule]``."""
        assert Route(0, "x").group_by == ("rule",)

    def test_the_group_is_named_by_its_labels(self, scene: Any, desk: Any) -> None:
        """S39: names and values of ``group_by``, whatever the route is."""
        desk.take(_fires(scene, 100, "a"), _fires(scene, 101, "b")).until(200)
        assert {note.group for note in desk.lines} == {'{rule="session-cost"}'}

    def test_a_missing_label_equals_the_empty_one(self, scene: Any) -> None:
        """S18: both stand in one group."""
        desk = scene.Desk(scene.routing(group_by=("tenant",)))
        desk.take(
            _fires(scene, 100, "a", labels={"tenant": ""}), _fires(scene, 101, "b")
        )
        assert _told(desk.until(200)) == [(110, "firing", ("a", "b"))]

    def test_an_empty_list_is_one_group_a_receiver(self, scene: Any) -> None:
        """S38: ``[]``."""
        desk = scene.Desk(scene.routing(group_by=()))
        desk.take(_fires(scene, 100, "a"), _fires(scene, 101, "b", rule="other"))
        assert _told(desk.until(200)) == [(110, "firing", ("a", "b"))]

    def test_dots_are_every_label(self, scene: Any) -> None:
        """S38: ``['...']``; the rule is one of them."""
        desk = scene.Desk(scene.routing(group_by=ALL_LABELS))
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 100, "b", labels={"agent": "a"}, rule="other"),
        )
        assert len(_told(desk.until(200))) == 2

    def test_it_stays_where_it_was_told(self, scene: Any) -> None:
        """S38: though the severity, by which it is grouped, has risen."""
        desk = scene.Desk(scene.routing(group_by=("severity",)))
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 500, "a", severity="critical"),
            _fires(scene, 900, "a", "resolved", severity="critical"),
        ).until(9000)
        assert [note.group for note in desk.lines] == ['{severity="warning"}'] * 3
        assert [reason for _, reason, _ in desk.told()] == [
            "firing",
            "escalated",
            "resolved",
        ]

    def test_what_was_not_told_goes_where_it_now_belongs(self, scene: Any) -> None:
        """A level that rises inside ``group_wait`` is told once, in its new group."""
        desk = scene.Desk(scene.routing(group_by=("severity",)))
        desk.take(
            _fires(scene, 100, "a"), _fires(scene, 105, "a", severity="critical")
        ).until(9000)
        assert [note.group for note in desk.lines] == ['{severity="critical"}']

    def test_a_receiver_reached_twice_has_one_group(self, scene: Any) -> None:
        """S39: the key hangs on the receiver, not on the route's path."""
        routing = scene.routing(
            Route(1, "agents", go_on=True), Route(2, "agents"), group_by=("rule",)
        )
        desk = scene.Desk(routing).take(_fires(scene, 100, "a")).until(200)
        assert len(desk.lines) == 1


class TestTimes:
    def test_what_fires_inside_group_wait_is_told_together(
        self, scene: Any, desk: Any
    ) -> None:
        """S42: one line with both, ``group_wait`` after the first."""
        desk.take(_fires(scene, 100, "b"), _fires(scene, 105, "a")).until(500)
        assert _told(desk) == [(110, "firing", ("a", "b"))]
        (delivery,) = desk.deliveries
        assert (delivery.action, delivery.firing) == (Action.OPEN, 2)

    def test_a_new_alert_waits_for_group_interval(self, scene: Any, desk: Any) -> None:
        """S42: counted from the last flush."""
        desk.take(_fires(scene, 100, "a"), _fires(scene, 120, "b")).until(1000)
        assert _told(desk) == [(110, "firing", ("a",)), (410, "firing", ("b",))]
        assert desk.deliveries[1].action is Action.UPDATE

    def test_a_new_alert_after_the_interval_is_told_at_once(
        self, scene: Any, desk: Any
    ) -> None:
        """S42: it has passed already."""
        desk.take(_fires(scene, 100, "a"), _fires(scene, 900, "b")).until(1000)
        assert _told(desk)[1:] == [(900, "firing", ("b",))]

    def test_an_escalation_takes_what_waits_along(self, scene: Any, desk: Any) -> None:
        """S44, S47: one line for each reason, in their order, and one message."""
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 100, "c"),
            _fires(scene, 120, "b"),
            _fires(scene, 130, "c", "resolved"),
            _fires(scene, 150, "a", severity="critical"),
        ).until(160)
        assert _told(desk)[1:] == [
            (150, "escalated", ("a",)),
            (150, "firing", ("b",)),
            (150, "resolved", ("c",)),
        ]
        assert len(desk.deliveries) == 2

    def test_the_last_resolve_ends_the_group(self, scene: Any, desk: Any) -> None:
        """S50: before it, what resolves is an update; then nothing is left."""
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 101, "b"),
            _fires(scene, 1000, "a", "resolved"),
            _fires(scene, 2000, "b", "resolved"),
        ).until(3000)
        assert [one.action for one in desk.deliveries] == [
            Action.OPEN,
            Action.UPDATE,
            Action.CLOSE,
        ]
        assert {key[:2] for key in desk.rows} == {b"a/"}

    def test_a_group_that_ended_waits_anew(self, scene: Any, desk: Any) -> None:
        """S42: a group with all resolved and told is forgotten."""
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 1000, "a", "resolved"),
            _fires(scene, 1010, "b"),
        ).until(3000)
        assert _told(desk)[-1] == (1020, "firing", ("b",))
        assert desk.deliveries[-1].action is Action.OPEN

    def test_one_that_flaps_while_another_fires_goes_on_in_the_message(
        self, scene: Any, desk: Any
    ) -> None:
        """S45: told as the new generation, in the group's one message."""
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 101, "b"),
            _fires(scene, 120, "a", "resolved"),
            _fires(scene, 130, "a", generation=2),
        ).until(1000)
        assert _told(desk)[1:] == [(410, "firing", ("a",))]
        assert [one.action for one in desk.deliveries] == [Action.OPEN, Action.UPDATE]
        assert desk.lines[-1].generation == 2

    def test_all_that_flap_begin_a_new_message(self, scene: Any, desk: Any) -> None:
        """Their old one is set right first, quietly."""
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 101, "b"),
            _fires(scene, 120, "a", "resolved"),
            _fires(scene, 121, "b", "resolved"),
            _fires(scene, 130, "a", generation=2),
            _fires(scene, 131, "b", generation=2),
        ).until(1000)
        assert [(one.action, one.quiet) for one in desk.deliveries] == [
            (Action.OPEN, False),
            (Action.CLOSE, True),
            (Action.OPEN, False),
        ]

    def test_a_group_of_a_thousand_is_one_message(self, scene: Any, desk: Any) -> None:
        """It carries the worst fifty, names all in its lines, and stays small."""
        desk.take(
            *(_fires(scene, 100, f"a{n:04}") for n in range(999)),
            _fires(scene, 100, "z", severity="critical"),
        )
        desk.until(200)
        (delivery,) = desk.deliveries
        assert (len(delivery.alerts), delivery.firing) == (50, 1000)
        assert delivery.alerts[0].alert_id == "z"
        assert len(desk.lines[0].alert_ids) == 1000
        row = next(row for key, row in desk.rows.items() if key.startswith(b"g/"))
        assert len(row) < 200_000


class TestRepeats:
    @pytest.fixture
    def desk(self, scene: Any) -> Any:
        """Repeats come every 20 minutes."""
        return scene.Desk(scene.routing(group_by=("rule",), repeat_s=1200))

    def test_they_come_exactly_so_long_after_the_last_message(
        self, scene: Any, desk: Any
    ) -> None:
        """S46: not rounded up to a multiple of ``group_interval``."""
        desk.take(_fires(scene, 100, "a")).until(3000)
        assert [at_s for at_s, _, _ in desk.told()] == [110, 1310, 2510]
        assert [reason for _, reason, _ in desk.told()] == [
            "firing",
            "repeat",
            "repeat",
        ]

    def test_they_list_all_that_fires(self, scene: Any, desk: Any) -> None:
        """S46: of the group; news in between begins the time anew."""
        desk.take(_fires(scene, 100, "a"), _fires(scene, 700, "b")).until(2000)
        assert _told(desk)[1:] == [
            (700, "firing", ("b",)),
            (1900, "repeat", ("a", "b")),
        ]

    def test_they_end_with_the_alert(self, scene: Any, desk: Any) -> None:
        """Nothing is repeated of what is over."""
        desk.take(_fires(scene, 100, "a"), _fires(scene, 1000, "a", "resolved"))
        assert desk.until(20_000).told()[-1] == (1000, "resolved", 1)
        assert desk.notifier.next_due_us is None

    def test_back_off_makes_each_pause_longer(self, scene: Any) -> None:
        """Twice the last one, at most a day, until there is news."""
        routing = scene.routing(
            Route(1, "agents", repeat_backoff=2), group_by=("rule",), repeat_s=1200
        )
        desk = scene.Desk(routing).take(_fires(scene, 100, "a")).until(9000)
        assert [at_s for at_s, _, _ in desk.told()] == [110, 1310, 3710, 8510]
        desk.take(_fires(scene, 9100, "b")).until(10_400)
        assert desk.told()[-1] == (10_300, "repeat", 1)
        desk.until(1_000_000)
        times = [at_s for at_s, _, _ in desk.told()]
        assert (times[-1] - times[-2], times[-2] - times[-3]) == (86_400, 86_400)

    def test_a_budget_is_not_repeated(self, scene: Any, desk: Any) -> None:
        """S31: nobody can undo what is spent."""
        desk.take(scene.budget(100, 0.8)).until(20_000)
        assert desk.told() == [(110, "firing", 1)]

    def test_a_restart_changes_no_repeat(self, scene: Any, desk: Any) -> None:
        """They are rows; one that fell due meanwhile is made up once."""
        desk.standstill = True
        desk.restart().take(_fires(scene, 100, "a"), at_s=100).until(500)
        desk.restart().until(1400)
        assert [at_s for at_s, _, _ in desk.told()] == [110, 1310]
        desk.now_us = 9000 * scene.S
        desk.restart().until(9001)
        assert [at_s for at_s, _, _ in desk.told()] == [110, 1310, 9000]

    def test_a_clock_that_stopped_brings_no_repeat(self, scene: Any, desk: Any) -> None:
        """S4: only flushes that are planned still run."""
        desk.take(_fires(scene, 100, "a")).until(101)
        desk.notifier.drain()
        desk.until(99_000)
        assert desk.told() == [(110, "firing", 1)]


class TestDelivery:
    def test_a_first_message_that_is_refused_tells_nobody_of_anyone(
        self, scene: Any
    ) -> None:
        """Each of its alerts is told anew with the next line."""
        answers = [Failed("no"), Sent("x")]
        desk = scene.Desk(
            scene.routing(group_by=("rule",)), answer=lambda _: answers.pop(0)
        )
        desk.take(_fires(scene, 100, "a"), _fires(scene, 101, "b")).until(200)
        (debt,) = desk.notifier.owed()
        assert (debt.reason, debt.alert_ids) == ("firing", ("a", "b"))
        desk.take(_fires(scene, 300, "b", severity="critical")).until(400)
        assert _told(desk)[-1] == (310, "firing", ("a", "b"))
        assert desk.notifier.owed() == ()

    def test_a_new_alert_whose_message_is_refused_counts_as_not_told(
        self, scene: Any
    ) -> None:
        """The others are known, and it is not told its end."""
        answers = [Sent("x"), Failed("no"), Sent("x")]
        desk = scene.Desk(
            scene.routing(group_by=("rule",)), answer=lambda _: answers.pop(0)
        )
        desk.take(
            _fires(scene, 100, "a"),
            _fires(scene, 1000, "b"),
            _fires(scene, 2000, "b", "resolved"),
            _fires(scene, 3000, "a", "resolved"),
        ).until(9000)
        assert _told(desk) == [
            (110, "firing", ("a",)),
            (1000, "firing", ("b",)),
            (3000, "resolved", ("a",)),
        ]

    def test_an_end_in_an_update_that_is_refused_stays_owed(self, scene: Any) -> None:
        """And is told after a restart, before anything else."""
        desk = scene.Desk(scene.routing(group_by=("rule",)))
        desk.take(_fires(scene, 100, "a"), _fires(scene, 101, "b")).until(200)
        desk.answer = lambda _delivery: Failed("no")
        desk.take(_fires(scene, 1000, "b", "resolved")).until(2000)
        (debt,) = desk.notifier.owed()
        assert (debt.reason, debt.alert_ids) == ("resolved", ("b",))
        desk.answer = lambda _delivery: Sent()
        desk.restart().until(3000)
        assert desk.notifier.owed() == ()
        assert desk.deliveries[-1].news == {"b": "resolved"}

    def test_what_waits_is_told_as_one(self, scene: Any) -> None:
        """An opening that could not be sent takes on who came later."""
        desk = scene.Desk(scene.routing(group_by=("rule",)), answer=lambda _: None)
        desk.take(_fires(scene, 100, "a")).until(110)
        desk.settle(desk.under_way[0], Retry("down", after_s=1000))
        desk.take(_fires(scene, 500, "b")).until(2000)
        second = desk.deliveries[1]
        assert second.action is Action.OPEN
        assert second.news == {"a": "firing", "b": "firing"}

    def test_the_end_of_one_does_not_swallow_its_beginning(self, scene: Any) -> None:
        """Both are sent, in order, though both waited."""
        desk = scene.Desk(scene.routing(group_by=("rule",)), answer=lambda _: None)
        desk.take(_fires(scene, 100, "a")).until(110)
        desk.settle(desk.under_way[0], Sent("x"))
        desk.take(_fires(scene, 1000, "b")).until(1000)
        desk.settle(desk.under_way[0], Retry("down", after_s=2000))
        desk.take(_fires(scene, 1500, "b", "resolved")).until(4000)
        desk.settle(desk.under_way[0], Sent())
        assert [one.news for one in desk.deliveries[-2:]] == [
            {"b": "firing"},
            {"b": "resolved"},
        ]
