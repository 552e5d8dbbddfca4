"""Times and counts, where one of them or either is wanted."""

from __future__ import annotations

from loopwatch.config.durations import (
    MOST_SESSIONS,
    parse_count,
    parse_duration,
    suggest,
)
from loopwatch.config.environment import Expanded
from loopwatch.config.faults import shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Node
from loopwatch.config.scalars import resolve
from loopwatch.config.values import scalar_in


def span(
    findings: Findings,
    node: Node,
    *,
    times: bool = True,
    counts: bool = False,
    zero: bool = False,
) -> tuple[int | None, int | None] | None:
    """A time in microseconds, or a count of sessions: (time, count), one of them None.

    ``zero`` says whether ``0s`` is a value; ``0`` alone is then one too.
    """
    examples = [*(["15m"] if times else []), *(["50 sessions"] if counts else [])]
    kinds = [*(["a time"] if times else []), *(["a count"] if counts else [])]
    wanted = f"{' or '.join(kinds)}, such as {' or '.join(examples)}"
    scalar = scalar_in(findings, node, wanted)
    if scalar is None:
        return None
    found = findings.expand(scalar)
    if not found.known:
        if found.unset:
            findings.fault(node, f"{wanted}, is wanted here: the variable is not set")
        return None
    if zero and found.text in ("0", "0s"):
        return (0, None)
    time_us, count = _time(found.text), _count(found.text)
    if time_us is None and count is None:
        findings.fault(node, _no_span(found, wanted, times, counts))
    elif (time_us is not None and not times) or (count is not None and not counts):
        findings.fault(node, f"{wanted}, is wanted here, not {shown(scalar.text)}")
    elif 0 in (time_us, count) and not zero:
        findings.fault(node, f"{shown(scalar.text)} is nothing: {wanted}, is wanted")
    else:
        return (time_us, count)
    return None


def time_us(findings: Findings, node: Node, *, zero: bool = False) -> int | None:
    """A time in microseconds."""
    found = span(findings, node, zero=zero)
    return None if found is None else found[0]


def _time(written: str) -> int | None:
    try:
        return parse_duration(written)
    except ValueError:
        return None


def _count(written: str) -> int | None:
    try:
        return parse_count(written)
    except ValueError:
        return None


def _no_span(found: Expanded, wanted: str, times: bool, counts: bool) -> str:
    value = found.text
    if found.variables:  # what the environment says stays out of messages
        return f"{shown(found.raw)} is no duration: {wanted}, is wanted"
    if isinstance(resolve(value), int | float):
        units = [f"{value}s"] if times else []
        units += [f"{value} sessions"] if counts else []
        return f"{shown(value)} has no unit: write {' or '.join(units)}"
    meant = suggest(value)
    if meant is not None:
        return f"{shown(value)} is no duration, did you mean '{meant}'?"
    limit = f", at most 520w or {MOST_SESSIONS} sessions" if value[:1].isdigit() else ""
    return f"{shown(value)} is no duration: {wanted}, is wanted{limit}"
