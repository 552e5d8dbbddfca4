"""HTML from values: whatever is not markup already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_SAFE_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_VOID: Final = frozenset({"br", "hr", "img", "link", "meta"})


class Markup(str):
    """Text that is HTML already; made by this module alone, of escaped parts."""

    __slots__ = ()


Child = str | Iterable["Child"] | None


def escape(text: str) -> Markup:
    """Text as HTML shows it; characters that HTML cannot hold become a mark."""
    clean = "".join(
        char if char.isprintable() or char in "\n\t" else _stand_in(char)
        for char in text
    )
    return Markup(html.escape(clean, quote=True))


def element(tag: str, *children: Child, **attributes: str | bool | None) -> Markup:
    """An element; ``class_`` is ``class``, ``data_x`` is ``data-x``.

    Attributes that are None or False are left out, and True has no value.
    """
    inside = "".join(
        f" {name.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{escape(value)}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{tag}{inside}>")
    return Markup(f"<{tag}{inside}>{join(children)}</{tag}>")


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other, each escaped unless it is markup."""
    parts: list[str] = []
    for child in children:
        match child:
            case None:
                continue
            case Markup():
                parts.append(child)
            case str():
                parts.append(escape(child))
            case _:
                parts.append(join(child))
    return Markup("".join(parts))


def lines(text: str) -> Markup:
    """Text with its line breaks."""
    return Markup("<br>".join(escape(line) for line in text.split("\n")))


def link(url: object, *children: Child, class_: str | None = None) -> Markup:
    """A link that leaves the page, or its inside alone when the URL is not safe."""
    href = safe_url(url)
    if href is None:
        return element("span", *children, class_=class_)
    return element(
        "a",
        *children,
        class_=class_,
        href=href,
        target="_blank",
        rel="noopener noreferrer nofollow",
    )


def safe_url(url: object) -> str | None:
    """The URL when a browser may follow it: http, https or mailto."""
    if not isinstance(url, str):
        return None
    url = url.strip()
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return None
    if scheme not in _SAFE_SCHEMES or any(ord(char) <= 0x20 for char in url):
        return None
    return url


def _stand_in(char: str) -> str:
    # Unassigned and private characters and format marks, of which some turn the
    # direction of what follows, must not reach what is around them.
    if char == "\u200d" or "\ufe00" <= char <= "\ufe0f":
        return char
    return " " if char.isspace() else "\ufffd"
