"""Carrying out that a person accepts a level: which alerts it is about."""

from __future__ import annotations

from typing import NamedTuple

from detectors.actions import Accept, read_match
from detectors.kinds.watch import Watch
from detectors.severities import severity_of
from detectors.state.population import Population
from detectors.state.stage import Stage


class Outcome(NamedTuple):
    """What became of an action in one partition.

    Attributes:
        resolved: Alerts whose level is the normal one now.
        untouched: Open alerts that match and have nothing to accept: of rules that
            learn nothing, or whose window has only just begun.
    """

    accept: Accept
    resolved: int
    untouched: int


def matchable(watch: Watch) -> dict[str, str]:
    """The labels of an open alert that conditions may look at (S35)."""
    rule = watch.plan.rule
    return {
        **watch.by,
        **watch.plan.labels,
        "rule": rule.name,
        "metric": rule.metric.name,
        "severity": severity_of(watch.life.level),
        "kind": rule.kind.name,
    }


def carry_out(
    accept: Accept, everyone: Population, offset: int, clock_us: int, stage: Stage
) -> Outcome:
    """Make the level of each open alert that matches its normal one.

    Args:
        accept: What was asked.
        everyone: The series of the partition.
        offset: Of the block that carries it: rows that hold it already are left.
        clock_us: The partition's time.
        stage: Takes the lines, in the order of the series' keys.
    """
    matchers = read_match(accept.match)
    resolved = untouched = 0
    stage.evidence = {"accepted_by": accept.by} if accept.by else {}
    found = [
        series
        for series in everyone.awake.values()
        if series.last_offset < offset and any(series.opened())
    ]
    found.sort(key=lambda series: series.key)
    for series in found:
        for watch in series.opened():
            if not matchers.matches(matchable(watch)):
                continue
            if watch.accept(max(clock_us, series.last_us), stage):
                resolved += 1
                everyone.touch(series)
                everyone.place(series)
            else:
                untouched += 1
    stage.evidence = {}
    return Outcome(accept, resolved, untouched)
