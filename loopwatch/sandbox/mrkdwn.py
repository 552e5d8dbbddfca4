"""Slack's mrkdwn as HTML: bold, italic, code, quotes, links; all else is text."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import Final

from loopwatch.sandbox.markup import Markup, element, escape, join, lines, link

# Code and links are set aside first, each behind a mark, so that nothing within them
# is taken for emphasis; the marks come back in order.
_MARK: Final = "\ue000"
_ATOM: Final = re.compile(
    r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<angle>[^<>\n]+)>"
    r"|(?P<url>https?://[^\s<>|`*\"]+)",
    re.DOTALL,
)
_BOLD: Final = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+)(?<=[^\s*])\*(?![\w*])")
_ITALIC: Final = re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]+)(?<=[^\s_])_(?![\w_])")
_EMOJI: Final = re.compile(r":([a-z0-9_+-]+):")
_DATE: Final = re.compile(r"!date\^\d+\^[^|]*\|(.*)", re.DOTALL)

EMOJI: Final = {
    "red_circle": "🔴",
    "large_red_square": "🟥",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "large_green_circle": "🟢",
    "large_blue_circle": "🔵",
    "white_circle": "⚪",
    "rotating_light": "🚨",
    "warning": "⚠️",
    "fire": "🔥",
    "bell": "🔔",
    "no_bell": "🔕",
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "information_source": "\u2139\ufe0f",
    "chart_with_upwards_trend": "📈",
    "chart_with_downwards_trend": "📉",
    "bar_chart": "📊",
    "moneybag": "💰",
    "hourglass": "⌛",
    "book": "📖",
    "link": "🔗",
    "mag": "🔍",
    "zzz": "💤",
    "eyes": "👀",
    "tada": "🎉",
}


def mrkdwn(text: str) -> Markup:
    """Render mrkdwn; the result is safe whatever the text is."""
    if "```" in text:
        return _inline(text)  # Code may hold lines that look like quotes.
    parts: list[Markup] = []
    for quoted, run in groupby(text.split("\n"), key=_is_quoted):
        if quoted:
            inside = "\n".join(line.partition(_quote(line))[2] for line in run)
            parts.append(element("blockquote", _inline(inside)))
        else:
            parts.append(_inline("\n".join(run)))
    return join(parts)


def _is_quoted(line: str) -> bool:
    return line.startswith((">", "&gt;"))


def _quote(line: str) -> str:
    """The mark before a quoted line, with the space after it."""
    mark = ">" if line.startswith(">") else "&gt;"
    return f"{mark} " if line.startswith(f"{mark} ") else mark


def _inline(text: str) -> Markup:
    atoms: list[Markup] = []

    def set_aside(found: re.Match[str]) -> str:
        atoms.append(_atom(found))
        return _MARK

    marked = _ATOM.sub(set_aside, text.replace(_MARK, "\ufffd"))
    remaining = iter(atoms)

    def plain(part: str) -> Markup:
        pieces = _unescape(emoji(part)).split(_MARK)
        # The mark between two pieces is the next atom.
        rendered = [lines(pieces[0])]
        for piece in pieces[1:]:
            rendered += [next(remaining), lines(piece)]
        return join(rendered)

    def italic(part: str) -> Markup:
        return _emphasise(part, _ITALIC, "i", plain)

    return _emphasise(marked, _BOLD, "b", italic)


def plain_text(text: str, *, with_emoji: bool = True) -> Markup:
    """Render text that has no markup, but may name emoji."""
    return lines(_unescape(emoji(text) if with_emoji else text))


def emoji(text: str) -> str:
    """``:warning:`` and some others as characters; unknown names stay."""
    return _EMOJI.sub(lambda found: EMOJI.get(found[1], found[0]), text)


def _emphasise(
    text: str, pattern: re.Pattern[str], tag: str, inner: Callable[[str], Markup]
) -> Markup:
    parts: list[Markup] = []
    at = 0
    for found in pattern.finditer(text):
        parts += [inner(text[at : found.start()]), element(tag, inner(found[1]))]
        at = found.end()
    return join([*parts, inner(text[at:])])


def _atom(found: re.Match[str]) -> Markup:
    if found["pre"] is not None:
        return element("pre", escape(_unescape(found["pre"].strip("\n"))))
    if found["code"] is not None:
        return element("code", escape(_unescape(found["code"])))
    if found["url"] is not None:
        return _bare_link(found["url"])
    return _angle(found["angle"])


def _bare_link(url: str) -> Markup:
    # A full stop after a URL ends the sentence, not the URL.
    address = url.rstrip(".,;:!?)'")
    address = _unescape(address)
    rest = url[len(url.rstrip(".,;:!?)'")) :]
    return join([link(address, escape(address)), escape(rest)])


def _angle(inside: str) -> Markup:
    """What stands between < and >: a link, a mention, a channel, a date."""
    target, bar, label = inside.partition("|")
    date = _DATE.fullmatch(inside)
    if date is not None:
        return lines(_unescape(date[1]))
    shown = _unescape(label if bar else target)
    match inside[0]:
        case "!":
            return element("span", "@" + shown.lstrip("!"), class_="mention")
        case "@" | "#" as sign:
            name = sign + shown.lstrip("@#")
            return element("span", name, class_="mention")
        case _:
            if not bar:
                shown = shown.removeprefix("mailto:")
            return link(_unescape(target), emoji(shown))


def _unescape(text: str) -> str:
    """Undo the three escapes that Slack asks for."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
