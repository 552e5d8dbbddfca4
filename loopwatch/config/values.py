"""Single values, read as what is wanted in their place.

Every function returns None after it has reported why there is no value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Final, TypeVar
from zoneinfo import available_timezones

from loopwatch.config.environment import Expanded
from loopwatch.config.faults import joined, shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Entries, Items, Node, Scalar
from loopwatch.config.scalars import resolve
from loopwatch.config.spelling import nearest, unknown

Choice = TypeVar("Choice", bound=str)

_KIND_OF: Final = {Scalar: "a single value", Items: "a list", Entries: "a mapping"}
_BOOLEANS: Final = {"yes", "no", "on", "off", "y", "n", "true", "false"}


def describe(node: Node) -> str:
    """``a list``, ``nothing``, ``a single value``: never the value itself."""
    if isinstance(node, Scalar) and node.plain and resolve(node.text) is None:
        return "nothing"
    return _KIND_OF[type(node)]


def is_nothing(node: Node) -> bool:
    """Whether no value was given: ``key:`` alone, ``null`` or ``~``."""
    return isinstance(node, Scalar) and node.plain and resolve(node.text) is None


def scalar_in(findings: Findings, node: Node, wanted: str) -> Scalar | None:
    """The node, if it is a single value."""
    if isinstance(node, Scalar) and not is_nothing(node):
        return node
    findings.fault(node, f"found {describe(node)}: write {wanted}")
    return None


def expanded(
    findings: Findings, node: Node, wanted: str, *, empty: bool = False
) -> Expanded | None:
    """A text, and which of its variables are not set.

    ``wanted`` is what should stand there, for the message (``a name``); ``empty`` says
    whether ``""`` is a value.
    """
    scalar = scalar_in(findings, node, wanted)
    if scalar is None:
        return None
    if scalar.plain and not isinstance(resolve(scalar.text), str):
        kind = "a boolean" if isinstance(resolve(scalar.text), bool) else "a number"
        findings.fault(node, f'found {kind}: write {wanted} in quotes, "{scalar.text}"')
        return None
    found = findings.expand(scalar)
    if not empty and not found.text.strip():
        findings.fault(node, f"found an empty text: write {wanted}")
        return None
    return None if found.malformed else found


def text(
    findings: Findings, node: Node, wanted: str, *, empty: bool = False
) -> str | None:
    """A text; where variables are not set, they stay in it as they stand."""
    found = expanded(findings, node, wanted, empty=empty)
    return None if found is None else found.text


def word(
    findings: Findings, node: Node, what: str, known: Iterable[Choice]
) -> Choice | None:
    """One of several known words; ``what`` they are is for the message."""
    words = list(known)
    if isinstance(node, Scalar) and isinstance(resolve(node.text), int | float):
        findings.fault(node, unknown(what, node.text, words))
        return None
    found = expanded(findings, node, f"one of {joined(words)}")
    if found is None:
        return None
    if not found.known:
        findings.fault(
            node,
            f"{shown(found.raw)} is not set, and the rules hang on it: write one of"
            f" {joined(words)}",
        )
        return None
    for each in words:
        if found.text == each:
            return each
    findings.fault(node, unknown(what, found.raw, words))
    return None


def number(findings: Findings, node: Node, wanted: str = "a number") -> float | None:
    """A finite number."""
    scalar = scalar_in(findings, node, wanted)
    if scalar is None:
        return None
    value = _resolved(findings, scalar, wanted)
    if value is None:
        return None
    if isinstance(value, bool | str):
        findings.fault(node, f"{shown(scalar.text)} is no number: write {wanted}")
        return None
    if not math.isfinite(value):
        findings.fault(node, f"{shown(scalar.text)} is not finite: write {wanted}")
        return None
    return float(value)


def _resolved(
    findings: Findings, scalar: Scalar, wanted: str
) -> str | float | bool | None:
    """What the scalar stands for, variables included, where a number is wanted."""
    if "${" in scalar.text:
        found = findings.expand(scalar)
        if not found.known:
            if found.unset:
                findings.fault(
                    scalar,
                    f"{shown(scalar.text)} is not set, and the rules hang on it: write {wanted}",
                )
            return None
        value = resolve(found.text)
        return "" if value is None else value
    if not scalar.plain:
        if isinstance(resolve(scalar.text), int | float):
            findings.fault(
                scalar,
                f"found a text: write {scalar.text} without quotes",
            )
            return None
        return scalar.text
    return resolve(scalar.text)


def whole(
    findings: Findings,
    node: Node,
    wanted: str,
    *,
    least: int = 1,
    most: int | None = None,
) -> int | None:
    """A whole number within limits."""
    value = number(findings, node, wanted)
    if value is None:
        return None
    if not value.is_integer():
        findings.fault(node, f"{as_written(node)} is not whole: write {wanted}")
        return None
    if value < least:
        findings.fault(node, f"{as_written(node)} is too small: write at least {least}")
        return None
    if most is not None and value > most:
        findings.fault(node, f"{as_written(node)} is too large: write at most {most}")
        return None
    return int(value)


def as_written(node: Node) -> str:
    """A value as it stands in the file, before any variable is looked up."""
    return shown(node.text) if isinstance(node, Scalar) else describe(node)


def positive(findings: Findings, node: Node, wanted: str) -> float | None:
    """A number above zero."""
    value = number(findings, node, wanted)
    if value is not None and value <= 0:
        findings.fault(node, f"{as_written(node)} is not above 0: write {wanted}")
        return None
    return value


def flag(findings: Findings, node: Node) -> bool | None:
    """``true`` or ``false``."""
    scalar = scalar_in(findings, node, "true or false")
    if scalar is None:
        return None
    value = resolve(scalar.text) if scalar.plain else scalar.text
    if isinstance(value, bool):
        return value
    hint = ""
    if str(value).lower() in _BOOLEANS:
        right = str(value).lower() in {"yes", "on", "y", "true"}
        hint = f": write {str(right).lower()}, without quotes"
    findings.fault(node, f"{shown(scalar.text)} is neither true nor false{hint}")
    return None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def timezone(findings: Findings, node: Node) -> str | None:
    """A name of the IANA time zone database."""
    name = text(findings, node, "a time zone, such as Europe/Berlin")
    if name is None:
        return None
    zones = _zones()
    if name in zones:
        return name
    places = {zone.lower(): zone for zone in sorted(zones) if "/" in zone}
    cities = {place.rpartition("/")[2]: place for place in places}
    meant = nearest(name, places) or cities.get(name.lower(), "")
    right = places.get(meant)
    hint = f", did you mean '{right}'?" if right else "; write one as Europe/Berlin"
    findings.fault(node, f"unknown time zone {as_written(node)}{hint}")
    return None
