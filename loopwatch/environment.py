"""Reading settings for a command: faults become messages and an exit."""

from __future__ import annotations

import os

import typer

from streams.settings import Settings, SettingsError, read_settings, unknown_settings


def read_environment() -> Settings:
    """The settings, or an exit with code 2 and every fault on stderr.

    Raises:
        typer.Exit: They cannot be used.
    """
    for sentence in unknown_settings(os.environ):
        typer.echo(f"warning: {sentence}", err=True)
    try:
        return read_settings()
    except SettingsError as error:
        for problem in error.problems:
            typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(2) from None
