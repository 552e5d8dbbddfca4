"""``loopwatch silence``: have alerts not told for a while."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from typing import Annotated, Final

import msgspec
import typer
from aiokafka.errors import KafkaError

from alerts.silences import Silence
from detectors.rules import SECOND_US
from detectors.transitions import rfc3339
from loopwatch.conditions import read_conditions, wrong
from loopwatch.environment import read_environment
from loopwatch.moments import parse_moment
from loopwatch.writing import duration_us, user, write
from streams.control.actions import ExpireAction, SilenceAction
from streams.control.silences import read_silences
from streams.kafka.connection import ConnectionFailed, connect, quiet_clients
from streams.settings import Settings, SettingsError

silence: Final = typer.Typer(no_args_is_help=True)

By = Annotated[
    str | None, typer.Option(help="Who you are, if not the user of this machine.")
]
Wait = Annotated[
    str, typer.Option(metavar="DURATION", help="How long to wait for Kafka.")
]


@silence.command()
def add(
    labels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LABEL=VALUE...",
            help="Which alerts; all must hold. Also LABEL!=VALUE, LABEL=~PATTERN.",
        ),
    ] = None,
    *,
    rule: Annotated[
        str | None, typer.Option(help="Only alerts of the rule with this name.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="For how long.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until when, RFC 3339, instead.")
    ] = None,
    comment: Annotated[str, typer.Option(help="Why, for the others.")] = "",
    by: By = None,
    name: Annotated[
        str | None,
        typer.Option("--id", help="Its id; one that is in force is changed."),
    ] = None,
    wait: Wait = "10s",
) -> None:
    """Tell nobody of alerts that match, until a time; prints the silence's id.

    Raises:
        typer.Exit: 1 if Kafka did not take it, 2 if something typed is wrong.
    """
    match = read_conditions(labels or [], rule, verb="silence")
    now_us = time.time_ns() // 1_000
    end_us = _end_us(for_, until, now_us)
    action = SilenceAction(
        at=rfc3339(now_us),
        id=name or secrets.token_hex(4),
        match=match,
        until=rfc3339(end_us),
        by=by or user(),
        comment=comment,
    )
    said = write(action, wait)
    sys.stdout.write(f"{action.id}\n")
    typer.echo(
        f"{said} Until {action.until} nobody is told of alerts that match; what still"
        " fires then is told then, and ends of what was told before are told.",
        err=True,
    )


@silence.command()
def expire(
    name: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    by: By = None,
    wait: Wait = "10s",
) -> None:
    """End a silence now.

    Raises:
        typer.Exit: 1 if Kafka did not take it.
    """
    now = rfc3339(time.time_ns() // 1_000)
    said = write(ExpireAction(at=now, id=name, by=by or user()), wait)
    typer.echo(f"{said} What still fires is told within group_interval.", err=True)


@silence.command(name="list")
def list_(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON a line, for programs.")
    ] = False,
    wait: Wait = "10s",
) -> None:
    """Show the silences in force, as the worker that tells people has them.

    Raises:
        typer.Exit: 1 if Kafka cannot be read.
    """
    wait_s = duration_us(wait, "--wait") / SECOND_US
    try:
        found = asyncio.run(_read(read_environment(), wait_s))
    except SettingsError as fault:
        typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(2) from None
    except (ConnectionFailed, KafkaError, TimeoutError, ValueError) as fault:
        typer.echo(f"error: silences cannot be read: {fault}", err=True)
        raise typer.Exit(1) from None
    now_us = time.time_ns() // 1_000
    for each in found:
        if each.until_us > now_us:
            sys.stdout.write(_as_json(each) if as_json else _as_text(each))


def _end_us(for_: str | None, until: str | None, now_us: int) -> int:
    if (for_ is None) == (until is None):
        raise wrong("say how long: --for 2h, or --until 2026-11-24T18:00:00Z")
    if for_ is not None:
        end_us = now_us + duration_us(for_, "--for")
    else:
        end_us = _moment_us(until or "")
    if end_us <= now_us:
        raise wrong("the silence would be over already")
    return end_us


def _moment_us(text: str) -> int:
    try:
        return parse_moment(text)
    except ValueError as fault:
        raise wrong(str(fault)) from None


async def _read(settings: Settings, wait_s: float) -> list[Silence]:
    options, topic = settings.kafka_options(), settings.topics().notify_state
    with quiet_clients():
        return await connect(lambda: read_silences(options, topic), settings, wait_s)


def _as_json(silence: Silence) -> str:
    shown = {
        "id": silence.id,
        "match": silence.match,
        "at": rfc3339(silence.at_us),
        "until": rfc3339(silence.until_us),
        "by": silence.by,
        "comment": silence.comment,
    }
    return msgspec.json.encode(shown).decode() + "\n"


def _as_text(silence: Silence) -> str:
    by = f" by {silence.by}" if silence.by else ""
    comment = f"  {silence.comment}" if silence.comment else ""
    where = silence.matchers
    return (
        f"{silence.id}  until {rfc3339(silence.until_us)}  {{{where}}}{by}{comment}\n"
    )
