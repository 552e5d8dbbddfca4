"""The life of an alert: which state follows which, and why.

One table, which the code runs and ``docs/alerts.md`` draws. Entering a state needs an
evaluation; only the ends of holds are timers. With no ``for`` the pending state is
skipped, with no ``keep_firing_for`` the recovering one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from detectors.life import flapping, moves
from detectors.life.flapping import CALM
from detectors.life.lives import (
    CLEAR,
    FAR,
    NO_LEVEL,
    THIN,
    Evaluation,
    Life,
    Moment,
    Policy,
    Verdict,
)
from detectors.life.moves import ALWAYS, FLAPS, KEPT, LASTED, LOWER, SILENT, STICKY
from detectors.transitions import State

__all__ = [
    "CLEAR",
    "EDGES",
    "FAR",
    "NO_LEVEL",
    "TABLE",
    "THIN",
    "Edge",
    "Evaluation",
    "Event",
    "Life",
    "Moment",
    "Policy",
    "Verdict",
    "back",
    "calm",
    "calm_down",
    "differs",
    "end",
    "expire",
    "forget",
    "miss",
    "pause_us",
    "step",
]


class Event(IntEnum):
    """What happens to an alert; the first four are what an evaluation found."""

    THIN = 0
    CLEAR = 1
    BETWEEN = 2
    BREACH = 3
    HELD = 4
    LOST = 5
    MISSED = 6
    BACK = 7
    GONE = 8
    FORGOTTEN = 9

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS[self]


_WORDS: Final = (
    "too little to judge",
    "inside every exit",
    "between exit and limit",
    "a breach",
    "its hold ends",
    "`no_data: resolve`",
    "`no_data: alert`",
    "data again",
    "rule or series gone, or level accepted",
    "series forgotten",
)


class Edge(NamedTuple):
    """From one state to another, or to itself.

    Attributes:
        at: Where the alert is.
        event: What happens.
        to: Where it is then.
        move: What becomes of its numbers.
        guard: What must be so; the first edge of which it is so is taken.
    """

    at: State
    event: Event
    to: State
    move: moves.Move
    guard: moves.Guard = ALWAYS

    @property
    def is_told(self) -> bool:
        """Whether a line is written; a firing's only if its level changes."""
        return self.at is not self.to or self.move in _LEVELS


_LEVELS: Final = frozenset({moves.stand, moves.prolong, moves.fall})
_I, _OK, _P = State.INSUFFICIENT, State.OK, State.PENDING
_F, _R, _OVER = State.FIRING, State.RECOVERING, State.RESOLVED

_EDGES: Final = (
    # Nothing fires.
    Edge(_I, Event.CLEAR, _OK, moves.rest),
    Edge(_I, Event.BETWEEN, _OK, moves.rest),
    Edge(_I, Event.BREACH, _F, moves.begin, LASTED),
    Edge(_I, Event.BREACH, _P, moves.wait),
    Edge(_OK, Event.THIN, _I, moves.rest),
    Edge(_OK, Event.BREACH, _F, moves.begin, LASTED),
    Edge(_OK, Event.BREACH, _P, moves.wait),
    Edge(_OK, Event.MISSED, _F, moves.begin_silent),
    Edge(_OVER, Event.THIN, _I, moves.rest),
    Edge(_OVER, Event.CLEAR, _OK, moves.rest),
    Edge(_OVER, Event.BETWEEN, _OK, moves.rest),
    Edge(_OVER, Event.BREACH, _F, moves.begin, LASTED),
    Edge(_OVER, Event.BREACH, _P, moves.wait),
    Edge(_OVER, Event.MISSED, _F, moves.begin_silent),
    # It breaches, and has not for long.
    Edge(_P, Event.CLEAR, _OK, moves.rest),
    Edge(_P, Event.BETWEEN, _OK, moves.rest),
    Edge(_P, Event.BREACH, _F, moves.begin, LASTED),
    Edge(_P, Event.BREACH, _P, moves.wait),
    Edge(_P, Event.LOST, _OK, moves.rest),
    Edge(_P, Event.MISSED, _F, moves.begin_silent),
    Edge(_P, Event.GONE, _OK, moves.rest),
    # It fires.
    Edge(_F, Event.CLEAR, _F, moves.stay, STICKY),
    Edge(_F, Event.CLEAR, _R, moves.leave, KEPT),
    Edge(_F, Event.CLEAR, _OVER, moves.end),
    Edge(_F, Event.BETWEEN, _F, moves.stay, STICKY),
    Edge(_F, Event.BETWEEN, _F, moves.stand),
    Edge(_F, Event.BREACH, _F, moves.prolong, STICKY),
    Edge(_F, Event.BREACH, _F, moves.stand),
    Edge(_F, Event.HELD, _F, moves.fall, LOWER),
    Edge(_F, Event.HELD, _R, moves.leave, FLAPS),
    Edge(_F, Event.HELD, _OVER, moves.end),
    Edge(_F, Event.LOST, _OVER, moves.end),
    Edge(_F, Event.BACK, _OVER, moves.end, SILENT),
    Edge(_F, Event.GONE, _OVER, moves.close),
    # It may be over.
    Edge(_R, Event.BETWEEN, _R, moves.stay, STICKY),
    Edge(_R, Event.BETWEEN, _R, moves.hesitate),
    Edge(_R, Event.BREACH, _F, moves.relapse),
    Edge(_R, Event.HELD, _OVER, moves.end),
    Edge(_R, Event.LOST, _OVER, moves.end),
    Edge(_R, Event.MISSED, _F, moves.miss),
    Edge(_R, Event.GONE, _OVER, moves.close),
    # Its series is forgotten, and nothing is open any more.
    *(Edge(state, Event.FORGOTTEN, _I, moves.forget) for state in (_I, _OK, _OVER)),
)


