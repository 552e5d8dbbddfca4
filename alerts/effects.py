"""What a call to the desk of deliveries leads to."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.delivery import Delivery
from alerts.notifications import Notification, Reason
from alerts.rows import Group, Message


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message that will not be tried again, unless by a restart.

    Attributes:
        refused: The channel refused it; else its time was up.
    """

    receiver: str
    channel: str
    group: str
    generation: int
    reason: Reason
    fault: str
    refused: bool


def lost_news(group: Group, message: Message, *, refused: bool) -> GivenUp:
    """What is to be said of a message that is given up."""
    return GivenUp(
        receiver=group.receiver,
        channel=group.channel.partition("#")[0],
        group=group.key,
        generation=message.generation,
        reason=message.reason,
        fault=message.fault,
        refused=refused,
    )


@dataclass(frozen=True, slots=True)
class Effects:
    """What comes of a call.

    Attributes:
        notifications: Lines to publish, in order.
        deliveries: To start, once the changed rows are safely written.
        given_up: Messages that will not be tried again, for the log and counters.
    """

    notifications: tuple[Notification, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
