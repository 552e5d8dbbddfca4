"""Rules: what every kind has in common, and which key goes with which kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detectors.matchers import EVERYTHING
from detectors.metrics import METRICS, Aggregate, Direction, Metric
from detectors.rules import (
    SECOND_US,
    Anomaly,
    Baseline,
    Budget,
    Hold,
    Kind,
    Rule,
    Severity,
    Threshold,
    Window,
)
from loopwatch.config.common import (
    Defaults,
    read_annotations,
    read_common,
    read_flapping,
    read_rebaseline,
)
from loopwatch.config.findings import Findings
from loopwatch.config.fitting import check_keys, check_window
from loopwatch.config.kinds import (
    read_absence,
    read_anomaly,
    read_baseline,
    read_budget,
    read_drift,
    read_exit,
)
from loopwatch.config.labels import (
    KINDS,
    Scope,
    matchers,
    static_labels,
)
from loopwatch.config.levels import (
    Judged,
    build_threshold,
    read_exits,
    read_limits,
)
from loopwatch.config.nodes import Node
from loopwatch.config.spans import span
from loopwatch.config.tables import Table, table
from loopwatch.config.values import word

_SESSION_HOLD_US: Final = 900 * SECOND_US
KEYS: Final = (
    "name",
    "metric",
    *KINDS,
    "by",
    "where",
    "window",
    "aggregate",
    "min_samples",
    "for",
    "recover",
    "keep_firing_for",
    "severity",
    "direction",
    "labels",
    "annotations",
    "rebaseline",
    "no_data",
    "flapping",
)
_HOMES: Final = {
    **dict.fromkeys(("ratio", "drop", "over"), "inside 'baseline'"),
    **dict.fromkeys(("sensitivity", "false_alarms"), "inside 'drift'"),
    "stretches": "inside 'anomaly'",
    **dict.fromkeys(("at_least", "at_most"), "inside 'absence'"),
    **dict.fromkeys(("amount", "period", "at", "timezone"), "inside 'budget'"),
    **dict.fromkeys(("summary", "runbook_url"), "inside 'annotations'"),
    **dict.fromkeys(("warning", "critical", "info"), "inside 'threshold'"),
    "match": "in a route; which sessions a rule sees says 'where'",
    **dict.fromkeys(("receiver", "group_by"), "in 'route'"),
    **dict.fromkeys(("description", "message"), "inside 'annotations', as 'summary'"),
    "runbook": "inside 'annotations', as 'runbook_url'",
}


def read_table(findings: Findings, node: Node) -> Table | None:
    """A rule's keys."""
    return table(findings, node, "a rule (a mapping)", KEYS, _HOMES)


def read_rule(
    findings: Findings, found: Table, name: str | None, defaults: Defaults
) -> Rule | None:
    """A rule with every default filled in; None if it cannot be one."""
    kinds = [key for key in found if key in KINDS]
    _one_kind(findings, found, kinds)
    kind_name = kinds[0] if len(kinds) == 1 else None
    metric = _metric(findings, found, kind_name)
    judged, window = _judged(findings, found, metric, kind_name)
    common = read_common(findings, found, defaults)
    rule = Rule(
        name or "",
        metric or METRICS["sessions"],
        Threshold(()),
        common.by,
        judged.aggregate,
        window=window,
        min_samples=common.min_samples,
        direction=judged.direction,
        no_data=common.no_data,
        no_data_after_us=common.no_data_after_us,
        severity=common.severity,
    )
    read = [_kind(findings, found, each, rule, judged) for each in kinds]
    rule = _further(findings, found, rule)
    if kind_name is None:
        return None
    check_keys(findings, found, kind_name, rule)
    if metric is None or read[0] is None:
        return None
    return _complete(rule, read[0], common)


def _one_kind(findings: Findings, found: Table, kinds: list[str]) -> None:
    if found.lacks(*KINDS):
        findings.fault(
            found.at, f"the rule has no kind: write one of {', '.join(KINDS)}"
        )
    for other in kinds[1:]:
        findings.fault(
            found.keys[other],
            f"'{other}' stands beside '{kinds[0]}': a rule has one kind, write two"
            " rules",
        )


