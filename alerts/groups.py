"""When a group speaks, and for which reasons.

In this version each alert is a group of its own; what is here already holds for
groups of many.
"""

from __future__ import annotations

from collections.abc import Mapping

from alerts.notifications import Reason
from alerts.routes import Route
from alerts.rows import Alert, Group, Member
from detectors.rules import Severity
from detectors.transitions import Transition


def group_key(line: Transition, route: Route) -> str:  # noqa: ARG001
    """The labels that make an alert's group, as matchers in the order of names.

    In this version all of them, whatever the route's ``group_by`` says.
    """
    labels = {**line.labels, "rule": line.rule}
    pairs = (f"{name}={_quoted(labels[name])}" for name in sorted(labels))
    return "{" + ",".join(pairs) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def rank(severity: str | None) -> int:
    """How bad, 0 to 2; what is no severity counts as a warning."""
    try:
        return Severity(severity or "").rank
    except ValueError:
        return Severity.WARNING.rank


def share(line: Transition) -> float:
    """The share of its amount that a budget has reached; 0 of all other kinds.

    Its levels are several to one severity, and each is told as it is reached. In
    between a budget is not to be repeated: nobody can undo what is spent.
    """
    level = line.evidence.get("level") if line.rule_kind == "budget" else None
    return float(level) if isinstance(level, int | float) else 0.0


def news(member: Member, alert: Alert) -> Reason | None:
    """What a group would say of an alert now, if anything."""
    line = alert.line
    if not line.to_state.is_open:
        return Reason.RESOLVED if member.told else None
    if member.told < line.generation:
        if member.routed:
            return Reason.FIRING
        return Reason.RESOLVED if member.told else None
    told = rank(member.severity), member.share
    now = rank(line.severity), share(line)
    if now > told:
        return Reason.ESCALATED
    return Reason.CHANGED if now < told else None


def first_news(group: Group, alerts: Mapping[str, Alert]) -> dict[str, Transition]:
    """The lines of the members that the group would tell for the first time."""
    return {
        alert_id: alerts[alert_id].line
        for alert_id, member in group.members.items()
        if news(member, alerts[alert_id]) is Reason.FIRING
    }


def due_us(group: Group, reasons: list[Reason], now_us: int) -> int | None:
    """When the group is to be flushed, given what it would say.

    A flush that is due stays due: it may find that there is nothing left to say.
    """
    if not reasons:
        return group.due_us
    if Reason.ESCALATED in reasons:
        due = now_us
    elif group.flushed_us is not None:
        due = max(now_us, group.flushed_us + group.interval_us)
    elif group.due_us is not None:
        due = group.due_us
    else:
        due = now_us + group.wait_us
    return due if group.due_us is None else min(due, group.due_us)


def telling(alert: Alert, reason: Reason) -> Transition:
    """The line that shows an alert for this reason."""
    if reason is Reason.RESOLVED and alert.line.to_state.is_open:
        # It fires again, but somewhere else: here only its end is told.
        return alert.ended or alert.line
    if reason is Reason.RESOLVED and alert.ended is not None:
        return alert.ended
    return alert.line


def tell(group: Group, alert_id: str, alert: Alert, reason: Reason) -> int:
    """Note that the channel is told; the generation that this is about."""
    member = group.members[alert_id]
    if reason is Reason.RESOLVED:
        del group.members[alert_id]
        return member.told
    member.told = alert.line.generation
    member.severity = alert.line.severity or Severity.WARNING
    member.share = share(alert.line)
    return member.told


def forget_untold(group: Group, alerts: Mapping[str, Alert]) -> list[str]:
    """Drop the members that ended, or were routed away, before they were told."""
    gone = [
        alert_id
        for alert_id, member in group.members.items()
        if not member.told
        and not (member.routed and alerts[alert_id].line.to_state.is_open)
    ]
    for alert_id in gone:
        del group.members[alert_id]
    return gone
