"""The sandbox's page: what the person on call would see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeVar

import msgspec

from loopwatch.sandbox.clock import clock_time
from loopwatch.sandbox.icons import BELL, HASH, LOOP, PLUG
from loopwatch.sandbox.inbox import Change, Inbox
from loopwatch.sandbox.incident_card import incident_card
from loopwatch.sandbox.markup import Child, Markup, element
from loopwatch.sandbox.records import Message, Status
from loopwatch.sandbox.slack_card import slack_card
from loopwatch.sandbox.webhook_card import refusal_card, webhook_card

T = TypeVar("T")

# Of each list the newest are on the page.
CARDS_SHOWN: Final = 100
_NOTES_SHOWN: Final = 4
_SPARK_WIDTH: Final = 120
_SPARK_HEIGHT: Final = 28


class Card(msgspec.Struct, frozen=True):
    """A piece of the page that appeared or changed.

    Attributes:
        list: The id of the list it is in.
        html: The piece; its own id tells whether it is there already.
    """

    list: str
    html: str


def render_page(inbox: Inbox, url: str) -> Markup:
    """The whole page; ``url``, the sandbox's own, is for hints on empty columns."""
    return Markup(
        "<!doctype html>\n"
        + element(
            "html",
            _head(),
            element(
                "body",
                element(
                    "header",
                    element("div", LOOP, class_="logo"),
                    element(
                        "div",
                        element("h1", "Loopwatch sandbox"),
                        element("p", "stands in for Slack, PagerDuty and webhooks"),
                    ),
                    element(
                        "div",
                        element("span", "live", id="live", class_="live"),
                        element("button", "Clear", id="clear", type="button"),
                        class_="controls",
                    ),
                    class_="top",
                ),
                render_strip(inbox),
                _board(inbox, url),
                data_revision=str(inbox.revision),
            ),
            lang="en",
        )
    )


def render_strip(inbox: Inbox) -> Markup:
    """Counters, and the notes of what is being played."""
    count = inbox.counters
    incidents = inbox.incidents()
    firing = sum(i.status is Status.TRIGGERED for i in incidents)
    acked = sum(i.status is Status.ACKNOWLEDGED for i in incidents)
    tiles: list[Child] = [
        _tile("Slack messages", count.messages, _counted(count.edits, "edit"), "slack"),
        _tile(
            "Pages open",
            firing + acked,
            f"{acked} acknowledged" if acked else f"{count.triggered} triggered",
            "open" if firing + acked else "quiet",
        ),
        _tile(
            "Pages resolved",
            count.resolved,
            "",
            "resolved" if count.resolved else "quiet",
        ),
        _tile("Webhooks", count.webhooks, "", "webhooks"),
        _tile(
            "Refused",
            count.refused,
            f"of {_counted(count.requests, 'request')}",
            "refused" if count.refused else "quiet",
        ),
    ]
    if count.sessions is not None:
        tiles.insert(
            0,
            _tile("Sessions", count.sessions, _spark(inbox.sessions()), "sessions"),
        )
    notes = [
        element(
            "li",
            element("time", clock_time(note.time_s)),
            element("span", note.text),
            class_=f"tone-{note.tone}",
        )
        for note in inbox.notes()[-_NOTES_SHOWN:]
    ]
    return element(
        "section",
        element("div", tiles, class_="tiles"),
        element("ol", notes, class_="ticker") if notes else None,
        id="strip",
        aria_label="what arrived",
    )


def cards_of(inbox: Inbox, change: Change) -> list[Card]:
    """The pieces of the page that a change touches."""
    match change.kind:
        case "message":
            message = inbox.message(*change.id.split("/", 1))
            if message is None:
                return []
            parent = _parent(inbox, message)
            cards = [Card("slack", _message_card(inbox, parent or message))]
            if parent is not None and message.broadcast:
                cards.append(Card("slack", _message_card(inbox, message)))
            return cards
        case "incident":
            incident = inbox.incident(int(change.id))
            return [Card("pagerduty", incident_card(incident))] if incident else []
        case "webhook":
            hooks = [h for h in inbox.webhooks() if str(h.number) == change.id]
            return [Card("webhooks", webhook_card(hook)) for hook in hooks]
        case "request":
            request = inbox.request(int(change.id))
            if request is None or request.refusal is None:
                return []
            return [Card("refused", refusal_card(request))]
        case _:
            return []


