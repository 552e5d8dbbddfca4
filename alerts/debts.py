"""What could not be told: taken back where nobody heard it, owed where they did.

Whoever was told that an alert fires is owed its end, whatever becomes of routes,
receivers and channels in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass

from msgspec import structs

from alerts.delivery import Action
from alerts.lanes import Lane
from alerts.ledger import Ledger
from alerts.notifications import Reason
from alerts.retries import give_up_us
from alerts.rows import Group, Message, Stage, Told

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


def owed(ledger: Ledger, known: Container[Lane]) -> Iterator[Debt]:
    """All debts that time alone will not pay, oldest group first."""
    for group in sorted(ledger.groups.values(), key=lambda group: group.order):
        for message in group.given_up:
            ends = tuple(sorted(_ends(message)))
            reason = Reason.RESOLVED if ends else Reason.FIRING
            ids = ends or tuple(sorted(message.told))
            yield _debt(group, message.generation, reason, ids, message.fault)
        if (group.receiver, group.channel) not in known:
            ended = {
                alert_id: member.told
                for alert_id, member in group.members.items()
                if member.told and ledger.alerts[alert_id].over_us is not None
            }
            for message in group.queue:
                if not message.quiet:
                    ended |= _ends(message)
            if ended:
                newest = max(ended.values())
                ids = tuple(sorted(ended))
                yield _debt(group, newest, Reason.RESOLVED, ids, _GONE)


def _ends(message: Message) -> dict[str, int]:
    """The alerts whose end a message tells, with their generations."""
    return {
        one: told.generation
        for one, told in message.told.items()
        if told.reason is Reason.RESOLVED
    }


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
    if message.action is Action.OPEN and not message.ambiguous:
        _unopen(group, message)
    elif message.action is Action.UPDATE and not message.ambiguous:
        _untell(group, message)
    elif not message.quiet and _ends(message):
        group.given_up.append(_only_ends(message))


def _unopen(group: Group, message: Message) -> None:
    behind = [later for later in group.queue if later.episode == message.episode]
    for later in behind:
        if later.action is Action.UPDATE:
            # What came after the failed opening opens in its place.
            later.action, later.reason = Action.OPEN, message.reason
            later.told = message.told | {
                one: message.told.get(one, told) if not _is_end(told) else told
                for one, told in later.told.items()
            }
            return
    group.queue[:] = [later for later in group.queue if later not in behind]
    group.given_up[:] = [old for old in group.given_up if _ends(old)]
    _untell(group, message)
    if not any(member.told for member in group.members.values()):
        group.flushed_us = group.remind_us = None


def _untell(group: Group, message: Message) -> None:
    """Set what is known of each alert back to what was known before."""
    untold = False
    for one, told in message.told.items():
        member = group.members.get(one)
        if member is None or member.told != told.generation or _is_end(told):
            continue
        if told.is_first:
            member.told = told.before
            untold = True
        member.severity, member.share = told.severity or "", told.share
        member.flaps = told.flaps
        member.value, member.sessions = told.value, told.sessions
    if untold:
        group.given_up.append(message)
    elif _ends(message):
        group.given_up.append(_only_ends(message))


def _is_end(told: Told) -> bool:
    return told.reason is Reason.RESOLVED


def _only_ends(message: Message) -> Message:
    """What remains to be told of a message that was given up."""
    ends = {one: told for one, told in message.told.items() if _is_end(told)}
    return structs.replace(message, told=ends, reason=Reason.RESOLVED)


def forget_moot(group: Group) -> None:
    """Drop the failed openings of alerts that ended, or were told since."""
    if group.given_up:
        group.given_up[:] = [
            message
            for message in group.given_up
            if _ends(message)
            or any(
                (member := group.members.get(one)) is not None
                and member.told < told.generation
                for one, told in message.told.items()
            )
        ]


def revive(group: Group, now_us: int) -> None:
    """Try again what was given up: the configuration may have been put right.

    Ends go before all else in the queue, in their order. Failed openings are
    dropped: if the alert still fires, it is told anew. An opening whose time passed
    while no worker ran is sent late, unless its alerts are over by now.
    """
    over = {one.episode for one in group.queue if one.action is Action.CLOSE}
    stale = [one for one in group.queue if one.give_up_us < now_us]
    unheard = {
        one.episode
        for one in stale
        if one.action is Action.OPEN and one.untouched and one.episode in over
    }
    for message in stale:
        message.late = True
        message.give_up_us = give_up_us(message.action, message.alerts, now_us)
    group.queue[:] = [one for one in group.queue if one.episode not in unheard]
    ends = [_only_ends(one) for one in group.given_up if _ends(one)]
    group.given_up.clear()
    for message in ends:
        message.attempts, message.next_us = 0, now_us
        if message.episode != group.episode or not any(
            member.told for member in group.members.values()
        ):
            message.action = Action.CLOSE
        message.give_up_us = give_up_us(message.action, message.alerts, now_us)
    # Behind the one that is on its way, whose outcome is still to come.
    sending = [one for one in group.queue if one.stage is Stage.SENDING]
    group.queue[:] = [*sending, *ends, *group.queue[len(sending) :]]


def unsettled(ledger: Ledger, live: Container[Lane]) -> Counter[str]:
    """By receiver, the alerts that it was told of and not of their ends.

    Args:
        ledger: Where the groups are.
        live: The lanes of the file: receivers, or channels, that have others.
    """
    found: dict[str, set[str]] = {}
    for group in ledger.groups.values():
        if (group.receiver, group.channel) not in live:
            found.setdefault(group.receiver, set()).update(_open(group))
    return Counter({name: len(alerts) for name, alerts in found.items() if alerts})


def _open(group: Group) -> set[str]:
    told = {one for one, member in group.members.items() if member.told}
    for message in (*group.queue, *group.given_up):
        told |= _ends(message).keys()
    return told


def forgive(group: Group, *, live: bool) -> set[str]:
    """Owe a group nothing any more; the alerts that this was about.

    Args:
        group: Of the receiver that is forgiven.
        live: Whether the file has its channel: then what fires there goes on, and only
            what the channel has refused is forgotten.
    """
    if live:
        about = {one for message in group.given_up for one in message.told}
        group.given_up.clear()
        return about
    about = _open(group)
    group.members.clear()
    group.given_up.clear()
    group.refs.clear()
    group.queue[:] = [one for one in group.queue if one.stage is Stage.SENDING]
    for message in group.queue:
        # Whatever comes of it, it is not tried again, nor owed.
        message.told, message.give_up_us = {}, 0
    group.due_us = group.remind_us = group.recheck_us = None
    return about
