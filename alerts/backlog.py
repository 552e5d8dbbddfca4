"""A group's unsent messages: newer news replaces older, and the order stays.

Only a message that surely has not arrived is replaced. The end of an alert never
overtakes its beginning: a firing that waits is still sent before its resolve.
"""

from __future__ import annotations

from msgspec import structs

from alerts.delivery import Action
from alerts.rows import Message


def push(queue: list[Message], message: Message) -> None:
    """Put a message behind the others, in place of those that it makes pointless.

    - An opening takes the place of earlier generations that nobody heard of.
    - An update changes an opening, or an update, that still waits.
    - A closing takes the place of an update that still waits.
    """
    match message.action:
        case Action.OPEN:
            _drop_unheard(queue, message.generation)
            queue.append(message)
        case Action.UPDATE:
            queue.append(_merged(queue.pop(), message) if _waits(queue) else message)
        case Action.CLOSE:
            while _waits(queue) and queue[-1].action is Action.UPDATE:
                queue.pop()
            queue.append(message)


def squeeze(queue: list[Message]) -> None:
    """Push everything anew, once a message on its way turns out not to have arrived."""
    messages = list(queue)
    queue.clear()
    for message in messages:
        push(queue, message)


def _waits(queue: list[Message]) -> bool:
    last = queue[-1] if queue else None
    return (
        last is not None
        and last.untouched
        and last.action in (Action.OPEN, Action.UPDATE)
    )


def _merged(older: Message, newer: Message) -> Message:
    """The newer content under the older one's reason and time."""
    opens = older.action is Action.OPEN
    first = newer if older.severity_before is None else older
    return structs.replace(
        newer,
        action=older.action,
        reason=older.reason if opens else newer.reason,
        severity_before=None if opens else first.severity_before,
        share_before=0.0 if opens else first.share_before,
        at_us=older.at_us,
        late=older.late or newer.late,
        attempts=older.attempts,
        next_us=older.next_us,
        fault=older.fault,
    )


def _drop_unheard(queue: list[Message], generation: int) -> None:
    unheard = {
        message.generation
        for message in queue
        if message.action is Action.OPEN
        and message.untouched
        and message.generation < generation
    }
    queue[:] = [message for message in queue if message.generation not in unheard]
