"""Why somebody is told of an alert, or not: the way through the routes, and what suppresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alerts.calendar import changes_us, is_muted
from alerts.groups import group_key
from alerts.routes import Route, Routing
from alerts.routing import matchable, subscriptions, trail
from detectors.actions import read_match
from detectors.transitions import rfc3339
from loopwatch.casebook.cases import AlertCase, Case, Request
from loopwatch.casebook.play import line_of
from loopwatch.config.durations import format_duration


def because(root: Route, route: Route) -> str:
    """The way through the tree: each node with its conditions."""
    path = trail(root, route)
    if len(path) == 1:
        return "route: no route below matches"
    steps = [f"{place} {{{node.match}}}" for place, node in path[1:]]
    return "route > " + " > ".join(steps)


def times(route: Route) -> str:
    """When it tells."""
    parts = {
        "group_wait": route.group_wait_us,
        "group_interval": route.group_interval_us,
        "repeat_interval": route.repeat_interval_us,
    }
    said = [f"{name} {format_duration(us)}" for name, us in parts.items()]
    if route.repeat_backoff is not None:
        said.append(f"repeat_backoff {route.repeat_backoff:g}")
    return ", ".join(said)


def muted(labels: Mapping[str, str], routing: Routing, at_us: int) -> Iterator[str]:
    """Each mute time that holds for such an alert at a time."""
    for number, mute in enumerate(routing.mute):
        if mute.match.matches(labels) and is_muted(mute, at_us):
            until = rfc3339(changes_us(mute, at_us))
            yield f"by mute[{number}] at {rfc3339(at_us)}, at least until {until}"


def inhibited(labels: Mapping[str, str], routing: Routing) -> Iterator[str]:
    """Each inhibition that may hold for such an alert."""
    for number, inhibition in enumerate(routing.inhibit):
        if inhibition.target.matches(labels):
            equal = ", ".join(inhibition.equal) or "nothing"
            yield (
                f"by inhibit[{number}] while {{{inhibition.source}}} fires;"
                f" equal: {equal}"
            )


def why(case: Case, routing: Routing) -> Iterator[str]:
    """What decides on the alerts of a case, severity by severity, line by line."""
    for alert in case.alerts:
        severities = {alert.severity, *(level for _, level in alert.levels)}
        for severity in sorted(severities, key=lambda each: each.rank):
            name = alert.name if len(severities) == 1 else f"{alert.name} ({severity})"
            yield from _of_alert(name, case, alert, str(severity), routing)


def _of_alert(
    name: str, case: Case, alert: AlertCase, severity: str, routing: Routing
) -> Iterator[str]:
    at_us = case.begin_us + alert.fires_us
    line = line_of(alert.rule, alert.labels, severity, at_us)
    labels = matchable(line)
    for route in subscriptions(routing.route, labels):
        yield f"{name}: {route.receiver} because {because(routing.route, route)}"
        yield f"  group {group_key(line, route)}, {times(route)}"
    yield from (f"{name}: muted {said}" for said in muted(labels, routing, at_us))
    yield from (f"{name}: inhibited {said}" for said in inhibited(labels, routing))
    for what, key, requests in (
        ("silenced", "silences", case.silences),
        ("acknowledged", "acks", case.acks),
    ):
        for number, request in enumerate(requests):
            if read_match(request.match).matches(labels):
                yield f"{name}: {what} by {key}[{number}] {_span(request)}"


def _span(request: Request) -> str:
    begin, end = request.at_us, request.at_us + request.for_us
    return f"from {format_duration(begin)} to {format_duration(end)}"
