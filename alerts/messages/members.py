"""The alerts of a group in words: which are news, which go on, how many there are."""

from __future__ import annotations

from typing import Final

from alerts.delivery import Action, Delivery
from alerts.notifications import Reason
from alerts.severity import rank
from detectors.transitions import Flapping, Transition

LISTED: Final = 10
"""Members that a message shows; of the rest it says how many they are."""

_WORDS: Final = {
    Reason.ESCALATED: "escalated",
    Reason.FIRING: "new",
    Reason.UNSUPPRESSED: "new, held back until now",
    Reason.CHANGED: "less severe",
    Reason.REPEAT: "",
    Reason.RESOLVED: "resolved",
}


def is_over(delivery: Delivery) -> bool:
    """Whether the whole group has ended."""
    return delivery.action is Action.CLOSE


def reason_of(delivery: Delivery, line: Transition) -> Reason | None:
    """Why an alert is told; None if it only fires on."""
    if not delivery.news:
        return delivery.reason
    return delivery.news.get(line.alert_id)


def news_of(delivery: Delivery, line: Transition) -> str:
    """What is new of an alert, in a word or two; empty if nothing is."""
    reason = reason_of(delivery, line)
    if reason is Reason.CHANGED and isinstance(line.flapping, Flapping):
        return "flapping" if line.flapping.number else "no longer flapping"
    return "" if reason is None else _WORDS[reason]


def ends(delivery: Delivery, line: Transition) -> bool:
    """Whether a message tells that an alert is over."""
    return is_over(delivery) or (
        bool(delivery.news) and reason_of(delivery, line) is Reason.RESOLVED
    )


def count(delivery: Delivery) -> int:
    """How many alerts the message is about: those with news, and those that fire on."""
    over = sum(reason is Reason.RESOLVED for reason in delivery.news.values())
    return max(len(delivery.alerts), delivery.firing + over)


def told(delivery: Delivery) -> int:
    """Of how many alerts it has news."""
    return len(delivery.news) or len(delivery.alerts)


def leading(delivery: Delivery) -> Transition:
    """The alert that stands for an incident: one that fires, if any does."""
    fires = (line for line in delivery.alerts if not ends(delivery, line))
    return next(fires, delivery.alerts[0])


def worst(delivery: Delivery) -> str:
    """The severity of the group: the highest of what fires."""
    fires = [line for line in delivery.alerts if not ends(delivery, line)]
    levels = [line.severity or "warning" for line in fires or delivery.alerts]
    return max(levels, key=rank)
