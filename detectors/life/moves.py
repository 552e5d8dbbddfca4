"""What an edge of the table asks, and what becomes of a life's numbers along it.

Pure functions of the life so far, one evaluation, the time and the rule's times. The
state an edge leads to is the table's; moves fill in everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from detectors.life.flapping import CALM, Flap, changed, ended, flaps_with
from detectors.life.lives import (
    FAR,
    NO_LEVEL,
    Evaluation,
    Life,
    Moment,
    Policy,
    Verdict,
)
from detectors.transitions import State

Move = Callable[[Life, Evaluation, Moment, Policy], Life]


class Guard(NamedTuple):
    """What must be so for an edge to be taken.

    Attributes:
        words: For people; empty if nothing must be.
        holds: Whether it is so.
    """

    words: str
    holds: Callable[[Life, Evaluation, Moment, Policy], bool]


ALWAYS: Final = Guard("", lambda _life, _found, _now, _policy: True)


def _has_lasted(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> bool:
    since_us, held = _pending(life, now)
    return now.at_us - since_us >= policy.hold_us and held >= policy.hold_samples


def _pending(life: Life, now: Moment) -> tuple[int, int]:
    """Since when it breaches, this evaluation included, and how often in a row."""
    if life.state is State.PENDING:
        return life.since_us, life.held + 1
    return now.at_us, 1


def _is_sticky(_life: Life, _found: Evaluation, _now: Moment, policy: Policy) -> bool:
    return policy.sticky


def _is_kept(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> bool:
    return policy.keep_us > 0 or _would_flap(life, now, policy)


def _would_flap(life: Life, now: Moment, policy: Policy) -> bool:
    return flaps_with(life.flap, now.at_us, policy.flap_changes, policy.flap_us)


LASTED: Final = Guard("for as long as `for` says", _has_lasted)
STICKY: Final = Guard("of a rule on each session", _is_sticky)
KEPT: Final = Guard("with `keep_firing_for`, or flapping", _is_kept)
LOWER: Final = Guard("of a level that is left", lambda life, *_: life.lower != NO_LEVEL)
FLAPS: Final = Guard("while it flaps", lambda life, *_: life.flap.flaps)
SILENT: Final = Guard("after `no_data: alert`", lambda life, *_: life.silent)


def _changed(life: Life, at_us: int, policy: Policy) -> Flap:
    """Its changes, with one more."""
    return changed(life.flap, at_us, policy.flap_changes, policy.flap_us)


def _keep_us(life: Life, policy: Policy) -> int:
    """How long it stays open; while it flaps, until it has been quiet."""
    return max(policy.keep_us, policy.flap_us) if life.flap.flaps else policy.keep_us


def stay(life: Life, _found: Evaluation, _now: Moment, _policy: Policy) -> Life:
    """Nothing happens."""
    return life


def rest(life: Life, _found: Evaluation, _now: Moment, _policy: Policy) -> Life:
    """Nothing is wrong."""
    return Life(State.OK, NO_LEVEL, life.generation, life.seq, flap=life.flap)


def wait(life: Life, found: Evaluation, now: Moment, _policy: Policy) -> Life:
    """A breach that has not lasted yet."""
    since_us, held = _pending(life, now)
    return rest(life, found, now, _policy)._replace(
        level=found.level, since_us=since_us, held=held
    )


def begin(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """It fires: the next generation."""
    return Life(
        State.FIRING,
        found.level,
        life.generation + 1,
        life.seq,
        now.at_us,
        due_us=now.at_us + policy.keep_us if policy.sticky else FAR,
        order=now.order,
        flap=_changed(life, now.at_us, policy),
    )


def begin_silent(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """It fires for want of data, until there is some."""
    return begin(life, found, now, policy)._replace(due_us=FAR, silent=True)


def miss(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> Life:
    """It was about to be over, and nothing shows any more that it is."""
    flap = _changed(life, now.at_us, policy) if life.flap.flaps else life.flap
    return life._replace(since_us=now.at_us, due_us=FAR, flap=flap, silent=True)


def prolong(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """One more breach on each session: its level never falls."""
    return life._replace(
        level=max(life.level, found.level),
        due_us=now.at_us + policy.keep_us,
        order=now.order,
        silent=False,
    )


def stand(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Still firing: its level rises at once and falls after a hold."""
    if found.verdict is Verdict.BREACH:
        life = life._replace(silent=False)
    if found.level > life.level:
        return life._replace(
            level=found.level, since_us=now.at_us, lower=NO_LEVEL, due_us=FAR
        )
    if found.standing >= life.level:
        return life._replace(lower=NO_LEVEL, due_us=FAR)
    return _fall(life, found.standing, now.at_us, now, policy)


def _fall(life: Life, to: int, since_us: int, now: Moment, policy: Policy) -> Life:
    """The level in force is left for a lower one, once that has lasted."""
    keep_us = _keep_us(life, policy)
    if keep_us == 0:
        return life._replace(level=to, since_us=now.at_us)
    if life.lower != NO_LEVEL:
        return life._replace(lower=to)
    due_us = since_us + keep_us
    return life._replace(lower=to, since_us=since_us, due_us=due_us, order=now.order)


def leave(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Firing, and inside every exit: it is over once that has lasted."""
    if _would_flap(life, now, policy):
        life = life._replace(flap=_changed(life, now.at_us, policy))
    return life._replace(
        since_us=now.at_us,
        lower=NO_LEVEL,
        due_us=now.at_us + _keep_us(life, policy),
        order=now.order,
        silent=False,
    )


def relapse(life: Life, found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Recovering, and breached again: the same generation.

    The level in force was left when recovery began, so a milder breach falls to
    its own level when that hold would have ended.
    """
    since_us = life.since_us
    flap = _changed(life, now.at_us, policy) if life.flap.flaps else life.flap
    firing = life._replace(since_us=now.at_us, due_us=FAR, flap=flap)
    if policy.sticky:
        return prolong(firing, found, now, policy)
    if found.level > life.level:
        return firing._replace(level=found.level)
    if found.standing >= life.level:
        return firing
    return _fall(firing, found.standing, since_us, now, policy)


def hesitate(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> Life:
    """Recovering, and out of the exit again without a breach: the hold restarts."""
    return life._replace(
        since_us=now.at_us, due_us=now.at_us + _keep_us(life, policy), order=now.order
    )


def fall(life: Life, _found: Evaluation, now: Moment, _policy: Policy) -> Life:
    """The lower level has lasted."""
    return life._replace(
        level=life.lower, lower=NO_LEVEL, since_us=now.at_us, due_us=FAR
    )


def end(life: Life, _found: Evaluation, now: Moment, policy: Policy) -> Life:
    """It is over; if it flapped, it has been quiet since."""
    flap = CALM
    if not life.flap.flaps:
        flap = ended(life.flap, now.at_us, policy.flap_changes)
    return Life(
        State.RESOLVED, life.level, life.generation, life.seq, now.at_us, flap=flap
    )


def close(life: Life, _found: Evaluation, now: Moment, _policy: Policy) -> Life:
    """It is over, whatever it was: nobody will judge it, or its level is normal."""
    return Life(State.RESOLVED, life.level, life.generation, life.seq, now.at_us)


def forget(life: Life, _found: Evaluation, _now: Moment, _policy: Policy) -> Life:
    """Back where all begin."""
    return Life(State.INSUFFICIENT, NO_LEVEL, life.generation, life.seq)
