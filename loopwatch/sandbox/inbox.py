"""Everything the sandbox received, and a way to wait for more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec

from loopwatch.sandbox.records import (
    Counters,
    Incident,
    LogEntry,
    Message,
    Note,
    Request,
    Status,
    Version,
    Webhook,
)

T = TypeVar("T")
Listener = Callable[["Change"], None]

# A sandbox left running for weeks must not eat the machine's memory: of each kind the
# newest are kept, and of a long history its first entry and the newest.
MESSAGES_KEPT: Final = 2_000
INCIDENTS_KEPT: Final = 2_000
REQUESTS_KEPT: Final = 10_000
WEBHOOKS_KEPT: Final = 1_000
NOTES_KEPT: Final = 200
HISTORY_KEPT: Final = 500


class Change(msgspec.Struct, frozen=True):
    """What was added or altered.

    Attributes:
        kind: ``message``, ``incident``, ``webhook``, ``request``, ``note``,
            ``sessions`` or ``clear``.
        id: Names the record within its kind; empty where there is but one.
    """

    revision: int
    kind: str
    id: str = ""


class Inbox:
    """What was received. Records are values: a change replaces them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._listeners: set[Listener] = set()
        self.revision = 0
        self._number = 0
        self._incident_number = 0
        self._empty()

    def _empty(self) -> None:
        self.counters = Counters()
        self._messages: dict[tuple[str, str], Message] = {}
        self._incidents: dict[int, Incident] = {}
        self._open: dict[tuple[str, str], int] = {}
        self._webhooks: deque[Webhook] = deque(maxlen=WEBHOOKS_KEPT)
        self._requests: deque[Request] = deque(maxlen=REQUESTS_KEPT)
        self._notes: deque[Note] = deque(maxlen=NOTES_KEPT)
        self._sessions: deque[tuple[float, int]] = deque(maxlen=60)

    # What was received

    def messages(self, channel: str | None = None) -> list[Message]:
        """Slack messages, oldest first, of one channel (``#name`` or id) or of all."""
        return [
            message
            for message in self._messages.values()
            if channel is None or channel in {message.channel, message.channel_id}
        ]

    def message(self, channel_id: str, ts: str) -> Message | None:
        """The message that Slack would know by these two."""
        return self._messages.get((channel_id, ts))

    def incidents(
        self, *, dedup_key: str | None = None, status: Status | str | None = None
    ) -> list[Incident]:
        """PagerDuty incidents, oldest first."""
        return [
            incident
            for incident in self._incidents.values()
            if (dedup_key is None or incident.dedup_key == dedup_key)
            and (status is None or incident.status == status)
        ]

    def incident(self, number: int) -> Incident | None:
        """The incident of that number."""
        return self._incidents.get(number)

    def webhooks(self, name: str | None = None) -> list[Webhook]:
        """What ``/hook/NAME`` took, oldest first."""
        return [hook for hook in self._webhooks if name is None or hook.name == name]

    def requests(self, endpoint: str | None = None) -> list[Request]:
        """Every request to a stand-in, refused ones too, oldest first."""
        return [
            request
            for request in self._requests
            if endpoint is None or request.endpoint == endpoint
        ]

    def request(self, number: int) -> Request | None:
        """The request of that number."""
        newest_first = reversed(self._requests)
        return next((item for item in newest_first if item.number == number), None)

    def refused(self, endpoint: str | None = None) -> list[Request]:
        """Requests that were not accepted, with the reason in ``refusal``."""
        return [item for item in self.requests(endpoint) if item.refusal is not None]

    def notes(self) -> list[Note]:
        """The lines of the header strip, oldest first."""
        return list(self._notes)

    def sessions(self) -> list[tuple[float, int]]:
        """The last reports of how many sessions were played: time and total."""
        return list(self._sessions)

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {
            "revision": self.revision,
            "counters": self.counters,
            "messages": self.messages(),
            "incidents": self.incidents(),
            "webhooks": self.webhooks(),
            "requests": self.requests(),
            "refused": self.refused(),
            "notes": self.notes(),
        }

    # Waiting

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call ``listener`` after each change, until the context ends."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def wait_for(
        self, predicate: Callable[[Inbox], T], timeout_s: float = 10.0
    ) -> T:
        """Wait until ``predicate(inbox)`` is true, and return what it returned.

        It is asked after every change, so that what is true only for a moment is
        not missed.

        Raises:
            TimeoutError: It was not true in time; says what is there instead.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def ask(_change: Change | None = None) -> None:
            if answer.done():
                return
            try:
                value = predicate(self)
            except Exception as error:  # noqa: BLE001 - it is the caller's own
                answer.set_exception(error)
                return
            if value:
                answer.set_result(value)

        with self.listening(ask):
            ask()
            try:
                return await asyncio.wait_for(answer, timeout_s)
            except TimeoutError:
                raise TimeoutError(
                    f"not within {timeout_s:g} s; the sandbox has {self}"
                ) from None

    def __repr__(self) -> str:
        reasons = sorted({str(item.refusal) for item in self.refused()})
        told = f" ({', '.join(reasons[:5])})" if reasons else ""
        count = self.counters
        return (
            f"{count.messages} messages, {count.edits} edits, {count.triggered}"
            f" incidents, {count.resolved} resolved, {count.webhooks} webhooks,"
            f" {count.refused} refused requests{told}"
        )

    # Receiving

    def add_message(self, message: Message) -> None:
        """Keep a message that was posted."""
        _drop_oldest(self._messages, MESSAGES_KEPT)
        self._messages[message.channel_id, message.ts] = message
        self._count(messages=1)
        self._changed("message", message_id(message))

    def edit_message(self, message: Message, version: Version) -> Message:
        """Add a version to a message that is here."""
        versions = _shortened((*message.versions, version))
        edited = msgspec.structs.replace(message, versions=versions)
        self._messages[message.channel_id, message.ts] = edited
        self._count(edits=1)
        self._changed("message", message_id(message))
        return edited

    def open_incident(self, key_id: str, dedup_key: str) -> Incident | None:
        """The incident that an event with these two belongs to, if one is open."""
        number = self._open.get((key_id, dedup_key))
        return None if number is None else self._incidents.get(number)

    def trigger(
        self, key_id: str, key: str, dedup_key: str, event: dict[str, Any]
    ) -> Incident:
        """Open an incident, or add to the log of the one that is open."""
        payload = dict(event.get("payload") or {})
        now_s = self._clock()
        entry = LogEntry(time_s=now_s, action="trigger", payload=payload)
        known = self.open_incident(key_id, dedup_key)
        if known is not None:
            return self._keep(
                msgspec.structs.replace(
                    known, latest=payload, log=_shortened((*known.log, entry))
                )
            )
        self._make_room_for_incident()
        self._incident_number += 1
        incident = Incident(
            number=self._incident_number,
            key=key,
            dedup_key=dedup_key,
            status=Status.TRIGGERED,
            opened_s=now_s,
            payload=payload,
            latest=payload,
            client=str(event.get("client") or ""),
            client_url=str(event.get("client_url") or ""),
            links=_dicts(event.get("links")),
            images=_dicts(event.get("images")),
            log=(entry,),
        )
        self._open[key_id, dedup_key] = incident.number
        self._count(triggered=1)
        return self._keep(incident)

    def close_incident(
        self, key_id: str, incident: Incident, action: str, *, resolve: bool
    ) -> Incident:
        """Acknowledge or resolve an open incident."""
        entry = LogEntry(time_s=self._clock(), action=action)
        if resolve:
            del self._open[key_id, incident.dedup_key]
            self._count(resolved=1)
        elif incident.status is Status.TRIGGERED:
            self._count(acknowledged=1)
        status = Status.RESOLVED if resolve else Status.ACKNOWLEDGED
        return self._keep(
            msgspec.structs.replace(
                incident, status=status, log=_shortened((*incident.log, entry))
            )
        )

    def add_webhook(
        self, name: str, method: str, headers: dict[str, str], body: object
    ) -> Webhook:
        """Keep what a plain webhook took."""
        self._number += 1
        hook = Webhook(
            number=self._number,
            time_s=self._clock(),
            name=name,
            method=method,
            headers=headers,
            body=body,
        )
        self._webhooks.append(hook)
        self._count(webhooks=1)
        self._changed("webhook", str(hook.number))
        return hook

    def add_request(self, request: Request) -> None:
        """Keep a request; its number and time are set here."""
        self._number += 1
        request = msgspec.structs.replace(
            request, number=self._number, time_s=self._clock()
        )
        self._requests.append(request)
        self._count(
            requests=1,
            refused=int(request.refusal is not None),
            faults=int(request.fault is not None),
        )
        self._changed("request", str(request.number))

    def note(
        self, text: str = "", *, sessions: int | None = None, tone: str = "info"
    ) -> None:
        """Put a line into the header strip, or move its counter of sessions, or both.

        Args:
            text: The line; none when empty.
            sessions: How many sessions were played so far.
            tone: ``info``, ``ok`` or ``bad``: the line's colour.
        """
        if sessions is not None:
            self._sessions.append((self._clock(), sessions))
            self.counters = msgspec.structs.replace(self.counters, sessions=sessions)
            self._changed("sessions")
        if text:
            self._number += 1
            self._notes.append(
                Note(number=self._number, time_s=self._clock(), text=text, tone=tone)
            )
            self._changed("note", str(self._number))

    def clear(self) -> None:
        """Forget everything received; open incidents too."""
        self._empty()
        self._changed("clear")

    # Bookkeeping

    def _keep(self, incident: Incident) -> Incident:
        self._incidents[incident.number] = incident
        self._changed("incident", str(incident.number))
        return incident

    def _make_room_for_incident(self) -> None:
        if len(self._incidents) < INCIDENTS_KEPT:
            return
        closed = (n for n, i in self._incidents.items() if i.status is Status.RESOLVED)
        number = next(closed, next(iter(self._incidents)))
        del self._incidents[number]
        self._open = {key: n for key, n in self._open.items() if n != number}

    def _count(self, **more: int) -> None:
        now = {name: getattr(self.counters, name) + n for name, n in more.items()}
        self.counters = msgspec.structs.replace(self.counters, **now)

    def _changed(self, kind: str, record_id: str = "") -> None:
        self.revision += 1
        change = Change(self.revision, kind, record_id)
        for listener in tuple(self._listeners):
            listener(change)


def message_id(message: Message) -> str:
    """What names a message in a ``Change``."""
    return f"{message.channel_id}/{message.ts}"


def _shortened(history: tuple[T, ...]) -> tuple[T, ...]:
    if len(history) <= HISTORY_KEPT:
        return history
    return (history[0], *history[len(history) - HISTORY_KEPT + 1 :])


def _drop_oldest(records: dict[tuple[str, str], Message], kept: int) -> None:
    while len(records) >= kept:
        del records[next(iter(records))]


def _dicts(value: object) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, dict))
