"""The desk of deliveries: takes lines and the time, says who is told what, and when.

Nothing here sends, waits or looks at a clock. The driver hands in lines and the
time, writes the rows of ``take_dirty`` down, and only then starts the deliveries it
was given; it reports what came of each.
"""

from __future__ import annotations

from operator import attrgetter

from msgspec import structs

from alerts.debts import Debt, forget_moot, owed, revive, write_off
from alerts.delivery import Failed, Outcome
from alerts.effects import Effects, GivenUp, lost_news
from alerts.groups import due_us, first_news, forget_untold, group_key, news
from alerts.ledger import Ledger, lanes
from alerts.notifications import Notification, Reason
from alerts.outbox import Outbox
from alerts.routes import Route, Routing
from alerts.routing import matchable, subscriptions
from alerts.rows import Alert, Group, Member, group_id
from alerts.speech import speak
from alerts.standstill import Standstill, is_old
from alerts.timers import Timers
from detectors.transitions import Clock, Line, Transition, Update

__all__ = ["Effects", "Notifier"]


class Notifier:
    """Who is told what, as state that survives in rows.

    Args:
        routing: Receivers and the route tree.
        standstill: Whether ``now_us`` is the wall clock, beside which the clocks of
            partitions may lag: first news from those that do is held. In replay
            there is one clock and nothing to hold.
    """

    def __init__(self, routing: Routing, *, standstill: bool = False) -> None:
        self._routing = routing
        self._channels = {
            (receiver.name, name): channel
            for receiver in routing.receivers
            for name, channel in lanes(receiver).items()
        }
        self._ledger = Ledger()
        self._outbox = Outbox(self._ledger, self._channels)
        self._flushes = Timers(self._flush_due)
        self._standstill = Standstill() if standstill else None
        self._restored = False

    def on_line(self, line: Line, now_us: int) -> Effects:
        """Take a line. What it leads to comes with ``run_due``, at the same time.

        A line that was seen before changes nothing, nor does one of an alert that
        never fired.
        """
        self._resume(now_us)
        match line:
            case Transition():
                self._take(line, now_us)
            case Update():
                self._refresh(line)
            case Clock():
                self._release(line, now_us)
        return Effects()

    def run_due(self, now_us: int) -> Effects:
        """Run every timer due at or before ``now_us``, each once, in due order.

        Lines carry the due time on a virtual clock; on the wall clock the time at
        which people are told.
        """
        self._resume(now_us)
        lines: list[Notification] = []
        while (due := self._flushes.pop(now_us)) is not None:
            due_at_us, name = due
            at_us = now_us if self._standstill is not None else due_at_us
            lines += self._flush(self._ledger.groups[name], at_us)
        self._ledger.forget_ended(now_us)
        return Effects(tuple(lines), self._outbox.start_due(now_us))

    def on_outcome(self, delivery_id: str, outcome: Outcome, now_us: int) -> Effects:
        """Take what came of a delivery; what may start next comes back."""
        given_up: tuple[GivenUp, ...] = ()
        lost = self._outbox.on_outcome(delivery_id, outcome, now_us)
        if lost is not None:
            group, message = lost
            write_off(group, message)
            self._outbox.remind(group)
            self._ledger.touch_group(group)
            given_up = (lost_news(group, message, refused=isinstance(outcome, Failed)),)
        return Effects((), self._outbox.start_due(now_us), given_up)

    @property
    def next_due_us(self) -> int | None:
        """When ``run_due`` has something to do; None while nothing is planned.

        0, which is long ago, after rows were taken back.
        """
        if self._restored:
            return 0
        dues = (self._flushes.next_us, self._outbox.next_due_us)
        return min((due for due in dues if due is not None), default=None)

    def owed(self) -> tuple[Debt, ...]:
        """What channels should have been told and were not, and why."""
        return tuple(owed(self._ledger, self._channels))

    @property
    def open_alerts(self) -> int:
        """How many alerts fire."""
        return sum(alert.over_us is None for alert in self._ledger.alerts.values())

    @property
    def queued(self) -> int:
        """How many messages wait or are on their way."""
        return sum(len(group.queue) for group in self._ledger.groups.values())

    def take_dirty(self) -> list[tuple[bytes, bytes | None]]:
        """The rows that changed since the last call; None deletes."""
        return self._ledger.take_dirty()

    def restore_row(self, key: bytes, row: bytes) -> None:
        """Take back a row; all of them before anything else is called.

        Raises:
            UnknownRowError: Written by another version, or damaged.
        """
        self._ledger.restore(key, row)
        self._restored = True

    # Lines

    def _take(self, line: Transition, now_us: int) -> None:
        alert = self._ledger.alerts.get(line.alert_id)
        if self._standstill is not None:
            self._standstill.on_line(line)
        if alert is None:
            if not line.to_state.is_open:
                return
            alert = self._ledger.alerts[line.alert_id] = Alert(line.seq, line)
        elif line.seq <= alert.seq:
            return
        if line.severity is None:
            line = structs.replace(line, severity=alert.line.severity)
        alert.seq, alert.line = line.seq, line
        if line.to_state.is_open:
            alert.over_us = None
        elif alert.over_us is None:
            alert.ended, alert.over_us = line, now_us
            self._ledger.ended(line.alert_id)
        self._ledger.touch_alert(line.alert_id)
        self._reconsider(alert, now_us)

    def _refresh(self, update: Update) -> None:
        alert = self._ledger.alerts.get(update.alert_id)
        # An update may carry the number of the line it adds to.
        if alert is None or update.seq < alert.seq:
            return
        alert.seq = update.seq
        alert.line = structs.replace(
            alert.line, value=update.value, peak=update.peak, sessions=update.sessions
        )
        self._ledger.touch_alert(update.alert_id)

    def _release(self, clock: Clock, now_us: int) -> None:
        if self._standstill is None:
            return
        for name in self._standstill.on_clock(clock, now_us):
            self._flushes.remind(name)

    # Groups

    def _reconsider(self, alert: Alert, now_us: int) -> None:
        """Put an alert into the groups it now belongs to, and plan what they say."""
        alert_id = alert.line.alert_id
        routed = set()
        if alert.line.to_state.is_open:
            for route in subscriptions(self._routing.route, matchable(alert.line)):
                for group in self._groups(alert.line, route):
                    if alert_id not in group.members:
                        self._join(group, alert_id, now_us)
                    routed.add(group.id)
        for group in self._ledger.groups_of(alert_id):
            if alert.line.to_state.is_open:
                group.members[alert_id].routed = group.id in routed
            self._plan(group, now_us)

    def _groups(self, line: Transition, route: Route) -> list[Group]:
        """The groups of a route's receiver, one for each channel, with its times."""
        present = {
            (group.receiver, group.channel): group
            for group in self._ledger.groups_of(line.alert_id)
        }
        key = group_key(line, route)
        found = []
        for receiver, channel in self._channels:
            if receiver != route.receiver:
                continue
            # Where it was first told it stays, even if the key has changed since.
            group = present.get((receiver, channel)) or self._ledger.groups.get(
                group_id(receiver, channel, key)
            )
            if group is None:
                group = self._ledger.add_group(Group(0, receiver, channel, key, 0, 0))
            group.wait_us = route.group_wait_us
            group.interval_us = route.group_interval_us
            found.append(group)
        return found

    def _join(self, group: Group, alert_id: str, now_us: int) -> None:
        if not group.members:
            # As good as new, whatever is still being delivered of its past.
            group.order = self._ledger.next_order()
            self._outbox.remind(group)
        group.members[alert_id] = Member(now_us)
        self._ledger.touch_group(group)

    def _plan(self, group: Group, now_us: int) -> None:
        alerts = self._ledger.alerts
        reasons = [
            reason
            for alert_id, member in group.members.items()
            if (reason := news(member, alerts[alert_id])) is not None
        ]
        group.due_us = due_us(group, reasons, now_us)
        if self._standstill is not None and Reason.FIRING not in reasons:
            self._standstill.release(group.id)
        if group.due_us is None:
            forget_untold(group, alerts)
        forget_moot(group)
        self._ledger.touch_group(group)
        self._flushes.remind(group.id)

    def _flush(self, group: Group, at_us: int) -> list[Notification]:
        channel = self._channels.get((group.receiver, group.channel))
        planned_us, group.due_us = group.due_us, None
        forget_untold(group, self._ledger.alerts)
        said: list[Notification] = []
        if channel is not None:
            held, late = self._held(group, at_us)
            if held:
                group.due_us = planned_us
                self._flushes.remind(group.id)
            said = speak(
                group,
                channel,
                self._ledger.alerts,
                self._outbox,
                at_us=at_us,
                held=held,
                late=late,
            )
        forget_moot(group)
        self._ledger.touch_group(group)
        return said

    def _held(self, group: Group, now_us: int) -> tuple[frozenset[str], bool]:
        """The members whose first news must wait, and whether the others' is late.

        It is if it had to wait, or was old when it came: a short backlog is caught up
        with before anything is due.
        """
        if self._standstill is None:
            return frozenset(), False
        first = first_news(group, self._ledger.alerts)
        held, late = self._standstill.sift(group.id, first, now_us)
        return held, late or any(
            is_old(line, group.members[alert_id].since_us)
            for alert_id, line in first.items()
            if alert_id not in held
        )

    def _flush_due(self, name: str) -> tuple[int, int] | None:
        group = self._ledger.groups.get(name)
        if group is None or group.due_us is None:
            return None
        if self._standstill is not None:
            until_us = self._standstill.held_until(name)
            if until_us is not None:
                return max(until_us, group.due_us), group.order
        return group.due_us, group.order

    # Restarts and time

    def _resume(self, now_us: int) -> None:
        """After rows were taken back: look at everything once, as if it were new."""
        if not self._restored:
            return
        self._restored = False
        for group in sorted(self._ledger.groups.values(), key=attrgetter("order")):
            if (group.receiver, group.channel) in self._channels:
                revive(group, now_us)
            self._outbox.remind(group)
            self._plan(group, now_us)
        by_age = sorted(
            self._ledger.alerts.values(),
            key=lambda alert: (alert.over_us or now_us, alert.line.alert_id),
        )
        for alert in by_age:
            if alert.over_us is None:
                self._reconsider(alert, now_us)
            else:
                self._ledger.ended(alert.line.alert_id)
