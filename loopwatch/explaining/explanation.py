"""Why an alert fired, as plain values: what ``--output json`` prints."""

from __future__ import annotations

from typing import Any, Final

from detectors.metrics import METRICS
from detectors.transitions import Flapping, Transition
from loopwatch.explaining.histories import History

WORST: Final = "worst_sessions"


def explain(history: History) -> dict[str, Any]:
    """The explanation of an alert's newest firing.

    Args:
        history: Of an alert that has fired.
    """
    line = history.fired
    assert line is not None  # noqa: S101 - only what has fired is explained
    metric = METRICS.get(line.metric)
    latest = history.course[-1]
    return {
        "alert_id": line.alert_id,
        "rule": line.rule,
        "rule_kind": line.rule_kind,
        "labels": line.labels,
        "metric": line.metric,
        "aggregate": line.aggregate,
        "unit": "seconds" if line.rule_kind == "absence" else _unit(line, metric),
        "state": history.latest.to_state,
        "severity": line.severity,
        "generation": line.generation,
        "time": line.time,
        "began": line.began,
        "reason": line.reason,
        "session_id": line.session_id,
        "value": line.value,
        "expected": line.expected,
        "limit": line.threshold,
        "evidence": {
            name: value for name, value in line.evidence.items() if name != WORST
        },
        "attribution": latest.attribution or line.attribution,
        "causes": latest.causes or line.causes,
        "peak": history.peak,
        "sessions": history.sessions,
        "flapping": _flapping(history.flapping),
        "trace": latest.trace or line.trace,
        WORST: history.evidence.get(WORST, []),
        "course": [
            {
                "time": each.time,
                "from": each.from_state,
                "to": each.to_state,
                "severity": each.severity,
                "value": each.value,
                "reason": each.reason,
            }
            for each in history.course
        ],
        "summary": line.summary,
        "runbook_url": line.runbook_url,
    }


def _flapping(found: Flapping | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "now": found.number > 0,
        "changes": found.changes,
        "since": found.since,
        "within_s": found.within_s,
    }


def _unit(line: Transition, metric: Any) -> str:  # noqa: ANN401
    if line.aggregate == "count":
        return "sessions"
    if metric is None:
        return ""
    # Rates are shares of 1 on every line.
    return "share" if metric.unit == "%" else str(metric.unit)
