"""Text that strangers had a hand in, made safe to show and short enough."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_ELLIPSIS: Final = "…"
_BLANK: Final = re.compile(r"\s+")
# They turn the text around them, up to the end of the line.
_TURNING: Final = frozenset(
    "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_URL: Final = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)
_HALF_ENTITY: Final = re.compile(r"&[a-z]{0,3}$")


def plain(text: str) -> str:
    """One line without control characters, lone surrogates or turned directions."""
    kept = "".join(
        " "
        if unicodedata.category(sign) == "Cc"
        else "\ufffd"
        if unicodedata.category(sign) == "Cs"
        else sign
        for sign in text
        if sign not in _TURNING
    )
    return _BLANK.sub(" ", kept).strip()


def size(text: str) -> int:
    """Length in UTF-16 units, the larger of the two ways in which providers count."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def clip(text: str, longest: int) -> str:
    """At most ``longest`` units, with an ellipsis where something is missing."""
    if size(text) <= longest:
        return text
    room = longest - 1
    end = 0
    for sign in text:
        room -= size(sign)
        if room < 0:
            break
        end += 1
    return text[:end] + _ELLIPSIS


def escape(text: str) -> str:
    """Slack's three: without them a label could mention a whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shown(text: str, longest: int) -> str:
    """A stranger's text in Slack's mrkdwn: plain, escaped, clipped after escaping."""
    escaped = escape(plain(text))
    if size(escaped) <= longest:
        return escaped
    cut = clip(escaped, longest).removesuffix(_ELLIPSIS)
    return _HALF_ENTITY.sub("", cut) + _ELLIPSIS


def code(text: str, longest: int) -> str:
    """The same between backticks, where nothing is formatted."""
    inner = shown(text.replace("`", "'"), longest - 2)
    return f"`{inner}`" if inner else ""


def url_of(text: str, longest: int) -> str | None:
    """The text as a web address that can be clicked; None if it is none, or too long."""
    if not _URL.match(text.strip()):
        return None
    # What would end a link in mrkdwn, or is no character of a URL, is encoded.
    address = quote(plain(text), safe=":/?#[]@!$&'()*+,;=%~-._")
    return address if len(address) <= longest else None


def link(text: str, label: str, longest: int) -> str | None:
    """The address as a link in mrkdwn; None if it is none, or too long for one."""
    address = url_of(text, longest)
    if address is None:
        return None
    found = f"<{escape(address)}|{label}>"
    return found if len(found) <= longest else None
