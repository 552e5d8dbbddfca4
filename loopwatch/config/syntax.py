"""What a YAML parser's complaint means, for the person who wrote the file."""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml.error import MarkedYAMLError, StringMark

from loopwatch.config.faults import Position
from loopwatch.config.source import Source

_ADVICE: Final = (
    (
        r"character '\\t' that cannot start",
        "a tab: YAML wants spaces here",
    ),
    (
        r"character '(.)' that cannot start",
        "no value may begin with {0}: put it in quotes",
    ),
    (
        r"mapping values are not allowed",
        "a ':' where none may stand: indent alike, or quote a text with ': ' in it",
    ),
    (
        r"expected <block end>",
        "the indentation fits no line above: align it with its neighbours",
    ),
    (r"sequence entries are not allowed", "a '-' where no list may begin"),
    (r"expected ',' or '(.)'", "a ',' or '{0}' is missing before this"),
    (r"could not find expected ':'", "a ':' is missing after this key"),
    (r"expected ':'", "a ':' is missing after this key"),
    (
        r"found unexpected end of stream|unexpected document separator",
        "a quote that is opened here is never closed",
    ),
    (
        r"unknown escape character",
        "this escape is unknown: use single quotes, or write two backslashes",
    ),
    (r"expected the node content", "a value is missing here"),
    (r"invalid (trailing|leading)? ?UTF|invalid start byte", "this is no UTF-8"),
    (r"directive|version", "this YAML directive is not supported: take it out"),
    (r"undefined alias", "this alias refers to an anchor that is not defined"),
)

_COMMENT: Final = re.compile(r":\s+#[\w-]+")
_VARIABLE: Final = re.compile(r"[\[{,:]\s*\$\{\w+\}")


def explain(error: MarkedYAMLError, source: Source) -> tuple[Position, str]:
    """Where the fault is, and what it is in plain words.

    The parser's own words stand where no better ones are known.
    """
    problem = f"{error.problem or ''}"
    at = _position(error.problem_mark or error.context_mark, source)
    begun = _position(error.context_mark or error.problem_mark, source)
    if "unexpected" in problem and "scalar" in f"{error.context}":
        at = begun  # where the quote was opened says more than the file's end
    for pattern, advice in _ADVICE:
        found = re.search(pattern, problem)
        if found is not None:
            words = advice.format(*(found.groups() or ("",)))
            break
    else:
        words = problem or "this is no YAML"
    if begun.line < at.line:
        words += f" (what is open here began in line {begun.line})"
    nearby = "\n".join(
        source.line(line) for line in range(begun.line, at.line + 1)[-5:]
    )
    if _VARIABLE.search(nearby) and "missing" in words:
        words += '; between brackets write variables in quotes, "${NAME}"'
    elif _COMMENT.search(nearby):
        words += "; '#' begins a comment: write a channel in quotes, \"#name\""
    return at, f"no YAML: {words}"


def _position(mark: StringMark | None, source: Source) -> Position:
    return source.position(len(source.text) if mark is None else mark.index)
