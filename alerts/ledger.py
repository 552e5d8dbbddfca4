"""Everything delivery remembers, and which of it is still to be written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from alerts.lanes import Lane
from alerts.reach import Headcount
from alerts.rows import (
    CURSOR_ROW,
    Alert,
    Group,
    Member,
    Pause,
    Row,
    Stage,
    alert_row,
    decode_row,
    encode_row,
    group_row,
    headcount_row,
    pause_row,
    silence_row,
)
from alerts.silences import Cursor, Silence
from detectors.rules import SECOND_US

REMEMBERED_US: Final = 7 * 86_400 * SECOND_US
"""How long the number of an alert's last line is kept after the alert ended."""


class Ledger:
    """Rows in memory, and the keys of those that changed."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.groups: dict[str, Group] = {}
        self.pauses: dict[Lane, Pause] = {}
        self.silences: dict[str, Silence] = {}
        self.cursor: Cursor | None = None
        self.headcounts: dict[tuple[str, int], Headcount] = {}
        self._groups_of: defaultdict[str, set[str]] = defaultdict(set)
        # In the order of change, so that writing them is deterministic too.
        self._dirty: dict[bytes, Callable[[], Row | None]] = {}
        self._next_order = 0
        self._ended: dict[str, None] = {}

    def touch_alert(self, alert_id: str) -> None:
        """An alert changed, came or went."""
        self._dirty[alert_row(alert_id)] = lambda: self.alerts.get(alert_id)

    def touch_group(self, group: Group) -> None:
        """A group changed or came; one with nothing left in it goes."""
        name = group.id
        if group.is_done:
            self.groups.pop(name, None)
        self._dirty[group_row(name)] = lambda: self.groups.get(name)

    def touch_pause(self, lane: Lane) -> None:
        """A pause came or went."""
        self._dirty[pause_row(*lane)] = lambda: self.pauses.get(lane)

    def touch_silence(self, name: str) -> None:
        """A silence came, changed or went."""
        self._dirty[silence_row(name)] = lambda: self.silences.get(name)

    def touch_headcount(self, rule: str, partition: int) -> None:
        """A census came or went."""
        self._dirty[headcount_row(rule, partition)] = lambda: self.headcounts.get(
            (rule, partition)
        )

    def move_cursor(self, offset: int) -> None:
        """The control topic was read up to an offset.

        Written behind all that came of it: what is read twice changes nothing.
        """
        self.cursor = Cursor(offset)
        self._dirty.pop(CURSOR_ROW, None)
        self._dirty[CURSOR_ROW] = lambda: self.cursor

    def join(self, group: Group, alert_id: str, member: Member) -> None:
        """Put an alert into a group."""
        group.members[alert_id] = member
        self._groups_of[alert_id].add(group.id)

    def add_group(self, group: Group) -> Group:
        """Keep a new group; it is written down once it has a member."""
        self.groups[group.id] = group
        return group

    def next_order(self) -> int:
        """A number above those of all groups there are."""
        self._next_order += 1
        return self._next_order

    def groups_of(self, alert_id: str) -> list[Group]:
        """The groups that an alert is in, oldest first."""
        names = self._groups_of.get(alert_id, set())
        found = [
            group
            for name in names
            if (group := self.groups.get(name)) and alert_id in group.members
        ]
        if not found:
            self._groups_of.pop(alert_id, None)
        return sorted(found, key=lambda group: group.order)

    def ended(self, alert_id: str) -> None:
        """An alert fires no more; those that ended earlier are known already."""
        self._ended.pop(alert_id, None)
        self._ended[alert_id] = None

    def forget_silences(self, now_us: int) -> None:
        """Drop the silences that are over."""
        for name in [n for n, one in self.silences.items() if one.until_us <= now_us]:
            del self.silences[name]
            self.touch_silence(name)

    def forget_ended(self, now_us: int) -> None:
        """Drop the alerts that ended long ago and are owed nowhere."""
        while self._ended:
            alert_id = next(iter(self._ended))
            over_us = self.alerts[alert_id].over_us
            if over_us is not None and now_us - over_us < REMEMBERED_US:
                return
            del self._ended[alert_id]
            if over_us is None:
                continue
            if self.groups_of(alert_id):
                self._ended[alert_id] = None
                return
            del self.alerts[alert_id]
            self.touch_alert(alert_id)

    def take_dirty(self) -> list[tuple[bytes, bytes | None]]:
        """The rows that changed since the last call; None for one that is gone."""
        changed = []
        for key, current in self._dirty.items():
            row = current()
            changed.append((key, None if row is None else encode_row(row)))
        self._dirty.clear()
        return changed

    def restore(self, key: bytes, row: bytes) -> None:
        """Take back a row, from before a restart.

        A message that was on its way then may have arrived.

        Raises:
            UnknownRowError: Written by another version, or damaged.
        """
        match decode_row(key, row):
            case Alert() as alert:
                self.alerts[alert.line.alert_id] = alert
            case Pause() as pause:
                self.pauses[pause.receiver, pause.channel] = pause
            case Silence() as silence:
                self.silences[silence.id] = silence
            case Headcount() as headcount:
                place = (headcount.rule, headcount.partition)
                self.headcounts[place] = headcount
            case Cursor() as cursor:
                self.cursor = cursor
            case Group() as group:
                for message in group.queue:
                    if message.stage is Stage.SENDING:
                        message.stage = Stage.PENDING
                        message.ambiguous = True
                self.groups[group.id] = group
                self._next_order = max(self._next_order, group.order)
                for alert_id in group.members:
                    self._groups_of[alert_id].add(group.id)
