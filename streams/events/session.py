"""A session event: decoded, held to the contract, and turned into a row of numbers."""
# ruff: noqa: PLR0124 - NaN is absent, and isnan() would double the cost of these checks

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any, Final, get_type_hints

import msgspec

from streams.events.malformed import Malformed, words_for_field, words_for_syntax
from streams.events.pricing import price
from streams.events.session_fields import (
    LABEL_FIELDS,
    LARGEST_AMOUNT,
    LARGEST_EVENT,
    LATEST_S,
    REQUIRED,
    SessionEvent,
    StrictSessionEvent,
    label_text,
)

__all__ = [
    "ANY_SCALE",
    "LATEST_US",
    "Malformed",
    "Session",
    "decode_session",
]

ANY_SCALE: Final = (float("-inf"), float("inf"))
"""For ``decode_session`` where the judges' scale is not known: no score is outside."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_US: Final = LATEST_S * 1_000_000 + 999_999
"""The last microsecond of the year 9999."""

_SUCCEEDED: Final[dict[str | None, float]] = {
    "success": 1.0,
    "Success": 1.0,
    "failure": 0.0,
    "Fail": 0.0,
    "error": 0.0,
    "timeout": 0.0,
    "cancelled": nan,
    None: nan,
}
_FEEDBACK_DOWN: Final[dict[str | None, float]] = {
    "up": 0.0,
    "down": 1.0,
    "regenerated": 1.0,
    None: nan,
}

_strict = msgspec.json.Decoder(StrictSessionEvent).decode
_lenient = msgspec.json.Decoder(SessionEvent).decode
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_number = msgspec.json.Decoder(float).decode
_types: Final = get_type_hints(SessionEvent, include_extras=True)
_fields: Final[dict[str, Callable[[bytes], Any]]] = {
    name: msgspec.json.Decoder(kind).decode for name, kind in _types.items()
}
_KNOWN: Final = frozenset(_fields)
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises, whatever the bytes: UnicodeDecodeError is a ValueError."""


class Session(msgspec.Struct, frozen=True, gc=False):
    """One valid session.

    Attributes:
        event: What was published; labels are read from it.
        ended_at_us: Epoch microseconds.
        values: In the order of ``metrics.COLUMNS``; NaN is missing.
        unpriced: No cost was reported, and its tokens have no known price.
        unknown: Fields that the contract does not know.
    """

    event: SessionEvent
    ended_at_us: int
    values: tuple[float, ...]
    unpriced: bool = False
    unknown: tuple[str, ...] = ()

    @property
    def session_id(self) -> str:
        """One agent run for one user task."""
        return self.event.session_id

    @property
    def trace(self) -> str:
        """``trace_url``, else ``trace_id``, else empty."""
        return self.event.trace_url or self.event.trace_id

    def label(self, name: str) -> str:
        """A label; missing is empty."""
        if name in LABEL_FIELDS:
            return str(getattr(self.event, name))
        attributes = self.event.attributes
        return label_text(attributes.get(name)) if attributes else ""


def decode_session(
    value: bytes, quality_scale: tuple[float, float], latest_us: int | None
) -> Session:
    """Read one event.

    Args:
        value: JSON.
        quality_scale: Lowest and highest score that judges give.
        latest_us: Sessions that end after it are malformed; None: none is.

    Raises:
        Malformed: It is no session; the text says why.
    """
    if len(value) > LARGEST_EVENT:
        raise Malformed(
            f"{len(value)} bytes are more than the {LARGEST_EVENT} of a session event"
        )
    unknown: tuple[str, ...] = ()
    try:
        event: SessionEvent = _strict(value)
    except _UNREADABLE:
        event, unknown = _read_slowly(value)
    return _derive(event, quality_scale, latest_us, unknown)


