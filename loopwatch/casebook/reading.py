"""Reading a file of cases: every fault of it at once, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from alerts.notifications import Reason
from detectors.actions import Match
from loopwatch.casebook.alert_reading import AlertReader, carried
from loopwatch.casebook.cases import Case, Request, ToldCase
from loopwatch.config import Config
from loopwatch.config.durations import format_duration
from loopwatch.config.faults import Fault, Position
from loopwatch.config.findings import Findings
from loopwatch.config.labels import Scope, matchers
from loopwatch.config.nodes import (
    Entries,
    Items,
    Node,
    Scalar,
    UnreadableError,
    compose,
)
from loopwatch.config.source import NoTextError, read_source
from loopwatch.config.spans import time_us
from loopwatch.config.spelling import unknown
from loopwatch.config.tables import Table, items, name_of, table
from loopwatch.config.values import is_nothing, text, word
from loopwatch.moments import parse_moment

_BEGIN: Final = "2026-01-05T12:00:00Z"
_CASES: Final = "a list of cases, cases: [{name: ..., alerts: [...], told: [...]}]"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Cases:
    """What became of a file.

    Attributes:
        cases: Empty if there are faults.
        faults: What makes it unusable, in the file's order.
        warnings: What somebody should look at.
    """

    cases: tuple[Case, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def read_cases(path: Path, config: Config) -> Cases:
    """Read a file of cases; never raises, whatever is in it.

    Args:
        path: The YAML file.
        config: Whose rules and receivers the cases name.
    """
    findings = Findings(str(path), {})
    cases: tuple[Case, ...] = ()
    try:
        if not path.exists():
            raise NoTextError("no such file: name a file of cases")
        root, problems = compose(read_source(path))
    except NoTextError as error:
        findings.fault(error.at or Position(0, 0), error.message)
    except UnreadableError as error:
        findings.fault(error.at, error.message)
    else:
        for at, message in problems:
            findings.fault(at, message)
        cases = _Reader(findings, config).read(root)
    faults = findings.faults
    return Cases(() if faults else cases, faults, findings.warnings)


class _Reader:
    def __init__(self, findings: Findings, config: Config) -> None:
        self._findings = findings
        rules = {rule.name: rule for rule in config.book.rules}
        self._alerts = AlertReader(findings, rules)
        self._receivers = sorted(each.name for each in config.routing.receivers)
        labels = (label for rule in rules.values() for label in carried(rule))
        self._scope = Scope(
            "match",
            alerts=True,
            rules=frozenset(rules),
            labels=frozenset(labels),
        )

    def read(self, root: Node | None) -> tuple[Case, ...]:
        if root is None or is_nothing(root):
            at = Position(1, 1) if root is None else root
            self._findings.fault(at, f"there are no cases: write {_CASES}")
            return ()
        found = table(self._findings, root, _CASES, ("cases",))
        if found is None:
            return ()
        if found.lacks("cases"):
            self._findings.fault(found.at, f"'cases' is missing: write {_CASES}")
        return self._all(found, "cases", "a list of cases", self._case, least=1)

    def _case(self, node: Node) -> Case | None:
        known = (
            *("name", "at", "until", "alerts", "silences", "acks"),
            *("receivers", "told"),
        )
        found = table(self._findings, node, "a case (a mapping)", known)
        if found is None:
            return None
        name = name_of(self._findings, found)
        if found.lacks("alerts"):
            wanted = "alerts: [{name: a, labels: {rule: NAME}}]"
            self._findings.fault(node, f"'alerts' is missing: write {wanted}")
        if found.lacks("receivers", "told"):
            self._findings.fault(
                node, "say what is to come of it: 'receivers', 'told', or both"
            )
        alerts = self._all(
            found, "alerts", "a list of alerts", self._alerts.read, least=1
        )
        until_us = found.read("until", lambda each: time_us(self._findings, each))
        names = self._names(found)
        told = self._all(
            found,
            "told",
            "a list of notifications",
            lambda each: self._told(each, names, until_us),
        )
        receivers = self._all(found, "receivers", "a list of receivers", self._receiver)
        begin_us = found.read("at", self._moment)
        place = found.keys.get("receivers")
        return Case(
            place=node.at,
            name=name or "",
            begin_us=parse_moment(_BEGIN) if begin_us is None else begin_us,
            alerts=alerts,
            silences=self._all(found, "silences", "a list of silences", self._silence),
            acks=self._all(found, "acks", "a list of acknowledgements", self._ack),
            until_us=until_us,
            receivers=receivers if place is not None else None,
            receivers_place=None if place is None else place.at,
            told=told if "told" in found else None,
        )

    def _names(self, found: Table) -> list[str]:
        """Those of a case's alerts, also of such as are wrong; no two may be alike."""
        node, places = found.get("alerts"), dict[str, Position]()
        for each in node.nodes if isinstance(node, Items) else ():
            for key, value in each.pairs if isinstance(each, Entries) else ():
                if key.text != "name" or not isinstance(value, Scalar):
                    continue
                if value.text in places:
                    line = places[value.text].line
                    self._findings.fault(
                        value, f"the alert of line {line} has this name already"
                    )
                places.setdefault(value.text, value.at)
        return sorted(places)

    def _told(
        self, node: Node, names: Iterable[str], until_us: int | None
    ) -> ToldCase | None:
        known = ("after", "receiver", "reason", "alerts")
        found = table(self._findings, node, "a notification (a mapping)", known)
        if found is None:
            return None
        after_us = found.read("after", self._time_us)
        if after_us is not None and until_us is not None and after_us > until_us:
            self._findings.fault(
                found.nodes["after"],
                f"the case is over by then: its 'until' is {format_duration(until_us)}",
            )
        alerts = self._all(
            found,
            "alerts",
            "a list of names of alerts",
            lambda each: self._known(each, "alert", names),
        )
        return ToldCase(
            node.at,
            found.read("receiver", self._receiver),
            found.read(
                "reason", lambda each: word(self._findings, each, "reason", Reason)
            ),
            after_us,
            tuple(sorted(alerts)) if "alerts" in found else None,
        )

    def _silence(self, node: Node) -> Request | None:
        return self._request(node, "a silence (a mapping)", ("match", "for"))

    def _ack(self, node: Node) -> Request | None:
        wanted = "an acknowledgement (a mapping)"
        return self._request(node, wanted, ("match", "at", "for"))

    def _request(
        self, node: Node, wanted: str, needed: tuple[str, ...]
    ) -> Request | None:
        found = table(self._findings, node, wanted, ("match", "at", "for"))
        if found is None:
            return None
        for key in needed:
            if found.lacks(key):
                self._findings.fault(node, f"'{key}' is missing")
        at_us = found.read("at", self._time_us)
        for_us = found.read("for", lambda each: time_us(self._findings, each))
        match: Match = {} if "match" not in found else self._match(found.nodes["match"])
        return Request(match, at_us or 0, for_us or 0)

    def _match(self, node: Node) -> Match:
        """As people write it, once it is known to be right."""
        matchers(self._findings, node, self._scope)
        if isinstance(node, Entries):
            return {key.text: _values(each) for key, each in node.pairs}
        return _texts(node)

    def _receiver(self, node: Node) -> str | None:
        return self._known(node, "receiver", self._receivers)

    def _known(self, node: Node, what: str, names: Iterable[str]) -> str | None:
        name = text(self._findings, node, f"the name of {_AN[what]}")
        if name is not None and name not in names:
            self._findings.fault(node, unknown(what, name, names))
            return None
        return name

    def _moment(self, node: Node) -> int | None:
        written = text(self._findings, node, f"a time, such as {_BEGIN}")
        try:
            return None if written is None else parse_moment(written)
        except ValueError as fault:
            self._findings.fault(node, str(fault))
            return None

    def _time_us(self, node: Node) -> int | None:
        return time_us(self._findings, node, zero=True)

    def _all(
        self,
        found: Table,
        key: str,
        wanted: str,
        read: Callable[[Node], Value | None],
        *,
        least: int = 0,
    ) -> tuple[Value, ...]:
        """What the entries of a list say; none where the key is missing."""
        node = found.get(key)
        nodes = (
            None if node is None else items(self._findings, node, wanted, least=least)
        )
        values = [read(each) for each in nodes or ()]
        return tuple(value for value in values if value is not None)


_AN: Final = {"alert": "an alert", "receiver": "a receiver"}


def _values(node: Node) -> str | list[str]:
    return node.text if isinstance(node, Scalar) else _texts(node)


def _texts(node: Node) -> list[str]:
    nodes = node.nodes if isinstance(node, Items) else ()
    return [each.text for each in nodes if isinstance(each, Scalar)]
