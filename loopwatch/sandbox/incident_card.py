"""A PagerDuty incident as the person on call sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from loopwatch.sandbox.clock import clock_time, duration, show_time
from loopwatch.sandbox.markup import Markup, element, join, lines, link, safe_url
from loopwatch.sandbox.records import Incident, LogEntry, Status

_SEVERITIES: Final = frozenset({"critical", "error", "warning", "info"})
# A long log shows how it began and how it stands.
_LOG_SHOWN: Final = 8
# Longer details take the card's whole width.
_NARROW: Final = 34


def card_id(incident: Incident) -> str:
    """The card's id in the page."""
    return f"incident-{incident.number}"


def incident_card(incident: Incident) -> Markup:
    """The card of an incident with its log."""
    return element(
        "article",
        element(
            "div",
            element("span", incident.status, class_=f"status {incident.status}"),
            _severity(incident.severity),
            element("span", f"#{incident.number}", class_="number"),
            show_time(incident.opened_s),
            class_="byline",
        ),
        element("h4", lines(incident.summary)),
        _where(incident),
        _details(incident.custom_details),
        _links(incident),
        element("ol", _log(incident), class_="log"),
        element(
            "p",
            element("span", "dedup_key ", element("code", incident.dedup_key)),
            element("span", "routing key ", element("code", incident.key)),
            class_="keys",
        ),
        id=card_id(incident),
        class_=f"card incident {incident.status}",
    )


def _severity(severity: str) -> Markup:
    known = severity if severity in _SEVERITIES else "info"
    return element("span", severity, class_=f"severity {known}")


def _where(incident: Incident) -> Markup:
    parts = [
        element("span", element("i", name), " ", str(incident.latest[name]))
        for name in ("source", "component", "group", "class")
        if incident.latest.get(name)
    ]
    return element("p", parts, class_="where")


def _details(details: object) -> Markup | None:
    if isinstance(details, str) and details:
        return element("p", lines(details), class_="details-text")
    if not isinstance(details, dict) or not details:
        return None
    rows = [
        element(
            "div",
            element("dt", str(name).replace("_", " ")),
            element("dd", _value(value)),
            class_="wide" if _is_wide(value) else None,
        )
        for name, value in details.items()
    ]
    return element("dl", rows, class_="details")


def _is_wide(value: object) -> bool:
    if isinstance(value, str):
        longest = _NARROW // 2 if safe_url(value) else _NARROW
        return len(value) > longest or "\n" in value
    return isinstance(value, dict | list)


def _value(value: Any) -> Markup:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        if safe_url(value) is not None:
            return link(value, value)
        return lines(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return join(element("div", _value(item)) for item in value)
    if isinstance(value, dict | list):
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        return element("pre", text)
    if isinstance(value, float):
        return element("span", f"{value:.6g}")
    return element("span", msgspec.json.encode(value).decode())


def _links(incident: Incident) -> Markup | None:
    links = [
        link(incident.client_url, f"View in {incident.client or 'the monitoring tool'}")
        if incident.client_url
        else None,
        *(_link(item) for item in incident.links),
    ]
    shown = [item for item in links if item is not None]
    return element("p", shown, class_="links") if shown else None


def _link(item: Mapping[str, Any]) -> Markup:
    return link(item.get("href"), str(item.get("text") or item.get("href") or ""))


def _log(incident: Incident) -> list[Markup]:
    entries = list(enumerate(incident.log))
    hidden = max(0, len(entries) - _LOG_SHOWN)
    if hidden:
        entries = [entries[0], *entries[hidden + 1 :]]
    shown = [_entry(index, entry, incident) for index, entry in entries]
    if hidden:
        shown.insert(1, element("li", f"{hidden} further events", class_="more"))
    return shown


def _entry(index: int, entry: LogEntry, incident: Incident) -> Markup:
    match entry.action:
        case "trigger" if index == 0:
            words = "Triggered through the API"
        case "trigger":
            words = str(entry.payload.get("summary", "Triggered again"))
        case "resolve":
            open_s = entry.time_s - incident.opened_s
            words = f"Resolved after {duration(open_s)}"
        case _:
            words = "Acknowledged"
    last = incident.status is Status.RESOLVED and entry.action == "resolve"
    return element(
        "li",
        element("time", clock_time(entry.time_s)),
        element("span", lines(words)),
        class_=f"{entry.action}{' last' if last else ''}",
    )
