"""The fields of a session event, as they arrive: types and bounds, nothing derived.

The bounds that the contract does not name keep one absurd event from doing harm: a
sum of costs must stay finite, and a series' key must fit into a Kafka record.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

LARGEST_EVENT: Final = 1_000_000
"""Bytes of JSON that one session may take."""

LONGEST_LABEL: Final = 1_024
"""Characters of a session id or a label."""

LONGEST_TRACE: Final = 4_096
"""Characters of a trace reference."""

LARGEST_COUNT: Final = 2**53
"""Up to here whole numbers are exact in the detectors' floating point."""

LARGEST_AMOUNT: Final = 1_000_000_000_000_000
"""USD or milliseconds of one session; sums of squares of them stay finite."""

LARGEST_SCORE: Final = 1_000_000_000_000_000
"""A score's distance from 0."""

LATEST_S: Final = 253_402_300_799
"""The last second of the year 9999, the last that RFC 3339 can write."""

_ABSENT: Any = math.nan

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_LABEL)]
Label = Annotated[str, Meta(max_length=LONGEST_LABEL)]
Trace = Annotated[str, Meta(max_length=LONGEST_TRACE)]
Count = Annotated[int, Meta(ge=0, le=LARGEST_COUNT)]
Amount = Annotated[float, Meta(ge=0, le=LARGEST_AMOUNT)]
Score = Annotated[float, Meta(ge=-LARGEST_SCORE, le=LARGEST_SCORE)]
Moment = (
    Annotated[datetime, Meta(tz=True)]
    | Annotated[int, Meta(ge=0, le=LATEST_S)]
    | Annotated[float, Meta(ge=0, lt=LATEST_S + 1)]
)
Status = Literal[
    "success", "failure", "error", "timeout", "cancelled", "Success", "Fail"
]
Feedback = Literal["up", "down", "regenerated"]
Scalar = str | int | float | bool | None


class SessionEvent(msgspec.Struct, kw_only=True, gc=False):
    """One event as it was published; a number that is absent is NaN."""

    session_id: Name
    agent: Name
    ended_at: Moment
    started_at: Moment | None = None
    task_type: Label = ""
    tenant: Label = ""
    user_id: Label = ""
    model: Label = ""
    agent_version: Label = ""
    environment: Label = ""
    status: Status | None = None
    task_completed: bool | None = None
    loop_count: Count = _ABSENT
    latency_ms: Amount = _ABSENT
    llm_calls: Count = _ABSENT
    llm_errors: Count = _ABSENT
    llm_truncations: Count = _ABSENT
    tool_calls: Count = _ABSENT
    tool_errors: Count = _ABSENT
    input_tokens: Count = _ABSENT
    output_tokens: Count = _ABSENT
    cost_usd: Amount = _ABSENT
    tool_cost_usd: Amount = _ABSENT
    quality_score: Score = _ABSENT
    feedback: Feedback | None = None
    trace_id: Trace = ""
    trace_url: Trace = ""
    attributes: dict[str, Scalar] | None = None


class StrictSessionEvent(SessionEvent, forbid_unknown_fields=True, gc=False):
    """The same, but refusing fields that are not the contract's.

    Nearly every event has none, and this tells so at no cost.
    """


REQUIRED: Final = ("session_id", "agent", "ended_at")
"""Fields without which there is no session."""

LABEL_FIELDS: Final = (
    "agent",
    "task_type",
    "tenant",
    "user_id",
    "model",
    "agent_version",
    "environment",
)
"""Fields that are labels; every other label is one of ``attributes``."""


def label_text(value: Scalar) -> str:
    """An attribute as a label: numbers and booleans as JSON prints them.

    Null is missing; what is longer than a label may be is cut.
    """
    if isinstance(value, str):
        return value[:LONGEST_LABEL]
    if value is None:
        return ""
    return msgspec.json.encode(value).decode()[:LONGEST_LABEL]
