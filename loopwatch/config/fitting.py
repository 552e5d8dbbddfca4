"""Which keys of a rule fit which kind, metric and window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detectors.metrics import Aggregate, Metric
from detectors.rules import NoData, Rule, Window
from loopwatch.config.faults import joined
from loopwatch.config.findings import Findings
from loopwatch.config.kinds import pointless_count
from loopwatch.config.levels import Judged
from loopwatch.config.nodes import Entries
from loopwatch.config.tables import Table

_ABSENCE: Final = "'absence' fires when its time has passed and ends with a session"
_BUDGET: Final = "'budget' adds up what its period spends"
_CHANGE: Final = "it re-learns by itself and resolves then"

_REFUSED: Final[Mapping[str, Mapping[str, str]]] = {
    "window": {
        "absence": f"{_ABSENCE}: take 'window' out",
        "budget": f"{_BUDGET}: take 'window' out",
    },
    "aggregate": {
        "absence": f"{_ABSENCE}: take 'aggregate' out",
        "budget": f"{_BUDGET}: take 'aggregate' out",
    },
    "direction": {
        "absence": f"{_ABSENCE}: take 'direction' out",
        "budget": f"{_BUDGET}: take 'direction' out",
    },
    "for": {
        "absence": f"{_ABSENCE}: make that time longer instead of 'for'",
        "budget": "a 'budget' level is reached once: take 'for' out",
    },
    "keep_firing_for": {
        "absence": f"{_ABSENCE}: take 'keep_firing_for' out",
        "budget": "a 'budget' alert ends with its period: take 'keep_firing_for' out",
    },
    "recover": {
        "absence": f"{_ABSENCE}: there is nothing to 'recover' to",
        "budget": "a 'budget' alert ends with its period: take 'recover' out",
        "drift": f"'recover' does not go with 'drift': {_CHANGE}",
        "anomaly": f"'recover' does not go with 'anomaly': {_CHANGE}",
    },
    "severity": {
        "budget": "a 'budget' has levels of its own (warning, from 1.0 critical):"
        " take 'severity' out",
    },
    "rebaseline": {
        "threshold": "'rebaseline' goes with 'baseline': a threshold learns nothing",
        "absence": "'rebaseline' goes with 'baseline': an absence has no level",
        "budget": "'rebaseline' goes with 'baseline': a budget learns nothing",
        "anomaly": f"'rebaseline' goes with 'baseline' and 'drift', not with 'anomaly': {_CHANGE}",
    },
    "no_data": {"absence": "'absence' is about missing data: take 'no_data' out"},
}


def check_keys(findings: Findings, found: Table, kind: str, rule: Rule) -> None:
    """Refuse keys that have no meaning for the kind; warn of those without effect."""
    for key, reasons in _REFUSED.items():
        if key in found and kind in reasons:
            findings.fault(found.keys[key], reasons[kind])
    node = found.get(kind)
    if "severity" in found and kind == "threshold" and isinstance(node, Entries):
        findings.fault(
            found.keys["severity"],
            "'severity' stands beside the levels of 'threshold', which name it: take"
            " 'severity' out",
        )
    if kind == "budget" and "flapping" in found:
        findings.warn(
            found.keys["flapping"],
            "'flapping' has no effect on 'budget': it ends with its period",
        )
    if "no_data" in found and rule.no_data is not NoData.HOLD and _sums(kind, rule):
        findings.warn(
            found.keys["no_data"],
            "'no_data' has no effect here: where sessions are added up over a time,"
            " none are zero",
        )
    if "min_samples" not in found:
        return
    windowed = rule.window is not None and kind in ("threshold", "baseline")
    if not windowed:
        what = "a rule on each session" if kind == "threshold" else f"'{kind}'"
        findings.warn(
            found.keys["min_samples"], f"'min_samples' has no effect on {what}"
        )
        return
    size = None if rule.window is None else rule.window.samples
    if size is not None and rule.min_samples > size and kind == "threshold":
        findings.warn(
            found.keys["min_samples"],
            f"'min_samples' {rule.min_samples} is more than the window holds:"
            f" evaluation begins at {size} sessions",
        )


def _sums(kind: str, rule: Rule) -> bool:
    """Whether nothing is a value like any other."""
    return kind == "budget" or rule.counts_nothing


def check_window(
    findings: Findings,
    found: Table,
    kind: str | None,
    judged: Judged,
    window: Window | None,
) -> None:
    """Whether aggregate and window make a value of this metric."""
    metric = judged.metric
    if metric is None or kind in ("absence", "budget", None):
        return
    if "window" not in found:
        _check_without_window(findings, found, kind, metric)
        return
    aggregate = found.keys.get("aggregate")
    if aggregate is not None and metric.pooled and judged.aggregate != Aggregate.MEAN:
        findings.fault(
            aggregate,
            f"'{metric.name}' is a rate, pooled over its window: take"
            f" 'aggregate: {judged.aggregate}' out",
        )
    elif (
        aggregate is not None
        and metric.numerator is None
        and judged.aggregate not in (Aggregate.COUNT, Aggregate.SUM)
    ):
        findings.fault(
            aggregate,
            f"each session counts 1, and the {judged.aggregate} of that says nothing:"
            " take 'aggregate' out",
        )
    elif window is not None:
        pointless = pointless_count(metric, judged.aggregate, window)
        if pointless is not None:
            findings.fault(found.keys["window"], pointless)


def _check_without_window(
    findings: Findings, found: Table, kind: str, metric: Metric
) -> None:
    if kind == "baseline":
        findings.fault(
            found.keys["baseline"],
            "'baseline' compares a window with the past: 'window' is missing, write for"
            " example window: 50 sessions",
        )
    elif metric.numerator is None:
        findings.fault(
            found.at, "'sessions' counts them: 'window' is missing, write window: 1h"
        )
    elif "aggregate" in found and kind == "threshold":
        findings.fault(
            found.keys["aggregate"],
            "'aggregate' needs a 'window': without one each session is judged by itself"
            f" ({joined(('window: 50 sessions', 'window: 1h'))})",
        )
