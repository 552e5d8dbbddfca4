"""What came of sessions under one configuration: alerts, and who was told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from alerts.notifications import Notification, Reason
from detectors.rules import Severity
from detectors.state.stage import Said
from detectors.transitions import State, Transition, microseconds

_CALLING: Final = frozenset(
    {Reason.ESCALATED, Reason.FIRING, Reason.UNSUPPRESSED, Reason.REPEAT}
)
"""What people are to look at; the rest tells that it got better."""


@dataclass(slots=True, eq=False)
class Episode:
    """One generation of an alert, from its firing to its end.

    Attributes:
        severity: The worst while it lasted.
        value: What it fired with.
        fired_us: Epoch µs.
        resolved_us: Epoch µs; None if it still fires at the end.
    """

    alert_id: str
    rule: str
    labels: dict[str, str]
    severity: Severity
    value: float | None
    fired_us: int
    resolved_us: int | None = None


class Lane(NamedTuple):
    """A channel of a receiver."""

    receiver: str
    channel: str
    target: str


@dataclass(slots=True)
class Told:
    """What one channel was told.

    Attributes:
        messages: How many messages, edits of earlier ones among them.
        pages: For each message that calls people, the alerts that it is about.
        known: The alerts that it was told fire.
    """

    messages: int = 0
    pages: list[tuple[Episode, ...]] = field(default_factory=list)
    known: set[Episode] = field(default_factory=set)


class Record:
    """Alerts and messages of one run, taken line by line.

    On PagerDuty a page is an incident that is opened: what is added to an open one,
    and repeats of it, call nobody. Elsewhere each message is one that tells of an
    alert that fires, rises, or still fires.

    Attributes:
        episodes: Of each alert, in order of time.
        told: By channel.
    """

    def __init__(self) -> None:
        self.episodes: defaultdict[str, list[Episode]] = defaultdict(list)
        self.told: defaultdict[Lane, Told] = defaultdict(Told)
        self._incidents: defaultdict[tuple[Lane, str], set[str]] = defaultdict(set)
        self._flush: list[Notification] = []

    def take(self, lines: Iterable[Said | Notification]) -> None:
        """Take the next lines of a replay."""
        for line in lines:
            if isinstance(line, Notification):
                if self._flush and _message(self._flush[0]) != _message(line):
                    self._close()
                self._flush.append(line)
                continue
            self._close()
            if isinstance(line, Transition):
                self._turn(line)

    def end(self) -> None:
        """No more will come."""
        self._close()

    def all_episodes(self) -> list[Episode]:
        """Those of all alerts, in order of time."""
        found = [one for each in self.episodes.values() for one in each]
        return sorted(found, key=lambda one: (one.fired_us, one.alert_id))

    def _turn(self, line: Transition) -> None:
        known = self.episodes.get(line.alert_id)
        if line.to_state is State.FIRING:
            severity = Severity(line.severity or Severity.WARNING)
            if not line.from_state.is_open:
                self.episodes[line.alert_id].append(
                    Episode(
                        line.alert_id,
                        line.rule,
                        line.labels,
                        severity,
                        line.value,
                        microseconds(line.time),
                    )
                )
            elif known and severity.rank > known[-1].severity.rank:
                known[-1].severity = severity
        elif line.to_state is State.RESOLVED and known:
            known[-1].resolved_us = microseconds(line.time)

    def _close(self) -> None:
        """Count the message whose lines have come."""
        if not self._flush:
            return
        first, notes = self._flush[0], self._flush
        self._flush = []
        lane = Lane(first.receiver, first.channel, first.target)
        told, incident = self.told[lane], self._incidents[lane, first.group]
        told.messages += 1
        calling = [
            alert_id
            for note in notes
            if note.reason in _CALLING
            for alert_id in note.alert_ids
        ]
        known = (self.episodes.get(alert_id) for alert_id in calling)
        about = tuple(episodes[-1] for episodes in known if episodes)
        if calling and not (incident and first.channel == "pagerduty"):
            told.pages.append(about)
        told.known.update(about)
        incident.update(calling)
        for note in notes:
            if note.reason is Reason.RESOLVED:
                incident.difference_update(note.alert_ids)


def _message(note: Notification) -> tuple[str, ...]:
    """What the lines of one message have in common."""
    return (note.time, note.receiver, note.channel, note.target, note.group)
