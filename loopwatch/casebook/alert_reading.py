"""Reading the alerts of a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detectors.rules import Rule, Severity
from loopwatch.casebook.cases import AlertCase
from loopwatch.config.durations import format_duration
from loopwatch.config.faults import shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Node, Scalar
from loopwatch.config.spans import time_us
from loopwatch.config.spelling import nearest
from loopwatch.config.tables import entries, name_of, table
from loopwatch.config.values import text, word

_BROUGHT: Final = ("metric", "kind")


def carried(rule: Rule) -> frozenset[str]:
    """Labels that alerts of a rule may have, beside those that all alerts have."""
    return frozenset((*rule.by, *rule.labels))


class AlertReader:
    """Reads one alert after the other.

    Args:
        findings: Told of what is wrong.
        rules: By name.
    """

    def __init__(self, findings: Findings, rules: Mapping[str, Rule]) -> None:
        self._findings = findings
        self._rules = rules

    def read(self, node: Node) -> AlertCase | None:
        """An alert; None after it has been said why there is none."""
        known = ("name", "labels", "severity", "fires", "levels", "resolves")
        homes = {"rule": "in 'labels': labels: {rule: NAME}"}
        found = table(self._findings, node, "an alert (a mapping)", known, homes)
        if found is None:
            return None
        name = name_of(self._findings, found)
        if found.lacks("labels"):
            self._findings.fault(node, "'labels' is missing: write {rule: NAME}")
        labels = found.read("labels", self._labels)
        severity = found.read("severity", self._severity)
        fires_us = found.read("fires", self._time_us) or 0
        levels = found.read("levels", lambda each: self._levels(each, fires_us)) or ()
        resolves_us = found.read("resolves", self._time_us)
        last_us = max([fires_us, *(at_us for at_us, _ in levels)])
        if resolves_us is not None and resolves_us <= last_us:
            self._findings.fault(
                found.nodes["resolves"],
                "it must resolve after all else that becomes of it, the last of which"
                f" is at {format_duration(last_us)}",
            )
        if name is None or labels is None:
            return None
        rule = self._rules[labels["rule"]]
        del labels["rule"]
        return AlertCase(
            name, rule, labels, severity or rule.severity, fires_us, levels, resolves_us
        )

    def _labels(self, node: Node) -> dict[str, str] | None:
        """The labels, ``rule`` among them; None if nobody knows the rule."""
        pairs = entries(self._findings, node, "a mapping of labels, {rule: NAME}")
        if pairs is None:
            return None
        found: dict[str, str] = {}
        rule = self._rule(node, {key.text: each for key, each in pairs})
        for key, each in pairs:
            name = key.text
            value = text(self._findings, each, "a text", empty=True)
            if name == "severity":
                self._findings.fault(
                    key, "'severity' belongs beside 'labels': it may change"
                )
            elif name in _BROUGHT:
                self._findings.fault(key, f"take {shown(name)} out: the rule brings it")
            elif value is not None:
                found[name] = value
                self._check_carried(key, rule)
        return None if rule is None else {**found, "rule": rule.name}

    def _rule(self, node: Node, labels: dict[str, Node]) -> Rule | None:
        if "rule" not in labels:
            names = ", ".join(sorted(self._rules))
            self._findings.fault(node, f"'rule' is missing: it is one of {names}")
            return None
        name = word(self._findings, labels["rule"], "rule", sorted(self._rules))
        return None if name is None else self._rules[name]

    def _check_carried(self, key: Scalar, rule: Rule | None) -> None:
        """Warn of a label that no alert of the rule will ever carry."""
        if rule is None or key.text == "rule" or key.text in carried(rule):
            return
        meant = nearest(key.text, sorted(carried(rule)))
        hint = f", did you mean {shown(meant)}?" if meant else ""
        self._findings.warn(
            key,
            f"no alert of the rule {shown(rule.name)} has the label"
            f" {shown(key.text)}: it is not in its 'by' or 'labels'{hint}",
        )

    def _levels(
        self, node: Node, fires_us: int
    ) -> tuple[tuple[int, Severity], ...] | None:
        wanted = "a mapping of severities and times, such as {critical: 10m}"
        found = table(self._findings, node, wanted, list(Severity))
        if found is None:
            return None
        levels: list[tuple[int, Severity]] = []
        for severity in Severity:
            at_us = found.read(severity, self._time_us)
            if at_us is None:
                continue
            if at_us <= fires_us:
                self._findings.fault(
                    found.nodes[severity],
                    f"it must be later than it fires, {format_duration(fires_us)};"
                    " what it is at first is 'severity'",
                )
            levels.append((at_us, severity))
        return tuple(sorted(levels))

    def _severity(self, node: Node) -> Severity | None:
        return word(self._findings, node, "severity", Severity)

    def _time_us(self, node: Node) -> int | None:
        return time_us(self._findings, node, zero=True)
