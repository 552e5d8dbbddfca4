"""A difference for people: a diff of alerts, and who is told how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from alerts.messages.text import plain
from detectors.rules import SECOND_US
from detectors.transitions import microseconds
from loopwatch.backtesting.verdict import Alert, Count, Moved, RuleCount, Verdict
from loopwatch.config.durations import format_duration

Line = tuple[str, str]
"""Style and text."""

HEADING: Final = "bold"
PLAIN: Final = ""
ADDED: Final = "red"
REMOVED: Final = "green"
MOVED: Final = "yellow"
_COLUMNS: Final = ("receiver", "channel", "messages", "pages", "new pages")


def lines(verdict: Verdict) -> Iterator[Line]:
    """All of it: rule by rule what changed, then what people are told, then the sum."""
    for rule in verdict.rules:
        yield from _rule(rule, verdict)
    if verdict.receivers:
        yield PLAIN, ""
        yield from _receivers(verdict)
    yield PLAIN, ""
    yield HEADING, summary(verdict)


def summary(verdict: Verdict) -> str:
    """One sentence."""
    sessions = "session" if verdict.sessions == 1 else "sessions"
    pages = "page" if verdict.new_pages == 1 else "pages"
    return (
        f"{verdict.sessions} {sessions}: {len(verdict.added)} alerts added,"
        f" {len(verdict.removed)} removed, {len(verdict.moved)} moved,"
        f" {verdict.unchanged} as before; {verdict.new_pages} new {pages}."
    )


def _rule(rule: RuleCount, verdict: Verdict) -> Iterator[Line]:
    if not (rule.added or rule.removed or rule.moved):
        said = (
            f"{_alerts(rule.alerts)}, as before" if rule.alerts.before else "no alert"
        )
        yield PLAIN, f"{plain(rule.rule)}: {said}"
        return
    yield HEADING, f"{plain(rule.rule)}: {_alerts(rule.alerts)}"
    changes = [
        *(
            (each.fired, REMOVED, f"- {_said(each)}")
            for each in verdict.removed
            if each.rule == rule.rule
        ),
        *(
            (each.fired, ADDED, f"+ {_said(each)}")
            for each in verdict.added
            if each.rule == rule.rule
        ),
        *(
            (each.before.fired, MOVED, f"~ {_said(each.before)}: {_move(each)}")
            for each in verdict.moved
            if each.before.rule == rule.rule
        ),
    ]
    changes.sort(key=lambda change: microseconds(change[0]))
    for _, style, text in changes:
        yield style, f"  {text}"


def _said(alert: Alert) -> str:
    return f"{alert.fired}  {_labels(alert.labels)}  {alert.severity}, {_lasted(alert)}"


def _labels(labels: Mapping[str, str]) -> str:
    inside = ", ".join(
        f"{plain(name)}={plain(value)}" for name, value in labels.items()
    )
    return f"{{{inside}}}"


def _lasted(alert: Alert) -> str:
    if alert.resolved is None:
        return "still firing"
    return _span(microseconds(alert.resolved) - microseconds(alert.fired))


def _move(moved: Moved) -> str:
    before, after = moved.before, moved.after
    said = []
    later_us = microseconds(after.fired) - microseconds(before.fired)
    if later_us:
        said.append(f"fires {_span(abs(later_us))} {_direction(later_us)}")
    if before.resolved is None and after.resolved is not None:
        said.append(f"ends at {after.resolved}")
    elif after.resolved is None and before.resolved is not None:
        said.append("does not end")
    elif before.resolved is not None and after.resolved is not None:
        later_us = microseconds(after.resolved) - microseconds(before.resolved)
        if later_us:
            said.append(f"ends {_span(abs(later_us))} {_direction(later_us)}")
    if before.severity != after.severity:
        said.append(f"is {after.severity}")
    return ", ".join(said)


def _direction(later_us: int) -> str:
    return "later" if later_us > 0 else "earlier"


def _span(span_us: int) -> str:
    """To the second, but for what is shorter than that."""
    if span_us < SECOND_US:
        return format_duration(span_us)
    return format_duration(round(span_us / SECOND_US) * SECOND_US)


def _receivers(verdict: Verdict) -> Iterator[Line]:
    rows = [
        (
            plain(each.receiver),
            plain(f"{each.channel} {each.target}"),
            _counts(each.messages),
            _counts(each.pages),
            str(each.new_pages),
        )
        for each in verdict.receivers
    ]
    widths = [
        max(len(row[at]) for row in (_COLUMNS, *rows)) for at in range(len(_COLUMNS))
    ]
    yield HEADING, _aligned(_COLUMNS, widths)
    for row, each in zip(rows, verdict.receivers, strict=True):
        yield ADDED if each.new_pages else PLAIN, _aligned(row, widths)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _alerts(count: Count) -> str:
    return f"{_counts(count)} {'alert' if count.after == 1 else 'alerts'}"


def _counts(count: Count) -> str:
    if count.before == count.after:
        return str(count.before)
    return f"{count.before} -> {count.after}"
