"""Block Kit blocks as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from loopwatch.sandbox.markup import Markup, element, join, link
from loopwatch.sandbox.mrkdwn import mrkdwn, plain_text


def show_blocks(blocks: Iterable[Any]) -> Markup:
    """Blocks in order; of unknown ones the text that is in them."""
    return join(_block(block) for block in blocks if isinstance(block, dict))


def _block(block: Mapping[str, Any]) -> Markup:
    match block.get("type"):
        case "header":
            return element("h4", _text(block.get("text")), class_="block-header")
        case "section":
            return _section(block)
        case "context":
            return element(
                "div",
                [_element(item) for item in _list(block.get("elements"))],
                class_="block-context",
            )
        case "actions":
            return element(
                "div",
                [_element(item) for item in _list(block.get("elements"))],
                class_="block-actions",
            )
        case "divider":
            return element("hr", class_="block-divider")
        case "image":
            return element("p", _image(block), class_="block-image")
        case "markdown":
            return element("p", plain_text(str(block.get("text", ""))))
        case _:
            return element("p", plain_text(" ".join(_strings(block))))


def _section(block: Mapping[str, Any]) -> Markup:
    fields = [
        element("div", _text(field), class_="field")
        for field in _list(block.get("fields"))
    ]
    accessory = block.get("accessory")
    return element(
        "div",
        element(
            "div",
            element("p", _text(block["text"])) if "text" in block else None,
            element("div", fields, class_="fields") if fields else None,
            class_="section-body",
        ),
        element("div", _element(accessory), class_="accessory") if accessory else None,
        class_="block-section",
    )


def _element(item: object) -> Markup:
    if not isinstance(item, dict):
        return Markup()
    match item.get("type"):
        case "mrkdwn" | "plain_text":
            return element("span", _text(item))
        case "button":
            style = item.get("style")
            extra = f" {style}" if style in ("primary", "danger") else ""
            return link(
                item.get("url"), _text(item.get("text")), class_=f"button{extra}"
            )
        case "image":
            return _image(item)
        case _:
            return element("span", plain_text(" ".join(_strings(item))))


def _image(item: Mapping[str, Any]) -> Markup:
    """A link: the page loads nothing from elsewhere."""
    alt = str(item.get("alt_text") or "image")
    return link(item.get("image_url"), f"🖼 {alt}")


def _text(value: object) -> Markup:
    if not isinstance(value, dict):
        return Markup()
    text = str(value.get("text", ""))
    if value.get("type") == "mrkdwn":
        return mrkdwn(text)
    return plain_text(text, with_emoji=value.get("emoji", True) is not False)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: object) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                if isinstance(inner, str):
                    if name in {"text", "alt_text", "title"}:
                        yield inner
                else:
                    yield from _strings(inner)
        case list() | tuple():
            for inner in value:
                yield from _strings(inner)
