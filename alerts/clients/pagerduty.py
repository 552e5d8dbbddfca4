"""PagerDuty's Events API v2, by pdpyras in threads of its own.

pdpyras sleeps between its retries, on 429 for ever, and it blocks: so it runs in a
small pool of threads, is told to try once, and the outbox decides about the rest.
Events with one dedup_key may be sent again without harm.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3

from alerts.clients.network import (
    CONNECT_S,
    NotSent,
    is_local,
    of_status,
    place_of,
    retry_after_s,
    unreadable,
)
from alerts.clients.pace import Pace, Paces
from alerts.delivery import Ambiguous, Delivery, Failed, Outcome, Retry, Sent
from alerts.messages.pagerduty import pagerduty_event
from alerts.messages.text import clip, plain
from alerts.receivers import PagerDutyService

with warnings.catch_warnings():
    # It announces its successor at import; users can do nothing about that.
    warnings.filterwarnings("ignore", message='The package "pdpyras"')
    import pdpyras

KEY_LENGTH: Final = 32
_SETTING: Final = "pagerduty.routing_key"
_THREADS: Final = 4
# At most 120 events in any minute and key, and no word on how long to wait above.
_PER_S: Final = 1.25
_BURST: Final = 25
_PAUSE_S: Final = 30.0

# It logs each refusal as an error of its own; the outcome says it better.
_library_log = logging.getLogger("alerts.clients.pagerduty.pdpyras")
_library_log.setLevel(logging.CRITICAL)


class PagerDutyClient:
    """Triggers and resolves incidents of one service.

    Args:
        service: Where to.
        paces: One bucket for each routing key.
        timeout_s: For one request, from connecting to the answer's end.
    """

    def __init__(
        self, service: PagerDutyService, paces: Paces, *, timeout_s: float
    ) -> None:
        self._service = service
        self._paces = paces
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="pagerduty")
        self._local = threading.local()

    async def check(self, receiver: str) -> str | None:
        """Look at the key; to try it would open an incident."""
        try:
            key = self._service.routing_key.read()
        except LookupError as fault:
            return f"{_SETTING} of the receiver {receiver!r}: {fault}"
        if len(key) == KEY_LENGTH:
            return None
        place = place_of(self._service.routing_key, receiver, _SETTING)
        return f"{place} has {len(key)} characters; a routing key has {KEY_LENGTH}"

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one event."""
        secret = self._service.routing_key
        try:
            key = secret.read()
        except LookupError as fault:
            return unreadable(secret, fault, delivery.receiver, _SETTING)
        place = place_of(secret, delivery.receiver, _SETTING)
        if not key:
            return Failed(f"{place} is empty")
        pace = self._pace(key)
        wait_s = await pace.turn()
        if wait_s > 0:
            return Retry("PagerDuty's rate limit", wait_s)
        event = pagerduty_event(delivery, self._service.client_url)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, self._enqueue, key, event)
        try:
            # requests limits each wait for bytes, not their sum.
            # And wait_for, on Python 3.11, may swallow a cancellation that comes with
            # the answer: who stops sending would wait for this for ever.
            async with asyncio.timeout(self._timeout_s + CONNECT_S):
                return await work
        except TimeoutError:
            return Ambiguous("no answer in time")
        except pdpyras.PDClientError as error:
            if error.response is None:
                return _of_cause(error.__cause__)
            return _of_answer(error.response, pace, place, key)
        except pdpyras.URLError:
            return Failed(
                f"pagerduty.url of the receiver {delivery.receiver!r} is no URL"
            )

    async def close(self) -> None:
        """Let the threads end; what waits for one is not sent."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _enqueue(self, key: str, event: Mapping[str, Any]) -> Sent:
        """Send, in a thread of the pool.

        Raises:
            pdpyras.PDClientError: It was refused, or there was no answer.
        """
        properties = dict(event)
        action = properties.pop("event_action")
        dedup_key = self._session(key).send_event(action, **properties)
        return Sent(dedup_key, answer=f"{action}, incident {dedup_key}")

    def _session(self, key: str) -> pdpyras.EventsAPISession:
        """The session of this thread: sessions are not made to be shared."""
        session = getattr(self._local, "session", None)
        if session is None:
            session = _single_try_session(key, self._service.url, self._timeout_s)
            self._local.session = session
        if session.api_key != key:
            session.api_key = key
        return session

    def _pace(self, key: str) -> Pace:
        digest = hashlib.sha256(key.encode()).digest()
        return self._paces.of(("pagerduty", self._service.url, digest), _PER_S, _BURST)


def _single_try_session(
    key: str, url: str, timeout_s: float
) -> pdpyras.EventsAPISession:
    """A session that makes one request and says what came of it, whatever it was."""
    session = pdpyras.EventsAPISession(key)
    session.url = url.rstrip("/")
    session.timeout = (CONNECT_S, timeout_s)
    session.log = _library_log
    session.max_network_attempts = 0
    # A 429 is retried without end unless it is listed here, and what is listed is
    # retried until the sum of retries, which begins at 0, is above the maximum.
    session.retry = {429: 1}
    session.max_http_attempts = -1
    if is_local(urlsplit(url).hostname or ""):
        session.trust_env = False
    return session


def _of_answer(
    response: requests.Response, pace: Pace, place: str, key: str
) -> NotSent:
    status = response.status_code
    if status == 429:
        after_s = retry_after_s(response.headers, pace.wall_s())
        after_s = _PAUSE_S if after_s is None else after_s
        pace.pause(after_s)
        return Retry("PagerDuty's rate limit", after_s)
    if (known := of_status(status)) is not None:
        return known
    if 200 <= status < 300:
        return Ambiguous("PagerDuty's answer could not be read")
    faults = clip(plain(_faults(response).replace(key, "********")), 300)
    said = f"HTTP {status}: {faults}" if faults else f"HTTP {status}"
    if status in {401, 403} or "routing" in faults.lower():
        return Failed(f"PagerDuty refuses the key ({said}): see {place}")
    if status == 404:
        return Failed(f"HTTP 404: is pagerduty.url beside {place} the Events API?")
    return Failed(f"PagerDuty refuses the event ({said})")


def _faults(response: requests.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    errors = body.get("errors") if isinstance(body, dict) else None
    if isinstance(errors, list) and errors:
        return "; ".join(str(error) for error in errors)
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or "")


def _of_cause(cause: BaseException | None) -> NotSent:
    match cause:
        case requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema():
            return Failed("pagerduty.url is no URL")
        case requests.exceptions.ConnectTimeout():
            return Retry("cannot connect: no answer in time")
        case requests.exceptions.ProxyError():
            return Retry("cannot connect: the proxy refuses, or is not there")
        case requests.exceptions.SSLError():
            return Retry("cannot connect: TLS")
        case requests.exceptions.Timeout():
            return Ambiguous("no answer in time")
        case requests.exceptions.ConnectionError() if why := _no_connection(cause):
            return Retry(f"cannot connect: {why}")
        case _:
            return Ambiguous(f"the connection broke: {type(cause).__name__}")


def _no_connection(cause: requests.exceptions.ConnectionError) -> str:
    """Why none was made, in words without the address; empty if one was."""
    wrapped = cause.args[0] if cause.args else None
    fault = getattr(wrapped, "reason", wrapped)
    if not isinstance(fault, urllib3.exceptions.NewConnectionError):
        return ""
    why = fault.__cause__
    return str(getattr(why, "strerror", None) or type(fault).__name__)
