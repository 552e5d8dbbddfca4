"""What evaluation and routing decided, as lines for people."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.messages.wording import reason_told, why
from alerts.notifications import Notification
from detectors.transitions import Transition, Update


def describe(line: Transition | Update | Notification) -> str:
    """One line of text: when, what, and about which series."""
    match line:
        case Transition():
            return _transition(line)
        case Update():
            peak = _number(line.peak)
            return f"{line.time}  update      {line.alert_id}  peak {peak}, {line.sessions} sessions"
        case Notification():
            alerts = ", ".join(line.alert_ids)
            return (
                f"{line.time}  -> {line.channel} {line.target} ({line.receiver}):"
                f" {line.reason}  {alerts}"
            )


def _transition(line: Transition) -> str:
    level = f" {line.severity}" if line.severity else ""
    against = [
        f"{name} {_number(value)}"
        for name, value in (("limit", line.threshold), ("expected", line.expected))
        if value is not None
    ]
    numbers = ", ".join([_number(line.value), *against])
    found = why(line)
    cause = f"  why: {found}" if found else ""
    return (
        f"{line.time}  {line.to_state:<12}{level:<9}  {line.rule}"
        f" {_labels(line.labels)}  {line.metric} {numbers}  ({reason_told(line)}){cause}"
    )


def _labels(labels: Mapping[str, str]) -> str:
    inside = ", ".join(f"{name}={value}" for name, value in labels.items())
    return f"{{{inside}}}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
