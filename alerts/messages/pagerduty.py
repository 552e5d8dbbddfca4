"""A delivery as an event of PagerDuty's Events API v2.

Fields and limits: https://developer.pagerduty.com/docs/events-api-v2-overview. A
summary that is too long is refused, not cut, and so is an event above 512 KB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from alerts.delivery import Action, Delivery
from alerts.messages.members import LISTED, count, leading, news_of, worst
from alerts.messages.radius import radius
from alerts.messages.text import clip, plain, url_of
from alerts.messages.wording import (
    acknowledged,
    against,
    amount,
    exhaustion,
    headline,
    marks,
    measured,
    moved,
    outlook,
    reason_told,
    series,
    why,
)
from detectors.transitions import Transition

SUMMARY: Final = 1_024
_NAME: Final = 200
_VALUE: Final = 1_000
_LABELS: Final = 20
_ADDRESS: Final = 2_000
_SEVERITIES: Final = frozenset({"critical", "warning", "info"})

Json = dict[str, Any]


def pagerduty_event(delivery: Delivery, client_url: str | None = None) -> Json:
    """The event without its routing key.

    An end is nothing but the key under which the incident was opened; everything
    else triggers, and adds its content to an incident that is open already.
    """
    if delivery.action is Action.CLOSE:
        return {"event_action": "resolve", "dedup_key": delivery.dedup_key}
    line = leading(delivery)
    said = headline(delivery, line)
    held_against = against(line)
    told = f"{measured(line)} {amount(line, line.value)}"
    told += f", {held_against}" if held_against else ""
    ahead = outlook(line)
    told += f", {ahead}" if ahead else ""
    severity = worst(delivery)
    severity = severity if severity in _SEVERITIES else "warning"
    event: Json = {
        "event_action": "trigger",
        "dedup_key": delivery.dedup_key,
        "client": "Loopwatch",
        "payload": {
            "summary": clip(
                f"{clip(plain(said), SUMMARY // 2)}: {plain(told)}", SUMMARY
            ),
            "source": _short(_source(line)),
            "severity": severity,
            "timestamp": line.began or line.time,
            "component": _short(line.labels.get("agent", "")) or _short(line.rule),
            "group": _short(delivery.group),
            "class": _short(line.metric),
            "custom_details": _details(delivery, line, told),
        },
        "links": _links(line),
    }
    if client_url is not None:
        event["client_url"] = client_url
    return event


def _source(line: Transition) -> str:
    where = "/".join(value for _, value in sorted(line.labels.items()) if plain(value))
    return where or plain(line.rule) or "loopwatch"


def _details(delivery: Delivery, line: Transition, told: str) -> Json:
    blast = delivery.blast
    details: Json = {
        "blast_radius": None
        if blast is None
        else clip(plain(radius(blast, delivery.at_us)), _VALUE),
        "rule": _short(line.rule),
        "measured": clip(plain(told), _VALUE),
        "reason": clip(plain(reason_told(line)), _VALUE),
        "told": str(delivery.reason),
        "labels": _labels(line.labels),
        "began": line.began,
        "sessions_affected": line.sessions or None,
        "worst": None if line.peak is None else amount(line, line.peak),
        "since_the_last_message": moved(delivery, line),
        "why": clip(why(line), _VALUE),
        "exhausted_at": (exhaustion(line) or ("", None))[1],
        "explained_by": _labels(line.attribution),
        "session_id": _short(line.session_id or ""),
        "trace": clip(plain(line.trace or ""), _VALUE),
        "summary": clip(plain(line.summary or ""), _VALUE),
        "runbook_url": clip(plain(line.runbook_url or ""), _VALUE),
        "alert_id": _short(line.alert_id),
        "generation": delivery.generation,
        "acknowledged_by": (acknowledged(delivery, line) or ("",))[0],
        "severity_before": delivery.severity_before,
        "marks": marks(delivery),
        "alerts_in_all": count(delivery) if count(delivery) > 1 else None,
        "other_alerts": _others(delivery, line),
    }
    return {
        name: value
        for name, value in details.items()
        if value not in ("", None, {}, [])
    }


def _others(delivery: Delivery, line: Transition) -> list[str]:
    """The other alerts of the group, a line each, with what is news of them."""
    others = [each for each in delivery.alerts if each is not line][: LISTED - 1]
    lines = []
    for other in others:
        said = f"{other.rule} ({series(other)}): {amount(other, other.value)}"
        news, found = news_of(delivery, other), acknowledged(delivery, other)
        said += f", {news}" if news else ""
        said += f", acknowledged by {found[0]}" if found else ""
        lines.append(_short(said))
    more = count(delivery) - 1 - len(others)
    return [*lines, f"+{more:,} more"] if lines and more > 0 else lines


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The first labels by name: an event with too much in it is refused whole."""
    first = sorted(labels.items())[:_LABELS]
    return {_short(name): clip(plain(value), _VALUE) for name, value in first if value}


def _links(line: Transition) -> list[Json]:
    found = (("Runbook", line.runbook_url), ("Example trace", line.trace))
    return [
        {"href": address, "text": text}
        for text, given in found
        if (address := url_of(given or "", _ADDRESS)) is not None
    ]


def _short(text: str) -> str:
    return clip(plain(text), _NAME)
