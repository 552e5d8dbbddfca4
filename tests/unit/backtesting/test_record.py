"""What is counted of a run: alerts, messages and pages."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.notifications import Notification, Reason
from detectors.transitions import State, Transition, rfc3339
from loopwatch.backtesting.record import Record


def turn(alert: str, at_us: int, states: str, **changes: Any) -> Transition:
    """A line of an alert: ``ok>firing``."""
    before, after = states.split(">")
    fields: dict[str, Any] = {
        "time": rfc3339(at_us),
        "alert_id": alert,
        "rule": "dear",
        "metric": "cost_usd",
        "labels": {},
        "generation": 1,
        "seq": at_us,
        "from_state": State(before),
        "to_state": State(after),
        "severity": "warning",
        "value": 1.0,
        "expected": None,
        "threshold": None,
        "session_id": None,
        "reason": "",
    }
    return Transition(**(fields | changes))


def told(
    at_us: int, reason: Reason, *alerts: str, channel: str = "slack"
) -> Notification:
    """A line of a message."""
    return Notification(
        time=rfc3339(at_us),
        receiver="team",
        channel=channel,
        target="#a",
        group="{}",
        generation=1,
        reason=reason,
        alert_ids=alerts,
    )


def counted(*lines: Transition | Notification) -> tuple[int, int]:
    """Messages and pages of the one channel."""
    record = Record()
    record.take(lines)
    record.end()
    (found,) = record.told.values()
    return found.messages, len(found.pages)


def test_an_alert_is_remembered_with_its_worst_level_and_its_end() -> None:
    """A fall back changes neither."""
    record = Record()
    record.take(
        [
            turn("a", 1, "ok>firing"),
            turn("a", 2, "firing>firing", severity="critical"),
            turn("a", 3, "firing>firing", severity="warning"),
            turn("a", 4, "firing>recovering"),
            turn("a", 5, "recovering>firing"),
            turn("a", 6, "firing>resolved"),
            turn("a", 7, "resolved>firing"),
        ]
    )
    first, second = record.all_episodes()
    assert (first.fired_us, first.resolved_us, first.severity) == (1, 6, "critical")
    assert (second.fired_us, second.resolved_us, second.severity) == (
        7,
        None,
        "warning",
    )


def test_the_reasons_of_one_flush_are_one_message() -> None:
    """And one page, though two of them call people."""
    assert counted(
        turn("a", 1, "ok>firing"),
        turn("b", 1, "ok>firing"),
        told(2, Reason.ESCALATED, "a"),
        told(2, Reason.FIRING, "b"),
    ) == (1, 1)


@pytest.mark.parametrize(
    ("reason", "pages"),
    [
        (Reason.FIRING, 1),
        (Reason.UNSUPPRESSED, 1),
        (Reason.ESCALATED, 1),
        (Reason.REPEAT, 1),
        (Reason.CHANGED, 0),
        (Reason.RESOLVED, 0),
    ],
)
def test_good_news_is_no_page(reason: Reason, pages: int) -> None:
    """Falls and ends call nobody."""
    assert counted(turn("a", 1, "ok>firing"), told(2, reason, "a")) == (1, pages)


def test_what_is_added_to_an_incident_pages_nobody() -> None:
    """On PagerDuty; the next incident does."""
    lines: list[Transition | Notification] = [
        turn("a", 1, "ok>firing"),
        told(2, Reason.FIRING, "a", channel="pagerduty"),
        turn("b", 3, "ok>firing"),
        told(4, Reason.FIRING, "b", channel="pagerduty"),
        told(5, Reason.REPEAT, "a", "b", channel="pagerduty"),
        told(6, Reason.RESOLVED, "a", channel="pagerduty"),
        told(7, Reason.ESCALATED, "b", channel="pagerduty"),
        told(8, Reason.RESOLVED, "b", channel="pagerduty"),
        turn("b", 9, "resolved>firing"),
        told(10, Reason.FIRING, "b", channel="pagerduty"),
    ]
    assert counted(*lines) == (7, 2)
