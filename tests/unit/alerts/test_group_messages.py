"""What people see of a group: what changed, who else fires, how many there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerts.delivery import Action
from alerts.messages.pagerduty import pagerduty_event
from alerts.messages.slack import AMBER, GREEN, RED, slack_message, surfaced_reply
from alerts.messages.webhook import webhook_body
from alerts.messages.wording import headline
from alerts.notifications import Reason


def _line(scene: Any, name: str, to: str = "firing", **more: Any) -> Any:
    return scene.line(100, to, alert_id=name, labels={"agent": name}, **more)


def _group(scene: Any, count: int, **more: Any) -> Any:
    """A first message about so many alerts."""
    lines = tuple(_line(scene, f"a{n:02}") for n in range(count))
    values = {
        "alerts": lines[:50],
        "news": {line.alert_id: Reason.FIRING for line in lines},
        "firing": count,
        **more,
    }
    return scene.delivery(**values)


def _listed(message: Any) -> list[str]:
    """The lines on the other alerts."""
    blocks = message.attachments[0]["blocks"]
    found: list[str] = blocks[2]["text"]["text"].splitlines()
    return found


class TestWords:
    def test_the_headline_counts_the_news(self, scene: Any) -> None:
        """One by name, the others by number."""
        assert headline(_group(scene, 3)) == (
            "Warning: session-cost (agent=a00) and 2 more"
        )

    def test_it_tells_what_changed_and_how_many_fire_on(self, scene: Any) -> None:
        """News first; the rest is a number."""
        delivery = _group(
            scene,
            4,
            action=Action.UPDATE,
            reason=Reason.ESCALATED,
            news={"a00": Reason.ESCALATED},
            severity_before="info",
        )
        assert headline(delivery) == (
            "Escalated to warning from info: session-cost (agent=a00); 3 more fire"
        )

    def test_one_that_is_over_while_another_fires(self, scene: Any) -> None:
        """The end of one is not the end of all."""
        over = _line(scene, "a", "resolved")
        delivery = scene.delivery(
            action=Action.UPDATE,
            reason=Reason.RESOLVED,
            alerts=(over, _line(scene, "b")),
            news={"a": Reason.RESOLVED},
            firing=1,
        )
        assert headline(delivery) == "Resolved: session-cost (agent=a); 1 more fires"
        assert slack_message(delivery).attachments[0]["color"] == AMBER
        assert json.loads(webhook_body(delivery))["status"] == "firing"
        event = pagerduty_event(delivery)
        assert event["event_action"] == "trigger"
        assert event["payload"]["summary"].startswith("Warning: session-cost (agent=b)")

    def test_a_repeat_says_that_it_is_one(self, scene: Any) -> None:
        """Also below the message, where the channel is told."""
        delivery = _group(
            scene, 2, reason=Reason.REPEAT, news=dict.fromkeys(["a00", "a01"], "repeat")
        )
        assert headline(delivery).startswith("Still warning: session-cost")
        assert "*Still warning*" in surfaced_reply(delivery)
        assert "and 1 more" in surfaced_reply(delivery)


class TestSlack:
    def test_ten_are_shown_and_the_rest_counted(self, scene: Any) -> None:
        """The first in full, nine in a line each."""
        listed = _listed(slack_message(_group(scene, 38)))
        assert len(listed) == 10
        assert listed[0] == "• session-cost `agent=a01` $3.20 *new*"
        assert listed[-1] == "+28 more"

    def test_exactly_ten_need_no_count(self, scene: Any) -> None:
        """Nothing is left out."""
        assert "more" not in _listed(slack_message(_group(scene, 10)))[-1]

    def test_what_goes_on_is_not_marked(self, scene: Any) -> None:
        """Only news is."""
        delivery = _group(scene, 2, action=Action.UPDATE, news={"a00": Reason.FIRING})
        assert _listed(slack_message(delivery)) == ["• session-cost `agent=a01` $3.20"]

    def test_its_colour_is_the_worst_of_what_fires(self, scene: Any) -> None:
        """Though the news is about a milder one."""
        delivery = scene.delivery(
            alerts=(_line(scene, "a"), _line(scene, "b", severity="critical")),
            news={"a": Reason.FIRING},
            firing=2,
        )
        assert slack_message(delivery).attachments[0]["color"] == RED
        assert pagerduty_event(delivery)["payload"]["severity"] == "critical"

    def test_it_is_green_when_all_is_over(self, scene: Any) -> None:
        """And lists who ended last."""
        ends = tuple(_line(scene, name, "resolved") for name in "ab")
        delivery = scene.delivery(
            action=Action.CLOSE,
            reason=Reason.RESOLVED,
            alerts=ends,
            news=dict.fromkeys("ab", Reason.RESOLVED),
            firing=0,
        )
        message = slack_message(delivery)
        assert message.attachments[0]["color"] == GREEN
        assert _listed(message) == ["• session-cost `agent=b` $3.20 *resolved*"]


class TestOthers:
    def test_an_incident_lists_ten_and_counts_all(self, scene: Any) -> None:
        """In ``custom_details``."""
        details = pagerduty_event(_group(scene, 38))["payload"]["custom_details"]
        assert details["alerts_in_all"] == 38
        assert details["other_alerts"][0] == "session-cost (agent=a01): $3.20, new"
        assert details["other_alerts"][-1] == "+28 more"

    def test_a_webhook_has_fifty_and_says_how_many_are_left_out(
        self, scene: Any
    ) -> None:
        """And why each of them is told, by its id."""
        body = json.loads(webhook_body(_group(scene, 70)))
        assert (len(body["alerts"]), body["more"], body["firing"]) == (50, 20, 70)
        assert len(body["news"]) == 70


class TestSinceTheLastMessage:
    @pytest.fixture
    def desk(self, scene: Any) -> Any:
        """An alert is told, gets worse within its level, and is told again."""
        desk = scene.Desk(scene.routing(repeat_s=3_600))
        desk.take(scene.line(100, "firing", sessions=3, peak=3.2)).until(200)
        worse = scene.update(
            time="1970-01-01T00:05:00Z",
            alert_id="a1",
            seq=300_000,
            value=9.5,
            peak=12.0,
            sessions=14,
        )
        return desk.take(worse, at_s=300)

    def test_a_repeat_says_what_has_changed(self, desk: Any) -> None:
        """Value and sessions are those of the newest update."""
        first, again = desk.until(4_000).deliveries
        assert first.before == {}
        assert again.before == {"a1": (3.2, 3)}
        said = slack_message(again).attachments[0]["blocks"][0]["text"]["text"]
        assert "cost_usd *$9.50*, limit $2.00" in said
        assert "Since the last message: $3.20 → $9.50, 11 more sessions" in said
        details = pagerduty_event(again)["payload"]["custom_details"]
        assert details["since_the_last_message"] == "$3.20 → $9.50, 11 more sessions"
        assert details["worst"] == "$12.00"
        assert json.loads(webhook_body(again))["before"] == {
            "a1": {"value": 3.2, "sessions": 3}
        }

    def test_the_next_one_compares_with_that(self, desk: Any) -> None:
        """Nothing is said of what stayed as it was, also after a restart."""
        again = desk.until(4_000).restart().until(9_000).deliveries[-1]
        assert again.before == {"a1": (9.5, 14)}
        said = slack_message(again).attachments[0]["blocks"][0]["text"]["text"]
        assert "Since the last message" not in said

    def test_of_an_end_only_the_sessions_are_told(self, scene: Any, desk: Any) -> None:
        """The value of what is over is no news of the alert."""
        over = scene.line(1_000, "resolved", value=0.2, sessions=15)
        last = desk.take(over).until(2_000).deliveries[-1]
        said = slack_message(last).attachments[0]["blocks"][0]["text"]["text"]
        assert "Since the last message: 12 more sessions" in said

    def test_others_of_the_group_say_it_too(self, scene: Any) -> None:
        """In their line."""
        desk = scene.Desk(scene.routing(group_by=("rule",)))
        desk.take(_line(scene, "a"), _line(scene, "b")).until(200)
        desk.take(
            scene.line(500, "firing", alert_id="a", severity="critical", value=4.0),
            scene.line(500, "firing", alert_id="b", severity="critical", value=5.0),
        )
        message = slack_message(desk.until(900).deliveries[-1])
        (listed,) = _listed(message)
        assert listed.endswith("$5.00 ($3.20 → $5.00) *escalated*")
