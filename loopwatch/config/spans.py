"""Times and counts, where a time or either is wanted."""

from __future__ import annotations

from loopwatch.config.durations import parse_count, parse_duration, suggest
from loopwatch.config.environment import Expanded
from loopwatch.config.faults import shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Node
from loopwatch.config.scalars import resolve
from loopwatch.config.values import scalar_in


def span(
    findings: Findings, node: Node, *, counts: bool = False, zero: bool = False
) -> tuple[int | None, int | None] | None:
    """A time in microseconds, or a count of sessions: (time, count), one of them None.

    ``zero`` says whether ``0s`` is a value; ``0`` alone is then one too.
    """
    wanted = "a time, such as 15m"
    if counts:
        wanted = "a time or a count, such as 15m or 50 sessions"
    scalar = scalar_in(findings, node, wanted)
    if scalar is None:
        return None
    found = findings.expand(scalar)
    raw = shown(found.raw)
    if found.malformed:
        return None
    if found.unset:
        findings.fault(
            node, f"{raw} is not set, and the rules hang on it: write {wanted}"
        )
        return None
    if zero and found.text == "0":
        return (0, None)
    counted = "session" in found.text
    try:
        amount = parse_count(found.text) if counted else parse_duration(found.text)
    except ValueError as error:
        findings.fault(node, _not_a_span(found, str(error), wanted, counts))
        return None
    if counted and not counts:
        findings.fault(node, f"{raw} is a count: write {wanted}")
        return None
    if amount == 0 and not zero:
        findings.fault(node, f"{raw} is nothing: write {wanted}")
        return None
    return (None, amount) if counted else (amount, None)


def time_us(findings: Findings, node: Node, *, zero: bool = False) -> int | None:
    """A time in microseconds."""
    found = span(findings, node, zero=zero)
    return None if found is None else found[0]


def _not_a_span(found: Expanded, reason: str, wanted: str, counts: bool) -> str:
    if found.variables:  # what the environment says stays out of messages
        return f"{shown(found.raw)} {reason}: write {wanted}"
    value = found.text
    if isinstance(resolve(value), int | float):
        units = [f"{value}s", *([f"{value} sessions"] if counts else [])]
        return f"{shown(value)} has no unit: write {' or '.join(units)}"
    meant = suggest(value)
    if meant not in (None, value) and (counts or "sessions" not in str(meant)):
        return f"{shown(value)} {reason}, did you mean '{meant}'?"
    return f"{shown(value)} {reason}: write {wanted}"
