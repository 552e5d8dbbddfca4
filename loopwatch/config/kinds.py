"""What each kind of rule says of itself: baseline, absence, drift, anomaly, budget."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from detectors.metrics import Aggregate, Direction, Metric, Scale
from detectors.rules import (
    SECOND_US,
    Absence,
    Anomaly,
    Baseline,
    Budget,
    Drift,
    Silence,
    Window,
)
from loopwatch.config.durations import LONGEST_US, MOST_SESSIONS, format_duration
from loopwatch.config.findings import Findings
from loopwatch.config.levels import Judged
from loopwatch.config.nodes import Entries, Node, Scalar
from loopwatch.config.spans import span, time_us
from loopwatch.config.tables import Table, items, table
from loopwatch.config.values import (
    as_written,
    flag,
    number,
    positive,
    text,
    timezone,
    word,
)

_WEEK_US: Final = 7 * 86_400 * SECOND_US
MANY_WINDOWS: Final = 1_000
_DEFAULT_SAMPLES: Final = 1_000
_PERIODS: Final = ("day", "week", "month")
_SENSITIVITIES: Final = ("low", "medium", "high")
_ALARMS: Final = re.compile(r"([1-9][0-9]{0,5}) per (hour|day|week|month)")
_DAYS: Final = {"hour": 1 / 24, "day": 1, "week": 7, "month": 30}


def read_baseline(
    findings: Findings,
    node: Node,
    judged: Judged,
    window: Window | None,
    min_samples: int,
) -> Baseline | None:
    """``baseline: {ratio: 3.0, over: 7d}``, without its exit."""
    found = table(
        findings, node, "a mapping, such as {ratio: 3.0}", ("ratio", "drop", "over")
    )
    if found is None:
        return None
    ratio, drop = found.get("ratio"), found.get("drop")
    if ratio is not None and drop is not None:
        findings.fault(
            found.keys["drop"], "'ratio' and 'drop' stand together: write one of them"
        )
    elif found.lacks("ratio", "drop"):
        findings.fault(
            node,
            "no limit: write ratio (times the expected) or drop (points below it)",
        )
    times = None if ratio is None else _ratio(findings, ratio)
    points = None if drop is None else _drop(findings, drop, judged)
    reach = _reach(findings, found, window, min_samples)
    if reach is None or (times is None) is (points is None):
        return None
    return Baseline(times, points, over_us=reach[0], over_samples=reach[1])


def _ratio(findings: Findings, node: Node) -> float | None:
    value = number(findings, node, "a number above 1")
    if value is not None and value <= 1:
        findings.fault(
            node,
            f"{value:g} is not above 1: 'ratio' says how many times worse than"
            " expected is too bad, also where down is bad (2.0: less than half)",
        )
        return None
    return value


def _drop(findings: Findings, node: Node, judged: Judged) -> float | None:
    value = positive(findings, node, "a number above 0")
    if judged.direction is not Direction.DOWN and judged.metric is not None:
        findings.fault(
            node,
            f"'drop' is for metrics that go bad downwards, and '{judged.metric.name}'"
            " goes bad upwards: write ratio",
        )
        return None
    upper = judged.upper
    if value is not None and upper is not None and value >= upper:
        name = judged.metric.name if judged.metric else "it"
        hint = f": for {value:g} points of percent write {value / 100:g}"
        findings.fault(
            node,
            f"{value:g} is too large: '{name}' lies between 0 and {upper:g}"
            + (hint if upper == 1 and 1 < value <= 100 else ""),
        )
        return None
    return value


def _reach(
    findings: Findings, found: Table, window: Window | None, min_samples: int
) -> tuple[int, int] | None:
    """How far back the baseline reaches: microseconds, and samples."""
    node = found.get("over")
    if node is None:
        reach = (_WEEK_US, _DEFAULT_SAMPLES)
        at: Node | None = None
    else:
        read = span(findings, node, counts=True)
        if read is None:
            return None
        # Only what is said limits: 30d is not also 1,000 samples.
        reach = (read[0] or LONGEST_US, read[1] or MOST_SESSIONS)
        at = node
        if window is not None and window.span_us is not None and read[0] is None:
            findings.fault(
                node,
                "found a count: write a time, for the expected of a time window is the mean of"
                " the whole ones inside 'over'",
            )
            return None
    problem = None if window is None else _too_short(window, reach, min_samples)
    if problem is None:
        span_us = None if window is None else window.span_us
        if span_us is not None and reach[0] // span_us > MANY_WINDOWS:
            findings.warn(
                node or found.at,
                f"the past holds {reach[0] // span_us} windows of"
                f" {format_duration(span_us)}, each of them kept for every series:"
                " make 'over' shorter or 'window' longer",
            )
        return reach
    if at is None:
        findings.fault(found.at, f"'over' is missing, and its default of {problem}")
    else:
        findings.fault(at, problem)
    return None


def _too_short(window: Window, reach: tuple[int, int], min_samples: int) -> str | None:
    span_us, samples = reach
    if window.span_us is not None:
        if span_us < 2 * window.span_us:
            least = format_duration(2 * window.span_us)
            return (
                f"{format_duration(span_us)} holds fewer than two whole windows of"
                f" {format_duration(window.span_us)}: write at least {least}"
            )
        return None
    least_samples = max(window.samples or 0, min_samples)
    if samples < least_samples:
        name = "window" if (window.samples or 0) >= min_samples else "min_samples"
        return (
            f"{samples} sessions is shorter than '{name}' ({least_samples}):"
            f" write at least {least_samples} sessions"
        )
    return None


def read_exit(
    findings: Findings, node: Node, baseline: Baseline, judged: Judged
) -> float | None:
    """``recover`` of a baseline: the exit in the unit of ``ratio`` or ``drop``."""
    unit = "ratio" if baseline.ratio is not None else "drop"
    limit = baseline.ratio if baseline.ratio is not None else baseline.drop
    value = number(findings, node, f"a number, in the unit of '{unit}'")
    if value is None or limit is None or judged.metric is None:
        return value
    if value > limit:
        findings.fault(
            node,
            f"'recover' {value:g} is on the bad side of '{unit}' {limit:g}:"
            f" write at most {limit:g}",
        )
        return None
    if value < 0 or (unit == "ratio" and value == 0):
        findings.fault(node, f"'recover' {value:g} can never be reached")
        return None
    return value


def read_absence(findings: Findings, node: Node) -> Absence | Silence | None:
    """``absence: 30m``, or ``absence: {}``: longer than is usual for the series."""
    if isinstance(node, Entries):
        return _read_silence(findings, node)
    if isinstance(node, Scalar) and node.text == "auto":
        findings.fault(
            node, "'auto' is no time: write {}, which learns what silence is usual"
        )
        return None
    after_us = time_us(findings, node)
    return None if after_us is None else Absence(after_us)


def _read_silence(findings: Findings, node: Node) -> Silence | None:
    found = table(findings, node, "a mapping, such as {}", ("at_least", "at_most"))
    if found is None:
        return None
    least_us = found.read("at_least", lambda each: time_us(findings, each))
    most_us = found.read("at_most", lambda each: time_us(findings, each))
    usual = Silence(at_most_us=most_us)
    if least_us is None:
        least_us = min(usual.at_least_us, most_us or usual.at_least_us)
    if most_us is not None and most_us < least_us:
        findings.fault(
            found.nodes["at_most"],
            f"{format_duration(most_us)} is shorter than 'at_least'"
            f" ({format_duration(least_us)})",
        )
        return None
    return replace(usual, at_least_us=least_us)


def read_drift(findings: Findings, node: Node, metric: Metric | None) -> Drift | None:
    """``drift: {sensitivity: medium}`` or ``drift: {false_alarms: "2 per day"}``."""
    found = table(
        findings, node, "a mapping, such as {}", ("sensitivity", "false_alarms")
    )
    if found is None:
        return None
    sensitivity = found.read(
        "sensitivity", lambda each: word(findings, each, "sensitivity", _SENSITIVITIES)
    )
    alarms = found.get("false_alarms")
    budget = None if alarms is None else text(findings, alarms, 'a text, "2 per day"')
    phrase = None if budget is None else _ALARMS.fullmatch(budget)
    if alarms is not None and budget is not None and phrase is None:
        findings.fault(
            alarms,
            f'{as_written(alarms)} is no rate of alarms: write it as "2 per day"'
            " (hour, day, week or month)",
        )
    _carried(findings, node, metric)
    if "sensitivity" in found and "false_alarms" in found:
        findings.fault(
            found.keys["false_alarms"],
            "'sensitivity' and 'false_alarms' stand together: write one of them, for the"
            " sensitivity follows from the false alarms allowed",
        )
    a_day = None if phrase is None else int(phrase[1]) / _DAYS[phrase[2]]
    return Drift(sensitivity or "medium", a_day)


def _carried(findings: Findings, node: Node, metric: Metric | None) -> None:
    if metric is not None and metric.numerator is None:
        findings.fault(
            node,
            "sessions carry no number of themselves that could be odd or drift: use"
            " absence: {}, or a baseline over a window of time",
        )


def read_anomaly(
    findings: Findings, node: Node, metric: Metric | None
) -> Anomaly | None:
    """``anomaly: {}`` or ``anomaly: {stretches: true}``."""
    found = table(findings, node, "a mapping, such as {}", ("stretches",))
    if found is None:
        return None
    _carried(findings, node, metric)
    return Anomaly(found.read("stretches", lambda each: flag(findings, each)) or False)


def read_budget(findings: Findings, node: Node, metric: Metric | None) -> Budget | None:
    """``budget: {amount: 500, period: month}``."""
    known = ("amount", "period", "at", "timezone")
    found = table(
        findings, node, "a mapping, such as {amount: 500, period: month}", known
    )
    if found is None:
        return None
    for key in ("amount", "period"):
        if found.lacks(key):
            findings.fault(
                node, f"'{key}' is missing: write {{amount: 500, period: month}}"
            )
    if metric is not None and (metric.pooled or metric.scale is Scale.LOGIT):
        findings.fault(
            node, f"'{metric.name}' cannot be added up over a period: use cost_usd"
        )
    amount = found.read("amount", lambda each: positive(findings, each, "an amount"))
    period = found.read("period", lambda each: word(findings, each, "period", _PERIODS))
    shares = found.read("at", lambda each: _shares(findings, each))
    zone = found.read("timezone", lambda each: timezone(findings, each))
    return Budget(
        amount or 1.0, period or "month", shares or Budget(1.0, "day").at, zone or "UTC"
    )


def _shares(findings: Findings, node: Node) -> tuple[float, ...] | None:
    nodes = items(findings, node, "a list of shares, such as [0.5, 1.0]")
    shares: list[float] = []
    for each in nodes or ():
        share = positive(findings, each, "a share of the amount, such as 0.8")
        if share is None:
            continue
        if share > 10:
            findings.fault(
                each, f"{share:g} is too large: for {share:g} % write {share / 100:g}"
            )
        elif shares and share <= shares[-1]:
            findings.fault(
                each, f"{share:g} is not above {shares[-1]:g}: levels must rise"
            )
        else:
            shares.append(share)
    return tuple(shares) or None


def pointless_count(metric: Metric, aggregate: Aggregate, window: Window) -> str | None:
    """Why a count over a window of so many samples says nothing; None if it does."""
    if window.samples is None:
        return None
    if aggregate is Aggregate.COUNT or metric.numerator is None:
        return (
            f"the last {window.samples} sessions always count {window.samples}: give a"
            " time, such as window: 1h"
        )
    return None
