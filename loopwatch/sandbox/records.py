"""What the inbox holds: messages, incidents, webhooks, requests, notes."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A Slack message as it was at one time.

    Attributes:
        time_s: Epoch seconds.
        metadata: ``event_type`` and ``event_payload``, or None.
    """

    time_s: float
    text: str = ""
    blocks: tuple[dict[str, Any], ...] = ()
    attachments: tuple[dict[str, Any], ...] = ()
    metadata: dict[str, Any] | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A Slack message with all its versions, the posted one first.

    Attributes:
        channel: ``#name`` where a name was used, else the id.
        ts: Slack's id of it within the channel, ``1712345678.000200``.
        via: ``chat.postMessage`` or ``incoming``.
    """

    channel_id: str
    channel: str
    ts: str
    via: str
    versions: tuple[Version, ...]
    thread_ts: str | None = None
    broadcast: bool = False
    username: str = ""

    @property
    def text(self) -> str:
        """The text that notifications show."""
        return self.versions[-1].text

    @property
    def blocks(self) -> tuple[dict[str, Any], ...]:
        """The Block Kit blocks."""
        return self.versions[-1].blocks

    @property
    def attachments(self) -> tuple[dict[str, Any], ...]:
        """The attachments, each with its colour."""
        return self.versions[-1].attachments

    @property
    def metadata(self) -> dict[str, Any] | None:
        """The message's metadata."""
        return self.versions[-1].metadata

    @property
    def edited(self) -> bool:
        """Whether it was changed since it was posted."""
        return len(self.versions) > 1

    @property
    def words(self) -> str:
        """All that can be read in it: text, blocks and attachments, a line each."""
        latest = self.versions[-1]
        parts = [latest.text, *_texts(latest.blocks), *_texts(latest.attachments)]
        return "\n".join(part for part in parts if part)


class Status(StrEnum):
    """Where an incident stands."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event of an incident, as PagerDuty's log shows it.

    Attributes:
        action: ``trigger``, ``acknowledge`` or ``resolve``.
        payload: The event's payload; empty for acknowledge and resolve.
    """

    time_s: float
    action: str
    payload: dict[str, Any] = {}


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A PagerDuty incident: from its first trigger to its resolve.

    Attributes:
        number: Counts up over all incidents.
        key: The routing key's end.
        payload: Of the trigger that opened it.
        latest: Of the last trigger.
    """

    number: int
    key: str
    dedup_key: str
    status: Status
    opened_s: float
    payload: dict[str, Any]
    latest: dict[str, Any]
    client: str = ""
    client_url: str = ""
    links: tuple[dict[str, Any], ...] = ()
    images: tuple[dict[str, Any], ...] = ()
    log: tuple[LogEntry, ...] = ()

    @property
    def summary(self) -> str:
        """Its title: the first trigger's summary."""
        return str(self.payload.get("summary", ""))

    @property
    def severity(self) -> str:
        """The last trigger's severity."""
        return str(self.latest.get("severity", ""))

    @property
    def custom_details(self) -> Any:  # noqa: ANN401 - any JSON
        """The last trigger's details."""
        return self.latest.get("custom_details")

    @property
    def actions(self) -> list[str]:
        """The log's actions, oldest first."""
        return [entry.action for entry in self.log]


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a plain webhook took.

    Attributes:
        body: The JSON value, or the text when it is none.
    """

    number: int
    time_s: float
    name: str
    method: str
    headers: dict[str, str]
    body: Any


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to a stand-in and what came of it.

    Attributes:
        endpoint: ``chat.postMessage``, ``incoming``, ``pagerduty``, ``webhook``, ...
        about: A channel's id, a dedup_key or a webhook's name, where known.
        credential: The end of the token or key that came with it.
        status: The HTTP status answered; None when the connection was reset.
        refusal: Why it was not accepted, else None.
        note: What became of an accepted one, where that is not plain.
        fault: The scripted fault that it met, if any.
        too_early: It came before an earlier answer's ``Retry-After`` had passed.
        body: What was sent, decoded, without secrets; the start of it when large.
    """

    endpoint: str
    number: int = 0
    time_s: float = 0.0
    about: str = ""
    credential: str = ""
    status: int | None = None
    refusal: str | None = None
    note: str = ""
    fault: str | None = None
    too_early: bool = False
    body: Any = None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the header strip: what is being played."""

    number: int
    time_s: float
    text: str
    tone: str = "info"


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Totals since the start or the last clear."""

    messages: int = 0
    edits: int = 0
    triggered: int = 0
    acknowledged: int = 0
    resolved: int = 0
    webhooks: int = 0
    requests: int = 0
    refused: int = 0
    faults: int = 0
    sessions: int | None = None


_READ: frozenset[str] = frozenset(
    {"text", "title", "pretext", "value", "footer", "alt_text"}
)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            for name, inner in value.items():
                if isinstance(inner, str):
                    if name in _READ:
                        yield inner
                else:
                    yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
