"""The outbox: starts messages in each group's order and takes what came of them.

A message is marked as on its way in its row, the row is written, and only then is
it sent; after a crash in between it may have arrived, and is tried again as such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from alerts.backlog import push, squeeze
from alerts.delivery import (
    Action,
    Ambiguous,
    Delivery,
    Failed,
    Outcome,
    Retry,
    Sent,
)
from alerts.lanes import Lane, Lanes
from alerts.ledger import Ledger
from alerts.receivers import Channel
from alerts.repeats import acks_of
from alerts.retries import next_try_us
from alerts.rows import Group, Message, Pause, Stage
from alerts.timers import Timers
from detectors.rules import SECOND_US

AT_ONCE: Final = 4
"""Messages on their way to one channel at a time: the rest can still be replaced."""


class _Traffic:
    """What is on its way on one lane, and what waits for it."""

    def __init__(self, due: Callable[[str], tuple[int, int] | None]) -> None:
        self.timers = Timers(due)
        self.under_way = 0


class Outbox:
    """The queues of all groups.

    Args:
        ledger: Where the groups are.
        lanes: Where something can be told; the others' messages wait.
    """

    def __init__(self, ledger: Ledger, lanes: Lanes) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self._traffic: dict[Lane, _Traffic] = {}
        self._under_way: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """The lanes are others; what is on its way stays so."""
        self._traffic = {
            lane: self._traffic.get(lane) or _Traffic(self._head_due)
            for lane in self._lanes
        }

    def put(self, group: Group, message: Message) -> None:
        """Queue a message."""
        push(group.queue, message)
        self.remind(group)

    def remind(self, group: Group) -> None:
        """Take note of the message that a group's queue begins with."""
        traffic = self._traffic.get((group.receiver, group.channel))
        if traffic is not None:
            traffic.timers.remind(group.id)

    @property
    def next_due_us(self) -> int | None:
        """When the next message may start."""
        dues = []
        for lane, traffic in self._traffic.items():
            due_us = traffic.timers.next_us
            if due_us is not None and traffic.under_way < AT_ONCE:
                pause = self._ledger.pauses.get(lane)
                dues.append(max(due_us, pause.until_us) if pause else due_us)
        return min(dues, default=None)

    def start_due(self, now_us: int) -> tuple[Delivery, ...]:
        """Mark what may start as on its way.

        Not more than a few to one channel at a time, one to a group, none to a
        channel that asked for a pause.
        """
        started = []
        for lane, traffic in self._traffic.items():
            pause = self._ledger.pauses.get(lane)
            if pause is not None:
                if pause.until_us > now_us:
                    continue
                del self._ledger.pauses[lane]
                self._ledger.touch_pause(lane)
            while traffic.under_way < AT_ONCE and (due := traffic.timers.pop(now_us)):
                group = self._ledger.groups[due[1]]
                started.append(self._start(group, traffic, now_us))
        return tuple(started)

    def on_outcome(
        self, delivery_id: str, outcome: Outcome, now_us: int
    ) -> tuple[Group, Message] | None:
        """Take what came of a delivery; the message, if it is given up.

        Such a message is queued no more, and the caller settles what that means.
        An outcome of a delivery that is not under way changes nothing.
        """
        name = self._under_way.pop(delivery_id, None)
        if name is None:
            return None
        group = self._ledger.groups[name]
        self._traffic[group.receiver, group.channel].under_way -= 1
        message = group.queue[0]
        message.stage = Stage.PENDING
        if isinstance(outcome, Failed) and self._lanes.let_go(name):
            # Refused under the key that opened it, which the file has no more.
            message.fault, message.next_us = outcome.reason, now_us
        elif self._settle(group, message, outcome, now_us):
            return group, message
        self.remind(group)
        self._ledger.touch_group(group)
        return None

    def _start(self, group: Group, traffic: _Traffic, now_us: int) -> Delivery:
        message = group.queue[0]
        message.stage = Stage.SENDING
        message.attempts += 1
        traffic.under_way += 1
        self._under_way[message.id] = group.id
        self._ledger.touch_group(group)
        channel = self._lanes.of(group.id, (group.receiver, group.channel))
        assert channel is not None  # noqa: S101 - its lane has traffic
        return Delivery(
            id=message.id,
            receiver=group.receiver,
            channel=channel,
            action=message.action,
            group=group.key,
            dedup_key=_dedup_key(group, channel),
            generation=message.generation,
            reason=message.reason,
            alerts=message.alerts,
            severity_before=_severity_before(message),
            news={one: told.reason for one, told in message.told.items()},
            before={
                one: (told.value, told.sessions)
                for one, told in message.told.items()
                if told.before and not told.is_first
            },
            firing=message.firing,
            blast=message.blast,
            at_us=message.at_us,
            attempt=message.attempts,
            ref=group.refs.get(message.episode),
            late=message.late,
            possible_repeat=message.ambiguous,
            quiet=message.quiet,
            acks=acks_of(message.alerts, self._ledger.alerts, now_us),
        )

    def _settle(
        self, group: Group, message: Message, outcome: Outcome, now_us: int
    ) -> bool:
        match outcome:
            case Sent(ref):
                del group.queue[0]
                if message.action is Action.CLOSE:
                    _forget_refs(group, message.episode)
                    if not group.refs:
                        self._lanes.let_go(group.id)
                elif ref is not None:
                    group.refs[message.episode] = ref
                return False
            case Failed(reason):
                message.fault = reason
                del group.queue[0]
                return True
            case Ambiguous(reason):
                message.ambiguous = True
                return self._postpone(group, message, reason, None, now_us)
            case Retry(reason, after_s):
                after_us = None if after_s is None else int(after_s * SECOND_US)
                if after_us is not None:
                    self._pause(group, now_us + after_us)
                return self._postpone(group, message, reason, after_us, now_us)

    def _postpone(
        self,
        group: Group,
        message: Message,
        reason: str,
        after_us: int | None,
        now_us: int,
    ) -> bool:
        message.fault = reason
        next_us = next_try_us(message, after_us, now_us)
        if next_us is None:
            del group.queue[0]
            return True
        message.next_us = next_us
        squeeze(group.queue)
        return False

    def _pause(self, group: Group, until_us: int) -> None:
        lane = (group.receiver, group.channel)
        known = self._ledger.pauses.get(lane)
        if known is None or known.until_us < until_us:
            self._ledger.pauses[lane] = Pause(*lane, until_us)
            self._ledger.touch_pause(lane)

    def _head_due(self, name: str) -> tuple[int, int] | None:
        group = self._ledger.groups.get(name)
        if group is None or not group.queue:
            return None
        head = group.queue[0]
        return (head.next_us, group.order) if head.stage is Stage.PENDING else None


def _dedup_key(group: Group, channel: Channel) -> str:
    """At PagerDuty the key that the open incident was opened with."""
    if channel.kind == "pagerduty" and group.refs:
        return group.refs[max(group.refs)]
    return group.dedup_key


def _severity_before(message: Message) -> str | None:
    """What was known of the alert that the message begins with."""
    told = message.told.get(message.alerts[0].alert_id)
    return None if told is None or told.is_first else told.severity


def _forget_refs(group: Group, episode: int) -> None:
    """An end closes its own episode and, under one key, those before it."""
    for older in [known for known in group.refs if known <= episode]:
        del group.refs[older]
