"""What people hear of an alert that flaps: a notice, a digest, and its end."""

from typing import Any

import pytest

from alerts.delivery import Failed
from alerts.messages.pagerduty import pagerduty_event
from alerts.messages.slack import slack_message
from alerts.messages.webhook import webhook_body
from alerts.notifications import Reason
from alerts.silences import Silence
from detectors.transitions import Flapping


def flaps(number: int, changes: int = 4) -> Flapping:
    """Since the epoch's first hundred seconds, told once an hour."""
    return Flapping(
        number=number, changes=changes, since="1970-01-01T00:01:40Z", within_s=3600
    )


def begun(scene: Any, **options: Any) -> Any:
    """An alert that was told, and flaps from 700 s on."""
    return scene.Desk(scene.routing(repeat_s=4 * 3600), **options).take(
        scene.line(100, "firing"),
        scene.line(700, "recovering", flapping=flaps(1)),
    )


def test_the_notice_is_a_change(scene: Any) -> None:
    """Told at once, if ``group_interval`` has passed; its lines say nothing new."""
    desk = begun(scene).take(
        scene.line(800, "firing", flapping=flaps(1, 5)),
        scene.line(900, "recovering", flapping=flaps(1, 6)),
    )
    assert desk.until(4000).told() == [(110, "firing", 1), (700, "changed", 1)]


def test_a_digest_comes_with_the_next_number(scene: Any) -> None:
    """By a line, or by an update where no state has changed."""
    desk = begun(scene).take(scene.line(4400, "firing", flapping=flaps(2, 9)))
    update = scene.update(
        time="1970-01-01T02:13:20Z",
        alert_id="a1",
        seq=8_000_000,
        value=3.0,
        peak=4.0,
        sessions=12,
        flapping=flaps(3, 30),
    )
    desk.take(update, at_s=8000)
    assert [(at_s, reason) for at_s, reason, _ in desk.until(9000).told()] == [
        (110, "firing"),
        (700, "changed"),
        (4400, "changed"),
        (8000, "changed"),
    ]


def test_its_end_is_owed_and_told(scene: Any) -> None:
    """Once, and no settling before it."""
    desk = begun(scene).take(scene.line(4300, "resolved", flapping=flaps(0, 6)))
    assert desk.until(9000).told()[-1] == (4300, "resolved", 1)
    assert desk.notifier.owed() == ()


def test_one_that_settles_is_told_so(scene: Any) -> None:
    """It fires on, and is repeated as any other."""
    update = scene.update(
        time="1970-01-01T01:11:40Z",
        alert_id="a1",
        seq=4_300_000,
        value=3.0,
        peak=4.0,
        sessions=12,
        flapping=flaps(0, 6),
    )
    desk = begun(scene).take(scene.line(800, "firing", flapping=flaps(1, 5)))
    desk.take(update, at_s=4300)
    assert desk.until(5000).told()[-1] == (4300, "changed", 1)
    assert desk.until(19_000).told()[-1] == (4300 + 4 * 3600, "repeat", 1)


def test_what_begins_as_a_flapping_one_is_told_once(scene: Any) -> None:
    """The beginning that was one too many is the notice."""
    desk = scene.Desk(scene.routing()).take(
        scene.line(100, "firing", flapping=flaps(1)),
        scene.line(160, "recovering", flapping=flaps(1, 5)),
    )
    assert desk.until(3000).told() == [(110, "firing", 1)]


def test_a_silence_holds_the_notice_and_not_the_end(scene: Any) -> None:
    """S51, S57: as with every other news."""
    desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(200)
    silence = Silence("s1", {}, 0, 2000 * scene.S, by="ann")
    desk.notifier.requests.silence(silence, desk.now_us)
    desk.take(scene.line(700, "recovering", flapping=flaps(1)))
    assert desk.until(3000).told()[1:] == [(2010, "changed", 1)]
    again = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(200)
    again.notifier.requests.silence(silence, again.now_us)
    again.take(scene.line(700, "recovering", flapping=flaps(1)))
    again.take(scene.line(1700, "resolved", flapping=flaps(0)))
    assert again.until(3000).told()[1:] == [(1700, "resolved", 1)]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_restart_tells_nothing_twice(scene: Any, *, restarts: bool) -> None:
    """What was told of it is in the rows."""
    desk = begun(scene).until(1000)
    if restarts:
        desk.restart()
    desk.take(scene.line(4400, "firing", flapping=flaps(2, 9)))
    assert [reason for _, reason, _ in desk.until(5000).told()] == [
        "firing",
        "changed",
        "changed",
    ]


