"""What all HTTP clients share: sessions, proxies, and what a failure means."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from alerts.delivery import Ambiguous, Failed, Retry
from alerts.receivers import Secret

NotSent = Retry | Ambiguous | Failed
"""What comes of a request that did not do what it was for."""

CONNECT_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 3600.0

# Too many requests is for the caller, who knows whose limit it is.
_NOT_TAKEN: Final = frozenset({425, 503})
_UNKNOWN: Final = frozenset({408, 500, 502, 504})


def open_session(timeout_s: float) -> aiohttp.ClientSession:
    """A session that connects anew for each request.

    An idle connection that the other side has just closed fails as if the request
    had been lost on the way, and nobody could tell whether it was.
    """
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S),
        connector=aiohttp.TCPConnector(force_close=True),
    )


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL; none for this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_local(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_web_address(url: str) -> bool:
    """Whether it is a URL of HTTP with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def of_error(error: Exception) -> NotSent:
    """What a failed request means, in words without any address in them."""
    match error:
        case aiohttp.InvalidURL():
            return Failed("the address is no URL")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Retry(f"cannot connect: {_why(error)}")
        case TimeoutError():
            return Ambiguous("no answer in time")
        case aiohttp.ClientError() | OSError():
            return Ambiguous(f"the connection broke: {_why(error)}")
        case _:
            return Ambiguous(f"the answer could not be read: {type(error).__name__}")


def of_status(status: int) -> NotSent | None:
    """What a status means whatever the provider; None where only that one knows."""
    if status in _NOT_TAKEN:
        return Retry(f"HTTP {status}")
    if status in _UNKNOWN or status >= 505:
        return Ambiguous(f"HTTP {status}")
    return None


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """How long ``Retry-After`` asks to wait, a number or a date; None if it is neither.

    Args:
        headers: Of the answer.
        now_s: Seconds since 1970, against which a date is held.
    """
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp() - now_s
    if not seconds >= 0:
        return None
    return min(seconds, _LONGEST_PAUSE_S)


def place_of(secret: Secret, receiver: str, setting: str) -> str:
    """Where a person changes a secret: the setting, and what it is read from."""
    said = f"{setting} of the receiver {receiver!r}"
    if secret.file is not None:
        return f"{said} (the file {secret.file})"
    if secret.variable is not None:
        return f"{said} (the environment variable {secret.variable})"
    return said


def unreadable(
    secret: Secret, fault: LookupError, receiver: str, setting: str
) -> NotSent:
    """A secret that cannot be read: a file may be back in a moment, a variable not."""
    said = f"{setting} of the receiver {receiver!r}: {fault}"
    return Retry(said) if secret.file is not None else Failed(said)


def _why(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.SSLError):
        return f"TLS: {cause.reason or type(cause).__name__}"
    strerror = getattr(cause, "strerror", None)
    return str(strerror) if strerror else type(error).__name__
