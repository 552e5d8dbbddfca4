"""Mute times and inhibitions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from alerts.routes import Inhibition, Mute, MuteTime
from detectors.matchers import EVERYTHING, Matchers
from loopwatch.config.findings import Findings
from loopwatch.config.labels import Scope, label_names, matchers
from loopwatch.config.nodes import Node, Scalar
from loopwatch.config.scalars import resolve
from loopwatch.config.spelling import unknown
from loopwatch.config.tables import Table, items, table
from loopwatch.config.values import as_written, describe, text, timezone

_WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00")
_KEYS: Final = ("weekdays", "start", "end", "days_of_month", "months", "years")


def read_mutes(findings: Findings, node: Node, scope: Scope) -> tuple[Mute, ...]:
    """The ``mute`` list."""
    found = items(findings, node, "a list of mute times", least=0)
    read = [_mute(findings, each, scope) for each in found or ()]
    return tuple(mute for mute in read if mute is not None)


def _mute(findings: Findings, node: Node, scope: Scope) -> Mute | None:
    found = table(
        findings,
        node,
        "a mute time (a mapping)",
        ("match", "times", "timezone"),
        dict.fromkeys(_KEYS, "inside 'times'"),
    )
    if found is None:
        return None
    match = found.read("match", lambda each: matchers(findings, each, scope))
    zone = found.read("timezone", lambda each: timezone(findings, each))
    if "times" not in found:
        if found.lacks("times"):
            findings.fault(
                node,
                "'times' is missing: write times: [{weekdays: [saturday, sunday]}]",
            )
        return None
    nodes = items(findings, found.nodes["times"], "a list of times") or ()
    times = [_time(findings, each) for each in nodes]
    return Mute(
        match or EVERYTHING,
        tuple(each for each in times if each is not None),
        zone or "UTC",
    )


def _time(findings: Findings, node: Node) -> MuteTime | None:
    found = table(findings, node, "a time (a mapping)", _KEYS)
    if found is None:
        return None
    if not found.nodes:
        findings.warn(node, "a time without conditions mutes for ever")
    start, end = _hours(findings, found)
    return MuteTime(
        weekdays=_days(findings, found, "weekdays", _WEEKDAYS, 0),
        start_minute=start,
        end_minute=end,
        days_of_month=_numbers(findings, found, "days_of_month", -31, 31),
        months=_days(findings, found, "months", _MONTHS, 1),
        years=_numbers(findings, found, "years", 1970, 9999),
    )


def _hours(findings: Findings, found: Table) -> tuple[int | None, int | None]:
    for key, other in (("start", "end"), ("end", "start")):
        if key in found and other not in found:
            findings.fault(found.keys[key], f"'{key}' needs '{other}' beside it")
    start = found.read("start", lambda node: _clock(findings, node))
    end = found.read("end", lambda node: _clock(findings, node))
    if start == 1440:
        findings.fault(found.nodes["start"], "24:00 is an end: write 00:00")
    elif start is not None and start == end:
        findings.fault(
            found.nodes["end"],
            "'start' and 'end' are the same time: for whole days leave both out",
        )
    return start, end


def _clock(findings: Findings, node: Node) -> int | None:
    written = text(findings, node, 'a time of day, such as "22:00"')
    if written is None:
        return None
    found = _CLOCK.fullmatch(written)
    if found is None:
        findings.fault(
            node, f'{as_written(node)} is no time of day: write "22:00" (to "24:00")'
        )
        return None
    return 1440 if found[1] is None else 60 * int(found[1]) + int(found[2])


def _days(
    findings: Findings, found: Table, key: str, names: Sequence[str], first: int
) -> tuple[int, ...]:
    """Weekdays or months: names, numbers for months, and ranges of either."""
    numbers: set[int] = set()
    count = len(names)
    for node, written in _entries(findings, found, key):
        ends = [_named(end, names, first) for end in _ends(written)]
        wrong = [
            end for end, at in zip(_ends(written), ends, strict=True) if at is None
        ]
        if wrong or len(ends) > 2:
            findings.fault(
                node,
                unknown(key.removesuffix("s"), _as_told(node, wrong, written), names),
            )
            continue
        low, high = ends[0] or 0, ends[-1] or 0
        # A range may run over the end of the week: friday:monday.
        length = (high - low) % count
        numbers.update(
            (low - first + step) % count + first for step in range(length + 1)
        )
    return tuple(sorted(numbers))


def _named(written: str, names: Sequence[str], first: int) -> int | None:
    if written in names:
        return names.index(written) + first
    value = resolve(written)
    if first and isinstance(value, int) and not isinstance(value, bool):
        return value if first <= value < first + len(names) else None
    return None


def _numbers(
    findings: Findings, found: Table, key: str, least: int, most: int
) -> tuple[int, ...]:
    numbers: set[int] = set()
    none = " (0 is none)" if least < 0 else ""
    for node, written in _entries(findings, found, key):
        ends = [resolve(end) for end in _ends(written)]
        whole = [end for end in ends if isinstance(end, int)]
        if len(whole) != len(ends) or len(ends) > 2:
            findings.fault(
                node, f"{as_written(node)} is no whole number and no range, such as 1:7"
            )
        elif not all(least <= end <= most and end != 0 for end in whole):
            findings.fault(
                node, f"{as_written(node)} is outside {least} to {most}{none}"
            )
        elif whole[0] > whole[-1] or (whole[0] < 0 < whole[-1]):
            findings.fault(node, f"{as_written(node)} ends before it begins")
        else:
            numbers.update(range(whole[0], whole[-1] + 1))
    return tuple(sorted(numbers))


def _entries(findings: Findings, found: Table, key: str) -> list[tuple[Node, str]]:
    node = found.get(key)
    if node is None:
        return []
    read: list[tuple[Node, str]] = []
    for each in items(findings, node, f"a list of {key.replace('_', ' ')}") or ():
        if isinstance(each, Scalar) and each.text:
            read.append((each, findings.expand(each).text))
        else:
            findings.fault(each, f"found {describe(each)}: write a single value")
    return read


def _ends(written: str) -> list[str]:
    return [part.strip() for part in written.split(":")]


def read_inhibitions(
    findings: Findings, node: Node, scope: Scope
) -> tuple[Inhibition, ...]:
    """The ``inhibit`` list."""
    found = items(findings, node, "a list of inhibitions", least=0)
    read = [_inhibition(findings, each, scope) for each in found or ()]
    return tuple(each for each in read if each is not None)


def _inhibition(findings: Findings, node: Node, scope: Scope) -> Inhibition | None:
    known = ("source", "target", "equal")
    found = table(findings, node, "an inhibition (a mapping)", known)
    if found is None:
        return None
    sides: Mapping[str, Matchers | None] = {
        side: found.read(
            side,
            lambda each, side=side: matchers(  # type: ignore[misc]
                findings, each, replace(scope, what=side)
            ),
        )
        for side in ("source", "target")
    }
    for side in sides:
        if found.lacks(side):
            findings.fault(node, f"'{side}' is missing: which alerts, as in 'match'")
    equal = found.read(
        "equal",
        lambda each: label_names(findings, each, scope),
    )
    return Inhibition(
        sides["source"] or EVERYTHING, sides["target"] or EVERYTHING, equal or ()
    )


def _as_told(node: Node, wrong: list[str], written: str) -> str:
    """The part of an entry that is wrong, unless a variable supplied it."""
    if isinstance(node, Scalar) and "${" in node.text:
        return node.text
    return wrong[0] if wrong else written
