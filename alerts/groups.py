"""When a group speaks, and for which reasons."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.notifications import Reason
from alerts.routes import ALL_LABELS, Route
from alerts.routing import matchable
from alerts.rows import Alert, Group, Member
from alerts.severity import rank, share
from detectors.rules import SECOND_US, Severity
from detectors.transitions import Transition, flap_number

LONGEST_PAUSE_US = 24 * 3600 * SECOND_US
"""Repeats with a back-off come at least so often, unless they never did."""


def group_key(line: Transition, route: Route) -> str:
    """The labels that make an alert's group, as matchers in the order of names.

    ``['...']`` is every label and the rule. The severity is not among them: it
    changes, and an alert stays where it was told.
    """
    labels = matchable(line)
    if route.group_by == ALL_LABELS:
        names = sorted({*line.labels, "rule"})
    else:
        names = sorted(route.group_by)
    return (
        "{"
        + ",".join(f"{name}={_quoted(labels.get(name, ''))}" for name in names)
        + "}"
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def adopt(group: Group, route: Route) -> None:
    """Give a group a route's times: of several, the first in the tree's order."""
    if not group.members or route.position <= group.position:
        group.position = route.position
        group.wait_us = route.group_wait_us
        group.interval_us = route.group_interval_us
        group.repeat_us = route.repeat_interval_us
        group.backoff = route.repeat_backoff or 1.0


def news(member: Member, alert: Alert, *, free: bool = True) -> Reason | None:
    """What a group would say of an alert now, if anything.

    Args:
        member: What was said.
        alert: As it stands.
        free: Whether the alert may be told: an end is told in any case.
    """
    line = alert.line
    if not line.to_state.is_open:
        return Reason.RESOLVED if member.told else None
    if member.told < line.generation:
        if member.routed and free:
            held = member.held == line.generation
            return Reason.UNSUPPRESSED if held else Reason.FIRING
        return Reason.RESOLVED if member.told else None
    if not free:
        return None
    told = rank(member.severity), member.share
    now = rank(line.severity), share(line)
    if now > told:
        return Reason.ESCALATED
    if now < told or flap_number(line) != member.flaps:
        return Reason.CHANGED
    return None


def is_held(member: Member, line: Transition) -> bool:
    """Whether news of this generation was held back and has not been told since."""
    return member.held == line.generation and line.to_state.is_open


def waits(member: Member, line: Transition) -> bool:
    """Whether a suppression still holds, as far as is known."""
    return is_held(member, line) and member.ready_us is None


def first_news(group: Group, alerts: Mapping[str, Alert]) -> dict[str, Transition]:
    """The lines of the members that the group would tell for the first time."""
    return {
        alert_id: line
        for alert_id, member in group.members.items()
        if (line := alerts[alert_id].line).to_state.is_open
        and member.routed
        and member.told < line.generation
        and not waits(member, line)
    }


def due_us(
    group: Group, member: Member, reason: Reason | None, now_us: int
) -> int | None:
    """When the group is to be flushed, given what it would say of one of its alerts.

    A flush that is due stays due: it may find that there is nothing left to say.
    """
    if reason is None:
        return group.due_us
    ready_us = member.ready_us
    if reason is not Reason.RESOLVED and ready_us is not None:
        # Within ``group_interval`` of the suppression's end, whatever was said since.
        due = max(now_us, ready_us)
        if group.flushed_us is not None:
            ended_us = ready_us - group.wait_us
            due = max(due, min(group.flushed_us, ended_us) + group.interval_us)
    elif reason is Reason.ESCALATED:
        due = now_us
    elif group.flushed_us is not None:
        due = max(now_us, group.flushed_us + group.interval_us)
    elif group.due_us is not None:
        due = group.due_us
    else:
        due = now_us + group.wait_us
    return due if group.due_us is None else min(due, group.due_us)


def pause_us(group: Group) -> int:
    """From one message to the repeat that follows it."""
    longest = max(group.repeat_us, LONGEST_PAUSE_US)
    return int(
        min(group.repeat_us * group.backoff ** min(group.reminders, 64), longest)
    )


def telling(alert: Alert, reason: Reason) -> Transition:
    """The line that shows an alert for this reason."""
    if reason is Reason.RESOLVED and alert.line.to_state.is_open:
        # It fires again, but somewhere else: here only its end is told.
        return alert.ended or alert.line
    if reason is Reason.RESOLVED and alert.ended is not None:
        return alert.ended
    return alert.line


def tell(group: Group, alert_id: str, alert: Alert, reason: Reason, at_us: int) -> int:
    """Note that the channel is told; the generation that this is about."""
    member = group.members[alert_id]
    line = alert.line
    if reason is Reason.RESOLVED:
        told = member.told
        if member.routed and line.to_state.is_open:
            # The next generation is held back here: only the last one's end is told.
            member.told, member.severity, member.share = 0, "", 0.0
            member.flaps = 0
        else:
            del group.members[alert_id]
        return told
    member.value, member.sessions = line.value, line.sessions
    if reason is Reason.REPEAT:
        return member.told
    if member.told < line.generation:
        member.told_us = at_us
    member.told = line.generation
    member.severity = line.severity or Severity.WARNING
    member.share = share(line)
    member.flaps = flap_number(line)
    member.held, member.ready_us = 0, None
    return member.told


def is_moot(member: Member, alert: Alert) -> bool:
    """Whether a member ended, or was routed away, before it was told."""
    return not member.told and not (member.routed and alert.line.to_state.is_open)


def forget_untold(group: Group, alerts: Mapping[str, Alert]) -> None:
    """Drop the members that ended, or were routed away, before they were told."""
    gone = [
        one for one, member in group.members.items() if is_moot(member, alerts[one])
    ]
    for alert_id in gone:
        del group.members[alert_id]
