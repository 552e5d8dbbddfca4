"""A flush: what a group says, as lines and as one message."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from alerts.blast import blast
from alerts.content import arranged
from alerts.delivery import Action
from alerts.groups import tell, telling
from alerts.headcount import Headcounts
from alerts.notifications import RANK, Notification, Reason
from alerts.outbox import Outbox
from alerts.receivers import Channel
from alerts.retries import give_up_us
from alerts.rows import Alert, Group, Message, Told, delivery_id
from detectors.transitions import Transition, rfc3339


def speak(
    group: Group,
    channel: Channel,
    alerts: Mapping[str, Alert],
    outbox: Outbox,
    headcounts: Headcounts,
    *,
    reasons: Mapping[str, Reason],
    at_us: int,
    late: bool,
) -> list[Notification]:
    """Say what there is to say: one line for each reason, one message for them all.

    Args:
        group: Its members are told, and it remembers so.
        channel: Where it speaks.
        alerts: All alerts by id.
        outbox: Takes the message.
        headcounts: Of all series.
        reasons: Why each alert is told, in the order of ids; not empty.
        at_us: The time of the lines.
        late: Whether what is told now had been held.
    """
    shown = {one: telling(alerts[one], reason) for one, reason in reasons.items()}
    known = {one for one, member in group.members.items() if member.told}
    superseded = {
        one for one in known if reasons.get(one) in (Reason.FIRING, Reason.UNSUPPRESSED)
    }
    opens = known <= superseded
    if opens and known:
        _set_right(group, channel, alerts, outbox, at_us=at_us)
    told = {}
    for one, reason in reasons.items():
        member = group.members[one]
        before = structs.replace(member)
        generation = tell(group, one, alerts[one], reason, at_us)
        told[one] = Told(
            reason,
            generation,
            before.told,
            before.severity if before.told else None,
            before.share,
            before.flaps,
            before.value,
            before.sessions,
        )
    group.flushed_us = at_us if group.members else None
    firing = {one: alerts[one].line for one, each in group.members.items() if each.told}
    goes_on = Action.OPEN if opens else Action.UPDATE
    action = goes_on if firing else Action.CLOSE
    if opens:
        group.episode += 1
    if firing:
        group.blast = blast(list(firing.values()), headcounts)
    carried = arranged([*shown.values(), *_rest(firing, told)], told)
    _put(
        group, outbox, action, told, carried, at_us=at_us, late=late, firing=len(firing)
    )
    return _lines(group, channel, told, at_us)


def _rest(
    firing: Mapping[str, Transition], told: Mapping[str, Told]
) -> list[Transition]:
    return [line for one, line in firing.items() if one not in told]


def _put(
    group: Group,
    outbox: Outbox,
    action: Action,
    told: dict[str, Told],
    carried: tuple[Transition, ...],
    *,
    at_us: int,
    late: bool = False,
    quiet: bool = False,
    firing: int = 0,
) -> None:
    group.said += 1
    reason = min((each.reason for each in told.values()), key=RANK.__getitem__)
    outbox.put(
        group,
        Message(
            id=delivery_id(group, at_us, reason),
            action=action,
            reason=reason,
            generation=max(each.generation for each in told.values()),
            alerts=carried,
            at_us=at_us,
            next_us=at_us,
            give_up_us=give_up_us(action, carried, at_us),
            told=told,
            firing=firing,
            episode=group.episode,
            blast=group.blast,
            late=late,
            quiet=quiet,
        ),
    )


def _lines(
    group: Group, channel: Channel, told: Mapping[str, Told], at_us: int
) -> list[Notification]:
    return [
        Notification(
            time=rfc3339(at_us),
            receiver=group.receiver,
            channel=channel.kind,
            target=channel.target,
            group=group.key,
            generation=max(told[one].generation for one in ids),
            reason=reason,
            alert_ids=ids,
        )
        for reason in Reason
        if (ids := tuple(one for one in told if told[one].reason is reason))
    ]


def _set_right(
    group: Group,
    channel: Channel,
    alerts: Mapping[str, Alert],
    outbox: Outbox,
    *,
    at_us: int,
) -> None:
    """Close the message of an episode whose end was not told before the next began.

    Where messages are edited it would show for ever that the alerts fire. An
    incident at PagerDuty, under the same key, simply goes on.
    """
    heard = group.episode in group.refs or any(
        message.episode == group.episode for message in group.queue
    )
    if channel.kind != "slack" or not heard:
        return
    ended = {
        one: last
        for one, member in group.members.items()
        if member.told and (last := alerts[one].ended) is not None
    }
    if ended:
        told = {
            one: Told(Reason.RESOLVED, group.members[one].told) for one in sorted(ended)
        }
        carried = arranged(list(ended.values()), told)
        _put(group, outbox, Action.CLOSE, told, carried, at_us=at_us, quiet=True)
