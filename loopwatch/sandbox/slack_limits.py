"""Slack's limits on a message's blocks, and the words in which it refuses them.

The texts "must be less than ... characters", "failed to match all allowed schemas",
"no more than ... items allowed", "missing required field" and "invalid additional
property", with their JSON pointers, are those that Slack is seen to answer. Block
types other than those below are taken without a look inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BLOCKS: Final = 50
ATTACHMENTS: Final = 100
TEXT_TRUNCATED: Final = 40_000
UPDATE_TEXT: Final = 4_000
# Slack tells no number. Seen: 9,597 characters accepted, 11,341 refused.
SUM_OF_BLOCK_TEXT: Final = 10_000
SECTION_TEXT: Final = 3_000
FIELDS: Final = 10
FIELD_TEXT: Final = 2_000
HEADER_TEXT: Final = 150
CONTEXT_ELEMENTS: Final = 10
ACTIONS_ELEMENTS: Final = 25
BUTTON_TEXT: Final = 75
BUTTON_VALUE: Final = 2_000
URL: Final = 3_000
ALT_TEXT: Final = 2_000
ID: Final = 255
MARKDOWN_TEXT: Final = 12_000

_PROPERTIES: Final[Mapping[str, frozenset[str]]] = {
    "section": frozenset({"text", "fields", "accessory", "expand"}),
    "header": frozenset({"text", "level"}),
    "context": frozenset({"elements"}),
    "actions": frozenset({"elements"}),
    "divider": frozenset(),
    "image": frozenset({"image_url", "slack_file", "alt_text", "title"}),
    "markdown": frozenset({"text"}),
}
_NOT_LOOKED_INTO: Final = frozenset(
    {"rich_text", "input", "video", "file", "table", "context_actions", "call", "plan"}
)
_ANY_TEXT: Final = ("plain_text", "mrkdwn")


def block_faults(blocks: list[Any], at: str = "/blocks") -> list[str]:
    """All that Slack would find wrong with blocks, each with its JSON pointer."""
    check = _Check()
    check.count(blocks, BLOCKS, at)
    markdown = 0
    for index, block in enumerate(blocks):
        where = f"{at}/{index}"
        check.block(block, where)
        if isinstance(block, dict) and block.get("type") == "markdown":
            markdown += len(str(block.get("text", "")))
    if markdown > MARKDOWN_TEXT:
        check.add(f"must be less than {MARKDOWN_TEXT + 1} characters", at)
    return check.faults


def text_size(value: object) -> int:
    """Characters in all strings named ``text`` within a JSON value."""
    match value:
        case dict():
            return sum(
                len(inner)
                if name == "text" and isinstance(inner, str)
                else text_size(inner)
                for name, inner in value.items()
            )
        case list() | tuple():
            return sum(map(text_size, value))
        case _:
            return 0


class _Check:
    """Walks blocks and collects what is wrong."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def add(self, what: str, at: str) -> None:
        self.faults.append(f"{what} [json-pointer:{at}]")

    def count(self, items: list[Any], most: int, at: str) -> None:
        if len(items) > most:
            self.add(f"no more than {most} items allowed", at)

    def block(self, block: object, at: str) -> None:
        if not isinstance(block, dict):
            self.add("must provide an object", at)
            return
        kind = block.get("type")
        if kind is None:
            self.add("missing required field: type", at)
            return
        if not isinstance(kind, str) or kind not in _PROPERTIES:
            if kind not in _NOT_LOOKED_INTO:
                self.add(f"unsupported type: {kind}", f"{at}/type")
            return
        for name in sorted(set(block) - _PROPERTIES[kind] - {"type", "block_id"}):
            self.add(f"invalid additional property: {name}", at)
        if "block_id" in block:
            self.string(block, "block_id", ID, at)
        match kind:
            case "section":
                self.section(block, at)
            case "header":
                self.text(block, "text", HEADER_TEXT, at, ("plain_text",))
            case "context" | "actions":
                self.elements(block, kind, at)
            case "image":
                self.image(block, at)
            case "markdown":
                self.string(block, "text", MARKDOWN_TEXT, at)

    def section(self, block: dict[str, Any], at: str) -> None:
        if "text" in block or "fields" not in block:
            self.text(block, "text", SECTION_TEXT, at)
        if "fields" in block:
            fields = self.list_of(block, "fields", FIELDS, at)
            for index, field in enumerate(fields):
                self.text_object(field, FIELD_TEXT, f"{at}/fields/{index}")
        if "accessory" in block:
            self.element(block["accessory"], f"{at}/accessory")

    def elements(self, block: dict[str, Any], kind: str, at: str) -> None:
        most = CONTEXT_ELEMENTS if kind == "context" else ACTIONS_ELEMENTS
        elements = self.list_of(block, "elements", most, at)
        for index, element in enumerate(elements):
            where = f"{at}/elements/{index}"
            is_text = isinstance(element, dict) and element.get("type") in _ANY_TEXT
            if kind == "context" and is_text:
                self.text_object(element, SECTION_TEXT, where)
            else:
                self.element(element, where)

    def element(self, element: object, at: str) -> None:
        if not isinstance(element, dict):
            self.add("must provide an object", at)
            return
        if "type" not in element:
            self.add("missing required field: type", at)
            return
        if "action_id" in element:
            self.string(element, "action_id", ID, at)
        if element["type"] == "image":
            self.image(element, at)
        if element["type"] == "button":
            self.text(element, "text", BUTTON_TEXT, at, ("plain_text",))
            for name, longest in (("value", BUTTON_VALUE), ("url", URL)):
                if name in element:
                    self.string(element, name, longest, at)
            if element.get("style", "primary") not in {"primary", "danger"}:
                self.add("must be a valid enum value", f"{at}/style")

    def image(self, block: dict[str, Any], at: str) -> None:
        if "slack_file" not in block:
            self.string(block, "image_url", URL, at)
        self.string(block, "alt_text", ALT_TEXT, at)

    def list_of(
        self, block: dict[str, Any], name: str, most: int, at: str
    ) -> list[Any]:
        items = block.get(name)
        if items is None:
            self.add(f"missing required field: {name}", at)
            return []
        if not isinstance(items, list):
            self.add("must provide an array", f"{at}/{name}")
            return []
        if not items:
            self.add("no less than 1 items allowed", f"{at}/{name}")
        self.count(items, most, f"{at}/{name}")
        return items

    def text(
        self,
        block: dict[str, Any],
        name: str,
        longest: int,
        at: str,
        kinds: tuple[str, ...] = _ANY_TEXT,
    ) -> None:
        if name not in block:
            self.add(f"missing required field: {name}", at)
            return
        self.text_object(block[name], longest, f"{at}/{name}", kinds)

    def text_object(
        self,
        value: object,
        longest: int,
        at: str,
        kinds: tuple[str, ...] = _ANY_TEXT,
    ) -> None:
        if not isinstance(value, dict):
            self.add("must provide an object", at)
            return
        before = len(self.faults)
        if "type" not in value:
            self.add("missing required field: type", at)
        elif value["type"] not in kinds:
            self.add(f"unsupported type: {value['type']}", f"{at}/type")
        self.string(value, "text", longest, at)
        # Where two kinds of text are allowed Slack says first that neither fits.
        if len(kinds) > 1 and len(self.faults) > before:
            self.faults.insert(
                before, f"failed to match all allowed schemas [json-pointer:{at}]"
            )

    def string(self, block: dict[str, Any], name: str, longest: int, at: str) -> None:
        value = block.get(name)
        if value is None:
            self.add(f"missing required field: {name}", at)
        elif not isinstance(value, str):
            self.add("must provide a string", f"{at}/{name}")
        elif not value:
            self.add("must be more than 0 characters", f"{at}/{name}")
        elif len(value) > longest:
            self.add(f"must be less than {longest + 1} characters", f"{at}/{name}")
