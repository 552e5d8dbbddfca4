"""What people do while sessions are replayed: a file of actions, and what met nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from detectors.state.acceptance import Outcome
from streams.control.actions import Numbered, read_actions

ActionsFile = Annotated[
    Path | None,
    typer.Option(
        help="What people do meanwhile: accept, silence, expire, ack, forgive."
    ),
]
"""The option ``--actions``."""

NOT_REACHED: Final = (
    "not reached: it is later than the last session; --until moves the clock on"
)
"""What is said of an action that is later than the clock came."""


def read_actions_file(file: Path | None) -> list[Numbered]:
    """The actions of a file, none without one, or an exit that names every fault.

    Raises:
        typer.Exit: 1 if there is no such file, 2 if a line of it is no action.
    """
    if file is None:
        return []
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


def found_vain(outcome: Outcome) -> str:
    """Why an ``accept`` changed nothing, or not all; empty where it did."""
    if not outcome.resolved and not outcome.untouched:
        return "no open alert matches"
    if outcome.untouched:
        return (
            f"{outcome.untouched} of {outcome.resolved + outcome.untouched} open alerts"
            " that match have nothing to accept: their rules learn no level, or have"
            " only just begun to"
        )
    return ""
