"""``loopwatch accept``: take a new level for the normal one."""

from __future__ import annotations

import asyncio
import getpass
import re
import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from aiokafka.errors import KafkaError

from detectors.actions import Match, read_match
from detectors.rules import SECOND_US
from detectors.transitions import rfc3339
from loopwatch.config.durations import parse_duration
from loopwatch.environment import read_environment
from streams.actions import AcceptAction
from streams.connection import ConnectionFailed, connect, quiet_clients
from streams.control import write_action
from streams.settings import Settings, SettingsError
from streams.topics import TopicError

_CONDITION: Final = re.compile(r"([a-zA-Z_][a-zA-Z0-9_.]*)(=~|!~|!=|=)(.*)", re.DOTALL)


def accept(
    labels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LABEL=VALUE...",
            help="Which alerts; all must hold. Also LABEL!=VALUE, LABEL=~PATTERN.",
        ),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Only alerts of the rule with this name.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who you are, if not the user of this machine.")
    ] = None,
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait for Kafka.")
    ] = "10s",
) -> None:
    """Make what open alerts fire on the normal level; they resolve.

    Raises:
        typer.Exit: 1 if Kafka did not take it, 2 if the conditions are none.
    """
    match = _match(labels or [], rule)
    wait_s = _seconds(wait)
    settings = read_environment()
    now_us = time.time_ns() // 1_000
    action = AcceptAction(at=rfc3339(now_us), match=match, by=by or _user())
    try:
        offset = asyncio.run(_write(action, settings, wait_s))
    except SettingsError as fault:
        typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(2) from None
    except (ConnectionFailed, TopicError, KafkaError, TimeoutError) as fault:
        typer.echo(
            f"error: it was not written: {fault or type(fault).__name__}", err=True
        )
        raise typer.Exit(1) from None
    typer.echo(
        f"Written to {settings.topics().control} at offset {offset}. Open alerts that"
        " match and learn what is normal resolve within seconds, with the reason"
        " 'accepted'; a threshold, an absence or a budget has no level to accept, and"
        " nothing happens to its alerts.",
        err=True,
    )


def _match(labels: Sequence[str], rule: str | None) -> Match:
    """The conditions as they travel, or an exit that says what is wrong."""
    if not labels and rule is None:
        raise _wrong("say which alerts: LABEL=VALUE, such as agent=support, or --rule")
    pairs: list[tuple[str, str, str]] = []
    for text in labels:
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise _wrong(f"{text!r} is no condition; write LABEL=VALUE")
        name, operator, value = found.groups()
        pairs.append((name, operator, value))
    if rule is not None:
        pairs.append(("rule", "=", rule))
    names = [name for name, operator, _ in pairs if operator == "="]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        name = min(twice)
        raise _wrong(
            f"{name!r} stands twice, and no alert has both values; accept one after"
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
        raise _wrong(str(fault)) from None
    return match


def _quoted(value: str) -> str:
    return value.replace('"', '\\"')


def _wrong(problem: str) -> typer.Exit:
    typer.echo(f"error: {problem}", err=True)
    return typer.Exit(2)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) / SECOND_US
    except ValueError as fault:
        raise typer.BadParameter(
            f"{text!r} {fault}: write 10s", param_hint="--wait"
        ) from None


async def _write(action: AcceptAction, settings: Settings, wait_s: float) -> int:
    with quiet_clients():
        return await connect(lambda: write_action(action, settings), settings, wait_s)
