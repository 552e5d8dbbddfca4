"""A delivery as a Slack message: a line of text and one coloured attachment.

Limits: https://docs.slack.dev/reference/block-kit/blocks. Slack also refuses blocks
with more than about ten thousand characters in all, and names no number; the parts
below come to less than nine thousand at their longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from alerts.delivery import Delivery
from alerts.messages.members import LISTED, count, ends, is_over, news_of, worst
from alerts.messages.radius import radius
from alerts.messages.text import clip, code, escape, link, plain, shown, size
from alerts.messages.wording import (
    acknowledged,
    against,
    amount,
    exhaustion,
    headline,
    lasted,
    marks,
    measured,
    moved,
    outlook,
    reason_told,
    title,
    why,
)
from detectors.transitions import Transition, microseconds

TEXT: Final = 600
BLOCK_TEXT: Final = 9_000
_REASON: Final = 400
_SUMMARY: Final = 1_000
_SERIES: Final = 1_000
_FIELD: Final = 400
_ADDRESS: Final = 900
_LISTED_TEXT: Final = 150

RED: Final = "#d72631"
AMBER: Final = "#f2a900"
BLUE: Final = "#3a87ad"
GREEN: Final = "#2eb67d"
_COLOURS: Final = {
    "critical": (RED, "🔴"),
    "warning": (AMBER, "🟠"),
    "info": (BLUE, "🔵"),
}
_OVER: Final = (GREEN, "🟢")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """What goes into ``chat.postMessage``, ``chat.update`` and webhooks alike.

    Attributes:
        text: Shown above the attachment and in notifications.
        metadata: By which a program recognises the message.
    """

    text: str
    attachments: list[Json]
    metadata: Json


def slack_message(delivery: Delivery) -> SlackMessage:
    """The message as it is to look after this delivery."""
    line = delivery.alerts[0]
    colour, dot = _look(delivery)
    said = headline(delivery)
    return SlackMessage(
        text=f"{dot} {shown(said, TEXT)}",
        attachments=[
            {
                "color": colour,
                "fallback": clip(plain(said), TEXT),
                "blocks": [
                    _section(_told(delivery, line)),
                    {
                        "type": "section",
                        "fields": _fields(delivery, line),
                    },
                    *_others(delivery),
                    _context(delivery, line),
                ],
            }
        ],
        metadata={
            "event_type": "loopwatch_alert",
            "event_payload": {
                "delivery": delivery.id,
                "reason": str(delivery.reason),
                "generation": delivery.generation,
                "alerts": ",".join(line.alert_id for line in delivery.alerts[:LISTED]),
            },
        },
    )


def surfaced_reply(delivery: Delivery) -> str:
    """The text under the message that tells the channel: an edit alerts nobody."""
    line = delivery.alerts[0]
    _, dot = _look(delivery)
    said = f"{dot} *{escape(title(delivery, line))}*: {shown(line.rule, _FIELD)}"
    labels = _labels(line.labels, _FIELD) if count(delivery) > 1 else ""
    said += f" {labels}, {_judged(line)}" if labels else f", {_judged(line)}"
    if ahead := outlook(line):
        said += f", {ahead}"
    more = len(delivery.news) - 1
    if more > 0:
        said += f", and {more} more"
    if delivery.blast is not None and delivery.blast.series:
        said += f": {shown(radius(delivery.blast, delivery.at_us), _REASON)}"
    if delivery.possible_repeat:
        said += " (possible repeat)"
    return said


def _look(delivery: Delivery) -> tuple[str, str]:
    if is_over(delivery):
        return _OVER
    return _COLOURS.get(worst(delivery), _COLOURS["warning"])


def _told(delivery: Delivery, line: Transition) -> str:
    parts = [_reach(delivery), _judged(line)]
    if since := moved(delivery, line):
        parts.append(f"Since the last message: {escape(since)}")
    if delivery.quiet:
        parts.append("It fires again: see the next message.")
    parts.append(shown(reason_told(line), _REASON))
    if line.summary:
        parts.append(f"> {shown(line.summary, _SUMMARY)}")
    return "\n".join(part for part in parts if part)


def _reach(delivery: Delivery) -> str:
    """How far it reaches, or at the end how far it did."""
    if delivery.blast is None:
        return ""
    said = shown(radius(delivery.blast, delivery.at_us), _REASON)
    return f"It was {said}" if is_over(delivery) else f"*{said}*"


def _judged(line: Transition) -> str:
    held_against = against(line)
    value = f"*{escape(amount(line, line.value))}*"
    said = f"{shown(measured(line), _FIELD)} {value}"
    return said + (f", {escape(held_against)}" if held_against else "")


def _fields(delivery: Delivery, line: Transition) -> list[Json]:
    duration = lasted(line)
    pairs = [
        ("Series", _labels(line.labels, _SERIES)),
        ("Severity", shown(line.severity or "warning", _FIELD)),
        ("Began", _moment(line.began)),
        ("Lasted", duration if ends(delivery, line) else None),
        ("Sessions affected", f"{line.sessions:,}" if line.sessions else None),
        ("Worst", None if line.peak is None else escape(amount(line, line.peak))),
        ("Why", shown(why(line), _FIELD)),
        _exhausted(line),
        ("Explained by", _labels(line.attribution, _FIELD)),
        ("Example", _example(line)),
        ("Acknowledged", _acknowledged(delivery, line)),
    ]
    return [_mrkdwn(f"*{name}*\n{value}") for name, value in pairs if value]


def _acknowledged(delivery: Delivery, line: Transition) -> str | None:
    found = acknowledged(delivery, line)
    if found is None:
        return None
    until = _moment(found[1])
    return f"by {escape(found[0])}" + (f" until {until}" if until else "")


def _exhausted(line: Transition) -> tuple[str, str | None]:
    """When a budget was or will be exhausted, as a field."""
    verb, when = exhaustion(line) or ("", None)
    return verb.removesuffix(" on").capitalize(), _moment(when)


def _labels(labels: dict[str, str], longest: int) -> str:
    """Labels in code spans, as many as there is room for."""
    spans: list[str] = []
    room = longest
    for name, value in sorted(labels.items()):
        span = code(f"{name}={value}", longest // 2)
        room -= size(span) + 1
        if room < 2:
            spans.append("…")
            break
        spans.append(span)
    return " ".join(spans)


def _moment(text: str | None) -> str | None:
    """A time that Slack shows in the reader's own time zone."""
    if text is None:
        return None
    seconds = microseconds(text) // 1_000_000
    return f"<!date^{seconds}^{{date_short_pretty}} {{time_secs}}|{escape(text)}>"


