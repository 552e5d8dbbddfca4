"""A case played through: the worker's own decisions, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from msgspec.structs import replace

from alerts.delivery import Sent
from alerts.effects import Effects
from alerts.notifications import Notification
from alerts.notify import Notifier
from alerts.routing import matchable, subscriptions
from alerts.silences import Silence
from detectors.rules import SECOND_US, Rule
from detectors.transitions import State, Transition, microseconds, rfc3339
from loopwatch.casebook.cases import AckCase, AlertCase, Case, CaseFault, ToldCase
from loopwatch.config import Config
from loopwatch.config.durations import format_duration, parse_duration

_AFTERWARDS_US: Final = 3600 * SECOND_US

Step = tuple[int, int, Callable[[Notifier, int], None]]
"""When, in which order among those of one time, and what is done."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a case.

    Attributes:
        receivers: Whom the routes lead to, in the tree's order.
        told: All notifications, in order.
        wrong: What is not as the case says; empty if all is.
    """

    receivers: tuple[str, ...]
    told: tuple[Notification, ...]
    wrong: tuple[str, ...]


def play(case: Case, config: Config) -> Played:
    """Play a case.

    Raises:
        CaseFault: It names a rule that the configuration does not have.
    """
    rules = {rule.name: rule for rule in config.book.rules}
    steps = sorted(_steps(case, rules), key=lambda step: step[:2])
    notifier = Notifier(config.routing)
    told: list[Notification] = []
    last_us = case.begin_us
    for at_us, _, do in steps:
        told += _until(notifier, at_us, inclusive=False)
        do(notifier, at_us)
        last_us = at_us
    ends = (
        case.begin_us + parse_duration(each.at) + parse_duration(each.for_)
        for each in case.silences
    )
    last_us = max([last_us, *ends])
    end_us = last_us + _AFTERWARDS_US
    if case.until is not None:
        end_us = case.begin_us + parse_duration(case.until)
    told += _until(notifier, end_us, inclusive=True)
    receivers = _receivers(case, config, rules)
    wrong = [*_compare_receivers(case, receivers), *_compare_told(case, told)]
    return Played(receivers, tuple(told), tuple(wrong))


def line_of(
    rule: Rule, labels: dict[str, str], severity: str, at_us: int
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


def said(note: Notification, case: Case) -> str:
    """A notification as a case would say it."""
    after = format_duration(microseconds(note.time) - case.begin_us)
    alerts = ", ".join(note.alert_ids)
    return (
        f"{{after: {after}, receiver: {note.receiver}, reason: {note.reason},"
        f" alerts: [{alerts}]}}"
    )


def _steps(case: Case, rules: dict[str, Rule]) -> Iterator[Step]:
    def after(text: str) -> int:
        return case.begin_us + parse_duration(text)

    for number, silence in enumerate(case.silences):
        begin_us = after(silence.at)
        end_us = begin_us + parse_duration(silence.for_)
        made = Silence(f"s{number}", silence.match, begin_us, end_us)
        yield begin_us, 0, partial(_silence, made)
    for ack in case.acks:
        yield after(ack.at), 0, partial(_acknowledge, ack)
    for alert in case.alerts:
        for at_us, line in _lines(alert, rules, after):
            yield at_us, 1, partial(_take, line)


def _silence(silence: Silence, notifier: Notifier, at_us: int) -> None:
    notifier.requests.silence(silence, at_us)


def _acknowledge(ack: AckCase, notifier: Notifier, at_us: int) -> None:
    notifier.requests.ack(
        ack.match,
        by="case",
        at_us=at_us,
        until_us=at_us + parse_duration(ack.for_),
        now_us=at_us,
    )


def _take(line: Transition, notifier: Notifier, at_us: int) -> None:
    notifier.on_line(line, at_us)


def _lines(
    alert: AlertCase, rules: dict[str, Rule], after: Callable[[str], int]
) -> Iterator[tuple[int, Transition]]:
    rule = _rule(alert, rules)
    severity = str(alert.severity or rule.severity)
    changes = [(after(alert.fires), severity, State.FIRING)]
    changes += [
        (after(at), str(level), State.FIRING) for level, at in alert.levels.items()
    ]
    changes.sort(key=lambda change: change[0])
    if alert.resolves is not None:
        changes.append((after(alert.resolves), changes[-1][1], State.RESOLVED))
    before = State.OK
    for number, (at_us, level, state) in enumerate(changes):
        line = line_of(rule, alert.labels, level, at_us)
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


def _rule(alert: AlertCase, rules: dict[str, Rule]) -> Rule:
    name = alert.labels.get("rule", "")
    if name not in rules:
        known = ", ".join(sorted(rules))
        raise CaseFault(
            f"alert {alert.name!r}: there is no rule {name!r}; known: {known}"
        )
    return rules[name]


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


def _receivers(case: Case, config: Config, rules: dict[str, Rule]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for alert in case.alerts:
        rule = _rule(alert, rules)
        severity = str(alert.severity or rule.severity)
        labels = matchable(line_of(rule, alert.labels, severity, case.begin_us))
        for route in subscriptions(config.routing.route, labels):
            found[route.receiver] = None
    return tuple(found)


def _compare_receivers(case: Case, receivers: tuple[str, ...]) -> Iterator[str]:
    if case.receivers is not None and tuple(case.receivers) != receivers:
        yield f"receivers: expected {case.receivers}, got {list(receivers)}"


def _compare_told(case: Case, told: list[Notification]) -> Iterator[str]:
    if case.told is None:
        return
    for number in range(max(len(case.told), len(told))):
        wanted = case.told[number] if number < len(case.told) else None
        note = told[number] if number < len(told) else None
        if wanted is None:
            yield f"told, {number + 1}: nothing more expected, got {_got(note, case)}"
        elif note is None or not _agrees(wanted, note, case):
            yield (
                f"told, {number + 1}: expected {_wanted(wanted)}, got {_got(note, case)}"
            )


def _got(note: Notification | None, case: Case) -> str:
    return "nothing" if note is None else said(note, case)


def _wanted(told: ToldCase) -> str:
    alerts = None if told.alerts is None else f"[{', '.join(sorted(told.alerts))}]"
    parts = {
        "after": told.after,
        "receiver": told.receiver,
        "reason": told.reason,
        "alerts": alerts,
    }
    inside = ", ".join(f"{name}: {value}" for name, value in parts.items() if value)
    return f"{{{inside}}}"


def _agrees(wanted: ToldCase, note: Notification, case: Case) -> bool:
    at_us = microseconds(note.time) - case.begin_us
    return (
        (wanted.receiver is None or wanted.receiver == note.receiver)
        and (wanted.reason is None or wanted.reason is note.reason)
        and (wanted.after is None or parse_duration(wanted.after) == at_us)
        and (wanted.alerts is None or sorted(wanted.alerts) == list(note.alert_ids))
    )