def _head() -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", "Loopwatch sandbox"),
        element("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href="/static/page.css"),
        element("script", src="/static/page.js", defer=True),
    )


def _board(inbox: Inbox, url: str) -> Markup:
    roots = [m for m in inbox.messages() if m.broadcast or _parent(inbox, m) is None]
    refused = inbox.refused()
    return element(
        "main",
        _column(
            "slack",
            HASH,
            "Slack",
            [_message_card(inbox, message) for message in _newest(roots)],
            "No message yet. Give a Slack receiver ",
            element("code", f"api_url: {url}/api/"),
        ),
        _column(
            "pagerduty",
            BELL,
            "PagerDuty",
            [incident_card(incident) for incident in _newest(inbox.incidents())],
            "No incident yet. Give a PagerDuty receiver ",
            element("code", f"url: {url}"),
        ),
        _column(
            "webhooks",
            PLUG,
            "Webhooks",
            [webhook_card(hook) for hook in _newest(inbox.webhooks())],
        ),
        _column(
            "refused",
            None,
            "Refused requests",
            [refusal_card(request) for request in _newest(refused)],
        ),
        id="board",
    )


def _column(
    name: str,
    icon: Markup | None,
    title: str,
    cards: Sequence[Markup],
    *hint: Child,
) -> Markup:
    return element(
        "section",
        element("h2", icon, title),
        element("div", cards, id=name, class_="cards"),
        element("p", hint, class_="placeholder") if hint else None,
        class_=f"column {name}",
    )


def _tile(label: str, number: int, below: Child, kind: str) -> Markup:
    return element(
        "div",
        element("span", label, class_="label"),
        element("span", f"{number:,}", class_="count"),
        element("span", below, class_="below") if below else None,
        class_=f"tile {kind}",
    )


def _spark(sessions: Sequence[tuple[float, int]]) -> Markup | None:
    """A line of the rate of sessions over the last reports."""
    rates = [
        max(0.0, (n2 - n1) / (t2 - t1))
        for (t1, n1), (t2, n2) in pairwise(sessions)
        if t2 > t1
    ]
    if len(rates) < 2:
        return None
    top = max(rates) or 1.0
    step = _SPARK_WIDTH / (len(rates) - 1)
    height = _SPARK_HEIGHT - 4
    points = " ".join(
        f"{index * step:.1f},{2 + height * (1 - rate / top):.1f}"
        for index, rate in enumerate(rates)
    )
    return Markup(
        f'<svg class="spark" viewBox="0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}" '
        f'preserveAspectRatio="none" aria-hidden="true"><polyline points="{points}" '
        'fill="none" stroke="currentColor" stroke-width="2" '
        'vector-effect="non-scaling-stroke" stroke-linejoin="round"/></svg>'
    )


def _message_card(inbox: Inbox, message: Message) -> Markup:
    replies = [
        reply
        for reply in inbox.messages(message.channel_id)
        if reply.thread_ts == message.ts and reply.ts != message.ts
    ]
    return slack_card(message, replies)


def _parent(inbox: Inbox, message: Message) -> Message | None:
    if message.thread_ts is None or message.thread_ts == message.ts:
        return None
    parent = inbox.message(message.channel_id, message.thread_ts)
    # A reply to a reply stands for itself: cards are one level deep.
    return None if parent is None or parent.thread_ts else parent


def _newest(items: Sequence[T]) -> list[T]:
    return list(items)[: -CARDS_SHOWN - 1 : -1]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
