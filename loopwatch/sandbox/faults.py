"""Scripted faults: what goes wrong with the next requests to an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from loopwatch.sandbox.incoming import limited
from loopwatch.sandbox.pagerduty import throttled
from loopwatch.sandbox.replies import HTML, JSON, TEXT, Reply, json_reply

ENDPOINTS: Final = (
    "auth.test",
    "chat.postMessage",
    "chat.update",
    "incoming",
    "pagerduty",
    "webhook",
)
EVERY_ENDPOINT: Final = "*"
_BAD_GATEWAY: Final = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad "
    b"Gateway</h1></center><hr><center>nginx</center></body></html>"
)


class Kind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    RATE_LIMIT = "rate_limit"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    SLOW = "slow"
    TRUNCATED = "truncated"
    HTML = "html"
    CONTENT_TYPE = "content_type"


_PROCESSED: Final = {
    Kind.RESET_AFTER,
    Kind.SLOW,
    Kind.TRUNCATED,
    Kind.CONTENT_TYPE,
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong, some times.

    Attributes:
        kind: ``status`` answers ``status`` and ``body``; ``rate_limit`` a 429 as the
            provider words it, with ``retry_after`` (by default 1 s, of PagerDuty
            none); ``reset_before`` resets the connection without reading the body;
            ``reset_after``, ``slow`` (by ``delay_s``), ``truncated`` and
            ``content_type`` carry the request out first, and then reset the
            connection, wait with the answer, close after half of it, name another
            type; ``html`` is a proxy's 502 page.
        endpoint: One of ``ENDPOINTS``, or ``*`` for each of them.
        times: For how many requests.
        after: How many requests it lets pass first.
        processed: Whether a ``status``, ``rate_limit`` or ``html`` request is carried
            out all the same: an answer that hides a success.
        retry_after: The header's text; any, so that odd ones can be tried.
    """

    kind: Kind
    endpoint: str = EVERY_ENDPOINT
    times: Annotated[int, msgspec.Meta(ge=1)] = 1
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 500
    body: Any = ""
    retry_after: str | int | None = None
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 1.0
    processed: bool = False

    def __post_init__(self) -> None:
        if self.endpoint not in (*ENDPOINTS, EVERY_ENDPOINT):
            known = ", ".join(ENDPOINTS)
            raise ValueError(
                f"endpoint: {self.endpoint!r} is none of {known}, nor * for all"
            )

    @property
    def carries_out(self) -> bool:
        """Whether the request is carried out before the fault."""
        return self.processed or self.kind in _PROCESSED

    def reply(self, endpoint: str) -> Reply | None:
        """The answer in place of the endpoint's own, or None for that."""
        match self.kind:
            case Kind.STATUS:
                return self._status_reply()
            case Kind.RATE_LIMIT:
                return self._rate_limit_reply(endpoint)
            case Kind.HTML:
                return Reply(
                    body=_BAD_GATEWAY, status=502, content_type=HTML, refusal="html"
                )
            case _:
                return None

    def _status_reply(self) -> Reply:
        is_text = isinstance(self.body, str)
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return Reply(
            body=self.body.encode() if is_text else msgspec.json.encode(self.body),
            status=self.status,
            content_type=TEXT if is_text else JSON,
            headers=headers,
            refusal=f"status {self.status}",
        )

    def _rate_limit_reply(self, endpoint: str) -> Reply:
        after = None if self.retry_after is None else str(self.retry_after)
        if endpoint == "pagerduty":
            return throttled(headers={} if after is None else {"Retry-After": after})
        if endpoint == "incoming":
            return limited(after or "1")
        return json_reply(
            {"ok": False, "error": "ratelimited"},
            status=429,
            headers={"Retry-After": after or "1"},
            refusal="ratelimited",
        )


class FaultScript:
    """The faults still to come, in the order in which they were put in."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Put faults behind those already there."""
        self._faults += faults

    def clear(self) -> None:
        """Let everything go well again."""
        self._faults.clear()

    def remaining(self) -> list[Fault]:
        """What is still to come, with the times left."""
        return list(self._faults)

    def next(self, endpoint: str) -> Fault | None:
        """The fault that a request to ``endpoint`` meets now, if any; counts it."""
        for index, fault in enumerate(self._faults):
            if fault.endpoint not in (endpoint, EVERY_ENDPOINT):
                continue
            if fault.after > 0:
                self._faults[index] = _less(fault, after=fault.after - 1)
                return None
            if fault.times > 1:
                self._faults[index] = _less(fault, times=fault.times - 1)
            else:
                del self._faults[index]
            return fault
        return None


def decode_faults(body: bytes) -> Sequence[Fault]:
    """One fault or a list of them, from JSON.

    Raises:
        ValueError: It is neither; says where and why.
    """
    faults: Fault | Iterable[Fault]
    if body.lstrip().startswith(b"["):
        faults = msgspec.json.decode(body, type=list[Fault])
        return list(faults)
    return [msgspec.json.decode(body, type=Fault)]


def _less(fault: Fault, **changed: int) -> Fault:
    return msgspec.structs.replace(fault, **changed)
