"""A plain webhook: ``/hook/NAME`` takes anything and keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from loopwatch.sandbox.bodies import decode_json
from loopwatch.sandbox.inbox import Inbox
from loopwatch.sandbox.replies import Reply, json_reply
from loopwatch.sandbox.secrecy import mask_all, mask_headers

# Larger bodies are taken, and shown by their beginning.
_SHOWN_CHARACTERS: Final = 100_000
# What every client sends, and nobody on call wants to read.
_DULL_HEADERS: Final = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-length"}
)


def take_webhook(
    inbox: Inbox,
    name: str,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    bearer: str,
) -> Reply:
    """Keep a request; answer 200."""
    told = {
        header: value
        for header, value in headers.items()
        if header.lower() not in _DULL_HEADERS
    }
    sent = mask_all(readable(body), [bearer])
    inbox.add_webhook(name, method, mask_headers(told), sent)
    return json_reply({"ok": True}, about=name)


def readable(body: bytes, longest: int = _SHOWN_CHARACTERS) -> object:
    """A body as JSON value where it is one and not long, else as text; no secrets."""
    if len(body) <= longest:
        try:
            return mask_all(decode_json(body))
        except ValueError:
            pass
    text = body[: longest * 4].decode(errors="replace")
    return mask_all(text if len(text) <= longest else text[:longest] + "…")
