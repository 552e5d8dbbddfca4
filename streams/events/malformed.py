"""Why an event is no session, in words for the person who wrote it.

The verdict is the decoder's, field by field; here it is only put into words.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, get_args

import msgspec

from streams.events.session_fields import (
    LATEST_S,
    LONGEST_LABEL,
    LONGEST_TRACE,
    Feedback,
    Status,
)

_SHOWN: Final = 60

_COUNTS: Final = frozenset(
    {
        "loop_count",
        "llm_calls",
        "llm_errors",
        "llm_truncations",
        "tool_calls",
        "tool_errors",
        "input_tokens",
        "output_tokens",
    }
)
_NUMBERS: Final = _COUNTS | {"latency_ms", "cost_usd", "tool_cost_usd", "quality_score"}
_MOMENTS: Final = frozenset({"ended_at", "started_at"})
_CHOICES: Final = {"status": get_args(Status), "feedback": get_args(Feedback)}
_NO_JSON_NUMBER = re.compile(rb"-?(?:NaN|nan|Infinity|inf)\b")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_LAST_NAME = re.compile(rb'"([^"\\]{1,100})"\s*:\s*\Z')


class Malformed(ValueError):  # noqa: N818 - what dead letters and people call it
    """An event that is no session; its text is the reason."""


def words_for_syntax(value: bytes, fault: Exception) -> str:
    """What is wrong with a text that is no JSON object."""
    text = str(fault)
    if isinstance(fault, RecursionError):
        return "not JSON: nested too deeply"
    if isinstance(fault, msgspec.ValidationError):
        return "not a JSON object"
    if value.startswith(b"\xef\xbb\xbf"):
        return "not JSON: begins with a byte order mark; write UTF-8 without one"
    found = re.search(r"\(byte (\d+)\)", text)
    if found is None:
        surrogate = _SURROGATE.search(value)
        if surrogate is not None:
            return f"not JSON: {surrogate[0].decode()} is half a character"
        return "not JSON: the text ends too early"
    at = int(found[1])
    start = at - 1 if value[at - 1 : at] == b"-" else at
    number = _NO_JSON_NUMBER.match(value, start)
    if number is not None:
        name = _LAST_NAME.search(value, max(0, number.start() - 120), number.start())
        where = f"{shorten(name[1].decode('utf-8', 'replace'))}: " if name else ""
        return f"{where}{number[0].decode()} is no number in JSON; leave the field out"
    detail = text.removeprefix("JSON is malformed: ").partition(" (byte")[0]
    return f"not JSON: {detail} at byte {at}"


def words_for_field(name: str, raw: bytes) -> str:
    """What is wrong with the value of a field, given as JSON text."""
    shown = shorten(raw.decode("utf-8", "replace").strip())
    try:
        value = msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return f"{name}: {shown} is too large a number"
    except (msgspec.DecodeError, RecursionError, ValueError):
        return f"{name}: {shown} is no JSON value"
    if name in _NUMBERS:
        return f"{name}: {shown} {_number_fault(name, value)}"
    if name in _MOMENTS:
        return f"{name}: {_moment_fault(value, shown)}"
    if name in _CHOICES:
        return f"{name}: {shown} is none of {', '.join(_CHOICES[name])}"
    if name == "task_completed":
        return f"{name}: {shown} is neither true nor false"
    if name == "attributes":
        return _attribute_fault(value, shown)
    return f"{name}: {shown} {_text_fault(name, value)}"


def shorten(text: str) -> str:
    """The beginning of somebody else's text, fit for a terminal and one line."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_fault(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if not _is_number(value):
        return "is not a number"
    if name in _COUNTS and value != int(value):
        return "is not a whole number"
    if value < 0 and name != "quality_score":
        return "is negative"
    return "is beyond all measure"


def _moment_fault(value: Any, shown: str) -> str:  # noqa: ANN401 - any JSON value
    if _is_number(value):
        if value < 0:
            return f"{shown} is before 1970"
        if LATEST_S < value <= LATEST_S * 1_000:
            return f"{shown} is beyond the year 9999; write seconds, not milliseconds"
        return f"{shown} is beyond the year 9999"
    if isinstance(value, str):
        try:
            moment = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            return f"{shown} is neither RFC 3339 nor epoch seconds"
        if moment.tzinfo is None:
            return f"{value} has no offset; write {value}Z"
    return f"{shown} is neither RFC 3339 nor epoch seconds"


def _text_fault(name: str, value: object) -> str:
    if not isinstance(value, str):
        return "is not a string"
    if not value:
        return "is empty"
    longest = LONGEST_TRACE if name.startswith("trace") else LONGEST_LABEL
    return f"is {len(value)} characters long; {longest} are allowed"


def _attribute_fault(value: object, shown: str) -> str:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                what = "an object" if isinstance(inner, dict) else "an array"
                return (
                    f"attributes.{shorten(name)}: is {what}; only strings, numbers"
                    " and booleans are allowed"
                )
    return f"attributes: {shown} is not an object of strings, numbers and booleans"
