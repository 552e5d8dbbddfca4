"""The lines that say who was told what, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Reason(StrEnum):
    """Why an alert is told, in the order in which lines of one flush are written."""

    ESCALATED = "escalated"
    FIRING = "firing"
    UNSUPPRESSED = "unsuppressed"
    CHANGED = "changed"
    REPEAT = "repeat"
    RESOLVED = "resolved"


RANK: Final = {reason: rank for rank, reason in enumerate(Reason)}
"""The place of each reason among the lines of one flush."""


class Notification(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="notification",
):
    """One reason for which one channel of one receiver is told of some alerts.

    Attributes:
        time: RFC 3339, UTC.
        channel: The kind: slack, pagerduty or webhook.
        target: The address people know: a channel's name, a host, a URL.
        group: The labels that make the group, as matchers.
        generation: The highest told among its alerts.
        alert_ids: Sorted, never empty.
    """

    time: str
    receiver: str
    channel: str
    target: str
    group: str
    generation: int
    reason: Reason
    alert_ids: tuple[str, ...]
