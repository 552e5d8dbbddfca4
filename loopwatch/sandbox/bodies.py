"""Request bodies: JSON of bounded depth, and Slack's arguments in their forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

# Nobody's message is deeper, and what walks it may then recurse.
_DEEPEST: Final = 60
FORM: Final = "application/x-www-form-urlencoded"


def decode_json(body: bytes | str) -> Any:  # noqa: ANN401 - any JSON
    """The JSON value.

    Raises:
        ValueError: It is not JSON, or nested too deeply.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [inner for item in level for inner in _members(item)]
        if not level:
            return value
    raise ValueError("not JSON that anybody sends: nested too deeply")


def slack_arguments(
    body: bytes, content_type: str, query: Mapping[str, str]
) -> dict[str, Any]:
    """The arguments of a Slack method: of the URL and of a JSON or form body.

    Raises:
        ValueError: The body cannot be read; the message is Slack's word for it.
    """
    arguments: dict[str, Any] = dict(query)
    if not body:
        return arguments
    match content_type:
        case "application/json":
            try:
                decoded = decode_json(body)
            except ValueError:
                raise ValueError("invalid_json") from None
            if isinstance(decoded, dict):
                return arguments | decoded
            raise ValueError("json_not_object")
        case _ if content_type == FORM:
            return arguments | _form(body)
        case "" | "application/octet-stream":
            raise ValueError("missing_post_type")
        case _:
            raise ValueError("invalid_post_type")


def hook_arguments(body: bytes, content_type: str) -> dict[str, Any] | None:
    """The payload of an incoming webhook: JSON, or a form's ``payload``; else None."""
    text: bytes | str = body
    if content_type == FORM and not body.lstrip().startswith(b"{"):
        text = _form(body).get("payload", "")
    try:
        decoded = decode_json(text)
    except ValueError:
        return None
    return decoded if isinstance(decoded, dict) else None


def _form(body: bytes) -> dict[str, str]:
    text = body.decode(errors="replace")
    return dict(parse_qsl(text, keep_blank_values=True, errors="replace"))


def _members(value: object) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case _:
            return []
