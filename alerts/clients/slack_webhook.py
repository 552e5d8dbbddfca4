"""Slack by incoming webhook: every piece of news is a new message.

A webhook's answer does not name the message, so nothing can be edited later. Who
wants one message that turns green takes a bot token.
"""

from __future__ import annotations

import logging
import re
from typing import Final

import aiohttp
from slack_sdk.webhook import WebhookResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from alerts.clients.network import (
    is_web_address,
    of_error,
    of_status,
    open_session,
    place_of,
    proxy_for,
    retry_after_s,
    unreadable,
)
from alerts.clients.pace import Pace, Paces
from alerts.delivery import Delivery, Failed, Outcome, Retry, Sent
from alerts.messages.slack import slack_message
from alerts.receivers import Secret, SlackChannel

_PER_S: Final = 1.0
_BURST: Final = 4
_SETTING: Final = "slack.webhook_url"
_WORD: Final = re.compile(r"[a-z_]{1,40}")

# At the level of debugging the SDK would log the URL, which is the secret.
_sdk_log = logging.getLogger("alerts.clients.slack_webhook.sdk")
_sdk_log.setLevel(logging.WARNING)


class SlackWebhookClient:
    """Posts to the channel that a webhook belongs to.

    Args:
        channel: With a webhook's URL.
        paces: One bucket for each webhook.
        timeout_s: For one request.
    """

    def __init__(
        self, channel: SlackChannel, paces: Paces, *, timeout_s: float
    ) -> None:
        if channel.webhook_url is None:
            raise ValueError("neither a token nor a webhook's URL")
        self._url: Secret = channel.webhook_url
        self._pace = paces.of(("slack webhook", channel), _PER_S, _BURST)
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def check(self, receiver: str) -> str | None:
        """Look at the URL; to try it would post a message."""
        place = place_of(self._url, receiver, _SETTING)
        try:
            fine = is_web_address(self._url.read())
        except LookupError as fault:
            return f"{_SETTING} of the receiver {receiver!r}: {fault}"
        return None if fine else f"{place} is no URL"

    async def send(self, delivery: Delivery) -> Outcome:
        """Post the message as it stands now."""
        if delivery.quiet:
            return Sent()
        place = place_of(self._url, delivery.receiver, _SETTING)
        try:
            url = self._url.read()
        except LookupError as fault:
            return unreadable(self._url, fault, delivery.receiver, _SETTING)
        if not is_web_address(url):
            return Failed(f"{place} is no URL")
        wait_s = await self._pace.turn()
        if wait_s > 0:
            return Retry("Slack's rate limit", wait_s)
        message = slack_message(delivery)
        try:
            answer = await self._sdk(url).send(
                text=message.text, attachments=message.attachments
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return of_error(error)
        return _of_answer(answer, self._pace, place)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _sdk(self, url: str) -> AsyncWebhookClient:
        if self._session is None or self._session.closed:
            self._session = open_session(self._timeout_s)
        client = AsyncWebhookClient(
            url, session=self._session, logger=_sdk_log, retry_handlers=[]
        )
        # The SDK takes a proxy from the environment even for this machine.
        client.proxy = proxy_for(url)
        return client


def _of_answer(answer: WebhookResponse, pace: Pace, place: str) -> Outcome:
    """Answers are plain text: ``ok``, or one word that says what is wrong."""
    if 200 <= answer.status_code < 300:
        return Sent(answer=f"HTTP {answer.status_code}")
    if answer.status_code == 429:
        after_s = retry_after_s(answer.headers, pace.wall_s())
        if after_s is not None:
            pace.pause(after_s)
        return Retry("Slack's rate limit", after_s)
    known = of_status(answer.status_code)
    if known is not None:
        return known
    # Only a word such as no_service: anything else may quote the URL.
    word = f": {answer.body}" if _WORD.fullmatch(answer.body) else ""
    return Failed(
        f"Slack refuses the message (HTTP {answer.status_code}{word}): see {place}"
    )
