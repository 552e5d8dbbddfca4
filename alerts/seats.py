"""Which groups an alert belongs to: by the route tree, and by escalation.

Where nobody has acknowledged for a while, the route's ``escalate`` leads to one more
receiver, as if the tree did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
        self.timers = Timers(self._escalation_due)

    def reload(self, root: Route) -> None:
        """Alerts go where another tree leads them, once they are placed again."""
        self._root = root

    def place(self, alert: Alert, now_us: int) -> None:
        """Put an alert into the groups it now belongs to, and plan what they say."""
        line = alert.line
        routed = set()
        if line.to_state.is_open:
            for route in self._routes(alert, now_us):
                for group in self._groups(line, route):
                    adopt(group, route)
                    if line.alert_id not in group.members:
                        self._join(group, line.alert_id, now_us)
                    routed.add(group.id)
        for group in self._ledger.groups_of(line.alert_id):
            if line.to_state.is_open:
                group.members[line.alert_id].routed = group.id in routed
            self._flushes.plan(group, line.alert_id, now_us)
        self.timers.remind(line.alert_id)

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
                    # Behind all others, whose times hold where they lead there too.
                    position=route.position + NO_ROUTE // 2,
                    group_wait_us=0,
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

    def _groups(self, line: Transition, route: Route) -> list[Group]:
        """The groups of a route's receiver, one for each channel."""
        told = {
            (group.receiver, group.channel): group
            for group in self._ledger.groups_of(line.alert_id)
            if group.members[line.alert_id].told == line.generation
        }
        key = group_key(line, route)
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

    def _join(self, group: Group, alert_id: str, now_us: int) -> None:
        if not group.members:
            # As good as new, whatever is still being delivered of its past.
            group.order = self._ledger.next_order()
            self._outbox.remind(group)
        self._ledger.join(group, alert_id, Member(now_us))
