"""A case played through: the worker's own decisions, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from msgspec.structs import replace

from alerts.delivery import Sent
from alerts.effects import Effects
from alerts.notifications import Notification
from alerts.notify import Notifier
from alerts.routes import Routing
from alerts.routing import matchable, subscriptions
from alerts.silences import Silence
from detectors.rules import SECOND_US, Rule
from detectors.transitions import State, Transition, rfc3339
from loopwatch.casebook.cases import AlertCase, Case, Request

_AFTERWARDS_US: Final = 3600 * SECOND_US

Step = tuple[int, int, Callable[[Notifier, int], None]]
"""When, in which order among those of one time, and what is done."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a case.

    Attributes:
        receivers: Whom the routes lead to, in the tree's order.
        told: All notifications, in order.
        end_us: How long it went on.
    """

    receivers: tuple[str, ...]
    told: tuple[Notification, ...]
    end_us: int


def play(case: Case, routing: Routing) -> Played:
    """Play a case."""
    steps = sorted(_steps(case), key=lambda step: step[:2])
    notifier = Notifier(routing)
    told: list[Notification] = []
    last_us = case.begin_us
    for at_us, _, do in steps:
        told += _until(notifier, at_us, inclusive=False)
        do(notifier, at_us)
        last_us = at_us
    ends_us = (case.begin_us + each.at_us + each.for_us for each in case.silences)
    last_us = max([last_us, *ends_us])
    end_us = last_us + _AFTERWARDS_US
    if case.until_us is not None:
        end_us = case.begin_us + case.until_us
    told += _until(notifier, end_us, inclusive=True)
    return Played(_receivers(case, routing), tuple(told), end_us - case.begin_us)


def line_of(
    rule: Rule, labels: Mapping[str, str], severity: str, at_us: int
) -> Transition:
    """A line in which an alert of a rule begins to fire."""
    kept = {name: value for name, value in labels.items() if name != "rule"}
    return Transition(
        time=rfc3339(at_us),
        alert_id="",
        rule=rule.name,
        metric=rule.metric.name,
        labels={**rule.labels, **kept},
        generation=1,
        seq=at_us // 1_000,
        from_state=State.OK,
        to_state=State.FIRING,
        severity=severity,
        value=None,
        expected=None,
        threshold=None,
        session_id=None,
        reason="",
        rule_kind=rule.kind.name,
    )


def _steps(case: Case) -> Iterator[Step]:
    for number, each in enumerate(case.silences):
        begin_us = case.begin_us + each.at_us
        made = Silence(f"s{number}", each.match, begin_us, begin_us + each.for_us)
        yield begin_us, 0, partial(_silence, made)
    for each in case.acks:
        yield case.begin_us + each.at_us, 0, partial(_acknowledge, each)
    for alert in case.alerts:
        for at_us, line in _lines(alert, case.begin_us):
            yield at_us, 1, partial(_take, line)


def _silence(silence: Silence, notifier: Notifier, at_us: int) -> None:
    notifier.requests.silence(silence, at_us)


def _acknowledge(ack: Request, notifier: Notifier, at_us: int) -> None:
    notifier.requests.ack(
        ack.match,
        by="case",
        at_us=at_us,
        until_us=at_us + ack.for_us,
        now_us=at_us,
    )


def _take(line: Transition, notifier: Notifier, at_us: int) -> None:
    notifier.on_line(line, at_us)


def _lines(alert: AlertCase, begin_us: int) -> Iterator[tuple[int, Transition]]:
    changes = [(alert.fires_us, str(alert.severity), State.FIRING)]
    changes += [(at_us, str(level), State.FIRING) for at_us, level in alert.levels]
    if alert.resolves_us is not None:
        changes.append((alert.resolves_us, changes[-1][1], State.RESOLVED))
    before = State.OK
    for number, (after_us, level, state) in enumerate(changes):
        at_us = begin_us + after_us
        line = line_of(alert.rule, alert.labels, level, at_us)
        yield (
            at_us,
            replace(
                line,
                alert_id=alert.name,
                seq=line.seq + number,
                from_state=before,
                to_state=state,
            ),
        )
        before = state


def _until(
    notifier: Notifier, end_us: int, *, inclusive: bool
) -> Iterator[Notification]:
    while (due_us := notifier.next_due_us) is not None:
        if due_us > end_us or (due_us == end_us and not inclusive):
            return
        yield from _settled(notifier, notifier.run_due(due_us), due_us)


def _settled(
    notifier: Notifier, effects: Effects, now_us: int
) -> Iterator[Notification]:
    """What was decided; every delivery arrives at once."""
    yield from effects.notifications
    for delivery in effects.deliveries:
        arrived = notifier.on_outcome(delivery.id, Sent(), now_us)
        yield from _settled(notifier, arrived, now_us)


def _receivers(case: Case, routing: Routing) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for alert in case.alerts:
        line = line_of(alert.rule, alert.labels, str(alert.severity), case.begin_us)
        for route in subscriptions(routing.route, matchable(line)):
            found[route.receiver] = None
    return tuple(found)
