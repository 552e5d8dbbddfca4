"""``loopwatch check``: everything that is wrong with a configuration file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from loopwatch.configuration import read_configuration


def check(
    config: Annotated[
        Path, typer.Option("-c", "--config", help="The file to check.")
    ] = Path("loopwatch.yaml"),
) -> None:
    """Say every fault of a configuration file, with its place; exit 2 if there is one.

    Raises:
        typer.Exit: With code 2, if the file cannot be used.
    """
    found = read_configuration(config, os.environ, secrets_needed=False)
    rules = _counted(len(found.book.rules), "rule")
    receivers = _counted(
        sum(bool(each.channels) for each in found.routing.receivers), "receiver"
    )
    typer.echo(f"{config}: valid: {rules}, {receivers}", err=True)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
