"""The route tree, its times, and the silences of configuration: as data.

Which receivers an alert reaches is decided in ``routing``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from alerts.receivers import Receiver
from detectors.matchers import EVERYTHING, Matchers
from detectors.rules import SECOND_US

ALL_LABELS: Final = ("...",)
"""``group_by: ['...']``: every label."""


@dataclass(frozen=True, slots=True)
class Escalate:
    """Whom to tell when nobody has acknowledged for a while."""

    after_us: int
    receiver: str


@dataclass(frozen=True, slots=True)
class FanIn:
    """How many series that break within a time become one incident."""

    series: int
    within_us: int


@dataclass(frozen=True, slots=True)
class Route:
    """One node of the tree, with what it inherited filled in.

    Attributes:
        position: In the file's order, depth first; the root is 0.
        go_on: ``continue``: later siblings may match too.
    """

    position: int
    receiver: str
    match: Matchers = EVERYTHING
    go_on: bool = False
    group_by: tuple[str, ...] = ("rule",)
    group_wait_us: int = 10 * SECOND_US
    group_interval_us: int = 300 * SECOND_US
    repeat_interval_us: int = 4 * 3600 * SECOND_US
    repeat_backoff: float | None = None
    escalate: Escalate | None = None
    fan_in: FanIn | None = None
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Inhibition:
    """A firing source that keeps its targets from being told."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MuteTime:
    """An AND of calendar conditions; an empty one is no condition."""

    weekdays: tuple[int, ...] = ()  # Monday is 0
    start_minute: int | None = None
    end_minute: int | None = None  # exclusive; 1440 is midnight at the day's end
    days_of_month: tuple[int, ...] = ()  # negative from the month's end
    months: tuple[int, ...] = ()
    years: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Mute:
    """Alerts that are not told at certain hours."""

    match: Matchers
    times: tuple[MuteTime, ...]
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Routing:
    """All that delivery needs to know of a configuration file."""

    receivers: tuple[Receiver, ...]
    route: Route
    inhibit: tuple[Inhibition, ...] = ()
    mute: tuple[Mute, ...] = ()
    by_name: dict[str, Receiver] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the receivers by name."""
        index = {receiver.name: receiver for receiver in self.receivers}
        object.__setattr__(self, "by_name", index)
