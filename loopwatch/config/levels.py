"""Levels of a threshold: their order, their exits, and limits that make sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from detectors.metrics import Aggregate, Direction, Metric, Scale
from detectors.rules import Level, Severity, Threshold
from loopwatch.config.findings import At, Findings
from loopwatch.config.nodes import Entries, Node
from loopwatch.config.tables import table
from loopwatch.config.values import number

_SUMMED: Final = (Aggregate.SUM, Aggregate.COUNT)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a limit is compared with.

    Attributes:
        metric: None where it could not be read: nothing is then said of limits.
    """

    metric: Metric | None
    direction: Direction
    aggregate: Aggregate

    @property
    def upper(self) -> float | None:
        """The largest value there can be, if there is one."""
        if self.metric is None or self.aggregate in _SUMMED:
            return None
        if self.metric.scale is Scale.RATE:
            return 1.0
        return 100.0 if self.metric.scale is Scale.LOGIT else None

    def worse(self, value: float, limit: float) -> bool:
        """Whether a value is strictly worse than a limit."""
        return value > limit if self.direction is Direction.UP else value < limit


@dataclass(frozen=True, slots=True)
class Limit:
    """One level as written."""

    severity: Severity
    value: float
    at: At


def read_limits(
    findings: Findings, node: Node, severity: Severity, judged: Judged
) -> list[Limit] | None:
    """The limits of a threshold from the mildest to the worst, or None for a fault."""
    if not isinstance(node, Entries):
        value = number(
            findings,
            node,
            "a number, or a mapping of levels such as {warning: 0.5, critical: 2}",
        )
        if value is None or not _makes_sense(findings, node, value, judged):
            return None
        return [Limit(severity, value, node)]
    known = table(findings, node, "a mapping of levels", [*Severity])
    if known is None:
        return None
    if not node.pairs:
        findings.fault(node, "no level: write one of info, warning and critical")
        return None
    limits = []
    for each in Severity:
        level = known.get(each)
        value = None if level is None else number(findings, level)
        if level is None or value is None:
            continue
        if _makes_sense(findings, level, value, judged):
            limits.append(Limit(each, value, level))
    if len(limits) < len(node.pairs):
        return None
    return limits if _in_order(findings, limits, judged) else None


def _makes_sense(findings: Findings, node: Node, value: float, judged: Judged) -> bool:
    metric, upper = judged.metric, judged.upper
    if metric is None:
        return True
    if value < 0:
        findings.fault(node, f"{value:g} is below 0, and '{metric.name}' never is")
        return False
    if upper is not None and value > upper:
        findings.fault(node, _above(metric, value, upper))
        return False
    if value == (upper if judged.direction is Direction.UP else 0.0):
        side = "more" if judged.direction is Direction.UP else "less"
        findings.warn(
            node,
            f"'{metric.name}' is never {side} than {value:g}: this level is never"
            " breached",
        )
    return True


def _above(metric: Metric, value: float, upper: float) -> str:
    if metric.scale is not Scale.RATE:
        return (
            f"{value:g} is too large: rules see '{metric.name}' as 0 to 100 points,"
            " whatever the scale of the judge"
        )
    hint = f": for {value:g} % write {value / 100:g}" if value <= 100 else ""
    return f"{value:g} is too large: '{metric.name}' lies between 0 and {upper:g}{hint}"


def _in_order(findings: Findings, limits: list[Limit], judged: Judged) -> bool:
    if judged.metric is None:
        return True
    ordered = True
    for mild, bad in pairwise(limits):
        if judged.worse(bad.value, mild.value):
            continue
        ordered = False
        side = "above" if judged.direction is Direction.UP else "below"
        findings.fault(
            bad.at,
            f"'{bad.severity}' {bad.value:g} must lie {side} '{mild.severity}'"
            f" {mild.value:g}: for '{judged.metric.name}' {judged.direction} is bad",
        )
    return ordered


def read_exits(
    findings: Findings, node: Node, limits: list[Limit], judged: Judged
) -> Mapping[Severity, float]:
    """``recover`` of a threshold: by level, or a number for the mildest one."""
    if not isinstance(node, Entries):
        value = number(findings, node, "a number, or a mapping of levels")
        if value is None or not _is_exit(findings, node, value, limits[0], judged):
            return {}
        return {limits[0].severity: value}
    exits: dict[Severity, float] = {}
    levels = {str(limit.severity): limit for limit in limits}
    known = table(findings, node, "a mapping of levels", [*Severity])
    for name in known or ():
        each = known.nodes[name] if known else node
        if name not in levels:
            findings.fault(
                known.keys[name] if known else node,
                f"'threshold' has no level '{name}' to recover from",
            )
            continue
        value = number(findings, each)
        if value is not None and _is_exit(findings, each, value, levels[name], judged):
            exits[levels[name].severity] = value
    return exits


def _is_exit(
    findings: Findings, node: Node, value: float, limit: Limit, judged: Judged
) -> bool:
    if judged.metric is None:
        return True
    if judged.worse(value, limit.value):
        most = "at most" if judged.direction is Direction.UP else "at least"
        findings.fault(
            node,
            f"'recover' {value:g} is on the bad side of '{limit.severity}'"
            f" {limit.value:g}: write {most} {limit.value:g}",
        )
        return False
    upper = judged.upper
    if value < 0 or (upper is not None and value > upper):
        findings.fault(
            node, f"'{judged.metric.name}' is never {value:g}: it would never recover"
        )
        return False
    return True


def build_threshold(limits: list[Limit], exits: Mapping[Severity, float]) -> Threshold:
    """The levels with their exits."""
    return Threshold(
        tuple(
            Level(limit.severity, limit.value, exits.get(limit.severity))
            for limit in limits
        )
    )
