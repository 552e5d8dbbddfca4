"""The last firing of every alert, out of a log of lines."""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import UnsetType

from detectors.transitions import Flapping, State, Transition, Update

SHORTEST: Final = 6
"""So many digits of an alert's id are enough, where no other one begins so."""

_COURSE: Final = 100
_LISTED: Final = 10


class UnknownAlert(LookupError):  # noqa: N818  named for what happened
    """No alert, or several, go by that id; the message says which there are."""


class History:
    """One alert, from the newest firing on.

    Attributes:
        latest: The newest line that changed its state or level.
        fired: The newest line that said it fires; None if none did.
        course: Lines of the generation that ``fired`` belongs to, at most the last
            hundred, oldest first.
        evidence: The newest of that generation.
        sessions: Sessions that breached in that generation.
        peak: The worst value in it.
        flapping: What was said last of its flapping; its number is 0 once that is
            over, None if it never flapped in that generation.
    """

    __slots__ = (
        "course",
        "evidence",
        "fired",
        "flapping",
        "latest",
        "peak",
        "seq",
        "sessions",
    )

    def __init__(self, first: Transition) -> None:
        self.latest = first
        self.seq = -1
        self.fired: Transition | None = None
        self.course: deque[Transition] = deque(maxlen=_COURSE)
        self.evidence: dict[str, Any] = {}
        self.sessions = 0
        self.peak: float | None = None
        self.flapping: Flapping | None = None

    def change(self, line: Transition) -> None:
        """Take a change of state or level."""
        self.latest = line
        fired = self.fired
        if line.to_state is State.FIRING:
            if fired is None or fired.generation != line.generation:
                self.course.clear()
                self.flapping = None
            self.fired = fired = line
        over = line.to_state is State.RESOLVED
        if fired is None or not (line.to_state.is_open or over):
            return
        self.course.append(line)
        if line.sessions:
            self.sessions, self.peak = line.sessions, line.peak
        if line.evidence:
            self.evidence = line.evidence
        self._flap(line.flapping)

    def update(self, line: Update) -> None:
        """Take news of an open alert."""
        self.sessions, self.peak = line.sessions, line.peak
        self.evidence = self.evidence | line.evidence
        self._flap(line.flapping)

    def _flap(self, said: Flapping | UnsetType) -> None:
        if isinstance(said, Flapping):
            self.flapping = said
        elif self.flapping is not None:
            # An edit of the rule lets go of it without a word.
            self.flapping = msgspec.structs.replace(self.flapping, number=0)


class Histories:
    """All alerts of a log."""

    def __init__(self, lines: Iterable[Transition | Update] = ()) -> None:
        self._known: dict[str, History] = {}
        for line in lines:
            self.take(line)

    def __len__(self) -> int:
        """How many alerts there are."""
        return len(self._known)

    def take(self, line: Transition | Update) -> None:
        """Take the next line; what a restart has written twice counts once."""
        history = self._known.get(line.alert_id)
        if history is None:
            if isinstance(line, Update):
                return
            history = self._known[line.alert_id] = History(line)
        if line.seq <= history.seq:
            return
        history.seq = line.seq
        if isinstance(line, Update):
            history.update(line)
        else:
            history.change(line)

    def find(self, digits: str) -> History:
        """The alert whose id is, or begins with, these digits, once it has fired.

        Raises:
            UnknownAlert: There is none, or more than one, or it has not fired.
        """
        digits = digits.strip().lower()
        exact = self._known.get(digits)
        found = [exact] if exact is not None else self._beginning(digits)
        if len(found) > 1:
            raise UnknownAlert(
                f"more than one alert begins with {digits}:\n{_listed(found)}"
            )
        if not found:
            raise UnknownAlert(self._unknown(digits))
        if found[0].fired is None:
            raise UnknownAlert(f"it has not fired:\n{_listed(found)}")
        return found[0]

    def _beginning(self, digits: str) -> list[History]:
        if len(digits) < SHORTEST:
            return []
        return [
            history for name, history in self._known.items() if name.startswith(digits)
        ]

    def _unknown(self, digits: str) -> str:
        said = f"no alert {digits} among the {len(self)} of this log"
        if len(digits) < SHORTEST:
            said = f"{said}; {SHORTEST} digits of an id are the fewest"
        near = [
            self._known[name]
            for name in difflib.get_close_matches(digits, self._known, _LISTED)
        ]
        if near:
            said += f"\nsimilar:\n{_listed(near)}"
        fired = [each for each in self._known.values() if each.fired is not None]
        now = [each for each in fired if each.latest.to_state.is_open]
        if now:
            return f"{said}\nopen:\n{_listed(now)}"
        return f"{said}\nfired last:\n{_listed(fired)}" if fired else said


def _listed(found: list[History]) -> str:
    """The newest alerts, one a line."""
    newest = sorted(found, key=lambda each: each.latest.time, reverse=True)
    shown = [f"  {describe(each.latest)}" for each in newest[:_LISTED]]
    more = len(newest) - len(shown)
    return "\n".join([*shown, *([f"  and {more} more"] if more else [])])


def describe(line: Transition) -> str:
    """An alert in a line: id, state, rule, labels, since when."""
    labels = ", ".join(f"{name}={value}" for name, value in line.labels.items())
    return f"{line.alert_id}  {line.to_state:<12} {line.rule} {{{labels}}}  {line.time}"
