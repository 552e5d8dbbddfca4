"""Label matchers, as Alertmanager writes them: ``=``, ``!=``, ``=~``, ``!~``.

A label that is missing equals the empty string everywhere. Regular expressions
are anchored at both ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

Operator = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label.

    Attributes:
        values: The literals any of which may equal the label, or one pattern.
    """

    label: str
    operator: Operator
    values: tuple[str, ...]
    pattern: re.Pattern[str] | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the condition holds for these labels."""
        value = labels.get(self.label, "")
        if self.pattern is not None:
            return (self.pattern.fullmatch(value) is not None) is (
                self.operator == "=~"
            )
        return (value in self.values) is (self.operator == "=")

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f'{self.label}{self.operator}"{self.values[0]}"'
        return f"{self.label}{self.operator}{list(self.values)}"


def equal(label: str, *values: str) -> Matcher:
    """A matcher for a label that equals any of the values."""
    return Matcher(label, "=", values)


_SYNTAX = re.compile(
    r'\s*([a-zA-Z_][a-zA-Z0-9_.]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))\s*'
)


def parse_matcher(text: str) -> Matcher:
    """Read one matcher such as ``tenant=~"acme-.*"``.

    Raises:
        ValueError: The text is no matcher, or its pattern is no regular expression.
    """
    found = _SYNTAX.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no matcher; write label="value", !=, =~ or !~')
    label, quoted, bare = found.group(1, 3, 4)
    operator = cast("Operator", found[2])
    value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
    if operator not in ("=~", "!~"):
        return Matcher(label, operator, (value,))
    try:
        # The quotes of a pattern carry regular-expression escapes untouched.
        source = quoted.replace('\\"', '"') if quoted is not None else bare
        return Matcher(label, operator, (source,), re.compile(source))
    except re.error as fault:
        raise ValueError(f"{value!r} is no regular expression: {fault}") from None


@dataclass(frozen=True, slots=True)
class Matchers:
    """Conditions that must all hold; none of them matches everything."""

    all_of: tuple[Matcher, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every condition holds for these labels."""
        return all(matcher.matches(labels) for matcher in self.all_of)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that are looked at."""
        return frozenset(matcher.label for matcher in self.all_of)

    def __str__(self) -> str:
        """Canonical text: the same conditions give the same text, in any order."""
        return ",".join(sorted(str(matcher) for matcher in self.all_of))


EVERYTHING = Matchers()
"""Matches every set of labels."""
