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
from loopwatch.meanwhile import (
    NOT_REACHED,
    ActionsFile,
    found_vain,
    read_actions_file,
)
from loopwatch.moments import moment_option
from loopwatch.plain_text import describe
from streams.crowd import crowded
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
    actions: ActionsFile = None,
) -> None:
    """Run the worker's detection and routing over a file, on a virtual clock."""
    asked = read_actions_file(actions)
    settings = read_configuration(config, os.environ, secrets_needed=False)
    if str(file) != "-" and not file.is_file():
        typer.echo(f"{file}: no such file; name a file of sessions, or -", err=True)
        raise typer.Exit(1)

    def vain(number: int, reason: str) -> None:
        if reason:
            typer.echo(f"{actions}:{number}: {reason}", err=True)

    def heed(number: int, outcome: Outcome) -> None:
        vain(number, found_vain(outcome))

    run = Replay(settings.book, settings.routing, _reject, asked, heed=heed, vain=vain)
    write = sys.stdout.buffer.write
    render = _as_json if output is Output.JSON else _as_text
    for line in run.run(_lines(file), until):
        write(render(line))
    sys.stdout.flush()
    if run.crowd is not None:
        print(crowded(*run.crowd), file=sys.stderr)  # noqa: T201
    for number, _ in run.waiting:
        vain(number, NOT_REACHED)
