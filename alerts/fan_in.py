"""Fan-in: many series that break within the same minutes are one incident.

On a route with ``fan_in`` the alerts that a receiver has not been told of yet are held in
one group, once so many series of its have broken within so much time, and so is what
breaks soon after. What was told before stays where it was told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from alerts.lanes import Lane
from alerts.ledger import Ledger
from alerts.routes import FanIn, Route
from alerts.rows import Group, group_id
from detectors.transitions import rfc3339

LABEL: Final = "fan_in"
"""Names the group of an incident, in place of ``group_by``."""


def longest_us(root: Route) -> int:
    """The longest time within which any route gathers; 0 if none does."""
    own_us = 0 if root.fan_in is None else root.fan_in.within_us
    return max([own_us, *(longest_us(route) for route in root.routes)])


def incident_key(began_us: int) -> str:
    """The group of an incident: by the time at which its first series broke."""
    return f'{{{LABEL}="{rfc3339(began_us)}"}}'


class FanIns:
    """What broke lately, by receiver, and the incidents that are going on.

    All of it follows from the rows of groups.

    Args:
        ledger: Where the groups are.
        lanes: All channels of all receivers.

    Attributes:
        longest_us: For how long it matters that something broke.
    """

    def __init__(self, ledger: Ledger, lanes: Iterable[Lane], longest_us: int) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self.longest_us = longest_us
        # In order of time.
        self._broke: dict[str, dict[str, int]] = {}
        self._incidents: dict[str, str] = {}

    def resume(self) -> None:
        """After rows were taken back."""
        self._broke.clear()
        self._incidents.clear()
        found: dict[tuple[str, str], int] = {}
        newest: dict[str, tuple[int, str]] = {}
        for group in self._ledger.groups.values():
            if group.joined_us is not None:
                last = (group.joined_us, group.key)
                newest[group.receiver] = max(newest.get(group.receiver, last), last)
                continue
            for alert_id, member in group.members.items():
                place = (group.receiver, alert_id)
                found[place] = max(found.get(place, 0), member.since_us)
        self._incidents = {name: key for name, (_, key) in newest.items()}
        for (receiver, alert_id), since_us in sorted(
            found.items(), key=lambda item: (item[1], item[0])
        ):
            self._broke.setdefault(receiver, {})[alert_id] = since_us

    def note(self, group: Group, alert_id: str, now_us: int) -> None:
        """An alert came into a group."""
        held = self._incidents.get(group.receiver) == group.key
        if held or group.joined_us is not None:
            group.joined_us = max(group.joined_us or 0, now_us)
            return
        if not self.longest_us:
            return
        broke = self._broke.setdefault(group.receiver, {})
        broke.pop(alert_id, None)
        broke[alert_id] = now_us
        while next(iter(broke.values())) < now_us - self.longest_us:
            del broke[next(iter(broke))]

    def incident(self, receiver: str, fan_in: FanIn, now_us: int) -> str | None:
        """The group of the incident that takes what breaks now; None if there is none."""
        key = self._incidents.get(receiver)
        if key is None:
            return None
        for lane in self._lanes:
            if lane[0] != receiver:
                continue
            group = self._ledger.groups.get(group_id(*lane, key))
            if (
                group is not None
                and group.members
                and group.joined_us is not None
                and now_us - group.joined_us <= fan_in.within_us
            ):
                return key
        return None

    def begin(self, receiver: str, began_us: int) -> str:
        """The group of a new incident."""
        key = self._incidents[receiver] = incident_key(began_us)
        return key

    def recent(
        self, receiver: str, fan_in: FanIn, now_us: int
    ) -> list[tuple[str, int]]:
        """What broke within the time and still fires, oldest first, and when."""
        broke, found = self._broke.get(receiver, {}), []
        for alert_id, since_us in list(broke.items()):
            if not self._is_at(receiver, alert_id):
                # Over and told, or never told at all.
                del broke[alert_id]
            elif (
                self._ledger.alerts[alert_id].line.to_state.is_open
                and now_us - since_us <= fan_in.within_us
            ):
                found.append((alert_id, since_us))
        return found

    def _is_at(self, receiver: str, alert_id: str) -> bool:
        groups = self._ledger.groups_of(alert_id)
        return any(group.receiver == receiver for group in groups)
