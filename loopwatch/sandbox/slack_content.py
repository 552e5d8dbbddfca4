"""What a Slack message says, read from a request's arguments and judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from loopwatch.sandbox import slack_limits
from loopwatch.sandbox.bodies import decode_json
from loopwatch.sandbox.slack_limits import block_faults, text_size

_METADATA_BYTES: Final = 8_000
_TRUNCATED: Final = (
    "[WARN] Your message was truncated but still posted. The `text` field accepts up "
    "to 40,000 characters."
)


class Refusal(Exception):  # noqa: N818 - it is Slack's answer, not our error
    """Slack's no.

    Attributes:
        error: Slack's word for it.
        about: The channel's id, where known.
        details: Further members of the answer.
    """

    def __init__(self, error: str, *, about: str = "", **details: Any) -> None:  # noqa: ANN401 - any JSON
        super().__init__(error)
        self.error = error
        self.about = about
        self.details = details


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Text and layout; None for what was not given."""

    text: str | None = None
    blocks: list[dict[str, Any]] | None = None
    attachments: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] | None = None
    warnings: dict[str, Any] = {}

    @property
    def has_layout(self) -> bool:
        """Whether blocks or attachments were given, be they empty."""
        return self.blocks is not None or self.attachments is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing could be shown."""
        return not ((self.text or "").strip() or self.blocks or self.attachments)


def read_content(
    arguments: Mapping[str, Any], *, about: str = "", longest_text: int | None = None
) -> Content:
    """Read and judge a message.

    Args:
        arguments: Of the request; lists and objects may come as JSON strings.
        about: The channel's id, for the refusal.
        longest_text: More characters are refused; without it Slack cuts.

    Raises:
        Refusal: Slack would not take it.
    """
    text = arguments.get("text")
    markdown = arguments.get("markdown_text")
    blocks = _listed(arguments.get("blocks"), "invalid_blocks_format", about)
    attachments = _listed(arguments.get("attachments"), "invalid_attachments", about)
    if markdown is not None:
        if text is not None or blocks is not None:
            raise Refusal("markdown_text_conflict", about=about)
        if len(str(markdown)) > slack_limits.MARKDOWN_TEXT:
            raise Refusal("msg_too_long", about=about)
        text = markdown
    text = None if text is None else str(text)
    warnings: dict[str, Any] = {}
    if longest_text is not None and len(text or "") > longest_text:
        raise Refusal("msg_too_long", about=about)
    if text is not None and len(text) > slack_limits.TEXT_TRUNCATED:
        text = text[: slack_limits.TEXT_TRUNCATED]
        warnings = {
            "warning": "message_truncated",
            "response_metadata": {
                "messages": [_TRUNCATED],
                "warnings": ["message_truncated"],
            },
        }
    _judge_layout(blocks, attachments, about)
    return Content(
        text=text,
        blocks=blocks,
        attachments=attachments,
        metadata=_metadata(arguments.get("metadata"), about),
        warnings=warnings,
    )


def as_flag(value: object) -> bool:
    """A boolean as JSON or as a form has it."""
    return value is True or value in {"true", "True", "1", 1}


def _judge_layout(
    blocks: list[dict[str, Any]] | None,
    attachments: list[dict[str, Any]] | None,
    about: str,
) -> None:
    if len(attachments or []) > slack_limits.ATTACHMENTS:
        raise Refusal("too_many_attachments", about=about)
    faults = block_faults(blocks or [])
    if faults:
        raise _invalid("invalid_blocks", faults, about)
    inner: list[Any] = []
    for index, attachment in enumerate(attachments or []):
        at = f"/attachments/{index}"
        if not isinstance(attachment, dict):
            faults.append(f"must provide an object [json-pointer:{at}]")
            continue
        held = attachment.get("blocks", [])
        if isinstance(held, list):
            faults += block_faults(held, f"{at}/blocks")
            inner += held
        else:
            faults.append(f"must provide an array [json-pointer:{at}/blocks]")
    if faults:
        raise _invalid("invalid_attachments", faults, about)
    if text_size(blocks or []) + text_size(inner) > slack_limits.SUM_OF_BLOCK_TEXT:
        raise Refusal("msg_blocks_too_long", about=about)


def _invalid(error: str, faults: list[str], about: str) -> Refusal:
    messages = [f"[ERROR] {fault}" for fault in faults]
    return Refusal(
        error,
        about=about,
        errors=faults,
        response_metadata={"messages": messages},
    )


def _listed(value: object, error: str, about: str) -> list[dict[str, Any]] | None:
    if isinstance(value, str):
        try:
            value = decode_json(value)
        except ValueError:
            raise Refusal(error, about=about) from None
    if value is None:
        return None
    if not isinstance(value, list):
        raise Refusal(error, about=about)
    return value


def _metadata(value: object, about: str) -> dict[str, Any] | None:
    if isinstance(value, str):
        try:
            value = decode_json(value)
        except ValueError:
            raise Refusal("invalid_metadata_format", about=about) from None
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Refusal("invalid_metadata_format", about=about)
    if not value:
        return {}
    if not (
        isinstance(value.get("event_type"), str)
        and isinstance(value.get("event_payload"), dict)
    ):
        raise Refusal("invalid_metadata_schema", about=about)
    if len(msgspec.json.encode(value)) > _METADATA_BYTES:
        raise Refusal("metadata_too_large", about=about)
    return value
