"""What a stand-in answers, and what came of the request."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer.

    Attributes:
        refusal: Why the request was not accepted, in the provider's word; else None.
        about: What it was about: a channel's id, a dedup_key, a webhook's name.
        note: What became of an accepted request, where that is not plain.
    """

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = {}
    refusal: str | None = None
    about: str = ""
    note: str = ""


def json_reply(
    value: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    refusal: str | None = None,
    about: str = "",
    note: str = "",
) -> Reply:
    """An answer with a JSON body."""
    return Reply(
        body=msgspec.json.encode(value),
        status=status,
        headers=headers or {},
        refusal=refusal,
        about=about,
        note=note,
    )


def text_reply(
    text: str, *, status: int = 200, refusal: str | None = None, about: str = ""
) -> Reply:
    """An answer in plain text."""
    return Reply(
        body=text.encode(),
        status=status,
        content_type=TEXT,
        refusal=refusal,
        about=about,
    )


def whole_seconds(wait_s: float) -> int:
    """A wait as ``Retry-After`` gives it: whole seconds, enough, at least one."""
    return max(1, math.ceil(wait_s - 1e-6))
