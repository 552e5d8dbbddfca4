"""Clients: one file for each provider. The only part of ``alerts`` that sends.

Every client owns its errors: whatever a provider or the network does becomes an
outcome, and none of its words carries a secret.
"""

from __future__ import annotations

import logging
import traceback

from alerts.clients.pace import Paces
from alerts.clients.pagerduty import PagerDutyClient
from alerts.clients.slack import SlackBotClient
from alerts.clients.slack_webhook import SlackWebhookClient
from alerts.clients.webhook import WebhookClient
from alerts.delivery import Client, Delivery, Failed, Outcome
from alerts.receivers import Channel, PagerDutyService, SlackChannel

log = logging.getLogger(__name__)

_shared_paces = Paces()


def open_client(
    channel: Channel, paces: Paces = _shared_paces, *, timeout_s: float = 15.0
) -> Client:
    """The client that sends to a channel. Nothing is sent, nor any secret read, yet.

    Args:
        channel: Where to.
        paces: Shared by all channels of a provider's account, whose limits they
            share; the process's own by default.
        timeout_s: For one request, from connecting to the answer's end.
    """
    match channel:
        case SlackChannel() if channel.token is not None:
            return _Steady(SlackBotClient(channel, paces, timeout_s=timeout_s))
        case SlackChannel():
            return _Steady(SlackWebhookClient(channel, paces, timeout_s=timeout_s))
        case PagerDutyService():
            return _Steady(PagerDutyClient(channel, paces, timeout_s=timeout_s))
        case _:
            return _Steady(WebhookClient(channel, paces, timeout_s=timeout_s))


class _Steady:
    """A client whose own faults cost one message, not the process."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def check(self, receiver: str) -> str | None:
        return await self._client.check(receiver)

    async def send(self, delivery: Delivery) -> Outcome:
        try:
            return await self._client.send(delivery)
        except Exception as fault:  # noqa: BLE001 - one bad alert must not end them all
            # Without the text of the exception, which may quote a secret.
            where = "".join(traceback.format_tb(fault.__traceback__))
            name = type(fault).__name__
            log.error("cannot write the message %s: %s\n%s", delivery.id, name, where)
            return Failed(
                f"{name} while writing it: a fault of Loopwatch, please report"
            )

    async def close(self) -> None:
        await self._client.close()
