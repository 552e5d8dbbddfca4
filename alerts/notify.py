"""The desk of deliveries: takes lines and the time, says who is told what, and when.

Nothing here sends, waits or looks at a clock. The driver hands in lines and the
time, writes the rows of ``take_dirty`` down, and only then starts the deliveries it
was given; it reports what came of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from msgspec import structs

from alerts.debts import Debt, owed, revive, unsettled, write_off
from alerts.delivery import Failed, Outcome
from alerts.effects import Effects, GivenUp, lost_news
from alerts.flushes import Flushes
from alerts.headcount import Headcounts
from alerts.lanes import Lane, Lanes
from alerts.ledger import Ledger
from alerts.notifications import Notification, Reason
from alerts.outbox import Outbox
from alerts.receivers import Channel
from alerts.repeats import acknowledged
from alerts.requests import Requests
from alerts.routes import Routing
from alerts.rows import NO_ROUTE, Alert
from alerts.seats import Seats
from alerts.silences import Silence, is_broken
from alerts.standstill import Standstill
from alerts.suppression import Suppression
from detectors.transitions import (
    Census,
    Clock,
    Line,
    Transition,
    Update,
    flap_number,
)

__all__ = ["Effects", "Notifier"]


class Notifier:
    """Who is told what, as state that survives in rows.

    Args:
        routing: Receivers, the route tree, and what suppresses.
        standstill: Whether ``now_us`` is the wall clock, beside which the clocks of
            partitions may lag: first news from those that do is held. In replay
            there is one clock and nothing to hold.
        lanes: Of this process, if it has had other files before.

    Attributes:
        requests: What people ask for: silences and acknowledgements.
    """

    def __init__(
        self,
        routing: Routing,
        *,
        standstill: bool = False,
        lanes: Lanes | None = None,
    ) -> None:
        lanes = self._lanes = lanes or Lanes(routing.receivers)
        ledger = self._ledger = Ledger()
        self._outbox = Outbox(ledger, lanes)
        self._standstill = Standstill() if standstill else None
        self._suppression = Suppression(routing, ledger.silences)
        self._headcounts = Headcounts(ledger)
        self._flushes = Flushes(
            ledger,
            self._outbox,
            lanes,
            self._suppression,
            self._standstill,
            self._headcounts,
        )
        self._seats = Seats(routing.route, ledger, self._outbox, lanes, self._flushes)
        self.requests = Requests(
            ledger, lanes, self._flushes, self._seats, self._resume
        )
        self._restored = False
        self._draining = False

    def reload(self, routing: Routing, now_us: int) -> None:
        """Go on with another file: everything is looked at once, as if it were new.

        Whoever was told that an alert fires is told its end, whatever became of their
        route or receiver; nobody is told anew what they know.
        """
        self._resume(now_us)
        self._lanes.reload(routing.receivers, self._opened)
        self._outbox.reload()
        self._suppression.reload(routing)
        self._seats.reload(routing.route)
        self._restored = True
        self._resume(now_us)
        self._tidy()

    def _opened(self, lane: Lane) -> list[str]:
        """The groups that have, or are about to have, something open on a lane."""
        return [
            group.id
            for group in self._ledger.groups.values()
            if (group.receiver, group.channel) == lane and (group.refs or group.queue)
        ]

    def _tidy(self) -> None:
        """Let go of former receivers that are owed nothing."""
        if self._lanes.former:
            groups = self._ledger.groups.values()
            self._lanes.retain({(each.receiver, each.channel) for each in groups})
            self._outbox.reload()

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
                self._refresh(line, now_us)
            case Census():
                self._headcounts.hear(line)
            case Clock():
                self._headcounts.tick(line)
                if self._standstill is not None:
                    self._flushes.release(self._standstill.on_clock(line, now_us))
        return Effects()

    def run_due(self, now_us: int) -> Effects:
        """Run every timer due at or before ``now_us``, each once, in due order.

        Lines carry the due time on a virtual clock; on the wall clock the time at
        which people are told.
        """
        self._resume(now_us)
        lines: list[Notification] = []
        while (due := self._pop(now_us)) is not None:
            due_at_us, name, escalates = due
            at_us = now_us if self._standstill is not None else due_at_us
            if escalates:
                self._seats.place(self._ledger.alerts[name], at_us)
                continue
            said = self._flushes.wake(self._ledger.groups[name], at_us)
            for note in said:
                if note.reason in (Reason.FIRING, Reason.UNSUPPRESSED):
                    for alert_id in note.alert_ids:
                        self._seats.timers.remind(alert_id)
            lines += said
        self._ledger.forget_silences(now_us)
        self._ledger.forget_ended(now_us)
        self._tidy()
        return Effects(tuple(lines), self._outbox.start_due(now_us))

    def drain(self) -> None:
        """The clock has stopped: only flushes that are planned still run."""
        self._draining = True
        self._flushes.drain()

    def _pop(self, now_us: int) -> tuple[int, str, bool] | None:
        """The timer due first: of an escalation, or else of a group."""
        groups, alerts = self._flushes.timers, self._seats.timers
        escalation_us = None if self._draining else alerts.next_us
        group_us = groups.next_us
        if escalation_us is not None and (
            group_us is None or escalation_us <= group_us
        ):
            found = alerts.pop(now_us)
            return None if found is None else (*found, True)
        found = groups.pop(now_us)
        return None if found is None else (*found, False)

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
        self._tidy()
        return Effects((), self._outbox.start_due(now_us), given_up)

    @property
    def next_due_us(self) -> int | None:
        """When ``run_due`` has something to do; None while nothing is planned.

        0, which is long ago, after rows were taken back.
        """
        if self._restored:
            return 0
        dues = (
            self._flushes.timers.next_us,
            None if self._draining else self._seats.timers.next_us,
            self._outbox.next_due_us,
        )
        return min((due for due in dues if due is not None), default=None)

    def owed(self) -> tuple[Debt, ...]:
        """What channels should have been told and were not, and why."""
        return tuple(owed(self._ledger, self._lanes))

    def unsettled(self) -> Mapping[str, int]:
        """By receiver that the file lacks: alerts of which it is owed the end.

        Of a receiver some of whose channels are gone, those of these.
        """
        return unsettled(self._ledger, self._lanes.live)

    @property
    def channels(self) -> frozenset[Channel]:
        """All at which something may still be told."""
        return self._lanes.channels

    @property
    def open_alerts(self) -> int:
        """How many alerts fire."""
        return sum(alert.over_us is None for alert in self._ledger.alerts.values())

    @property
    def queued(self) -> int:
        """How many messages wait or are on their way."""
        return sum(len(group.queue) for group in self._ledger.groups.values())

    def acknowledged(self, now_us: int) -> int:
        """How many alerts that fire somebody looks after."""
        return sum(
            acknowledged(alert, now_us) for alert in self._ledger.alerts.values()
        )

    def silences(self) -> tuple[Silence, ...]:
        """Those in force or to come, by id."""
        return tuple(one for _, one in sorted(self._ledger.silences.items()))

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
        freed = self._suppression.note(line)
        self._headcounts.note(line)
        self._drop_ack(alert, now_us)
        self._seats.place(alert, now_us)
        self._flushes.ended(freed, now_us)

    def _refresh(self, update: Update, now_us: int) -> None:
        alert = self._ledger.alerts.get(update.alert_id)
        # An update may carry the number of the line it adds to.
        if alert is None or update.seq < alert.seq:
            return
        flapped = flap_number(alert.line)
        alert.seq = update.seq
        alert.line = structs.replace(
            alert.line,
            value=update.value,
            peak=update.peak,
            sessions=update.sessions,
            flapping=update.flapping,
        )
        self._ledger.touch_alert(update.alert_id)
        worse = self._drop_ack(alert, now_us)
        if worse or flap_number(alert.line) != flapped:
            self._seats.place(alert, now_us)

    def _drop_ack(self, alert: Alert, now_us: int) -> bool:
        """End an acknowledgement that holds no more; whether there was one."""
        if alert.ack is None or not is_broken(alert.ack, alert.line):
            return False
        if not alert.line.to_state.is_open:
            # With the end people are told who looked after it.
            return False
        alert.ack = None
        self._flushes.unacknowledged(alert.line.alert_id, now_us)
        return True

    # Restarts

    def _resume(self, now_us: int) -> None:
        """After rows were taken back: look at everything once, as if it were new."""
        if not self._restored:
            return
        self._restored = False
        for alert in self._ledger.alerts.values():
            self._suppression.note(alert.line)
        self._headcounts.resume()
        self._seats.resume()
        for group in sorted(self._ledger.groups.values(), key=attrgetter("order")):
            group.position = NO_ROUTE
            if (group.receiver, group.channel) in self._lanes:
                revive(group, now_us)
            self._outbox.remind(group)
            self._flushes.recheck(group, now_us)
            self._flushes.plan_all(group, now_us)
        by_age = sorted(
            self._ledger.alerts.values(),
            key=lambda alert: (alert.over_us or now_us, alert.line.alert_id),
        )
        for alert in by_age:
            if alert.over_us is None:
                self._seats.place(alert, now_us)
            else:
                self._ledger.ended(alert.line.alert_id)
