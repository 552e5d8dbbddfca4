"""Which groups an alert belongs to: by the route tree, by escalation, by fan-in.

Where nobody has acknowledged for a while, the route's ``escalate`` leads to one more
receiver, as if the tree did. Where many series break at a time, the route's ``fan_in``
holds them in one group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from alerts.fan_in import FanIns, longest_us
from alerts.flushes import Flushes
from alerts.groups import adopt, group_key
from alerts.lanes import Lanes
from alerts.ledger import Ledger
from alerts.outbox import Outbox
from alerts.repeats import acknowledged
from alerts.routes import Route
from alerts.routing import matchable, subscriptions
from alerts.rows import NO_ROUTE, Alert, Group, Member, group_id
from alerts.timers import Timers
from detectors.transitions import Transition

_ESCALATED: Final = NO_ROUTE // 2
"""Behind all routes of a tree, whose times hold where they lead to the same receiver."""


class Seats:
    """Puts alerts into groups.

    Args:
        root: Of the route tree.
        ledger: Where alerts and groups are.
        outbox: Sends what is left of a group that begins anew.
        lanes: Those of the file.
        flushes: Plans what the groups say.
    """

    def __init__(
        self,
        root: Route,
        ledger: Ledger,
        outbox: Outbox,
        lanes: Lanes,
        flushes: Flushes,
    ) -> None:
        self._root = root
        self._ledger = ledger
        self._outbox = outbox
        self._lanes = lanes
        self._flushes = flushes
        self._fan_ins = FanIns(ledger, lanes, longest_us(root))
        self.timers = Timers(self._escalation_due)

    def reload(self, root: Route) -> None:
        """Alerts go where another tree leads them, once they are placed again."""
        self._root = root
        self._fan_ins.longest_us = longest_us(root)

    def resume(self) -> None:
        """After rows were taken back."""
        self._fan_ins.resume()

    def place(self, alert: Alert, now_us: int) -> None:
        """Put an alert into the groups it now belongs to, and plan what they say."""
        line = alert.line
        routed = set()
        overdue = set()
        gathered: list[tuple[str, int]] = []
        if line.to_state.is_open:
            for route in self._routes(alert, now_us):
                key, others = self._key(line, route, now_us)
                gathered += others
                for group in self._groups(line, route, key):
                    adopt(group, route)
                    if line.alert_id not in group.members:
                        self._join(group, line.alert_id, now_us)
                        if route.position >= _ESCALATED:
                            overdue.add(group.id)
                    routed.add(group.id)
                for alert_id, since_us in others:
                    self._gather(alert_id, since_us, route, key)
        for group in self._ledger.groups_of(line.alert_id):
            if line.to_state.is_open:
                group.members[line.alert_id].routed = group.id in routed
            self._flushes.plan(group, line.alert_id, now_us)
            if group.id in overdue:
                self._flushes.hasten(group, now_us)
        self.timers.remind(line.alert_id)
        for alert_id, _ in gathered:
            self.place(self._ledger.alerts[alert_id], now_us)

    def _key(
        self, line: Transition, route: Route, now_us: int
    ) -> tuple[str, list[tuple[str, int]]]:
        """The key of the group that an alert belongs to on a route.

        Returns:
            The key, and if with this alert an incident begins, the others that are
            part of it and since when.
        """
        key, receiver, fan_in = group_key(line, route), route.receiver, route.fan_in
        if fan_in is None:
            return key, []
        here = [
            group
            for group in self._ledger.groups_of(line.alert_id)
            if group.receiver == receiver
        ]
        if here:
            held = (group.key for group in here if group.joined_us is not None)
            return next(held, key), []
        going_on = self._fan_ins.incident(receiver, fan_in, now_us)
        if going_on is not None:
            return going_on, []
        others = [
            (alert_id, since_us)
            for alert_id, since_us in self._fan_ins.recent(receiver, fan_in, now_us)
            if self._gathers(alert_id, receiver, now_us)
        ]
        lines = [line, *(self._ledger.alerts[one].line for one, _ in others)]
        if len({tuple(sorted(each.labels.items())) for each in lines}) < fan_in.series:
            return key, []
        began_us = min([now_us, *(since_us for _, since_us in others)])
        return self._fan_ins.begin(receiver, began_us), others

    def _gathers(self, alert_id: str, receiver: str, now_us: int) -> bool:
        """Whether an alert reaches a receiver by a route that gathers."""
        alert = self._ledger.alerts[alert_id]
        return any(
            route.receiver == receiver and route.fan_in is not None
            for route in self._routes(alert, now_us)
        )

    def _gather(self, alert_id: str, since_us: int, route: Route, key: str) -> None:
        """Hold an alert in an incident, in the channels that it was not told in yet."""
        line = self._ledger.alerts[alert_id].line
        before = {
            (group.receiver, group.channel): group.members[alert_id]
            for group in self._ledger.groups_of(alert_id)
        }
        for group in self._groups(line, route, key):
            if alert_id in group.members:
                continue
            self._join(group, alert_id, since_us)
            known = before.get((group.receiver, group.channel))
            if known is not None and known.ready_us is not None:
                member = group.members[alert_id]
                member.held, member.ready_us = known.held, known.ready_us

    def _routes(self, alert: Alert, now_us: int) -> Iterator[Route]:
        """The tree's routes, and those to which it has escalated."""
        routes = subscriptions(self._root, matchable(alert.line))
        yield from routes
        reached = {route.receiver for route in routes}
        for due_us, route in self._escalations(alert, routes):
            if due_us <= now_us and route.receiver not in reached:
                reached.add(route.receiver)
                yield route

    def _escalations(
        self, alert: Alert, routes: tuple[Route, ...]
    ) -> Iterator[tuple[int, Route]]:
        """When each route escalates, and whereto; acknowledged alerts wait."""
        for route in routes:
            if route.escalate is None:
                continue
            told = [
                member.told_us
                for group in self._ledger.groups_of(alert.line.alert_id)
                if group.receiver == route.receiver
                and (member := group.members[alert.line.alert_id]).told
                == alert.line.generation
            ]
            if not told:
                continue
            due_us = min(told) + route.escalate.after_us
            if alert.ack is not None and acknowledged(alert, alert.ack.at_us):
                due_us = max(due_us, alert.ack.until_us)
            yield (
                due_us,
                replace(
                    route,
                    receiver=route.escalate.receiver,
                    position=route.position + _ESCALATED,
                    escalate=None,
                ),
            )

    def _escalation_due(self, alert_id: str) -> tuple[int, int] | None:
        alert = self._ledger.alerts.get(alert_id)
        if alert is None or not alert.line.to_state.is_open:
            return None
        routes = subscriptions(self._root, matchable(alert.line))
        if all(route.escalate is None for route in routes):
            return None
        there = {
            group.receiver
            for group in self._ledger.groups_of(alert_id)
            if group.members[alert_id].routed
        }
        dues = [
            due_us
            for due_us, route in self._escalations(alert, routes)
            if route.receiver not in there
        ]
        return (min(dues), 0) if dues else None

    def _groups(self, line: Transition, route: Route, key: str) -> list[Group]:
        """The groups of a route's receiver under a key, one for each channel."""
        told = {
            (group.receiver, group.channel): group
            for group in self._ledger.groups_of(line.alert_id)
            if group.members[line.alert_id].told == line.generation
        }
        found = []
        for receiver, channel in self._lanes.live:
            if receiver != route.receiver:
                continue
            # Where it was first told it stays, even if the key has changed since.
            group = told.get((receiver, channel)) or self._ledger.groups.get(
                group_id(receiver, channel, key)
            )
            if group is None:
                group = self._ledger.add_group(Group(0, receiver, channel, key, 0, 0))
            found.append(group)
        return found

    def _join(self, group: Group, alert_id: str, since_us: int) -> None:
        if not group.members:
            # As good as new, whatever is still being delivered of its past.
            group.order = self._ledger.next_order()
            self._outbox.remind(group)
        self._ledger.join(group, alert_id, Member(since_us))
        self._fan_ins.note(group, alert_id, since_us)