def test_a_notice_that_was_refused_is_not_taken_for_told(scene: Any) -> None:
    """The alert's next line tells it anew."""
    answers = iter([None, Failed("no")])
    desk = begun(scene, answer=lambda _delivery: next(answers, None))
    desk.settle(desk.under_way[0], scene.sent())
    desk.until(1000)
    desk.take(scene.line(2000, "firing", flapping=flaps(1, 5)))
    told = [(at_s, reason) for at_s, reason, _ in desk.until(3000).told()]
    assert told == [(110, "firing"), (700, "changed"), (2000, "changed")]


class TestMessages:
    def _changed(self, scene: Any, flapping: Flapping) -> Any:
        return scene.delivery(
            reason=Reason.CHANGED,
            news={"a1": Reason.CHANGED},
            severity_before="warning",
            alerts=(scene.line(700, "firing", flapping=flapping),),
        )

    def test_they_say_that_it_flaps_and_how_often_they_will(self, scene: Any) -> None:
        """In Slack, on PagerDuty, and in a webhook."""
        delivery = self._changed(scene, flaps(1))
        said = "it has begun or ended 4 times since 1 January 00:01 UTC"
        slack = slack_message(delivery)
        assert "Flapping, warning: session-cost" in slack.text
        assert said in slack.attachments[0]["blocks"][0]["text"]["text"]
        event = pagerduty_event(delivery)
        assert event["payload"]["summary"].startswith("Flapping, warning")
        assert "told at most every 1 h" in event["payload"]["custom_details"]["reason"]
        assert b'"flapping":{"number":1' in webhook_body(delivery)

    def test_and_that_it_flaps_no_more(self, scene: Any) -> None:
        """It fires on."""
        slack = slack_message(self._changed(scene, flaps(0)))
        assert "No longer flapping, warning: session-cost" in slack.text

    def test_a_level_that_falls_meanwhile_comes_first(self, scene: Any) -> None:
        """It is the greater news."""
        delivery = scene.delivery(
            reason=Reason.CHANGED,
            news={"a1": Reason.CHANGED},
            severity_before="critical",
            alerts=(scene.line(700, "firing", flapping=flaps(1)),),
        )
        assert "Down to warning from critical" in slack_message(delivery).text


class TestAcknowledged:
    def _desk(self, scene: Any) -> Any:
        desk = scene.Desk(scene.routing(scene.route(1, group_by=("rule",))))
        desk.take(scene.line(100, "firing"), scene.line(101, "firing", alert_id="a2"))
        desk.until(200)
        desk.notifier.requests.ack(
            {"agent": "support"},
            by="ann",
            at_us=desk.now_us,
            until_us=9000 * scene.S,
            now_us=desk.now_us,
        )
        return desk

    def test_messages_say_who_looks_after_it(self, scene: Any) -> None:
        """As long as somebody does, and with its end who did."""
        desk = self._desk(scene)
        desk.take(scene.line(900, "firing", severity="critical", alert_id="a2"))
        desk.take(scene.line(1500, "resolved"))
        desk.until(2000)
        escalated, resolved = desk.deliveries[1:]
        assert {one: ack.by for one, ack in escalated.acks.items()} == {"a1": "ann"}
        assert "acknowledged by ann" in str(slack_message(escalated))
        assert "acknowledged by ann" in str(pagerduty_event(escalated))
        assert resolved.acks["a1"].by == "ann"
        assert "by ann" in str(slack_message(resolved))
        assert b'"acknowledged_by":{"a1":"ann"}' in webhook_body(resolved)

    def test_the_next_generation_is_nobodys(self, scene: Any) -> None:
        """S60: it holds for one."""
        desk = self._desk(scene)
        desk.take(
            scene.line(1500, "resolved"), scene.line(3000, "firing", generation=2)
        )
        desk.until(4000)
        assert desk.deliveries[-1].acks.keys() <= {"a2"}
        assert desk.notifier.acknowledged(desk.now_us) == 1

    def test_its_name_is_a_strangers_text(self, scene: Any) -> None:
        """It cannot mention a channel."""
        desk = self._desk(scene)
        desk.notifier.requests.ack(
            {},
            by="<!channel>",
            at_us=desk.now_us + 1,
            until_us=9000 * scene.S,
            now_us=desk.now_us + 1,
        )
        desk.take(scene.line(1500, "resolved")).until(2000)
        assert "<!channel>" not in str(slack_message(desk.deliveries[-1]))
