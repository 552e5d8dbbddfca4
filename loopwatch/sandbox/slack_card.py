"""A Slack message as its channel shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from loopwatch.sandbox.clock import clock_time, show_time
from loopwatch.sandbox.icons import LOOP
from loopwatch.sandbox.markup import Markup, element, join, link
from loopwatch.sandbox.mrkdwn import mrkdwn, plain_text
from loopwatch.sandbox.records import Message, Version
from loopwatch.sandbox.slack_blocks import show_blocks

_NAMED_COLOURS: Final = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}
_COLOUR: Final = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_NO_COLOUR: Final = "#dddddd"
_FIRST_LINE: Final = 140


def card_id(message: Message) -> str:
    """The card's id in the page."""
    return f"message-{message.channel_id}-{message.ts}"


def slack_card(message: Message, replies: Sequence[Message] = ()) -> Markup:
    """The card of a message with the replies in its thread."""
    return element(
        "article",
        _post(message),
        element(
            "div",
            element("p", _counted(replies), class_="thread-count"),
            [_post(reply) for reply in replies],
            class_="thread",
        )
        if replies
        else None,
        id=card_id(message),
        class_="card message",
    )


def colour_of(value: object) -> str:
    """An attachment's colour as ``#rrggbb``; grey when it names none."""
    text = str(value or "").strip()
    if text in _NAMED_COLOURS:
        return _NAMED_COLOURS[text]
    found = _COLOUR.fullmatch(text)
    return f"#{found[1].lower()}" if found else _NO_COLOUR


def _post(message: Message) -> Markup:
    has_blocks = bool(message.blocks)
    return element(
        "div",
        element("div", LOOP, class_="avatar"),
        element(
            "div",
            element(
                "div",
                element("span", message.username or "Loopwatch", class_="author"),
                element("span", "APP", class_="app"),
                show_time(message.versions[0].time_s),
                element("span", message.channel, class_="channel"),
                class_="byline",
            ),
            None
            if has_blocks or not message.text
            else element("p", mrkdwn(message.text), class_="text"),
            show_blocks(message.blocks),
            [_attachment(attachment) for attachment in message.attachments],
            _history(message) if message.edited else None,
            class_="post-body",
        ),
        class_="post",
    )


def _attachment(attachment: Mapping[str, Any]) -> Markup:
    # A bar drawn by an SVG attribute: the page's policy forbids styles in line.
    bar = Markup(
        '<svg class="bar" aria-hidden="true"><rect width="100%" height="100%" '
        f'fill="{colour_of(attachment.get("color"))}"/></svg>'
    )
    blocks = attachment.get("blocks")
    title = attachment.get("title")
    body: list[Markup | None] = [
        show_blocks(blocks)
        if isinstance(blocks, list) and blocks
        else join(
            [
                element(
                    "h4",
                    link(attachment.get("title_link"), plain_text(str(title))),
                    class_="block-header",
                )
                if title
                else None,
                _optional(attachment.get("text")),
                _fields(attachment.get("fields")),
                element(
                    "div", mrkdwn(str(attachment["footer"])), class_="block-context"
                )
                if attachment.get("footer")
                else None,
            ]
        )
    ]
    return join(
        [
            _optional(attachment.get("pretext")),
            element(
                "div",
                bar,
                element("div", body, class_="attachment-body"),
                class_="attachment",
            ),
        ]
    )


def _fields(fields: object) -> Markup | None:
    if not isinstance(fields, list) or not fields:
        return None
    shown = [
        element(
            "div",
            element("b", plain_text(str(field.get("title", "")))),
            element("br"),
            mrkdwn(str(field.get("value", ""))),
            class_="field" if field.get("short") else "field long",
        )
        for field in fields
        if isinstance(field, dict)
    ]
    return element("div", shown, class_="fields")


def _optional(text: object) -> Markup | None:
    return element("p", mrkdwn(str(text))) if text else None


def _history(message: Message) -> Markup:
    """``(edited)``, which opens what the message said before."""
    return element(
        "details",
        element(
            "summary",
            "(edited)",
            title=f"edited {len(message.versions) - 1} times; opens the earlier texts",
        ),
        element("ol", [_version(version) for version in message.versions]),
        id=f"history-{message.channel_id}-{message.ts}",
        class_="history",
    )


def _version(version: Version) -> Markup:
    words = Message(channel_id="", channel="", ts="", via="", versions=(version,)).words
    line = " ".join(words.split())
    if len(line) > _FIRST_LINE:
        line = line[:_FIRST_LINE] + "…"
    bars = [
        Markup(
            '<svg class="dot" aria-hidden="true"><circle cx="5" cy="5" r="5" '
            f'fill="{colour_of(attachment.get("color"))}"/></svg>'
        )
        for attachment in version.attachments[:1]
    ]
    return element(
        "li",
        element("time", clock_time(version.time_s)),
        bars,
        element("span", plain_text(line)),
    )


def _counted(replies: Sequence[Message]) -> str:
    return "1 reply" if len(replies) == 1 else f"{len(replies)} replies"
