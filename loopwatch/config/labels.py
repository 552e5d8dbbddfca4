"""Names of labels, and conditions on them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from detectors.matchers import EVERYTHING, Matcher, Matchers, equal, parse_matcher
from detectors.metrics import METRICS
from detectors.rules import Severity
from loopwatch.config.faults import joined, shown
from loopwatch.config.findings import At, Findings
from loopwatch.config.nodes import Entries, Items, Node, Scalar
from loopwatch.config.spelling import nearest, unknown
from loopwatch.config.tables import entries, items
from loopwatch.config.values import as_written, describe, expanded, text

RESERVED: Final = ("rule", "metric", "severity", "kind")
"""Names that every alert carries; no session and no rule may bring its own."""

KINDS: Final = ("threshold", "baseline", "drift", "anomaly", "budget", "absence")

SESSION_LABELS: Final = (
    "agent",
    "task_type",
    "tenant",
    "user_id",
    "model",
    "agent_version",
    "environment",
)

_NOT_LABELS: Final = frozenset(
    {"session_id", "started_at", "ended_at", "trace_id", "trace_url", *METRICS}
)
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.]*")


@dataclass(frozen=True, slots=True)
class Scope:
    """What conditions may look at.

    Attributes:
        what: For messages: ``where``, ``match``.
        alerts: Labels of alerts, the reserved ones included, not of sessions.
        rules: Names of the file's rules.
        labels: Labels that some rule's alerts carry.
    """

    what: str
    alerts: bool = False
    rules: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()

    def check_carried(self, findings: Findings, at: At, label: str) -> None:
        """Warn of a label that no alert will ever carry."""
        if self.alerts and label not in self.labels and label not in RESERVED:
            meant = nearest(label, sorted(self.labels | set(RESERVED)))
            hint = f", did you mean {shown(meant)}?" if meant else ""
            findings.warn(
                at, f"no rule has the label {shown(label)} in 'by' or 'labels'{hint}"
            )


def label_name(findings: Findings, node: Node, scope: Scope) -> str | None:
    """The name of a label; where it is a session's, the reserved ones are faults."""
    found = expanded(findings, node, "the name of a label")
    if found is None:
        return None
    if found.variables and not _NAME.fullmatch(found.text):
        findings.fault(node, f"{shown(found.raw)} is no name of a label")
        return None
    if not is_label(findings, node, found.text, alerts=scope.alerts):
        return None
    if not found.variables:
        scope.check_carried(findings, node, found.text)
    return found.text


def is_label(findings: Findings, at: At, name: str, *, alerts: bool = False) -> bool:
    """Whether a name can be a label's; says so if it is unlikely to be one."""
    if not _NAME.fullmatch(name):
        findings.fault(
            at,
            f"{shown(name)} is no name of a label: letters, digits, _ and dots,"
            " not beginning with a digit",
        )
        return False
    if alerts:
        return True
    if name in RESERVED:
        findings.fault(
            at,
            f"'{name}' is reserved ({joined(RESERVED, 'and')} are set by the alert):"
            " choose another label",
        )
        return False
    if name in _NOT_LABELS:
        findings.warn(
            at,
            f"'{name}' is a field of a session and no label: it is looked up in"
            f" 'attributes'; labels are {joined(SESSION_LABELS, 'and')}",
        )
    elif name not in SESSION_LABELS and len(name) > 3:
        meant = nearest(name, SESSION_LABELS)
        if meant is not None and abs(len(meant) - len(name)) < 3:
            findings.warn(
                at,
                f"'{name}' is no field of a session and is looked up in 'attributes';"
                f" did you mean '{meant}'?",
            )
    return True


def label_names(findings: Findings, node: Node, scope: Scope) -> tuple[str, ...] | None:
    """A list of names, each at most once, in the file's order."""
    wanted = "a list of labels, such as [agent]"
    nodes = items(findings, node, wanted, least=0)
    if nodes is None:
        return None
    names: list[str] = []
    for each in nodes:
        name = label_name(findings, each, scope)
        if name is None:
            continue
        if name in names:
            findings.fault(each, f"{as_written(each)} stands twice")
        else:
            names.append(name)
    return tuple(names)


def static_labels(findings: Findings, node: Node) -> dict[str, str]:
    """A rule's own labels."""
    found: dict[str, str] = {}
    pairs = entries(findings, node, "a mapping of labels, such as {team: search}")
    for key, value in pairs or ():
        if not is_label(findings, key, key.text, alerts=key.text not in RESERVED):
            continue
        content = text(findings, value, "a text", empty=True)
        if content is not None:
            found[key.text] = content
    return found


def matchers(findings: Findings, node: Node, scope: Scope) -> Matchers:
    """Conditions that must all hold, as a mapping or as a list of texts."""
    if isinstance(node, Entries):
        pairs = [_condition(findings, key, each, scope) for key, each in node.pairs]
        return Matchers(tuple(each for each in pairs if each is not None))
    if isinstance(node, Items):
        read = [_written(findings, each, scope) for each in node.nodes]
        return Matchers(tuple(each for each in read if each is not None))
    findings.fault(
        node,
        f"found {describe(node)}: write '{scope.what}' as a mapping, such as {{tenant:"
        " acme}, or as a list, such as ['tenant=~\"acme-.*\"']",
    )
    return EVERYTHING


def _condition(
    findings: Findings, key: Scalar, node: Node, scope: Scope
) -> Matcher | None:
    name = key.text
    if not is_label(findings, key, name, alerts=scope.alerts):
        return None
    scope.check_carried(findings, key, name)
    nodes = node.nodes if isinstance(node, Items) else (node,)
    if not nodes:
        findings.fault(node, "an empty list matches nothing: give a value")
        return None
    values: list[str] = []
    for each in nodes:
        found = expanded(findings, each, "a text (or a list of texts)", empty=True)
        if found is not None:
            values.append(found.text)
            if found.known:
                _check_value(findings, each, name, found.raw, scope)
    return equal(name, *dict.fromkeys(values)) if values else None


def _written(findings: Findings, node: Node, scope: Scope) -> Matcher | None:
    found = expanded(findings, node, "a condition, such as 'tenant=\"acme\"'")
    if found is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of regular expressions that may change
            matcher = parse_matcher(found.text)
    except (ValueError, OverflowError, RecursionError) as error:
        findings.fault(node, _not_a_matcher(found.raw, error))
        return None
    if not is_label(findings, node, matcher.label, alerts=scope.alerts):
        return None
    scope.check_carried(findings, node, matcher.label)
    if matcher.pattern is None and found.known:
        _check_value(findings, node, matcher.label, matcher.values[0], scope)
    return matcher


def _not_a_matcher(raw: str, error: Exception) -> str:
    cause = str(error)
    if "regular expression" in cause:
        why = cause.partition("regular expression: ")[2]
        return f"{shown(raw)} holds no regular expression: {why}"
    if isinstance(error, ValueError):
        return f'{shown(raw)} is no condition: write label="value", !=, =~ or !~'
    return f"{shown(raw)} is too large a regular expression"


def _check_value(
    findings: Findings, at: At, label: str, value: str, scope: Scope
) -> None:
    """A value that no alert can have would silently match nothing."""
    if not scope.alerts or value == "":
        return
    known: Mapping[str, Iterable[str]] = {
        "severity": list(Severity),
        "metric": METRICS,
        "kind": KINDS,
    }
    if label in known:
        if value not in known[label]:
            findings.fault(at, unknown(label, value, known[label]))
    elif label == "rule" and value not in scope.rules:
        message = unknown("rule", value, sorted(scope.rules))
        findings.warn(at, f"{message} (it matches no alert)")
