"""PagerDuty's Events API v2: ``/v2/enqueue``.

202 means queued. The texts of the refusals are PagerDuty's, its spelling included,
but for size, which it is not documented to word.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from loopwatch.sandbox.bodies import decode_json
from loopwatch.sandbox.buckets import Limits, SlidingWindows
from loopwatch.sandbox.inbox import Inbox
from loopwatch.sandbox.replies import Reply, json_reply
from loopwatch.sandbox.secrecy import mask, mask_all

ROUTING_KEY: Final = 32
SUMMARY: Final = 1_024
DEDUP_KEY: Final = 255
# 512 KB; taken as the smaller of its two readings, as Alertmanager does.
EVENT_BYTES: Final = 512_000
SEVERITIES: Final = ("critical", "warning", "error", "info")
ACTIONS: Final = ("trigger", "acknowledge", "resolve")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Routing keys that no integration has; all others of 32 characters are known."""

    unknown_keys: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Account({len(self.unknown_keys)} keys unknown)"


class EventsApi:
    """The endpoint, on an inbox.

    Args:
        limits: None switches the rate limit off.
    """

    def __init__(
        self,
        inbox: Inbox,
        clock: Callable[[], float],
        account: Account,
        limits: Limits | None,
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self.account = account
        self._windows = (
            None if limits is None else SlidingWindows(limits.pagerduty_per_min)
        )
        # Incidents belong to a routing key; what is kept of it tells keys apart, and
        # does not give them away.
        self._salt = secrets.token_bytes(16)

    def enqueue(self, body: bytes) -> Reply:
        """Take one event as PagerDuty would."""
        event = _decode(body)
        if event is None:
            return _refuse(
                ["JSON parse error"],
                "Unrecognized object",
                "Event object format is unrecognized",
            )
        about = event.get("dedup_key")
        about = about if isinstance(about, str) else ""
        if len(body) > EVENT_BYTES:
            return _refuse(["Event object is larger than 512 KB"], about=about)
        faults = event_faults(event)
        if faults:
            return _refuse(faults, about=about)
        key = str(event["routing_key"])
        if key in self.account.unknown_keys:
            return _refuse(["Invalid routing key"], about=about)
        if self._windows is not None:
            wait_s = self._windows.take(self._identity(key), self._clock())
            if wait_s > 0:
                return throttled(about)
        return self._process(event, key)

    def _process(self, event: dict[str, Any], key: str) -> Reply:
        key_id = self._identity(key)
        dedup_key = event.get("dedup_key") or uuid.uuid4().hex
        event = mask_all(event, [key])
        note = ""
        if event["event_action"] == "trigger":
            known = self._inbox.open_incident(key_id, dedup_key)
            self._inbox.trigger(key_id, mask(key), dedup_key, event)
            note = "added to the open incident" if known else ""
        else:
            incident = self._inbox.open_incident(key_id, dedup_key)
            if incident is None:
                note = "dropped: no open incident of this routing key has it"
            else:
                action = str(event["event_action"])
                self._inbox.close_incident(
                    key_id, incident, action, resolve=action == "resolve"
                )
        return json_reply(
            {
                "status": "success",
                "message": "Event processed",
                "dedup_key": dedup_key,
            },
            status=202,
            about=dedup_key,
            note=note,
        )

    def _identity(self, key: str) -> str:
        return hmac.new(self._salt, key.encode(), hashlib.sha256).hexdigest()


def event_faults(event: Mapping[str, Any]) -> list[str]:
    """All that PagerDuty would find wrong with an event."""
    faults: list[str] = []
    key = event.get("routing_key")
    if _blank(key):
        faults.append("'routing_key' is missing or blank")
    elif len(str(key)) != ROUTING_KEY:
        faults.append(
            f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY} characters)"
        )
    action = event.get("event_action")
    if _blank(action):
        faults.append("'event_action' is missing or blank")
    elif action not in ACTIONS:
        faults.append(
            "'event_action' is invalid (must be one of the following: 'trigger', "
            "'acknowledge' or 'resolve')"
        )
    faults += _dedup_key_faults(event.get("dedup_key"), action)
    if action == "trigger":
        faults += _payload_faults(event.get("payload"))
    for name, member in (("links", "href"), ("images", "src")):
        faults += _list_faults(event.get(name), name, member)
    return faults


def throttled(about: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    """The answer to too many events; PagerDuty documents no ``Retry-After``."""
    return json_reply(
        {
            "status": "throttle exceeded",
            "message": "Requests for this service are arriving too quickly. "
            "Please retry later.",
        },
        status=429,
        headers=headers,
        refusal="throttle exceeded",
        about=about,
    )


def _decode(body: bytes) -> dict[str, Any] | None:
    try:
        event = decode_json(body)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _dedup_key_faults(dedup_key: object, action: object) -> list[str]:
    if _blank(dedup_key):
        needed = action in {"acknowledge", "resolve"}
        return ["'dedup_key' is missing or blank"] if needed else []
    if not isinstance(dedup_key, str):
        return ["'dedup_key' is invalid (must be a string)"]
    if len(dedup_key) > DEDUP_KEY:
        return [f"'dedup_key' is too long (maiximum is {DEDUP_KEY} characters)"]
    return []


def _payload_faults(payload: object) -> list[str]:
    if not isinstance(payload, dict) or not payload:
        return ["'payload' is missing or blank"]
    faults = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source", "severity")
        if _blank(payload.get(name))
    ]
    if len(str(payload.get("summary") or "")) > SUMMARY:
        faults.append(f"'summary' is too long (maiximum is {SUMMARY} characters)")
    severity = payload.get("severity")
    if not _blank(severity) and severity not in SEVERITIES:
        faults.append(
            "'payload.severity' is invalid (must be one of the following: 'critical', "
            "'warning', 'error' or 'info')"
        )
    details = payload.get("custom_details")
    if details is not None and not isinstance(details, dict | str):
        faults.append("'payload.custom_details' is invalid (must be an object)")
    return faults


def _list_faults(value: object, name: str, member: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        return [f"'{name}' is invalid (must be an array)"]
    return [
        f"'{name}[{index}].{member}' is missing or blank"
        for index, item in enumerate(value)
        if not isinstance(item, dict) or _blank(item.get(member))
    ]


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _refuse(
    errors: list[str],
    status: str = "invalid event",
    message: str = "Event object is invalid",
    about: str = "",
) -> Reply:
    return json_reply(
        {"status": status, "message": message, "errors": errors},
        status=400,
        refusal="; ".join(errors),
        about=about,
    )
