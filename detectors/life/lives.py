"""What is known of an alert's life, and what may be found of it.

Plain numbers of fixed size, which rows hold as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from detectors.life.flapping import CALM, Flap
from detectors.transitions import State

FAR: Final = 1 << 62
"""Later than every time, in microseconds."""

NO_LEVEL: Final = -1


class Verdict(IntEnum):
    """What one evaluation found."""

    THIN = 0  # too little to judge
    CLEAR = 1  # inside the exit of every level
    BETWEEN = 2  # not beyond a limit, but not inside every exit either
    BREACH = 3  # beyond at least one limit


class Evaluation(NamedTuple):
    """One evaluation; a level is the larger the worse, -1 is none.

    It is the rank of a severity, but of a budget ``severities.budget_level``.

    Attributes:
        level: The worst level whose limit is breached.
        standing: The worst level whose exit is not reached; at least ``level``.
    """

    verdict: Verdict
    level: int = NO_LEVEL
    standing: int = NO_LEVEL


THIN: Final = Evaluation(Verdict.THIN)
CLEAR: Final = Evaluation(Verdict.CLEAR)


class Policy(NamedTuple):
    """What a rule says about times.

    Attributes:
        hold_us: ``for``, as a time.
        hold_samples: ``for``, as breaching evaluations in a row.
        keep_us: ``keep_firing_for``.
        sticky: The alert of a rule on each session: held from the last breach, its
            level never falls.
        flap_changes: ``flapping``: so many changes make it flap; 0 never.
        flap_us: Within so long, which is also how long it must be quiet.
    """

    hold_us: int = 0
    hold_samples: int = 0
    keep_us: int = 0
    sticky: bool = False
    flap_changes: int = 0
    flap_us: int = 0


class Life(NamedTuple):
    """Where an alert is in its life.

    Attributes:
        level: The one in force; -1 where nothing is wrong.
        generation: How many times it has begun to fire.
        seq: Of its last line.
        since_us: When the state, or the fall to a lower level, began.
        held: Breaching evaluations in a row while pending.
        lower: Level to fall to once the hold ends; -1 if none.
        due_us: When the hold ends.
        order: When the hold was set, in observations of the partition.
        flap: Its last changes, where the rule asks whether it flaps.
        silent: It fires for want of data alone.
    """

    state: State = State.INSUFFICIENT
    level: int = NO_LEVEL
    generation: int = 0
    seq: int = 0
    since_us: int = 0
    held: int = 0
    lower: int = NO_LEVEL
    due_us: int = FAR
    order: int = 0
    flap: Flap = CALM
    silent: bool = False

    def told(self, seq: int) -> Life:
        """The same with a line more, in a third of the time of ``_replace``."""
        return Life._make((*self[:3], seq, *self[4:]))

    def dump(self) -> list[Any]:
        """As plain values; what is as in most lives is left out at the end."""
        values: list[Any] = [_STATES.index(self.state), *self[1:9]]
        if self.flap == CALM and not self.silent:
            return values
        return [*values, [list(self.flap.times), *self.flap[1:]], self.silent]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Life:
        """Take what ``dump`` gave; one without the last values may be an older row's."""
        number, *rest = state
        known = cls(_STATES[number], *rest[:8])
        if len(rest) == 8:
            return known
        times, *more = rest[8]
        return known._replace(flap=Flap(tuple(times), *more), silent=rest[9])


_STATES: Final = tuple(State)


class Moment(NamedTuple):
    """When something happens: the series' time, and the observation's number."""

    at_us: int
    order: int = 0
