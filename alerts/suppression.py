"""Whether an alert may be told just now, and what keeps it from being told.

Inhibitions, then silences, then mute times. What is suppressed is evaluated like
everything else; only the telling waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from alerts.calendar import changes_us, is_muted
from alerts.inhibition import Cause, Inhibitions
from alerts.routes import Routing
from alerts.routing import matchable
from alerts.silences import Silence
from detectors.transitions import Transition


class Suppression:
    """All that suppresses.

    Args:
        routing: With inhibitions and mute times.
        silences: By id; those that ended may be among them.
    """

    def __init__(self, routing: Routing, silences: Mapping[str, Silence]) -> None:
        self._silences = silences
        self.reload(routing)

    def reload(self, routing: Routing) -> None:
        """Another file suppresses; alerts are to be noted anew."""
        self._mutes = routing.mute
        self._inhibitions = Inhibitions(routing.inhibit)

    def note(self, line: Transition) -> list[Cause]:
        """Take an alert's line; the inhibitions that may have ended with it."""
        labels = matchable(line) if line.to_state.is_open else None
        return self._inhibitions.note(line.alert_id, labels)

    def cause(self, line: Transition, now_us: int) -> Cause | None:
        """What suppresses an alert now; None if it may be told."""
        labels = matchable(line)
        found = self._inhibitions.cause(labels)
        if found is not None:
            return found
        for name, silence in self._silences.items():
            if silence.holds(now_us) and silence.matchers.matches(labels):
                return ("silence", name)
        for number, mute in enumerate(self._mutes):
            if mute.match.matches(labels) and is_muted(mute, now_us):
                return ("mute", str(number))
        return None

    def ends_us(self, cause: Cause, now_us: int) -> int | None:
        """When the clock alone may end it; None for what an event ends."""
        match cause:
            case ("silence", name):
                return self._silences[name].until_us
            case ("mute", number):
                return changes_us(self._mutes[int(number)], now_us)
            case _:
                return None


class Waiting:
    """The groups in which something waits for a suppression to end, by its cause."""

    def __init__(self) -> None:
        self._groups: defaultdict[Cause, dict[str, None]] = defaultdict(dict)
        self._causes: dict[str, frozenset[Cause]] = {}

    def put(self, group: str, causes: Iterable[Cause]) -> None:
        """Take note of all that a group waits for, in place of what it did."""
        for cause in self._causes.pop(group, frozenset()):
            self._groups[cause].pop(group, None)
            if not self._groups[cause]:
                del self._groups[cause]
        wanted = frozenset(causes)
        for cause in wanted:
            self._groups[cause][group] = None
        if wanted:
            self._causes[group] = wanted

    def add(self, group: str, cause: Cause) -> None:
        """A group waits for one more."""
        self.put(group, self._causes.get(group, frozenset()) | {cause})

    def on(self, causes: Iterable[Cause]) -> list[str]:
        """The groups that wait for any of these, each once."""
        found: dict[str, None] = {}
        for cause in causes:
            found |= self._groups.get(cause, {})
        return list(found)
