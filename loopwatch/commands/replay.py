"""``loopwatch replay``: try rules on a file of sessions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from detectors.state.acceptance import Outcome
from detectors.transitions import Census
from loopwatch.configuration import read_configuration
from loopwatch.moments import moment_option
from loopwatch.plain_text import describe
from streams.control.actions import Numbered, read_actions
from streams.replay import Replay, ReplayLine

_encode: Final = msgspec.json.Encoder().encode


class Output(StrEnum):
    """What the lines are written for."""

    TEXT = "text"
    JSON = "json"


def _lines(file: Path) -> Iterator[bytes]:
    if str(file) == "-":
        yield from sys.stdin.buffer
        return
    with file.open("rb") as stream:
        yield from stream


def _as_text(line: ReplayLine) -> bytes:
    """A line for people; of a census, which is for programs, nothing."""
    return b"" if isinstance(line, Census) else describe(line).encode() + b"\n"


def _as_json(line: ReplayLine) -> bytes:
    return _encode(line) + b"\n"


def _reject(number: int, reason: str) -> None:
    print(f"line {number}: not a session: {reason}", file=sys.stderr)  # noqa: T201


def replay(
    file: Annotated[
        Path, typer.Argument(help="Sessions, one JSON a line; - is stdin.")
    ],
    config: Annotated[
        Path, typer.Option("-c", "--config", help="The rules to try.")
    ] = Path("loopwatch.yaml"),
    output: Annotated[
        Output, typer.Option(help="text for people, json for programs.")
    ] = Output.TEXT,
    until: Annotated[
        int | None,
        typer.Option(
            parser=moment_option,
            metavar="TIME",
            help="Move the clock on to this time (RFC 3339) after the last event.",
        ),
    ] = None,
    actions: Annotated[
        Path | None,
        typer.Option(
            help="What people do meanwhile: accept, silence, expire, ack, forgive."
        ),
    ] = None,
) -> None:
    """Run the worker's detection and routing over a file, on a virtual clock."""
    asked = [] if actions is None else _read_actions(actions)
    settings = read_configuration(config, os.environ, secrets_needed=False)
    if str(file) != "-" and not file.is_file():
        typer.echo(f"{file}: no such file; name a file of sessions, or -", err=True)
        raise typer.Exit(1)

    def vain(number: int, reason: str) -> None:
        print(f"{actions}:{number}: {reason}", file=sys.stderr)  # noqa: T201

    run = Replay(settings.book, settings.routing, _reject, asked, heed=_heed, vain=vain)
    write = sys.stdout.buffer.write
    render = _as_json if output is Output.JSON else _as_text
    for line in run.run(_lines(file), until):
        write(render(line))
    sys.stdout.flush()
    for number, _ in run.waiting:
        print(  # noqa: T201
            f"{actions}:{number}: not reached: it is later than the last session;"
            " --until moves the clock on",
            file=sys.stderr,
        )


def _read_actions(file: Path) -> list[Numbered]:
    """The actions of a file, or an exit with every fault of it on stderr."""
    if not file.is_file():
        typer.echo(f"{file}: no such file; name a file of actions", err=True)
        raise typer.Exit(1)
    with file.open("rb") as stream:
        found, faults = read_actions(stream)
    for number, reason in faults:
        typer.echo(f"{file}:{number}: not an action: {reason}", err=True)
    if faults:
        raise typer.Exit(2)
    return found


def _heed(outcome: Outcome) -> None:
    """Say where an action met nothing that it could change."""
    if not outcome.resolved and not outcome.untouched:
        said = "no open alert matches"
    elif outcome.untouched:
        said = (
            f"{outcome.untouched} of {outcome.resolved + outcome.untouched} open alerts"
            " that match have nothing to accept: their rules learn no level, or have"
            " only just begun to"
        )
    else:
        return
    match = msgspec.json.encode(outcome.accept.match).decode()
    print(f"accept {match}: {said}", file=sys.stderr)  # noqa: T201