def _example(line: Transition) -> str | None:
    """The session that shows it best: its trace as a link where it is one."""
    parts = []
    if line.trace:
        found = link(line.trace, "trace", _ADDRESS)
        parts.append(found or f"trace {code(line.trace, _FIELD // 2)}")
    if line.session_id:
        parts.append(f"session {code(line.session_id, _FIELD // 2)}")
    return ", ".join(parts) or None


def _others(delivery: Delivery) -> list[Json]:
    """The other alerts of a group, a line each; what is news of them in bold."""
    others = delivery.alerts[1:LISTED]
    if not others:
        return []
    lines = []
    for line in others:
        said = f"• {shown(line.rule, _LISTED_TEXT // 3)} {_labels(line.labels, _LISTED_TEXT // 2)}"
        if line.value is not None:
            said += f" {escape(amount(line, line.value))}"
        if since := moved(delivery, line):
            said += f" ({escape(since)})"
        if news := news_of(delivery, line):
            said += f" *{news}*"
        if found := acknowledged(delivery, line):
            said += f", acknowledged by {escape(found[0])}"
        lines.append(said)
    more = count(delivery) - 1 - len(others)
    if more > 0:
        lines.append(f"+{more:,} more")
    return [_section("\n".join(lines))]


def _context(delivery: Delivery, line: Transition) -> Json:
    parts = [f"*{escape(mark)}*" for mark in marks(delivery)]
    runbook = link(line.runbook_url or "", "Runbook", _ADDRESS)
    if runbook is not None:
        parts.append(runbook)
    parts.append(f"alert {code(line.alert_id, _FIELD // 2)} #{delivery.generation}")
    return {"type": "context", "elements": [_mrkdwn("  ·  ".join(parts))]}


def _section(text: str) -> Json:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}
