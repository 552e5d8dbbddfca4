"""Mappings and lists of the file, with every key accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from loopwatch.config.faults import Position, shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Entries, Items, Node, Scalar
from loopwatch.config.spelling import nearest, unknown
from loopwatch.config.values import describe, text

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping whose keys are known.

    Attributes:
        meant: Known keys that misspelt ones seem to stand for: not said to be missing.
    """

    at: Position
    keys: Mapping[str, Scalar] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    meant: frozenset[str] = frozenset()

    def __contains__(self, key: str) -> bool:
        return key in self.nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def get(self, key: str) -> Node | None:
        """The value of a key, if it is there."""
        return self.nodes.get(key)

    def lacks(self, *keys: str) -> bool:
        """Whether none of these keys is there, not even misspelt."""
        return not any(key in self.nodes or key in self.meant for key in keys)

    def read(self, key: str, reader: Callable[[Node], Value | None]) -> Value | None:
        """What a reader makes of the value of a key; None if it is not there."""
        node = self.nodes.get(key)
        return None if node is None else reader(node)


def entries(
    findings: Findings, node: Node, wanted: str
) -> tuple[tuple[Scalar, Node], ...] | None:
    """Keys and values of a mapping whose keys are free."""
    if isinstance(node, Entries):
        return node.pairs
    findings.fault(node, f"found {describe(node)}: write {wanted}")
    return None


def table(
    findings: Findings,
    node: Node,
    wanted: str,
    known: Iterable[str],
    homes: Mapping[str, str] | None = None,
) -> Table | None:
    """A mapping with known keys; each unknown one is a fault.

    ``wanted`` is for the message (``a rule (a mapping)``); ``homes`` says where keys
    belong that are often put here (``over`` in ``baseline``).
    """
    pairs = entries(findings, node, wanted)
    if pairs is None:
        return None
    names = list(known)
    keys: dict[str, Scalar] = {}
    nodes: dict[str, Node] = {}
    meant: set[str] = set()
    for key, value in pairs:
        name = key.text
        if name in names:
            keys[name], nodes[name] = key, value
        elif homes and name in homes:
            findings.fault(key, f"{shown(name)} belongs {homes[name]}")
        else:
            findings.fault(key, unknown("key", name, names))
            meant.add(nearest(name, names) or "")
    return Table(node.at, keys, nodes, frozenset(meant))


def items(
    findings: Findings, node: Node, wanted: str, *, least: int = 1
) -> tuple[Node, ...] | None:
    """The nodes of a list of at least so many; ``wanted`` is for the message."""
    if not isinstance(node, Items):
        findings.fault(node, f"found {describe(node)}: write {wanted}")
        return None
    if len(node.nodes) < least:
        findings.fault(node, f"found an empty list: write {wanted}")
        return None
    return node.nodes


def name_of(findings: Findings, found: Table) -> str | None:
    """The name of a rule or a receiver, a text in one line."""
    node = found.get("name")
    if node is None:
        if found.lacks("name"):
            findings.fault(found.at, "'name' is missing")
        return None
    name = text(findings, node, "a name")
    if name is not None and (not name.isprintable() or len(name) > 200):
        findings.fault(node, "a name is one line of at most 200 characters")
        return None
    return name
