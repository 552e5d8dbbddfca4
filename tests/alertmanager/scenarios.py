"""What a story is made of: alerts, silences, inhibitions, and times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

WAIT_S: Final = 2
INTERVAL_S: Final = 5
NEVER_S: Final = 1000


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        labels: Without its name.
        spans: When it fires and when it is over; None: not in this story.
        rises_s: When it turns critical. To Alertmanager that is another alert, with
            another label ``severity``, and the end of the first.
    """

    name: str
    labels: Mapping[str, str]
    spans: tuple[tuple[float, float | None], ...] = ((0, None),)
    rises_s: float | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """A silence, from a time to a time."""

    match: Mapping[str, str]
    begin_s: float
    end_s: float
    expired_s: float | None = None


@dataclass(frozen=True, slots=True)
class Inhibit:
    """What keeps what from being told."""

    source: Mapping[str, str]
    target: Mapping[str, str]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story.

    Attributes:
        name: By which configurations know it.
        part: Grouping, repeats, silences, inhibition or routes.
        story: What happens, in one phrase.
        also: A second receiver, for all alerts with this label.
        why: The reason for a difference; empty where there is to be none.
        until_s: When it ends.
    """

    name: str
    part: str
    story: str
    alerts: tuple[Alert, ...]
    group_by: tuple[str, ...] = ("rule",)
    repeat_s: float = NEVER_S
    quiet: tuple[Quiet, ...] = ()
    inhibit: tuple[Inhibit, ...] = ()
    also: tuple[str, str] | None = None
    why: str = ""
    until_s: float = 20
    wait_s: float = field(default=WAIT_S)
    interval_s: float = field(default=INTERVAL_S)
