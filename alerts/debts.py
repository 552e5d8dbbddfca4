"""What could not be told: taken back where nobody heard it, owed where they did.

Whoever was told that an alert fires is owed its end, whatever becomes of routes,
receivers and channels in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from alerts.delivery import Action
from alerts.ledger import Lane, Ledger
from alerts.notifications import Reason
from alerts.retries import give_up_us
from alerts.rows import Group, Message

_GONE = "the receiver, or this channel of it, is not in the configuration any more"


@dataclass(frozen=True, slots=True)
class Debt:
    """News that a channel should have and has not.

    Attributes:
        reason: ``firing`` of an alert that still fires, or ``resolved``.
        fault: Why it was not delivered.
    """

    receiver: str
    channel: str
    group: str
    generation: int
    reason: Reason
    alert_ids: tuple[str, ...]
    fault: str


def owed(ledger: Ledger, known: Collection[Lane]) -> Iterator[Debt]:
    """All debts that time alone will not pay, oldest group first."""
    for group in sorted(ledger.groups.values(), key=lambda group: group.order):
        for message in group.given_up:
            reason = (
                Reason.RESOLVED if message.action is Action.CLOSE else Reason.FIRING
            )
            ids = tuple(sorted(line.alert_id for line in message.alerts))
            yield _debt(group, message.generation, reason, ids, message.fault)
        if (group.receiver, group.channel) not in known:
            ended = sorted(
                alert_id
                for alert_id, member in group.members.items()
                if member.told and ledger.alerts[alert_id].over_us is not None
            )
            for message in group.queue:
                if message.action is Action.CLOSE and not message.quiet:
                    ended += [line.alert_id for line in message.alerts]
            if ended:
                told = [
                    group.members[one].told for one in ended if one in group.members
                ]
                generation = max([*told, *(one.generation for one in group.queue)])
                yield _debt(group, generation, Reason.RESOLVED, tuple(ended), _GONE)


def _debt(
    group: Group, generation: int, reason: Reason, ids: tuple[str, ...], fault: str
) -> Debt:
    kind = group.channel.partition("#")[0]
    return Debt(group.receiver, kind, group.key, generation, reason, ids, fault)


def write_off(group: Group, message: Message) -> None:
    """Take note that a message, no longer queued, will not be sent.

    What surely nobody heard counts as not told: the alert's next line tells it
    anew. An end stays owed.
    """
    match message.action:
        case Action.OPEN if not message.ambiguous:
            _unopen(group, message)
        case Action.CLOSE if not message.quiet:
            group.given_up.append(message)
        case Action.UPDATE if message.severity_before is not None:
            for line in message.alerts:
                member = group.members.get(line.alert_id)
                if member is not None and member.told == line.generation:
                    member.severity = message.severity_before
                    member.share = message.share_before
        case _:
            pass


def _unopen(group: Group, message: Message) -> None:
    generation = message.generation
    behind = [later for later in group.queue if later.generation == generation]
    for later in behind:
        if later.action is Action.UPDATE:
            # What came after the failed opening opens in its place.
            later.action, later.reason = Action.OPEN, message.reason
            later.severity_before, later.share_before = None, 0.0
            return
    group.queue[:] = [later for later in group.queue if later not in behind]
    group.given_up[:] = [old for old in group.given_up if old.action is Action.CLOSE]
    untold = False
    for line in message.alerts:
        member = group.members.get(line.alert_id)
        if member is not None and member.told == line.generation:
            member.told, member.severity, member.share = 0, "", 0.0
            untold = True
    if untold:
        group.given_up.append(message)
    if not any(member.told for member in group.members.values()):
        group.flushed_us = None


def forget_moot(group: Group) -> None:
    """Drop the failed openings of alerts that ended, or were told since."""
    group.given_up[:] = [
        message
        for message in group.given_up
        if message.action is Action.CLOSE
        or any(
            (member := group.members.get(line.alert_id)) is not None and not member.told
            for line in message.alerts
        )
    ]


def revive(group: Group, now_us: int) -> None:
    """Try again what was given up: the configuration may have been put right.

    Ends go before all else in the queue, in their order. Failed openings are
    dropped: if the alert still fires, it is told anew. An opening whose time passed
    while no worker ran is sent late, unless its alert is over by now.
    """
    over = {one.generation for one in group.queue if one.action is Action.CLOSE}
    stale = [one for one in group.queue if one.give_up_us < now_us]
    unheard = {
        one.generation
        for one in stale
        if one.action is Action.OPEN and one.untouched and one.generation in over
    }
    for message in stale:
        message.late = True
        message.give_up_us = give_up_us(message.action, message.alerts, now_us)
    group.queue[:] = [one for one in group.queue if one.generation not in unheard]
    ends = [one for one in group.given_up if one.action is Action.CLOSE]
    group.given_up.clear()
    for message in ends:
        message.attempts, message.next_us = 0, now_us
        message.give_up_us = give_up_us(message.action, message.alerts, now_us)
    group.queue[:0] = ends
