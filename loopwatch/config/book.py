"""The rule book: the rules of a file, and the times that hold for all of them."""

from __future__ import annotations

from dataclasses import replace

from detectors.rules import Absence, Rule, RuleBook, Silence
from loopwatch.config.common import Defaults, read_defaults
from loopwatch.config.durations import format_duration
from loopwatch.config.faults import shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Node
from loopwatch.config.rules import read_rule, read_table
from loopwatch.config.spans import time_us
from loopwatch.config.tables import Table, items, name_of
from loopwatch.config.values import number, whole


def read_book(findings: Findings, found: Table) -> tuple[RuleBook, frozenset[str]]:
    """The rules and the times of a file, and the names that its rules take."""
    book = _frame(findings, found)
    defaults = found.read("defaults", lambda node: read_defaults(findings, node))
    rules, names = _rules(findings, found, defaults or Defaults(), book.retention_us)
    return replace(book, rules=rules), names


def _frame(findings: Findings, found: Table) -> RuleBook:
    book = RuleBook(())
    retention_us = found.read("retention", lambda node: time_us(findings, node))
    lateness_us = found.read(
        "lateness", lambda node: time_us(findings, node, zero=True)
    )
    max_age_us = found.read("max_age", lambda node: time_us(findings, node))
    max_series = found.read(
        "max_series", lambda node: whole(findings, node, "a number of series")
    )
    scale = found.read("quality_scale", lambda node: _scale(findings, node))
    return replace(
        book,
        quality_scale=scale or book.quality_scale,
        retention_us=retention_us or book.retention_us,
        lateness_us=book.lateness_us if lateness_us is None else lateness_us,
        max_age_us=max_age_us or book.max_age_us,
        max_series=max_series,
    )


def _scale(findings: Findings, node: Node) -> tuple[float, float] | None:
    ends = items(findings, node, "a list of two numbers, such as [1, 10]")
    if ends is None:
        return None
    if len(ends) != 2:
        findings.fault(node, "the lowest and the highest score are wanted: [1, 10]")
        return None
    low, high = (number(findings, end) for end in ends)
    if low is None or high is None:
        return None
    if low >= high:
        findings.fault(
            node, f"the lowest score {low:g} is not below the highest {high:g}"
        )
        return None
    return low, high


def _rules(
    findings: Findings, found: Table, defaults: Defaults, retention_us: int
) -> tuple[tuple[Rule, ...], frozenset[str]]:
    node = found.get("rules")
    if node is None:
        if found.lacks("rules"):
            findings.fault(found.at, "'rules' is missing: write a list of rules")
        return (), frozenset()
    nodes = items(findings, node, "a list of rules", least=0)
    if nodes == ():
        findings.warn(node, "there is no rule: nothing will ever fire")
    rules: list[Rule] = []
    lines: dict[str, int] = {}
    for each in nodes or ():
        keys = read_table(findings, each)
        if keys is None:
            continue
        name = name_of(findings, keys)
        if name is not None and name in lines:
            findings.fault(
                keys.nodes["name"],
                f"a rule {shown(name)} stands already in line {lines[name]}",
            )
        elif name is not None:
            lines[name] = keys.nodes["name"].at.line
        rule = read_rule(findings, keys, name, defaults)
        if rule is not None:
            rules.append(rule)
            _check_retention(findings, keys, rule, retention_us)
    return tuple(rules), frozenset(lines)


def _check_retention(
    findings: Findings, keys: Table, rule: Rule, retention_us: int
) -> None:
    """A series must not be forgotten before it is missed."""
    kind, after_us = rule.kind, 0
    if isinstance(kind, Absence):
        after_us = kind.after_us
    elif isinstance(kind, Silence):
        after_us = kind.at_most_us or kind.at_least_us
    if after_us >= retention_us:
        findings.fault(
            keys.nodes["absence"],
            f"'retention' ({format_duration(retention_us)}) ends first, and the"
            " series would be forgotten before it is missed",
        )
