"""A case: alerts, what people do, and what is to come of it.

All times count from the beginning of the case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alerts.notifications import Reason
from detectors.actions import Match
from detectors.rules import Rule, Severity
from loopwatch.config.faults import Position


@dataclass(frozen=True, slots=True)
class AlertCase:
    """One alert.

    Attributes:
        name: By which the case calls it.
        labels: Its labels but for those that the rule brings.
        severity: At first.
        fires_us: When.
        levels: When its severity changes, and to which, in order of time.
        resolves_us: When it is over; None: it is not.
    """

    name: str
    rule: Rule
    labels: Mapping[str, str]
    severity: Severity
    fires_us: int = 0
    levels: tuple[tuple[int, Severity], ...] = ()
    resolves_us: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A silence or an acknowledgement, from a time on and for a time."""

    match: Match
    at_us: int
    for_us: int


@dataclass(frozen=True, slots=True)
class ToldCase:
    """One notification; what is None may be anything.

    Attributes:
        place: Where in the file that is said.
        alerts: By name, sorted.
    """

    place: Position
    receiver: str | None = None
    reason: Reason | None = None
    after_us: int | None = None
    alerts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        place: Where in the file it begins.
        begin_us: Epoch µs: mute times hang on it.
        until_us: How long it goes on; None: an hour after the last that happens.
        receivers: Whom the routes lead to, in the tree's order; None: not said.
        receivers_place: Where in the file that is said.
        told: All notifications, in order; None: not said.
    """

    place: Position
    name: str
    begin_us: int
    alerts: tuple[AlertCase, ...]
    silences: tuple[Request, ...] = ()
    acks: tuple[Request, ...] = ()
    until_us: int | None = None
    receivers: tuple[str, ...] | None = None
    receivers_place: Position | None = None
    told: tuple[ToldCase, ...] | None = None
