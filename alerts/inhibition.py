"""Inhibition: alerts that need not be told while another one fires.

Alertmanager's: a source that fires, or recovers, keeps its targets from being told, if
they agree in the labels of ``equal``; a missing label equals the empty one. An alert
that matches both sides is not inhibited by one that also does. A source need not be
told itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from alerts.routes import Inhibition

Cause = tuple[str, ...]
"""Names what suppresses: a silence, a mute, or an inhibition and its labels."""


@dataclass(slots=True)
class _Sources:
    """Alerts that fire and match as sources; apart, those that are targets too."""

    pure: set[str] = field(default_factory=set)
    both: set[str] = field(default_factory=set)


class Inhibitions:
    """Which sources fire.

    Args:
        inhibitions: In the order of the file.
    """

    def __init__(self, inhibitions: tuple[Inhibition, ...]) -> None:
        self._inhibitions = inhibitions
        self._sources: defaultdict[Cause, _Sources] = defaultdict(_Sources)
        self._of_alert: dict[str, dict[Cause, bool]] = {}

    def note(self, alert_id: str, labels: Mapping[str, str] | None) -> list[Cause]:
        """Take an alert as it stands, None if it is over; what it inhibits no more."""
        before = self._of_alert.pop(alert_id, {})
        now = {} if labels is None else dict(self._causes(labels))
        for cause in before:
            self._sources[cause].pure.discard(alert_id)
            self._sources[cause].both.discard(alert_id)
        for cause, both in now.items():
            sources = self._sources[cause]
            (sources.both if both else sources.pure).add(alert_id)
        if now:
            self._of_alert[alert_id] = now
        for cause in before:
            sources = self._sources[cause]
            if not sources.pure and not sources.both:
                del self._sources[cause]
        return [cause for cause, both in before.items() if now.get(cause) is not both]

    def cause(self, labels: Mapping[str, str]) -> Cause | None:
        """What inhibits an alert with these labels, if anything does."""
        for number, inhibition in enumerate(self._inhibitions):
            if not inhibition.target.matches(labels):
                continue
            cause = self._cause(number, inhibition, labels)
            sources = self._sources.get(cause)
            if sources is None:
                continue
            is_source = inhibition.source.matches(labels)
            if sources.pure or (sources.both and not is_source):
                return cause
        return None

    def _causes(self, labels: Mapping[str, str]) -> Iterator[tuple[Cause, bool]]:
        """What an alert is a source of, and whether it is a target of it too."""
        for number, inhibition in enumerate(self._inhibitions):
            if inhibition.source.matches(labels):
                cause = self._cause(number, inhibition, labels)
                yield cause, inhibition.target.matches(labels)

    @staticmethod
    def _cause(number: int, inhibition: Inhibition, labels: Mapping[str, str]) -> Cause:
        values = (labels.get(name, "") for name in inhibition.equal)
        return ("inhibit", str(number), *values)
