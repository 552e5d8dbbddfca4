"""The difference between two runs, as data: what ``--output json`` prints."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from detectors.transitions import rfc3339
from loopwatch.backtesting.pairs import Pair, has_moved, pairs
from loopwatch.backtesting.record import Episode, Lane, Record, Told


class Alert(msgspec.Struct, frozen=True):
    """One generation of an alert.

    Attributes:
        severity: The worst while it lasted.
        value: What it fired with.
        fired: RFC 3339.
        resolved: RFC 3339; None if it still fires at the end.
    """

    alert_id: str
    rule: str
    labels: dict[str, str]
    severity: str
    value: float | None
    fired: str
    resolved: str | None


class Moved(msgspec.Struct, frozen=True):
    """An alert that fires or ends at another time, or has another worst level."""

    before: Alert
    after: Alert


class Count(msgspec.Struct, frozen=True):
    """How many before and after."""

    before: int
    after: int


class RuleCount(msgspec.Struct, frozen=True):
    """What became of the alerts of a rule."""

    rule: str
    alerts: Count
    added: int
    removed: int
    moved: int


class ReceiverCount(msgspec.Struct, frozen=True):
    """What a channel of a receiver would have been told.

    Attributes:
        new_pages: Pages about alerts for which it was not paged before, or how many
            more pages there are, whichever is more.
    """

    receiver: str
    channel: str
    target: str
    messages: Count
    pages: Count
    new_pages: int


class Verdict(msgspec.Struct, frozen=True):
    """All of the difference.

    Attributes:
        sessions: How many both runs saw.
        unchanged: Alerts that are the same in both.
        new_pages: Of all channels together.
    """

    sessions: int
    added: tuple[Alert, ...]
    removed: tuple[Alert, ...]
    moved: tuple[Moved, ...]
    unchanged: int
    rules: tuple[RuleCount, ...]
    receivers: tuple[ReceiverCount, ...]
    new_pages: int


def compare(
    before: Record, after: Record, rules: Iterable[str], sessions: int
) -> Verdict:
    """Say what differs between two runs over the same sessions.

    Args:
        before: The run under the rules as they are.
        after: The run under the rules as they would be.
        rules: Names of all rules of either, in the order in which they are shown.
        sessions: How many there were.
    """
    found = pairs(before, after)
    receivers = tuple(_receivers(before, after, found))
    return Verdict(
        sessions=sessions,
        added=tuple(_alert(new) for old, new in found if old is None and new),
        removed=tuple(_alert(old) for old, new in found if new is None and old),
        moved=tuple(
            Moved(_alert(old), _alert(new))
            for old, new in found
            if old and new and has_moved(old, new)
        ),
        unchanged=sum(
            1 for old, new in found if old and new and not has_moved(old, new)
        ),
        rules=tuple(_rule(name, found) for name in rules),
        receivers=receivers,
        new_pages=sum(each.new_pages for each in receivers),
    )


def _alert(one: Episode) -> Alert:
    return Alert(
        alert_id=one.alert_id,
        rule=one.rule,
        labels=one.labels,
        severity=str(one.severity),
        value=one.value,
        fired=rfc3339(one.fired_us),
        resolved=None if one.resolved_us is None else rfc3339(one.resolved_us),
    )


def _rule(name: str, found: list[Pair]) -> RuleCount:
    mine = [
        (old, new)
        for old, new in found
        if name == (old.rule if old is not None else new.rule if new else "")
    ]
    added = sum(old is None for old, _ in mine)
    removed = sum(new is None for _, new in mine)
    return RuleCount(
        rule=name,
        alerts=Count(len(mine) - added, len(mine) - removed),
        added=added,
        removed=removed,
        moved=sum(1 for old, new in mine if old and new and has_moved(old, new)),
    )


def _receivers(
    before: Record, after: Record, found: list[Pair]
) -> Iterable[ReceiverCount]:
    earlier = {new: old for old, new in found if new is not None}
    for lane in sorted({*before.told, *after.told}):
        old, new = before.told.get(lane, Told()), after.told.get(lane, Told())
        yield ReceiverCount(
            *lane,
            messages=Count(old.messages, new.messages),
            pages=Count(len(old.pages), len(new.pages)),
            new_pages=_new_pages(before, lane, new, earlier),
        )


def _new_pages(
    before: Record, lane: Lane, new: Told, earlier: dict[Episode, Episode | None]
) -> int:
    old = before.told.get(lane, Told())
    unknown = sum(
        any(earlier[one] not in old.known for one in page) for page in new.pages
    )
    return max(unknown, len(new.pages) - len(old.pages))
