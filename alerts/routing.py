"""Which receivers an alert reaches: the route tree, as Alertmanager walks it."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.routes import Route
from detectors.transitions import Transition


def matchable(line: Transition) -> dict[str, str]:
    """The labels that routes may match: the line's own and the four reserved names."""
    return {
        **line.labels,
        "rule": line.rule,
        "metric": line.metric,
        "severity": line.severity or "",
        "kind": line.rule_kind,
    }


def matched_routes(root: Route, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """The nodes that an alert with these labels ends in, in the tree's order.

    The root matches everything. Children are tried in order, depth first; the first
    that matches wins, unless it says ``continue``. Where no child matches, the node
    itself counts.
    """
    found: list[Route] = []
    for child in root.routes:
        if child.match.matches(labels):
            found += matched_routes(child, labels)
            if not child.go_on:
                break
    return tuple(found) or (root,)


def subscriptions(root: Route, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """One node for each receiver reached: the first in the tree's order.

    Its times hold for the receiver, whatever other routes lead there too.
    """
    first: dict[str, Route] = {}
    for route in matched_routes(root, labels):
        first.setdefault(route.receiver, route)
    return tuple(first.values())


def trail(root: Route, route: Route) -> tuple[tuple[str, Route], ...]:
    """The way from the root to a node: each with its place among its siblings.

    Places are as in the file: ``routes[0]``, counted from 0.
    """
    return _trail("route", root, route.position) or (("route", root),)


def _trail(
    place: str, node: Route, position: int
) -> tuple[tuple[str, Route], ...] | None:
    if node.position == position:
        return ((place, node),)
    for number, child in enumerate(node.routes):
        found = _trail(f"routes[{number}]", child, position)
        if found is not None:
            return ((place, node), *found)
    return None
