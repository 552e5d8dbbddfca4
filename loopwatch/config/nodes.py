"""A YAML document as nodes of which each knows its place in the file.

Parsing and meaning are kept apart: ruamel.yaml supplies events, and scalars stay
text here until somebody says what is wanted (``values``). Aliases share nodes, so a
small file cannot unfold into a large one: the unfolded size is limited.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from loopwatch.config.faults import Position, shown
from loopwatch.config.source import Source
from loopwatch.config.syntax import explain

MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A text; ``plain`` if it stands without quotes."""

    at: Position
    text: str
    plain: bool = True
    size: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A list."""

    at: Position
    nodes: tuple[Node, ...]
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """A mapping, in the file's order."""

    at: Position
    pairs: tuple[tuple[Scalar, Node], ...]
    size: int


Node = Scalar | Items | Entries


class UnreadableError(Exception):
    """The text is no YAML that could be read; ``at`` says where it stops being."""

    def __init__(self, at: Position, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been seen."""

    at: Position
    anchor: str | None
    is_mapping: bool
    children: list[Node] = field(default_factory=list)


class _Composer:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._size = 0
        self.documents = 0
        self.index = 0
        self.root: Node | None = None
        self.problems: list[tuple[Position, str]] = []

    def feed(self, event: Event) -> None:
        self.index = event.start_mark.index
        at = self._source.position(self.index)
        match event:
            case DocumentStartEvent():
                self._begin_document(at)
            case ScalarEvent():
                self._refuse_tag(event, at)
                node = Scalar(at, event.value, plain=event.style is None)
                self._add(self._name(event.anchor, node))
            case AliasEvent():
                self._add(self._named(event.anchor, at))
            case SequenceStartEvent() | MappingStartEvent():
                self._refuse_tag(event, at)
                self._begin(event, at)
            case SequenceEndEvent() | MappingEndEvent():
                self._end()
            case _:
                pass

    def _begin_document(self, at: Position) -> None:
        self.documents += 1
        if self.documents > 1:
            raise UnreadableError(
                at, "a second document begins here: write one, without '---'"
            )

    def _refuse_tag(
        self, event: ScalarEvent | CollectionStartEvent, at: Position
    ) -> None:
        # Nothing is ever constructed from a tag; ignoring one would be a lie.
        tag = None if event.ctag is None else str(event.ctag)
        if tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.problems.append((at, "tags (such as !name) are not supported"))

    def _begin(self, event: CollectionStartEvent, at: Position) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise UnreadableError(at, f"nested more than {MAX_DEPTH} deep")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(at, event.anchor, isinstance(event, MappingStartEvent)))

    def _end(self) -> None:
        done = self._open.pop()
        size = 1 + sum(child.size for child in done.children)
        node: Node
        if done.is_mapping:
            node = Entries(done.at, self._pairs(done.children), size)
        else:
            node = Items(done.at, tuple(done.children), size)
        self._add(self._name(done.anchor, node), seen=True)

    def _name(self, anchor: str | None, node: Node) -> Node:
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _named(self, anchor: str, at: Position) -> Node:
        if anchor not in self._anchors:
            raise UnreadableError(
                at, f"{shown('*' + anchor)} refers to an anchor that is not defined"
            )
        node = self._anchors[anchor]
        if node is None:
            raise UnreadableError(at, f"{shown('*' + anchor)} stands inside itself")
        return node

    def _add(self, node: Node, *, seen: bool = False) -> None:
        # The children of a list were counted when they were added to it.
        self._size += 1 if seen else node.size
        if self._size > MAX_NODES:
            raise UnreadableError(
                node.at, f"too large: more than {MAX_NODES} values, aliases unfolded"
            )
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node

    def _pairs(self, children: list[Node]) -> tuple[tuple[Scalar, Node], ...]:
        pairs: dict[str, tuple[Scalar, Node]] = {}
        merged: list[Node] = []
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.problems.append((key.at, "a key must be a plain word"))
            elif key.plain and key.text == "<<":
                merged.append(value)
            elif key.text in pairs:
                first = pairs[key.text][0].at.line
                self.problems.append(
                    (key.at, f"key {shown(key.text)} stands already in line {first}")
                )
            else:
                pairs[key.text] = (key, _placed(value, key))
        for value in merged:
            self._merge(value, pairs)
        return tuple(pairs.values())

    def _merge(self, value: Node, pairs: dict[str, tuple[Scalar, Node]]) -> None:
        for source in value.nodes if isinstance(value, Items) else (value,):
            if not isinstance(source, Entries):
                self.problems.append(
                    (source.at, "'<<' merges a mapping, or a list of mappings")
                )
                continue
            for key, inner in source.pairs:
                pairs.setdefault(key.text, (key, inner))


def compose(source: Source) -> tuple[Node | None, list[tuple[Position, str]]]:
    """The document's root (None if there is nothing in it), and what is wrong in it.

    Raises:
        UnreadableError: It is no YAML, or too large.
    """
    composer = _Composer(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(source.text):
            composer.feed(event)
    except MarkedYAMLError as error:
        raise UnreadableError(*explain(error, source)) from None
    except ReaderError as error:
        at = source.position(error.position)
        raise UnreadableError(at, "a character that YAML does not allow") from None
    except (YAMLError, ArithmeticError, LookupError, TypeError, ValueError):
        # The parser trips over some nonsense, such as escapes beyond Unicode.
        at = source.position(composer.index)
        raise UnreadableError(at, "this is no YAML that can be read") from None
    return composer.root, composer.problems


def _placed(value: Node, key: Scalar) -> Node:
    """A value that was left out stands where its key does, not on the line below."""
    if isinstance(value, Scalar) and value.plain and not value.text:
        return replace(value, at=key.at)
    return value
