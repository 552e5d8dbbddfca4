"""A flush: what a group says, as lines and as one message."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.delivery import Action
from alerts.groups import news, tell, telling
from alerts.notifications import RANK, Notification, Reason
from alerts.outbox import Outbox
from alerts.receivers import Channel
from alerts.retries import give_up_us
from alerts.rows import Alert, Group, Message, delivery_id
from detectors.transitions import Transition, rfc3339


def speak(
    group: Group,
    channel: Channel,
    alerts: Mapping[str, Alert],
    outbox: Outbox,
    *,
    at_us: int,
    held: frozenset[str],
    late: bool,
) -> list[Notification]:
    """Say what there is to say: one line for each reason, one message for them all.

    Args:
        group: Its members are told, and it remembers so.
        channel: Where it speaks.
        alerts: All alerts by id.
        outbox: Takes the message.
        at_us: The time of the lines.
        held: Members that are not to be told yet.
        late: Whether what is told now had been held.
    """
    reasons = {
        alert_id: reason
        for alert_id in sorted(group.members)
        if alert_id not in held
        and (reason := news(group.members[alert_id], alerts[alert_id])) is not None
    }
    if not reasons:
        return []
    order = sorted(reasons, key=lambda alert_id: (RANK[reasons[alert_id]], alert_id))
    shown = tuple(telling(alerts[one], reasons[one]) for one in order)
    before = {one: group.members[one] for one in order}
    known = any(member.told for member in group.members.values())
    superseded = {
        member.told
        for alert_id, member in before.items()
        if reasons[alert_id] is Reason.FIRING and member.told
    }
    severity_before, share_before = next(
        (
            (before[one].severity, before[one].share)
            for one in order
            if reasons[one] in (Reason.ESCALATED, Reason.CHANGED)
        ),
        (None, 0.0),
    )
    for generation in sorted(superseded):
        _set_right(group, channel, alerts, outbox, generation=generation, at_us=at_us)
    generations = {
        one: tell(group, one, alerts[one], reason) for one, reason in reasons.items()
    }
    group.flushed_us = at_us if group.members else None
    if not any(member.told for member in group.members.values()):
        action = Action.CLOSE
    else:
        action = Action.UPDATE if known and not superseded else Action.OPEN
    generation = max(generations.values())
    reason = reasons[order[0]]
    seq = max(line.seq for line in shown)
    outbox.put(
        group,
        Message(
            id=delivery_id(group, generation, seq, reason),
            action=action,
            reason=reason,
            generation=generation,
            alerts=shown,
            at_us=at_us,
            next_us=at_us,
            give_up_us=give_up_us(action, shown, at_us),
            severity_before=severity_before,
            share_before=share_before,
            late=late,
        ),
    )
    return [
        Notification(
            time=rfc3339(at_us),
            receiver=group.receiver,
            channel=channel.kind,
            target=channel.target,
            group=group.key,
            generation=max(generations[one] for one in told),
            reason=reason,
            alert_ids=told,
        )
        for reason in Reason
        if (told := tuple(one for one in reasons if reasons[one] is reason))
    ]


def _set_right(
    group: Group,
    channel: Channel,
    alerts: Mapping[str, Alert],
    outbox: Outbox,
    *,
    generation: int,
    at_us: int,
) -> None:
    """Close the message of a generation whose end was not told before the next began.

    Where messages are edited it would show for ever that the alert fires. An
    incident at PagerDuty, under the same key, simply goes on.
    """
    heard = generation in group.refs or any(
        message.generation == generation for message in group.queue
    )
    if channel.kind != "slack" or not heard:
        return
    ended: list[Transition] = []
    for alert_id, member in group.members.items():
        last = alerts[alert_id].ended
        if member.told == generation and last is not None:
            ended.append(last)
    if ended:
        seq = max(line.seq for line in ended)
        outbox.put(
            group,
            Message(
                id=delivery_id(group, generation, seq, Reason.RESOLVED),
                action=Action.CLOSE,
                reason=Reason.RESOLVED,
                generation=generation,
                alerts=tuple(ended),
                at_us=at_us,
                next_us=at_us,
                give_up_us=give_up_us(Action.CLOSE, ended, at_us),
                quiet=True,
            ),
        )
