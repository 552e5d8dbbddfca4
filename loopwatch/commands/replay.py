"""``loopwatch replay``: try rules on a file of sessions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from detectors.transitions import microseconds
from loopwatch.configuration import read_configuration
from loopwatch.plain_text import describe
from streams.replay import Replay, ReplayLine


class Output(StrEnum):
    """What the lines are written for."""

    TEXT = "text"
    JSON = "json"


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} has no offset; write {text}Z")
    return microseconds(text)


def _lines(file: Path) -> Iterator[bytes]:
    if str(file) == "-":
        yield from sys.stdin.buffer
        return
    with file.open("rb") as stream:
        yield from stream


def _as_text(line: ReplayLine) -> bytes:
    return describe(line).encode()


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
            parser=_moment,
            metavar="TIME",
            help="Move the clock on to this time (RFC 3339) after the last event.",
        ),
    ] = None,
    actions: Annotated[
        Path | None,
        typer.Option(help="Silences and acknowledgements: in a later version."),
    ] = None,
) -> None:
    """Run the worker's detection and routing over a file, on a virtual clock."""
    if actions is not None:
        typer.echo(
            "--actions: this version does not carry out silences, acknowledgements"
            " or accepted levels yet; leave the option out",
            err=True,
        )
        raise typer.Exit(2)
    settings = read_configuration(config, os.environ, secrets_needed=False)
    if str(file) != "-" and not file.is_file():
        typer.echo(f"{file}: no such file; name a file of sessions, or -", err=True)
        raise typer.Exit(1)
    run = Replay(settings.book, settings.routing, _reject)
    write = sys.stdout.buffer.write
    render = msgspec.json.Encoder().encode if output is Output.JSON else _as_text
    for line in run.run(_lines(file), until):
        write(render(line) + b"\n")
    sys.stdout.flush()
