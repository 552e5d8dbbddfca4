"""Slack by bot token: one message for a group, edited as its alerts change.

The SDK sends; when to send again is decided elsewhere, so its own retries are off:
by default it posts a message twice when the connection breaks after the post.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from alerts.clients.network import (
    NotSent,
    of_error,
    open_session,
    place_of,
    proxy_for,
    unreadable,
)
from alerts.clients.pace import Pace, Paces
from alerts.clients.slack_errors import GoneError, of_answer
from alerts.delivery import Delivery, Failed, Outcome, Retry, Sent
from alerts.messages.slack import slack_message, surfaced_reply
from alerts.notifications import Reason
from alerts.receivers import Secret, SlackChannel

# https://docs.slack.dev/apis/web-api/rate-limits: about a message a second and
# channel with short bursts; chat.update is Tier 3, 50 a minute for the workspace.
_POSTS_PER_S: Final = 1.0
_POST_BURST: Final = 4
_UPDATES_PER_S: Final = 0.75
_UPDATE_BURST: Final = 5

# An edit notifies nobody, so these are said below the message too.
_SURFACED: Final = frozenset(
    {Reason.ESCALATED, Reason.FIRING, Reason.UNSUPPRESSED, Reason.REPEAT}
)

# At the level of debugging the SDK would log what it sends.
_sdk_log = logging.getLogger("alerts.clients.slack.sdk")
_sdk_log.setLevel(logging.WARNING)


class SlackBotClient:
    """Posts, edits, and surfaces what must be seen in a channel.

    Args:
        channel: With a token.
        paces: Limits shared with the other channels of the workspace.
        timeout_s: For one request.
    """

    def __init__(
        self, channel: SlackChannel, paces: Paces, *, timeout_s: float
    ) -> None:
        if channel.token is None:
            raise ValueError("a bot needs a token")
        self._token: Secret = channel.token
        self._channel = channel
        self._paces = paces
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def check(self, receiver: str) -> str | None:
        """Ask Slack whether it takes the token."""
        try:
            pace = self._pace("check", 1.0, 5)
            answer = await self._call("auth.test", pace, {}, receiver)
        except LookupError as fault:
            return f"slack.token of the receiver {receiver!r}: {fault}"
        return answer.reason if isinstance(answer, Failed) else None

    async def send(self, delivery: Delivery) -> Outcome:
        """Post the message, or edit it; what must be seen is said again below it."""
        try:
            return await self._send(delivery)
        except LookupError as fault:
            return unreadable(self._token, fault, delivery.receiver, "slack.token")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _send(self, delivery: Delivery) -> Outcome:
        channel_id, _, ts = (delivery.ref or "").partition("/")
        if not ts:
            # Nothing to set right where nothing was ever posted.
            return Sent() if delivery.quiet else await self._post(delivery)
        try:
            edited = await self._edit(delivery, channel_id, ts)
        except GoneError:
            return Sent() if delivery.quiet else await self._post(delivery)
        if isinstance(edited, Sent) and delivery.reason in _SURFACED:
            return await self._surface(delivery, channel_id, ts)
        return edited

    async def _post(self, delivery: Delivery) -> Outcome:
        arguments = {
            "channel": self._channel.channel,
            "unfurl_links": False,
            "unfurl_media": False,
            **_content(delivery),
        }
        answer = await self._call(
            "chat.postMessage", self._posts(), arguments, delivery.receiver
        )
        if not isinstance(answer, AsyncSlackResponse):
            return answer
        channel_id, ts = answer.get("channel"), answer.get("ts")
        ref = f"{channel_id}/{ts}" if channel_id and ts else None
        return Sent(ref, answer=f"ok, message {ref}" if ref else "ok")

    async def _edit(self, delivery: Delivery, channel_id: str, ts: str) -> Outcome:
        # Blocks of an earlier message would stay if none were named.
        arguments = {
            "channel": channel_id,
            "ts": ts,
            "blocks": [],
            **_content(delivery),
        }
        pace = self._pace("update", _UPDATES_PER_S, _UPDATE_BURST)
        answer = await self._call("chat.update", pace, arguments, delivery.receiver)
        if not isinstance(answer, AsyncSlackResponse):
            return answer
        return Sent(answer="ok, edited")

    async def _surface(self, delivery: Delivery, channel_id: str, ts: str) -> Outcome:
        arguments = {
            "channel": channel_id,
            "thread_ts": ts,
            "reply_broadcast": True,
            "text": surfaced_reply(delivery),
            "unfurl_links": False,
        }
        answer = await self._call(
            "chat.postMessage", self._posts(), arguments, delivery.receiver
        )
        return Sent() if isinstance(answer, AsyncSlackResponse) else answer

    async def _call(
        self, method: str, pace: Pace, arguments: dict[str, Any], receiver: str
    ) -> AsyncSlackResponse | NotSent:
        """One request; an answer only if Slack said yes.

        Raises:
            LookupError: The token cannot be read.
            GoneError: The message cannot be edited any more.
        """
        token = self._token.read()
        wait_s = await pace.turn()
        if wait_s > 0:
            return Retry("Slack's rate limit", wait_s)
        try:
            return await self._sdk(token).api_call(method, json=arguments)
        except SlackApiError as error:
            place = place_of(self._token, receiver, "slack.token")
            return of_answer(error.response, pace, place, token)
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
            TypeError,
            AttributeError,
        ) as error:
            # The last three: the SDK stumbles over answers that are no JSON object.
            return of_error(error)

    def _sdk(self, token: str) -> AsyncWebClient:
        if self._session is None or self._session.closed:
            self._session = open_session(self._timeout_s)
        api_url = self._channel.api_url
        client = AsyncWebClient(
            token=token,
            base_url=api_url,
            session=self._session,
            logger=_sdk_log,
            retry_handlers=[],
        )
        # The SDK takes a proxy from the environment even for this machine.
        client.proxy = proxy_for(api_url)
        return client

    def _posts(self) -> Pace:
        return self._pace(f"post {self._channel.channel}", _POSTS_PER_S, _POST_BURST)

    def _pace(self, what: str, per_s: float, burst: int) -> Pace:
        account = hashlib.sha256(self._token.read().encode()).digest()
        return self._paces.of(
            ("slack", self._channel.api_url, account, what), per_s, burst
        )


def _content(delivery: Delivery) -> dict[str, Any]:
    message = slack_message(delivery)
    return {
        "text": message.text,
        "attachments": message.attachments,
        "metadata": message.metadata,
    }
