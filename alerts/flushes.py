"""When groups speak: the plan of each group, and what happens when its time comes.

A group has up to three times of its own: the next flush, the next repeat, and when a
suppression may end by the clock. All of them stand in its row.
"""

from __future__ import annotations

from collections.abc import Iterable

from alerts.debts import forget_moot
from alerts.groups import (
    due_us,
    first_news,
    forget_untold,
    is_moot,
    news,
    waits,
)
from alerts.headcount import Headcounts
from alerts.inhibition import Cause
from alerts.lanes import Lanes
from alerts.ledger import Ledger
from alerts.notifications import Notification, Reason
from alerts.outbox import Outbox
from alerts.repeats import acknowledged, remind, skip_repeat
from alerts.rows import Alert, Group
from alerts.speech import speak
from alerts.standstill import Standstill, is_old
from alerts.suppression import Suppression, Waiting
from alerts.timers import Timers

_LEVELS = (Reason.ESCALATED, Reason.CHANGED)


class Flushes:
    """The plans of all groups.

    Args:
        ledger: Where the groups are.
        outbox: Takes what they say.
        lanes: Where something can be told; groups elsewhere are silent.
        suppression: What may not be told.
        standstill: Holds first news while an old log is read; None on one clock.
        headcounts: Of all series, for how far what broke reaches.
    """

    def __init__(  # noqa: PLR0917
        self,
        ledger: Ledger,
        outbox: Outbox,
        lanes: Lanes,
        suppression: Suppression,
        standstill: Standstill | None,
        headcounts: Headcounts,
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._lanes = lanes
        self._suppression = suppression
        self._standstill = standstill
        self._headcounts = headcounts
        self._waiting = Waiting()
        self._draining = False
        self.timers = Timers(self._due)

    def plan(self, group: Group, alert_id: str, now_us: int) -> None:
        """Plan what a group says of one of its alerts, after that changed."""
        member = group.members.get(alert_id)
        if member is not None:
            alert = self._ledger.alerts[alert_id]
            freed = waits(member, alert.line) and self._is_free(alert, now_us)
            if freed:
                # It is another alert now, a worse one say: nothing to wait for.
                member.ready_us = now_us
            free = not waits(member, alert.line)
            reason = news(member, alert, free=free)
            group.due_us = due_us(group, member, reason, now_us)
            if freed and reason is not None:
                group.due_us = now_us
            if is_moot(member, alert) and group.due_us is None:
                del group.members[alert_id]
        if (
            self._standstill is not None
            and self._standstill.holds(group.id)
            and not first_news(group, self._ledger.alerts)
        ):
            self._standstill.release(group.id)
        forget_moot(group)
        self._planned(group)

    def hasten(self, group: Group, now_us: int) -> None:
        """Let a group that has said nothing yet not wait for more to come."""
        if group.flushed_us is None and group.due_us is not None:
            group.due_us = min(group.due_us, now_us)
            self._planned(group)

    def plan_all(self, group: Group, now_us: int) -> None:
        """Plan all that a group says."""
        for alert_id in list(group.members):
            self.plan(group, alert_id, now_us)
        self._planned(group)

    def ended(self, causes: Iterable[Cause], now_us: int) -> None:
        """Something suppresses no more: look at the groups that waited for it."""
        for name in self._waiting.on(causes):
            group = self._ledger.groups.get(name)
            if group is None:
                self._waiting.put(name, ())
            else:
                self.recheck(group, now_us)

    def recheck(self, group: Group, now_us: int) -> None:
        """Free what is suppressed no more: it is told ``group_wait`` later."""
        causes = set()
        for alert_id, member in list(group.members.items()):
            alert = self._ledger.alerts[alert_id]
            if not waits(member, alert.line):
                continue
            cause = self._suppression.cause(alert.line, now_us)
            if cause is not None:
                causes.add(cause)
                continue
            member.ready_us = now_us + group.wait_us
            reason = news(member, alert)
            if reason in _LEVELS or member.told < alert.line.generation:
                group.due_us = due_us(group, member, reason, now_us)
            else:
                member.held, member.ready_us = 0, None
        self._waiting.put(group.id, causes)
        ends = [self._suppression.ends_us(cause, now_us) for cause in causes]
        group.recheck_us = min((end for end in ends if end is not None), default=None)
        self._planned(group)

    def unacknowledged(self, alert_id: str, now_us: int) -> None:
        """Nobody looks after an alert any more: its groups repeat it again."""
        for group in self._ledger.groups_of(alert_id):
            remind(group, self._ledger.alerts, now_us)
            self._planned(group)

    def release(self, names: Iterable[str]) -> None:
        """Groups that a standstill held need wait no longer."""
        for name in names:
            self.timers.remind(name)

    def drain(self) -> None:
        """From now on only what is planned is told: the clock has stopped."""
        self._draining = True
        for group in self._ledger.groups.values():
            self.timers.remind(group.id)

    def wake(self, group: Group, at_us: int) -> list[Notification]:
        """Do what is due in a group."""
        if not self._draining and _is_due(group.recheck_us, at_us):
            self.recheck(group, at_us)
        repeat = not self._draining and _is_due(group.remind_us, at_us)
        said = []
        if repeat or _is_due(group.due_us, at_us):
            said = self._flush(group, at_us, repeat=repeat)
        self._planned(group)
        return said

    def _flush(self, group: Group, at_us: int, *, repeat: bool) -> list[Notification]:
        alerts = self._ledger.alerts
        lane = (group.receiver, group.channel)
        channel = self._lanes.of(group.id, lane)
        planned_us = group.due_us if _is_due(group.due_us, at_us) else None
        if planned_us is not None:
            group.due_us = None
        forget_untold(group, alerts)
        if channel is None:
            group.remind_us = None
            return []
        held, late = self._held_by_standstill(group, at_us)
        if held and planned_us is not None:
            group.due_us = planned_us
        reasons = {
            alert_id: reason
            for alert_id in sorted(group.members)
            if alert_id not in held
            and (reason := self._reason(group, alert_id, at_us, repeat=repeat))
        }
        if lane not in self._lanes.live:
            # Whoever is taken out of the file is told what they are owed, and no more.
            repeat, group.remind_us = False, None
            reasons = {
                one: why for one, why in reasons.items() if why is Reason.RESOLVED
            }
        if reasons:
            said = speak(
                group,
                channel,
                alerts,
                self._outbox,
                self._headcounts,
                reasons=reasons,
                at_us=at_us,
                late=late,
            )
            again = all(reason is Reason.REPEAT for reason in reasons.values())
            group.reminders = group.reminders + 1 if again else 0
            group.remind_us = None
            if lane in self._lanes.live:
                remind(group, alerts, at_us)
            forget_moot(group)
            return said
        if repeat:
            skip_repeat(group, alerts, self._suppression, at_us)
        forget_moot(group)
        return []

    def _reason(
        self, group: Group, alert_id: str, at_us: int, *, repeat: bool
    ) -> Reason | None:
        """Why an alert is told now, if it is; what may not be told is held back."""
        member, alert = group.members[alert_id], self._ledger.alerts[alert_id]
        reason = news(member, alert)
        if reason is Reason.RESOLVED:
            return reason
        if reason is None:
            return self._repeated(alert, member.told, at_us) if repeat else None
        generation = alert.line.generation
        cause = self._suppression.cause(alert.line, at_us)
        if cause is not None:
            member.held, member.ready_us = generation, None
            self._hold(group, cause, at_us)
        elif waits(member, alert.line) and not self._draining:
            member.ready_us = at_us + group.wait_us
            group.due_us = due_us(group, member, reason, at_us)
        ready_us = member.ready_us if member.held == generation else at_us
        if ready_us is not None and (ready_us <= at_us or reason in _LEVELS):
            return reason
        if ready_us is not None:
            group.due_us = due_us(group, member, reason, at_us)
        return news(member, alert, free=False)

    def _repeated(self, alert: Alert, told: int, at_us: int) -> Reason | None:
        line = alert.line
        if told != line.generation or not line.to_state.is_open:
            return None
        if line.rule_kind == "budget" or acknowledged(alert, at_us):
            return None
        free = self._suppression.cause(line, at_us) is None
        return Reason.REPEAT if free else None

    def _hold(self, group: Group, cause: Cause, at_us: int) -> None:
        self._waiting.add(group.id, cause)
        ends_us = self._suppression.ends_us(cause, at_us)
        if ends_us is not None:
            known = group.recheck_us
            group.recheck_us = ends_us if known is None else min(known, ends_us)

    def _is_free(self, alert: Alert, now_us: int) -> bool:
        return self._suppression.cause(alert.line, now_us) is None

    def _held_by_standstill(
        self, group: Group, now_us: int
    ) -> tuple[frozenset[str], bool]:
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

    def _planned(self, group: Group) -> None:
        self._ledger.touch_group(group)
        self.timers.remind(group.id)

    def _due(self, name: str) -> tuple[int, int] | None:
        group = self._ledger.groups.get(name)
        if group is None:
            return None
        due = group.due_us
        if due is not None and self._standstill is not None:
            until_us = self._standstill.held_until(name)
            due = due if until_us is None else max(until_us, due)
        times = [due] if self._draining else [due, group.remind_us, group.recheck_us]
        known = [moment for moment in times if moment is not None]
        return (min(known), group.order) if known else None


def _is_due(moment_us: int | None, at_us: int) -> bool:
    return moment_us is not None and moment_us <= at_us
