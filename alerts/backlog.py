"""A group's unsent messages: newer news replaces older, and the order stays.

Only a message that surely has not arrived is replaced. The end of an alert never
overtakes its beginning: a firing that waits is still sent before its resolve.
"""

from __future__ import annotations

from msgspec import structs

from alerts.content import arranged
from alerts.delivery import Action
from alerts.notifications import RANK, Reason
from alerts.rows import Message, Told
from detectors.transitions import Transition


def push(queue: list[Message], message: Message) -> None:
    """Put a message behind the others, in place of those that it makes pointless.

    - An opening takes the place of earlier episodes that nobody heard of.
    - An update changes an opening, or an update, that still waits.
    - A closing takes the place of an update that still waits.
    """
    match message.action:
        case Action.OPEN:
            _drop_unheard(queue, message.episode)
            queue.append(message)
        case Action.UPDATE:
            merge = _waits(queue) and not _tells_both(queue[-1], message)
            queue.append(_merged(queue.pop(), message) if merge else message)
        case Action.CLOSE:
            while (
                _waits(queue)
                and queue[-1].action is Action.UPDATE
                and not _tells_both(queue[-1], message)
            ):
                message = _closed(queue.pop(), message)
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


def _tells_both(older: Message, newer: Message) -> bool:
    """Whether the newer ends what the older begins: both are to be told."""
    return any(
        told.reason is Reason.RESOLVED
        and (begun := older.told.get(one)) is not None
        and begun.is_first
        for one, told in newer.told.items()
    )


def _merged(older: Message, newer: Message) -> Message:
    """The newer content under the older one's reason and time."""
    opens = older.action is Action.OPEN
    told = _both(older.told, newer.told)
    return structs.replace(
        newer,
        action=older.action,
        reason=older.reason if opens else _first(told),
        alerts=_all_lines(older, newer, told),
        told=told,
        at_us=older.at_us,
        late=older.late or newer.late,
        attempts=older.attempts,
        next_us=older.next_us,
        fault=older.fault,
    )


def _closed(older: Message, newer: Message) -> Message:
    """The end of all, with the ends that an update would have told."""
    ends = {
        one: told for one, told in older.told.items() if told.reason is Reason.RESOLVED
    }
    told = ends | newer.told
    return structs.replace(newer, told=told, alerts=_all_lines(older, newer, told))


def _both(older: dict[str, Told], newer: dict[str, Told]) -> dict[str, Told]:
    """What both tell of each alert, as one: what was known before is the older's."""
    told = dict(older)
    for one, news in newer.items():
        known = older.get(one)
        if known is None or news.reason is Reason.RESOLVED or news.is_first:
            told[one] = news
        else:
            reason = known.reason
            if not known.is_first and news.reason is not Reason.REPEAT:
                reason = news.reason
            told[one] = structs.replace(
                known, reason=reason, generation=news.generation
            )
    return dict(sorted(told.items()))


def _all_lines(
    older: Message, newer: Message, told: dict[str, Told]
) -> tuple[Transition, ...]:
    lines = {line.alert_id: line for line in older.alerts if line.alert_id in told}
    lines |= {line.alert_id: line for line in newer.alerts}
    return arranged(list(lines.values()), told)


def _first(told: dict[str, Told]) -> Reason:
    return min((each.reason for each in told.values()), key=RANK.__getitem__)


def _drop_unheard(queue: list[Message], episode: int) -> None:
    unheard = {
        message.episode
        for message in queue
        if message.action is Action.OPEN
        and message.untouched
        and message.episode < episode
    }
    queue[:] = [message for message in queue if message.episode not in unheard]
