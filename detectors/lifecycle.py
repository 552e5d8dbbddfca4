"""The life of an alert: which state follows which, and why.

A pure function of the life so far, one evaluation and the time. Entering a state
needs an evaluation; only the ends of holds are timers. With no ``for`` the pending
state is skipped, with no ``keep_firing_for`` the recovering one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

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
    """

    hold_us: int = 0
    hold_samples: int = 0
    keep_us: int = 0
    sticky: bool = False


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


class Moment(NamedTuple):
    """When something happens: the series' time, and the observation's number."""

    at_us: int
    order: int = 0


Step = Callable[[Life, Evaluation, Moment, Policy], Life]


def _stay(life: Life, _found: Evaluation, _now: Moment, _policy: Policy) -> Life:
    return life


def _calm(state: State) -> Step:
    def step(life: Life, _found: Evaluation, _now: Moment, _policy: Policy) -> Life:
        return Life(state, NO_LEVEL, life.generation, life.seq)

    return step


def _enter(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """A breach while nothing fires: pending, or firing once it has lasted."""
    pending = life.state is State.PENDING
    since_us = life.since_us if pending else now.at_us
    held = life.held + 1 if pending else 1
    if now.at_us - since_us < policy.hold_us or held < policy.hold_samples:
        return Life(
            State.PENDING, found.level, life.generation, life.seq, since_us, held
        )
    return Life(
        State.FIRING,
        found.level,
        life.generation + 1,
        life.seq,
        now.at_us,
        due_us=now.at_us + policy.keep_us if policy.sticky else FAR,
        order=now.order,
    )


def _stand(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Still firing: its level rises at once and falls after a hold."""
    if policy.sticky:
        if found.verdict is not Verdict.BREACH:
            return life
        level = max(life.level, found.level)
        due_us = now.at_us + policy.keep_us
        return life._replace(level=level, due_us=due_us, order=now.order)
    if found.level > life.level:
        return life._replace(
            level=found.level, since_us=now.at_us, lower=NO_LEVEL, due_us=FAR
        )
    if found.standing >= life.level:
        return life._replace(lower=NO_LEVEL, due_us=FAR)
    return _fall(life, found.standing, now.at_us, now, policy)


def _fall(life: Life, to: int, since_us: int, now: Moment, policy: Policy) -> Life:
    """The level in force is left for a lower one, once that has lasted."""
    if policy.keep_us == 0:
        return life._replace(level=to, since_us=now.at_us)
    if life.lower != NO_LEVEL:
        return life._replace(lower=to)
    due_us = since_us + policy.keep_us
    return life._replace(lower=to, since_us=since_us, due_us=due_us, order=now.order)


def _leave(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Firing, and inside every exit."""
    if policy.sticky:
        return life
    if policy.keep_us == 0:
        return _resolved(life, now)
    return life._replace(
        state=State.RECOVERING,
        since_us=now.at_us,
        lower=NO_LEVEL,
        due_us=now.at_us + policy.keep_us,
        order=now.order,
    )


def _relapse(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Recovering, and breached again: the same generation.

    The level in force was left when recovery began, so a milder breach falls to
    its own level when that hold would have ended.
    """
    since_us = life.since_us
    firing = life._replace(state=State.FIRING, since_us=now.at_us, due_us=FAR)
    if found.level > life.level:
        return firing._replace(level=found.level)
    if found.standing >= life.level:
        return firing
    return _fall(firing, found.standing, since_us, now, policy)


def _hesitate(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Recovering, and out of the exit again without a breach: the hold restarts."""
    return life._replace(
        since_us=now.at_us, due_us=now.at_us + policy.keep_us, order=now.order
    )


def _resolved(life: Life, now: Moment) -> Life:
    return Life(State.RESOLVED, life.level, life.generation, life.seq, now.at_us)


def _row(state: State, *steps: Step) -> dict[tuple[State, Verdict], Step]:
    return {(state, verdict): steps[verdict] for verdict in Verdict}


_ok, _insufficient = _calm(State.OK), _calm(State.INSUFFICIENT)

TABLE: Final[Mapping[tuple[State, Verdict], Step]] = MappingProxyType(
    # state                     THIN           CLEAR   BETWEEN    BREACH
    _row(State.INSUFFICIENT, _stay, _ok, _ok, _enter)
    | _row(State.OK, _insufficient, _stay, _stay, _enter)
    | _row(State.PENDING, _stay, _ok, _ok, _enter)
    | _row(State.FIRING, _stay, _leave, _stand, _stand)
    | _row(State.RECOVERING, _stay, _stay, _hesitate, _relapse)
    | _row(State.RESOLVED, _insufficient, _ok, _ok, _enter)
)
"""What each finding makes of each state."""

EDGES: Final = frozenset(
    {
        (State.INSUFFICIENT, State.OK),
        (State.INSUFFICIENT, State.PENDING),
        (State.INSUFFICIENT, State.FIRING),
        (State.OK, State.INSUFFICIENT),
        (State.OK, State.PENDING),
        (State.OK, State.FIRING),
        (State.PENDING, State.OK),
        (State.PENDING, State.FIRING),
        (State.FIRING, State.FIRING),
        (State.FIRING, State.RECOVERING),
        (State.FIRING, State.RESOLVED),
        (State.RECOVERING, State.FIRING),
        (State.RECOVERING, State.RESOLVED),
        (State.RESOLVED, State.OK),
        (State.RESOLVED, State.INSUFFICIENT),
        (State.RESOLVED, State.PENDING),
        (State.RESOLVED, State.FIRING),
    }
)
"""Every change of state that a line may tell; firing to firing changes the level."""


def step(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """The life after one evaluation; at most one line's worth further.

    >>> breach = Evaluation(Verdict.BREACH, 1, 1)
    >>> step(Life(State.OK), breach, Moment(0), Policy()).state
    <State.FIRING: 'firing'>
    """
    return TABLE[life.state, found.verdict](life, found, now, policy)


def expire(life: Life) -> Life:
    """The life after its hold has ended, at ``life.due_us``."""
    if life.lower != NO_LEVEL:
        return life._replace(
            level=life.lower, lower=NO_LEVEL, since_us=life.due_us, due_us=FAR
        )
    return _resolved(life, Moment(life.due_us))


def end(life: Life, at_us: int) -> Life:
    """The life after its rule, or its series, is no more: nothing is open."""
    if life.state.is_open:
        return _resolved(life, Moment(at_us))
    if life.state is State.PENDING:
        return Life(State.OK, NO_LEVEL, life.generation, life.seq)
    return life


def forget(life: Life) -> Life:
    """The life of an alert whose series is forgotten: back where all begin."""
    return Life(State.INSUFFICIENT, NO_LEVEL, life.generation, life.seq)


def differs(before: Life, after: Life) -> bool:
    """Whether a line must tell of the change: of state, or of a firing level."""
    return before.state is not after.state or (
        after.state is State.FIRING and before.level != after.level
    )
