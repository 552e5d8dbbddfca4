"""Conditions on alerts as arguments of commands: LABEL=VALUE and the like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import typer

from detectors.actions import Match, read_match

_CONDITION: Final = re.compile(r"([a-zA-Z_][a-zA-Z0-9_.]*)(=~|!~|!=|=)(.*)", re.DOTALL)


def read_conditions(labels: Sequence[str], rule: str | None, *, verb: str) -> Match:
    """The conditions as they travel, or an exit that says what is wrong.

    Args:
        labels: As they were typed.
        rule: The name of a rule, if one was named.
        verb: What is done with the alerts, for messages.
    """
    if not labels and rule is None:
        raise wrong("say which alerts: LABEL=VALUE, such as agent=support, or --rule")
    pairs: list[tuple[str, str, str]] = []
    for text in labels:
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise wrong(f"{text!r} is no condition; write LABEL=VALUE")
        name, operator, value = found.groups()
        pairs.append((name, operator, value))
    if rule is not None:
        pairs.append(("rule", "=", rule))
    names = [name for name, operator, _ in pairs if operator == "="]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        name = min(twice)
        raise wrong(
            f"{name!r} stands twice, and no alert has both values; {verb} one after"
            f" the other, or write {name}=~'a|b'"
        )
    match: Match
    if all(operator == "=" for _, operator, _ in pairs):
        match = {name: value for name, _, value in pairs}
    else:
        match = [
            f'{name}{operator}"{_quoted(value)}"' for name, operator, value in pairs
        ]
    try:
        read_match(match)
    except ValueError as fault:
        raise wrong(str(fault)) from None
    return match


def _quoted(value: str) -> str:
    return value.replace('"', '\\"')


def wrong(problem: str) -> typer.Exit:
    """An exit with code 2 that says what is wrong."""
    typer.echo(f"error: {problem}", err=True)
    return typer.Exit(2)