def _derive(
    event: SessionEvent,
    quality_scale: tuple[float, float],
    latest_us: int | None,
    unknown: tuple[str, ...],
) -> Session:
    """The numbers of an event whose fields are each valid by themselves."""
    ended_us = _microseconds(event.ended_at)
    if not 0 <= ended_us <= (LATEST_US if latest_us is None else latest_us):
        raise Malformed(_out_of_time("ended_at", event.ended_at, ended_us))
    latency_ms = event.latency_ms
    if event.started_at is not None:
        started_us = _microseconds(event.started_at)
        if started_us < 0:
            raise Malformed(_out_of_time("started_at", event.started_at, started_us))
        if started_us > ended_us:
            raise Malformed("started_at is after ended_at")
        if latency_ms != latency_ms:
            latency_ms = (ended_us - started_us) / 1_000
    if event.attributes:
        _fill_labels(event, event.attributes)

    tool_calls, tool_errors = event.tool_calls, event.tool_errors
    if tool_errors > tool_calls:
        raise Malformed(f"tool_errors {tool_errors} exceeds tool_calls {tool_calls}")
    if tool_errors != tool_errors and tool_calls == tool_calls:
        tool_errors = 0

    llm_calls, llm_faults = event.llm_calls, event.llm_errors
    if llm_faults != llm_faults:
        llm_faults = 0
    if event.llm_truncations == event.llm_truncations:
        llm_faults += event.llm_truncations
    if not llm_faults <= llm_calls:
        llm_faults = llm_calls

    score = event.quality_score
    if score == score:
        lowest, highest = quality_scale
        if not lowest <= score <= highest:
            raise Malformed(
                f"quality_score {score:g} is outside the scale {lowest:g} to {highest:g}"
            )
        score = 100.0 * (score - lowest) / (highest - lowest)

    cost_usd, unpriced = event.cost_usd, False
    if event.tool_cost_usd == event.tool_cost_usd:
        cost_usd = event.tool_cost_usd + (cost_usd if cost_usd == cost_usd else 0.0)
    elif cost_usd != cost_usd:
        cost_usd, unpriced = _price_tokens(
            event.model, event.input_tokens, event.output_tokens, llm_calls, ended_us
        )

    succeeded = _SUCCEEDED[event.status]
    if event.status is None and event.task_completed is not None:
        succeeded = float(event.task_completed)
    return Session(
        event,
        ended_us,
        (
            cost_usd,
            latency_ms,
            event.loop_count,
            score,
            succeeded,
            tool_calls,
            tool_errors,
            llm_calls,
            llm_faults,
            _FEEDBACK_DOWN[event.feedback],
            event.input_tokens,
            event.output_tokens,
        ),
        unpriced,
        unknown,
    )


def _microseconds(moment: datetime | float) -> int:
    if isinstance(moment, datetime):
        since = moment - _EPOCH
        return (
            since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds
        )
    return round(moment * 1_000_000)


def _fill_labels(event: SessionEvent, attributes: dict[str, Any]) -> None:
    """Let an attribute stand in for a label field of its name that is missing."""
    for name in LABEL_FIELDS:
        if name in attributes and not getattr(event, name):
            setattr(event, name, label_text(attributes[name]))


def _price_tokens(
    model: str, tokens_in: float, tokens_out: float, calls: float, ended_us: int
) -> tuple[float, bool]:
    """The cost by the price list, and whether tokens remain without a price.

    Args:
        model: As the provider spells it; may be empty.
        tokens_in: Whole, or NaN where it was not told.
        tokens_out: Likewise.
        calls: Likewise.
        ended_us: When, in epoch microseconds.
    """
    # One count without the other is half a bill, and half a bill is no cost.
    if isnan(tokens_in) or isnan(tokens_out):
        return nan, False
    if not tokens_in and not tokens_out:
        return nan, False
    cost_usd = None
    if model:
        calls = 1 if isnan(calls) else int(calls)
        cost_usd = price(model, int(tokens_in), int(tokens_out), calls, ended_us)
    if cost_usd is None or cost_usd > LARGEST_AMOUNT:
        return nan, True
    return cost_usd, False


def _read_slowly(value: bytes) -> tuple[SessionEvent, tuple[str, ...]]:
    """Read an event that is not spelt as expected, field by field where need be.

    Raises:
        Malformed: It is no session; the text says why.
    """
    if not value.strip():
        raise Malformed("empty")
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise Malformed(f"invalid UTF-8 at byte {fault.start}") from None
    try:
        fields = _raw_fields(value)
    except _UNREADABLE as fault:
        raise Malformed(words_for_syntax(value, fault)) from None
    unknown = tuple(name for name in fields if name not in _KNOWN)
    try:
        return _lenient(value), unknown
    except _UNREADABLE:
        event = _read_fields(fields)
    return event, unknown


def _read_fields(fields: dict[str, msgspec.Raw]) -> SessionEvent:
    """Read the known fields one by one; null is missing, 3.0 is a whole number."""
    read: dict[str, Any] = {}
    for name, decode in _fields.items():
        raw = bytes(fields.get(name, b"null"))
        if raw == b"null":
            if name in REQUIRED:
                raise Malformed(f"{name} is missing")
            continue
        try:
            read[name] = decode(raw)
        except _UNREADABLE:
            whole = _whole_number(raw)
            try:
                read[name] = decode(whole)
            except _UNREADABLE:
                raise Malformed(words_for_field(name, raw)) from None
    return SessionEvent(**read)


def _whole_number(raw: bytes) -> bytes:
    """3.0 as 3; anything else as it is."""
    if raw.lstrip(b"-").isdigit():
        return raw
    try:
        number = _number(raw)
    except _UNREADABLE:
        return raw
    return b"%d" % number if number.is_integer() else raw


def _out_of_time(name: str, moment: datetime | float, us: int) -> str:
    shown = (
        moment.isoformat().replace("+00:00", "Z")
        if isinstance(moment, datetime)
        else f"{moment}"
    )
    if us < 0:
        return f"{name}: {shown} is before 1970"
    if us > LATEST_US:
        return f"{name}: {shown} is beyond the year 9999"
    return f"{name}: {shown} is more than 5 minutes ahead of the clock"
