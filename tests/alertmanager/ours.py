"""Loopwatch's side of a story: the worker's own notifier on a virtual clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alerts.delivery import Delivery, Sent
from alerts.receivers import Receiver, Secret, WebhookEndpoint
from alerts.routes import Inhibition, Route, Routing
from alerts.silences import Silence
from detectors.matchers import Matchers, equal
from detectors.transitions import Transition
from tests.alertmanager.messages import ALSO, MAIN, Message, message, named
from tests.alertmanager.scenarios import Alert, Quiet, Scenario
from tests.unit.alerts.conftest import Desk, line

_BEGIN_S = 1000.0
_S = 1_000_000
_HOOK = WebhookEndpoint(Secret("http://127.0.0.1/"), "http://127.0.0.1/")


def told(scenario: Scenario) -> list[Message]:
    """The messages of a story."""
    desk = Desk(_routing(scenario), answer=lambda _delivery: Sent())
    for at_s, _, what in sorted(_steps(scenario), key=lambda step: step[:2]):
        desk.until(_BEGIN_S + at_s, inclusive=False)
        match what:
            case Quiet() if what.expired_s == at_s:
                desk.notifier.requests.expire("s", desk.now_us)
            case Quiet():
                desk.notifier.requests.silence(_silence(what), desk.now_us)
            case Transition():
                desk.take(what)
    desk.until(_BEGIN_S + scenario.until_s)
    return sorted(map(_message, desk.deliveries))


def _routing(scenario: Scenario) -> Routing:
    def route(position: int, receiver: str, **more: object) -> Route:
        return Route(
            position,
            receiver,
            group_by=scenario.group_by,
            group_wait_us=int(scenario.wait_s * _S),
            group_interval_us=int(scenario.interval_s * _S),
            repeat_interval_us=int(scenario.repeat_s * _S),
            **more,  # type: ignore[arg-type]
        )

    children = []
    if scenario.also is not None:
        match = Matchers((equal(*scenario.also),))
        children = [route(1, ALSO, match=match, go_on=True), route(2, MAIN)]
    return Routing(
        tuple(Receiver(name, (_HOOK,)) for name in (MAIN, ALSO)),
        route(0, MAIN, routes=tuple(children)),
        tuple(
            Inhibition(_matchers(each.source), _matchers(each.target), each.equal)
            for each in scenario.inhibit
        ),
    )


def _matchers(match: Mapping[str, str]) -> Matchers:
    return Matchers(tuple(equal(name, value) for name, value in match.items()))


def _steps(scenario: Scenario) -> Iterator[tuple[float, int, Quiet | Transition]]:
    for quiet in scenario.quiet:
        yield quiet.begin_s, 0, quiet
        if quiet.expired_s is not None:
            yield quiet.expired_s, 0, quiet
    for number, alert in enumerate(scenario.alerts, start=1):
        for at_s, told_line in _lines(alert):
            yield at_s, number, told_line


def _lines(alert: Alert) -> Iterator[tuple[float, Transition]]:
    def turn(at_s: float, to: str, generation: int, severity: str) -> Transition:
        labels = {name: value for name, value in alert.labels.items() if name != "rule"}
        return line(
            _BEGIN_S + at_s,
            to,
            alert_id=alert.name,
            rule=alert.labels["rule"],
            labels=labels,
            generation=generation,
            severity=severity,
        )

    for generation, (begin_s, end_s) in enumerate(alert.spans, start=1):
        yield begin_s, turn(begin_s, "firing", generation, "warning")
        if alert.rises_s is not None:
            yield alert.rises_s, turn(alert.rises_s, "firing", generation, "critical")
        if end_s is not None:
            yield end_s, turn(end_s, "resolved", generation, "warning")


def _silence(quiet: Quiet) -> Silence:
    begin_us, end_us = (
        int((_BEGIN_S + at) * _S) for at in (quiet.begin_s, quiet.end_s)
    )
    return Silence("s", dict(quiet.match), begin_us, end_us, by="ann")


def _message(delivery: Delivery) -> Message:
    return message(
        delivery.at_us / _S - _BEGIN_S,
        delivery.receiver,
        (_named(each) for each in delivery.alerts if each.to_state.is_open),
        (_named(each) for each in delivery.alerts if not each.to_state.is_open),
    )


def _named(line: Transition) -> str:
    return named(line.alert_id, line.severity)
