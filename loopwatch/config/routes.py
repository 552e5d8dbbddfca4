"""The route tree, with what children inherit filled in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from alerts.routes import ALL_LABELS, Escalate, FanIn, Route
from detectors.matchers import EVERYTHING, Matcher, Matchers
from loopwatch.config.faults import shown
from loopwatch.config.findings import Findings
from loopwatch.config.labels import Scope, label_names, matchers
from loopwatch.config.nodes import Items, Node, Scalar
from loopwatch.config.spans import time_us
from loopwatch.config.spelling import unknown
from loopwatch.config.tables import Table, items, table
from loopwatch.config.values import flag, number, text, whole

Value = TypeVar("Value")

KEYS: Final = (
    "receiver",
    "match",
    "continue",
    "group_by",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "repeat_backoff",
    "escalate",
    "fan_in",
    "routes",
)


@dataclass(slots=True)
class RouteReader:
    """Reads the tree and keeps account of the receivers it names.

    Attributes:
        places: Where each receiver is defined; None: nobody knows.
        used: Receivers that some route names.
    """

    findings: Findings
    places: Mapping[str, Node] | None
    scope: Scope
    used: set[str]
    counter: itertools.count[int]

    def read_root(self, node: Node) -> Route | None:
        """The root, which has a receiver and matches everything."""
        found = table(self.findings, node, "a route (a mapping)", KEYS)
        if found is None:
            return None
        if found.lacks("receiver"):
            self.findings.fault(
                found.at, "'receiver' is missing: the root of the tree has one"
            )
        if "match" in found:
            self.findings.fault(
                found.keys["match"],
                "the root matches everything: put 'match' into one of its 'routes'",
            )
        if "continue" in found:
            self.findings.warn(
                found.keys["continue"],
                "'continue' has no effect here: no route follows",
            )
        return self._route(found, Route(0, ""))

    def _route(self, found: Table, above: Route) -> Route:
        position = next(self.counter)
        match = found.read(
            "match", lambda node: matchers(self.findings, node, self.scope)
        )
        go_on = found.read("continue", lambda node: flag(self.findings, node))
        route = replace(
            above,
            position=position,
            receiver=found.read("receiver", self._receiver) or above.receiver,
            match=match or EVERYTHING,
            go_on=bool(go_on),
            group_by=_or(found.read("group_by", self._group_by), above.group_by),
            group_wait_us=_or(
                found.read("group_wait", self._time_or_none), above.group_wait_us
            ),
            group_interval_us=_or(
                found.read("group_interval", self._time_or_none),
                above.group_interval_us,
            ),
            repeat_interval_us=found.read("repeat_interval", self._time)
            or above.repeat_interval_us,
            repeat_backoff=found.read("repeat_backoff", self._backoff)
            or above.repeat_backoff,
            escalate=found.read("escalate", self._escalate) or above.escalate,
            fan_in=found.read("fan_in", self._fan_in) or above.fan_in,
            routes=(),
        )
        children = found.read("routes", lambda node: self._children(node, route))
        if "escalate" in found and not children and _tells_only_itself(route):
            self.findings.warn(
                found.keys["escalate"],
                f"'escalate' has no effect here: {shown(route.receiver)} is who was told"
                " in the first place; name another receiver",
            )
        return replace(route, routes=children or ())

    def _children(self, node: Node, above: Route) -> tuple[Route, ...]:
        nodes = items(self.findings, node, "a list of routes", least=0)
        read: list[tuple[Route, Table]] = []
        for each in nodes or ():
            found = table(self.findings, each, "a route (a mapping)", KEYS)
            if found is not None:
                read.append((self._route(found, above), found))
        for index, (route, found) in enumerate(read):
            if route.go_on and index == len(read) - 1:
                self.findings.warn(
                    found.keys["continue"],
                    "'continue' has no effect here: no route follows",
                )
            for earlier, place in read[:index]:
                if not earlier.go_on and _covers(earlier.match, route.match):
                    self.findings.warn(
                        found.at,
                        "this route is never reached: the one in line"
                        f" {place.at.line} takes all that it matches; put this one"
                        " before it, or add 'continue: true' there",
                    )
                    break
        return tuple(route for route, _ in read)

    def _receiver(self, node: Node) -> str | None:
        name = text(self.findings, node, "the name of a receiver")
        if name is None:
            return None
        self.used.add(name)
        if self.places is not None and name not in self.places:
            raw = node.text if isinstance(node, Scalar) else name
            self.findings.fault(node, unknown("receiver", raw, sorted(self.places)))
            return None
        return name

    def _group_by(self, node: Node) -> tuple[str, ...] | None:
        if isinstance(node, Items) and any(_is_dots(each) for each in node.nodes):
            if len(node.nodes) > 1:
                self.findings.fault(node, "['...'] is every label: it stands alone")
            return ALL_LABELS
        return label_names(self.findings, node, self.scope)

    def _time(self, node: Node) -> int | None:
        return time_us(self.findings, node)

    def _time_or_none(self, node: Node) -> int | None:
        return time_us(self.findings, node, zero=True)

    def _backoff(self, node: Node) -> float | None:
        value = number(self.findings, node, "a factor, such as 2")
        if value is not None and value < 1:
            self.findings.fault(
                node, f"{value:g} is below 1: each pause is so many times the last"
            )
            return None
        return value

    def _escalate(self, node: Node) -> Escalate | None:
        known = ("after", "receiver")
        found = self._pair(node, known, "{after: 15m, receiver: NAME}")
        if found is None:
            return None
        after_us = found.read("after", self._time)
        receiver = found.read("receiver", self._receiver)
        if after_us is None or receiver is None:
            return None
        return Escalate(after_us, receiver)

    def _fan_in(self, node: Node) -> FanIn | None:
        known = ("series", "within")
        found = self._pair(node, known, "{series: 10, within: 5m}")
        if found is None:
            return None
        series = found.read(
            "series",
            lambda each: whole(self.findings, each, "a number of series", least=2),
        )
        within_us = found.read("within", self._time)
        return None if series is None or within_us is None else FanIn(series, within_us)

    def _pair(self, node: Node, known: tuple[str, ...], example: str) -> Table | None:
        found = table(self.findings, node, f"a mapping, {example}", known)
        for key in known:
            if found is not None and found.lacks(key):
                self.findings.fault(node, f"'{key}' is missing: write {example}")
        return found


def read_route(
    findings: Findings, node: Node, places: Mapping[str, Node] | None, scope: Scope
) -> Route | None:
    """The tree; warns of receivers that no route names."""
    reader = RouteReader(findings, places, scope, set(), itertools.count())
    root = reader.read_root(node)
    for name, place in (places or {}).items():
        if root is not None and name not in reader.used:
            findings.warn(place, f"no route names the receiver {shown(name)}")
    return root


def _tells_only_itself(route: Route) -> bool:
    return route.escalate is not None and route.escalate.receiver == route.receiver


def _is_dots(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text == ALL_LABELS[0]


def _covers(wide: Matchers, narrow: Matchers) -> bool:
    """Whether all that the second matches is surely matched by the first."""
    return all(
        any(_implies(each, condition) for each in narrow.all_of)
        for condition in wide.all_of
    )


def _implies(narrow: Matcher, wide: Matcher) -> bool:
    if narrow.operator == wide.operator == "=" and narrow.label == wide.label:
        return set(narrow.values) <= set(wide.values)
    return str(narrow) == str(wide)


def _or(value: Value | None, otherwise: Value) -> Value:
    return otherwise if value is None else value