def _metric(findings: Findings, found: Table, kind: str | None) -> Metric | None:
    node = found.get("metric")
    if node is None:
        if kind == "absence":
            return METRICS["sessions"]
        if found.lacks("metric"):
            findings.fault(
                found.at, f"'metric' is missing: one of {', '.join(METRICS)}"
            )
        return None
    name = word(findings, node, "metric", METRICS)
    if name is None:
        return None
    if kind == "absence" and name != "sessions":
        findings.fault(
            node,
            "'absence' waits for sessions, whatever they carry: write metric: sessions",
        )
    return METRICS[name]


def _judged(
    findings: Findings, found: Table, metric: Metric | None, kind: str | None
) -> tuple[Judged, Window | None]:
    read = found.read("window", lambda node: span(findings, node, counts=True))
    window = None if read is None else Window(span_us=read[0], samples=read[1])
    aggregate = found.read(
        "aggregate", lambda node: word(findings, node, "aggregate", Aggregate)
    )
    direction = found.read(
        "direction", lambda node: word(findings, node, "direction", Direction)
    )
    judged = Judged(
        metric,
        direction or (metric.direction if metric else Direction.UP),
        aggregate or (metric.default_aggregate if metric else Aggregate.MEAN),
    )
    if metric is not None:
        check_window(findings, found, kind, judged, window)
    return judged, window


def _kind(
    findings: Findings, found: Table, kind: str, rule: Rule, judged: Judged
) -> Kind | None:
    node = found.nodes[kind]
    recover = found.get("recover")
    match kind:
        case "threshold":
            limits = read_limits(findings, node, rule.severity, judged)
            if limits is None:
                return None
            exits = (
                {} if recover is None else read_exits(findings, recover, limits, judged)
            )
            return build_threshold(limits, exits)
        case "baseline":
            baseline = read_baseline(
                findings, node, judged, rule.window, rule.min_samples
            )
            if baseline is None or recover is None:
                return baseline
            return replace(
                baseline, recover=read_exit(findings, recover, baseline, judged)
            )
        case "absence":
            return read_absence(findings, node)
        case "drift":
            return read_drift(findings, node, judged.metric)
        case "anomaly":
            return read_anomaly(findings, node, judged.metric)
        case _:
            return read_budget(findings, node, judged.metric)


def _further(findings: Findings, found: Table, rule: Rule) -> Rule:
    """``where``, labels, annotations, and what goes with every kind."""
    where = found.read("where", lambda node: matchers(findings, node, Scope("where")))
    labels = found.read("labels", lambda node: static_labels(findings, node)) or {}
    for name in labels:
        if name in rule.by:
            findings.fault(
                found.keys["labels"], f"the label '{name}' is already in 'by'"
            )
    notes = (
        found.read("annotations", lambda node: read_annotations(findings, node)) or {}
    )
    after = found.read("rebaseline", lambda node: read_rebaseline(findings, node))
    flapping = found.read("flapping", lambda node: read_flapping(findings, node))
    return replace(
        rule,
        where=where or EVERYTHING,
        labels=labels,
        summary=notes.get("summary"),
        runbook_url=notes.get("runbook_url"),
        rebaseline_after=after,
        flapping=flapping,
    )


def _complete(rule: Rule, kind: Kind, common: Defaults) -> Rule:
    """The defaults that hang on the kind."""
    per_session = rule.window is None and isinstance(kind, Threshold | Anomaly)
    keep_us = _SESSION_HOLD_US if per_session else 0
    severity = common.severity
    if isinstance(kind, Threshold):
        severity = kind.levels[0].severity
    held = isinstance(kind, Threshold | Baseline | Anomaly) or kind.name == "drift"
    if held and common.keep_firing_for_us is not None:
        keep_us = common.keep_firing_for_us
    if isinstance(kind, Budget) and rule.metric.numerator is not None:
        rule = replace(rule, aggregate=Aggregate.SUM)
    return replace(
        rule,
        kind=kind,
        hold=common.hold if held else Hold(),
        keep_firing_for_us=keep_us,
        severity=Severity.WARNING if isinstance(kind, Budget) else severity,
    )
