"""The lines that evaluation writes: what became of an alert, and when.

Field order and names are the contract's; what stands behind ``attribution`` is
ours, for the messages people read.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class State(StrEnum):
    """Where an alert is in its life."""

    INSUFFICIENT = "insufficient"
    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"

    @property
    def is_open(self) -> bool:
        """Whether people have been told, or are about to be, that it fires."""
        return self in (State.FIRING, State.RECOVERING)


class Flapping(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that begins and ends again and again: what people hear of that.

    Attributes:
        number: How often they were to hear of it, 1 at the first; 0 where it is over.
        changes: Beginnings and ends, since the first that counted.
        since: When that was, RFC 3339.
        within_s: How often they are to hear of it at most.
    """

    number: int
    changes: int
    since: str
    within_s: float


class Transition(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="transition",
    rename={"from_state": "from", "to_state": "to"},
):
    """One change of state or level of one alert.

    Attributes:
        time: RFC 3339, UTC.
        labels: The ``by`` labels and the rule's static labels.
        severity: The level in force; the last one on recovering and resolved
            lines; None where nothing is wrong.
        threshold: The limit in force; where no level is, the mildest one's.
        session_id: The session that did it; None for a timer.
        reason: For people, one phrase.
        rule_kind: threshold, baseline, absence, drift, anomaly or budget.
        began: When the breach began, RFC 3339.
        sessions: Sessions that breached since then.
        peak: The worst value since then.
        trace: ``trace_url``, else ``trace_id``, of the session that shows it best.
        partition: Of the observations, whose clock this line's time is.
        attribution: Labels that explain it though the series does not carry them.
        causes: What moved with it, and which part of the change each accounts for.
        evidence: The numbers behind the verdict, for ``explain``.
        flapping: Of an alert that flaps, or has just ceased to; else left out.
    """

    time: str
    alert_id: str
    rule: str
    metric: str
    labels: dict[str, str]
    generation: int
    seq: int
    from_state: State
    to_state: State
    severity: str | None
    value: float | None
    expected: float | None
    threshold: float | None
    session_id: str | None
    reason: str
    attribution: dict[str, str] = {}
    rule_kind: str = "threshold"
    aggregate: str = ""
    began: str | None = None
    sessions: int = 0
    peak: float | None = None
    trace: str | None = None
    summary: str | None = None
    runbook_url: str | None = None
    partition: int = 0
    causes: dict[str, float] = {}
    evidence: dict[str, Any] = {}
    flapping: Flapping | UnsetType = UNSET


class Update(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="update"):
    """An open alert whose peak or number of affected sessions changed, or that flaps.

    Attributes:
        evidence: The sessions that counted most so far, for ``explain``.
        flapping: Of an alert that flaps, or has just ceased to; else left out.
    """

    time: str
    alert_id: str
    seq: int
    value: float | None
    peak: float | None
    sessions: int
    evidence: dict[str, Any] = {}
    flapping: Flapping | UnsetType = UNSET


class Census(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="census"):
    """How many series carry one value of a label, and how many of them fire.

    Written once a minute of a partition's clock, for each rule with open alerts and each
    value that the series of one of them carries. Other partitions have series of the
    rule as well: whoever reads it sums up.

    Attributes:
        label: The label's name, of the rule's ``by``.
        name: Its value; empty where the series lack the label.
        series: Series of the rule in the partition that carry it.
        firing: Those of them whose alert fires or recovers.
        all_series: All series of the rule in the partition.
        all_firing: Those of them whose alert fires or recovers.
    """

    time: str
    partition: int
    rule: str
    label: str
    name: str
    series: int
    firing: int
    all_series: int
    all_firing: int


class FirstCensus(Census, frozen=True, kw_only=True, tag="first_census"):
    """The same at the time when a rule begins to fire where nothing of it did.

    So the first message need not wait for the minute.
    """


class Clock(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="clock"):
    """How far a partition's event time has come; written once a second.

    ``time`` is None while a source partition has not been heard of.
    """

    partition: int
    time: str | None


Line = Transition | Update | Census | FirstCensus | Clock


def flap_number(line: Transition | Update) -> int:
    """How often people were to hear that an alert flaps; 0 of one that does not."""
    return line.flapping.number if isinstance(line.flapping, Flapping) else 0


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def encode_line(line: Line) -> bytes:
    """One line of JSON, without its end."""
    return _encoder.encode(line)


def decode_line(text: bytes) -> Line:
    """Read a line back.

    Raises:
        msgspec.ValidationError: It is none of the kinds above.
    """
    return _decoder.decode(text)


@lru_cache(maxsize=100)
def rfc3339(at_us: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC, fractions only where there are any."""
    at_s, part_us = divmod(at_us, 1_000_000)
    fraction = f".{part_us:06d}".rstrip("0") if part_us else ""
    return f"{_second(at_s)}{fraction}Z"


@lru_cache(maxsize=1_000)
def _second(at_s: int) -> str:
    """Many lines are of the same one."""
    text = (_EPOCH + timedelta(seconds=at_s)).strftime("%Y-%m-%dT%H:%M:%S")
    # strftime writes the year 33 without its zeros on some platforms.
    return f"{text:0>19}"


def microseconds(text: str) -> int:
    """The inverse of ``rfc3339``."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
