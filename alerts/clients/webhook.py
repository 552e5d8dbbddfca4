"""Any HTTP endpoint that takes a JSON POST.

The same id goes with every attempt at the same news, so a receiver that remembers
ids sees nothing twice.
"""

from __future__ import annotations

from typing import Final

import aiohttp

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
from alerts.messages.webhook import webhook_body
from alerts.receivers import WebhookEndpoint

_PER_S: Final = 20.0
_BURST: Final = 20
_URL: Final = "webhook.url"
_BEARER: Final = "webhook.bearer"


class WebhookClient:
    """Posts to one endpoint.

    Args:
        endpoint: Where to.
        paces: One bucket for each endpoint.
        timeout_s: For one request.
    """

    def __init__(
        self, endpoint: WebhookEndpoint, paces: Paces, *, timeout_s: float
    ) -> None:
        self._endpoint = endpoint
        self._pace = paces.of(("webhook", endpoint), _PER_S, _BURST)
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def check(self, receiver: str) -> str | None:
        """Look at the URL and the secrets; nothing is posted."""
        try:
            fine = is_web_address(self._endpoint.url.read())
        except LookupError as fault:
            return f"{_URL} of the receiver {receiver!r}: {fault}"
        if not fine:
            return f"{place_of(self._endpoint.url, receiver, _URL)} is no URL"
        if self._endpoint.bearer is not None:
            try:
                self._endpoint.bearer.read()
            except LookupError as fault:
                return f"{_BEARER} of the receiver {receiver!r}: {fault}"
        return None

    async def send(self, delivery: Delivery) -> Outcome:
        """Post the body; every 2xx means taken."""
        if delivery.quiet:
            return Sent()
        place = place_of(self._endpoint.url, delivery.receiver, _URL)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": delivery.id,
            "User-Agent": "Loopwatch",
        }
        try:
            url = self._endpoint.url.read()
        except LookupError as fault:
            return unreadable(self._endpoint.url, fault, delivery.receiver, _URL)
        if self._endpoint.bearer is not None:
            try:
                headers["Authorization"] = f"Bearer {self._endpoint.bearer.read()}"
            except LookupError as fault:
                return unreadable(
                    self._endpoint.bearer, fault, delivery.receiver, _BEARER
                )
        if not is_web_address(url):
            return Failed(f"{place} is no URL")
        wait_s = await self._pace.turn()
        if wait_s > 0:
            return Retry("the endpoint's rate limit", wait_s)
        if self._session is None or self._session.closed:
            self._session = open_session(self._timeout_s)
        try:
            async with self._session.post(
                url,
                data=webhook_body(delivery),
                headers=headers,
                # A POST that follows a redirect would arrive as a GET, without body.
                allow_redirects=False,
                proxy=proxy_for(url),
            ) as answer:
                return self._of_answer(answer, self._pace, place, delivery.receiver)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return of_error(error)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _of_answer(
        self, answer: aiohttp.ClientResponse, pace: Pace, place: str, receiver: str
    ) -> Outcome:
        status = answer.status
        if 200 <= status < 300:
            return Sent(answer=f"HTTP {status}")
        if status == 429:
            after_s = retry_after_s(answer.headers, pace.wall_s())
            if after_s is not None:
                pace.pause(after_s)
            return Retry("the endpoint's rate limit", after_s)
        if (
            status == 503
            and (after_s := retry_after_s(answer.headers, pace.wall_s())) is not None
        ):
            pace.pause(after_s)
            return Retry("HTTP 503", after_s)
        if (known := of_status(status)) is not None:
            return known
        if 300 <= status < 400:
            return Failed(f"the endpoint moved (HTTP {status}): see {place}")
        if status in {401, 403} and self._endpoint.bearer is not None:
            place = place_of(self._endpoint.bearer, receiver, _BEARER)
        return Failed(f"the endpoint refuses the message (HTTP {status}): see {place}")
