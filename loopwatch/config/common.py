"""What every kind of rule may say, and what ``defaults`` may say for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detectors.rules import Flapping, Hold, NoData, Severity
from loopwatch.config.findings import Findings
from loopwatch.config.labels import Scope, label_names
from loopwatch.config.nodes import Entries, Node
from loopwatch.config.spans import span, time_us
from loopwatch.config.tables import Table, table
from loopwatch.config.urls import plain_url
from loopwatch.config.values import text, whole, word

_AT_ONCE: Final = Hold()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What rules take over that do not say otherwise."""

    by: tuple[str, ...] = ("agent", "task_type")
    min_samples: int = 50
    hold: Hold = _AT_ONCE
    keep_firing_for_us: int | None = None
    severity: Severity = Severity.WARNING
    no_data: NoData = NoData.HOLD
    no_data_after_us: int | None = None


def read_defaults(findings: Findings, node: Node) -> Defaults:
    """The ``defaults`` of a file."""
    known = ("by", "min_samples", "for", "keep_firing_for", "severity", "no_data")
    why = "in each rule: a default would change what the rules without it mean"
    homes = dict.fromkeys(("window", "aggregate", "direction", "where", "recover"), why)
    found = table(findings, node, "a mapping, such as {min_samples: 50}", known, homes)
    if found is None:
        return Defaults()
    return read_common(findings, found, Defaults())


def read_common(findings: Findings, found: Table, defaults: Defaults) -> Defaults:
    """The keys that rules and ``defaults`` share; what is missing comes from above."""
    by = found.read("by", lambda node: _by(findings, node))
    least = found.read(
        "min_samples", lambda node: whole(findings, node, "a number of sessions")
    )
    hold = found.read("for", lambda node: _hold(findings, node))
    keep_us = found.read(
        "keep_firing_for", lambda node: time_us(findings, node, zero=True)
    )
    severity = found.read(
        "severity", lambda node: word(findings, node, "severity", Severity)
    )
    no_data = found.read("no_data", lambda node: _no_data(findings, node))
    kept = (defaults.no_data, defaults.no_data_after_us)
    return Defaults(
        defaults.by if by is None else by,
        least or defaults.min_samples,
        hold or defaults.hold,
        defaults.keep_firing_for_us if keep_us is None else keep_us,
        severity or defaults.severity,
        *(no_data or kept),
    )


def _by(findings: Findings, node: Node) -> tuple[str, ...] | None:
    names = label_names(findings, node, Scope("by"))
    return None if names is None else tuple(sorted(names))


def _hold(findings: Findings, node: Node) -> Hold | None:
    found = span(findings, node, counts=True, zero=True)
    return None if found is None else Hold(found[0] or 0, found[1] or 0)


def _no_data(findings: Findings, node: Node) -> tuple[NoData, int | None] | None:
    """What becomes of an alert without data, and after how long."""
    if not isinstance(node, Entries):
        found = word(findings, node, "no_data", NoData)
        return None if found is None else (found, None)
    known = (NoData.RESOLVE, NoData.ALERT)
    entries = table(findings, node, "a word, or {resolve: 2h}", known)
    named = [each for each in known if entries is not None and each in entries]
    if entries is None or entries.lacks(*known):
        if entries is not None:
            findings.fault(
                node, "what becomes of it? write {resolve: 2h} or {alert: 2h}"
            )
        return None
    for other in named[1:]:
        findings.fault(
            entries.keys[other], f"'{other}' stands beside '{named[0]}': write one"
        )
    if len(named) != 1:
        return None
    after_us = entries.read(named[0], lambda each: time_us(findings, each))
    return None if after_us is None else (named[0], after_us)


def read_annotations(findings: Findings, node: Node) -> Mapping[str, str | None]:
    """What a message tells beside the numbers."""
    known = ("summary", "runbook_url")
    found = table(findings, node, "a mapping, such as {summary: ...}", known)
    if found is None:
        return {}
    return {
        "summary": found.read("summary", lambda each: text(findings, each, "a text")),
        "runbook_url": found.read(
            "runbook_url", lambda each: plain_url(findings, each)
        ),
    }


def read_rebaseline(findings: Findings, node: Node) -> Hold | None:
    """After how long a new level becomes the baseline."""
    found = table(findings, node, "a mapping, such as {after: 1d}", ("after",))
    after = None if found is None else found.get("after")
    if found is not None and found.lacks("after"):
        findings.fault(node, "'after' is missing: write {after: 1d}")
    read = None if after is None else span(findings, after, counts=True)
    return None if read is None else Hold(read[0] or 0, read[1] or 0)


def read_flapping(findings: Findings, node: Node) -> Flapping | None:
    """How many changes within a time make an alert a flapping one."""
    known = ("changes", "within")
    found = table(findings, node, "a mapping, {changes: 6, within: 1h}", known)
    if found is None:
        return None
    for key in known:
        if found.lacks(key):
            findings.fault(
                node, f"'{key}' is missing: write {{changes: 6, within: 1h}}"
            )
    changes = found.read(
        "changes", lambda each: whole(findings, each, "a number of changes", least=2)
    )
    within_us = found.read("within", lambda each: time_us(findings, each))
    return (
        None if None in (changes, within_us) else Flapping(changes or 2, within_us or 1)
    )
