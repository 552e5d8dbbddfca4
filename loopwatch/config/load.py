"""Reading a configuration file: every fault of it at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from alerts.receivers import Receiver
from alerts.routes import Route, Routing
from detectors.rules import RuleBook
from loopwatch.config.book import read_book
from loopwatch.config.digest import digest
from loopwatch.config.faults import Fault, Position, shown
from loopwatch.config.findings import Findings
from loopwatch.config.labels import Scope
from loopwatch.config.mutes import read_inhibitions, read_mutes
from loopwatch.config.nodes import Node, UnreadableError, compose
from loopwatch.config.receivers import read_receivers
from loopwatch.config.routes import read_route
from loopwatch.config.source import NoTextError, Source, read_source
from loopwatch.config.tables import Table, table
from loopwatch.config.values import expanded, is_nothing, number

_KEYS: Final = (
    "version",
    "topics",
    "quality_scale",
    "defaults",
    "rules",
    "receivers",
    "route",
    "inhibit",
    "mute",
    "retention",
    "lateness",
    "max_age",
    "max_series",
)
_HOMES: Final = {"routes": "inside 'route'", "rule": "in the list 'rules'"}
_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_NOBODY: Final = Receiver("nobody", ())


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of topics that are the user's.

    Attributes:
        sessions: Where session events are read from.
        at: Where in the file that stands; None if it does not.
    """

    sessions: str = "agent.sessions"
    at: Position | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Config:
    """All that a configuration file says."""

    book: RuleBook
    routing: Routing
    topics: Topics
    path: Path


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file.

    Attributes:
        config: None exactly if there are faults.
        faults: What makes it unusable, in the file's order.
        warnings: What somebody should look at.
        unset: Variables and secret files that are not there: warnings for those who
            only look, faults for a worker.
    """

    config: Config | None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    unset: tuple[Fault, ...] = ()


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read a file; never raises, whatever is in it.

    Args:
        path: The YAML file; paths in it are relative to its folder.
        environ: Where ``${NAME}`` is looked up.
    """
    try:
        source = read_source(path)
    except NoTextError as error:
        at = error.at or Position(0, 0)
        return Loaded(None, (Fault(str(path), at.line, at.column, error.message),))
    return read(source, path, environ)


def read(source: Source, path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read the text of a file; ``path`` is its name for messages and paths in it."""
    findings = Findings(str(path), environ)
    config = None
    try:
        root, problems = compose(source)
    except UnreadableError as error:
        findings.fault(error.at, error.message)
    else:
        for at, message in problems:
            findings.fault(at, message)
        config = _read_root(findings, root, path)
    faults = findings.faults
    return Loaded(None if faults else config, faults, findings.warnings, findings.unset)


def _read_root(findings: Findings, root: Node | None, path: Path) -> Config | None:
    if root is None or is_nothing(root):
        at = Position(1, 1) if root is None else root
        findings.fault(
            at, "the file is empty: `loopwatch init` writes one to begin with"
        )
        return None
    found = table(
        findings, root, "a mapping that begins with version: 1", _KEYS, _HOMES
    )
    if found is None:
        return None
    _check_version(findings, found)
    book, names = read_book(findings, found)
    routing = _routing(findings, found, book, names, path.parent)
    topics = found.read("topics", lambda node: _topics(findings, node)) or Topics()
    if routing is None:
        return None
    book = replace(book, digest=digest(book, routing, topics))
    return Config(book, routing, topics, path)


def _check_version(findings: Findings, found: Table) -> None:
    node = found.get("version")
    if node is None:
        findings.warn(found.at, "'version' is missing: write version: 1")
        return
    version = number(findings, node, "a version (1)")
    if version not in (None, 1.0):
        findings.fault(
            node, "this version of loopwatch reads version 1: write version: 1"
        )


def _topics(findings: Findings, node: Node) -> Topics | None:
    found = table(
        findings, node, "a mapping, {sessions: agent.sessions}", ("sessions",)
    )
    topic = None if found is None else found.get("sessions")
    read = None if topic is None else expanded(findings, topic, "the name of a topic")
    if topic is None or read is None:
        return None
    if read.known:
        if not _TOPIC.fullmatch(read.text) or read.text in (".", ".."):
            findings.fault(
                topic,
                f"{shown(read.raw)} is no name of a topic: letters, digits, '.', '_'"
                " and '-', at most 249",
            )
        elif read.text.startswith("loopwatch."):
            findings.fault(
                topic, "topics named loopwatch.* are its own: name the sessions' topic"
            )
    return Topics(read.text, topic.at)


def _routing(
    findings: Findings,
    found: Table,
    book: RuleBook,
    names: frozenset[str],
    folder: Path,
) -> Routing | None:
    scope = Scope("match", alerts=True, rules=names, labels=_carried(book))
    receivers: tuple[Receiver, ...] = ()
    places: dict[str, Node] | None = None
    route: Route | None = None
    if "receivers" in found:
        receivers, places = read_receivers(findings, found.nodes["receivers"], folder)
    if "route" in found:
        route = read_route(findings, found.nodes["route"], places, scope)
    if found.lacks("receivers", "route"):
        findings.warn(
            found.at, "there are no 'receivers' and no 'route': nobody is told anything"
        )
        receivers, route = (_NOBODY,), Route(0, _NOBODY.name)
    elif found.lacks("route"):
        findings.fault(found.at, "'route' is missing: write route: {receiver: NAME}")
    elif found.lacks("receivers"):
        findings.fault(found.at, "'receivers' is missing: write a list of receivers")
    inhibit = found.read(
        "inhibit", lambda node: read_inhibitions(findings, node, scope)
    )
    mute = found.read("mute", lambda node: read_mutes(findings, node, scope))
    if route is None:
        return None
    return Routing(receivers, route, inhibit or (), mute or ())


def _carried(book: RuleBook) -> frozenset[str]:
    """Labels that some alert may carry."""
    return frozenset(label for rule in book.rules for label in (*rule.by, *rule.labels))
