"""A delivery as the JSON body of a webhook: the alert's line as it is, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from alerts.delivery import Action, Delivery
from alerts.messages.members import count
from alerts.messages.text import clip, plain
from alerts.messages.wording import headline, reason_told
from alerts.notifications import Reason
from alerts.reach import Blast
from detectors.transitions import Transition, rfc3339

VERSION: Final = 1
_TEXT: Final = 1_000


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of an alert before."""

    value: float | None
    sessions: int


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook receives.

    Attributes:
        text: For people, in one line.
        version: Rises only when a member changes its meaning.
        id: The same for every attempt; also in the header ``Idempotency-Key``.
        time: When it was decided, RFC 3339, UTC.
        status: ``firing`` or ``resolved``: of the group as a whole.
        severity_before: With ``escalated`` and ``changed``, the one told before.
        dedup_key: The same for all of a group's messages.
        late: Held back while catching up after a standstill.
        possible_repeat: An earlier attempt may have arrived.
        news: Why each alert is told that is, by its id: of all of them.
        before: Of each alert that was told before, its value and sessions then.
        firing: How many alerts of the group fire.
        acknowledged_by: Who looks after which alert, by its id, or did until its end.
        blast_radius: How far what fires reaches, and what it has in common; null where it is
            few series. At the end, how far it did.
        more: How many of those that it is about are not in ``alerts``.
        alerts: Those with news first, then those that fire on; the lines as
            ``loopwatch.transitions`` carries them, with the newest value, peak and
            number of sessions.
    """

    text: str
    version: int
    id: str
    time: str
    receiver: str
    group: str
    dedup_key: str
    generation: int
    status: str
    reason: Reason
    severity_before: str | None
    late: bool
    possible_repeat: bool
    news: Mapping[str, Reason]
    before: Mapping[str, Told]
    firing: int
    acknowledged_by: Mapping[str, str]
    blast_radius: Blast | None
    more: int
    alerts: tuple[Transition, ...]


_encoder = msgspec.json.Encoder()


def webhook_body(delivery: Delivery) -> bytes:
    """JSON, in UTF-8."""
    return _encoder.encode(
        WebhookBody(
            text=clip(
                plain(f"{headline(delivery)}: {reason_told(delivery.alerts[0])}"), _TEXT
            ),
            version=VERSION,
            id=delivery.id,
            time=rfc3339(delivery.at_us),
            receiver=delivery.receiver,
            group=delivery.group,
            dedup_key=delivery.dedup_key,
            generation=delivery.generation,
            status="resolved" if delivery.action is Action.CLOSE else "firing",
            reason=delivery.reason,
            severity_before=delivery.severity_before,
            late=delivery.late,
            possible_repeat=delivery.possible_repeat,
            news=delivery.news,
            before={
                one: Told(value=value, sessions=sessions)
                for one, (value, sessions) in delivery.before.items()
            },
            firing=delivery.firing,
            acknowledged_by={one: ack.by for one, ack in delivery.acks.items()},
            blast_radius=delivery.blast,
            more=count(delivery) - len(delivery.alerts),
            alerts=delivery.alerts,
        )
    )