def _table() -> Mapping[tuple[State, Event], tuple[Edge, ...]]:
    """The edges by state and event; without one, nothing happens."""
    found: dict[tuple[State, Event], tuple[Edge, ...]] = {}
    for state in State:
        for event in Event:
            edges = [e for e in _EDGES if e.at is state and e.event is event]
            if not edges or edges[-1].guard is not ALWAYS:
                edges.append(Edge(state, event, state, moves.stay))
            found[state, event] = tuple(edges)
    return MappingProxyType(found)


TABLE: Final = _table()
"""What each event makes of each state: the first edge whose guard holds."""

EDGES: Final = frozenset(
    (edge.at, edge.to)
    for edges in TABLE.values()
    for edge in edges
    if edge.is_told and edge.at is not edge.to
) | {(State.FIRING, State.FIRING)}
"""Every change of state that a line may tell; firing to firing changes the level."""


_FOUND: Final = tuple(Event(verdict) for verdict in Verdict)
"""What happens, by the verdict of an evaluation."""


def step(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """The life after one evaluation; at most one line's worth further.

    >>> breach = Evaluation(Verdict.BREACH, 1, 1)
    >>> step(Life(State.OK), breach, Moment(0), Policy()).state
    <State.FIRING: 'firing'>
    """
    return _take(life, _FOUND[found.verdict], found, now, policy)


def _take(
    life: Life, event: Event, found: Evaluation, now: Moment, policy: Policy
) -> Life:
    for edge in TABLE[life.state, event]:
        if edge.guard.holds(life, found, now, policy):
            after = edge.move(life, found, now, policy)
            return after if after.state is edge.to else after._replace(state=edge.to)
    raise AssertionError(f"no edge for {event} in {life.state}")


def expire(life: Life, policy: Policy) -> Life:
    """The life after its hold has ended, at ``life.due_us``."""
    return _take(life, Event.HELD, CLEAR, Moment(life.due_us, life.order), policy)


def miss(life: Life, level: int | None, now: Moment, policy: Policy) -> Life:
    """The life after there has been no data for too long.

    Args:
        life: As it was.
        level: At which that is an alert; None if it ends one.
        now: When.
        policy: The rule's.
    """
    if level is None:
        return _take(life, Event.LOST, CLEAR, now, policy)
    found = Evaluation(Verdict.BREACH, level, level)
    return _take(life, Event.MISSED, found, now, policy)


def back(life: Life, now: Moment, policy: Policy) -> Life:
    """The life once there is data again, and nothing else was found of it."""
    return _take(life, Event.BACK, CLEAR, now, policy)


def end(life: Life, at_us: int) -> Life:
    """The life after its rule, or its series, is no more: nothing is open."""
    return _take(life, Event.GONE, CLEAR, Moment(at_us), Policy())


def forget(life: Life) -> Life:
    """The life of an alert whose series is forgotten: back where all begin."""
    return _take(life, Event.FORGOTTEN, CLEAR, Moment(0), Policy())


def pause_us(life: Life, policy: Policy) -> int:
    """When people are to hear again that it flaps, or it flaps no more; FAR if never.

    What recovers flaps until that is over.
    """
    flap = life.flap
    if not flap.times:
        return FAR
    quiet_us = flapping.quiet_us(flap, policy.flap_us)
    if not flap.flaps:
        return quiet_us
    if life.state is State.RECOVERING:
        quiet_us = max(quiet_us, life.due_us)
    return min(quiet_us, flap.told_us + policy.flap_us)


def calm_down(life: Life, at_us: int, policy: Policy) -> Life:
    """The life after that: it flaps no more, or goes on and is told."""
    flap = life.flap
    if flap.flaps and at_us < flapping.quiet_us(flap, policy.flap_us):
        return life._replace(flap=flapping.told(flap, at_us, policy.flap_us))
    return life._replace(flap=CALM)


def calm(life: Life, policy: Policy) -> Life:
    """A life from a row, whose rule may have asked whether it flaps and does no more."""
    return life if policy.flap_changes else life._replace(flap=CALM)


def differs(before: Life, after: Life) -> bool:
    """Whether a line must tell of the change: of state, or of a firing level."""
    return before.state is not after.state or (
        after.state is State.FIRING and before.level != after.level
    )
