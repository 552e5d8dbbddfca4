"""Reading the configuration file for a command: faults become messages and an exit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import typer

from loopwatch.config import Config, load
from streams.reload import Configuration, RefusedError


def read_configuration(
    path: Path, environ: Mapping[str, str], *, secrets_needed: bool
) -> Config:
    """The configuration, or an exit with code 2 and every fault on stderr.

    Args:
        path: The YAML file.
        environ: Where ``${NAME}`` is looked up.
        secrets_needed: An unset variable is a fault, not a warning.

    Raises:
        typer.Exit: The file cannot be used.
    """
    loaded = load(path, environ)
    faults = [*loaded.faults, *(loaded.unset if secrets_needed else ())]
    if loaded.config is None or faults:
        for fault in faults:
            typer.echo(str(fault), err=True)
        raise typer.Exit(2)
    unset = () if secrets_needed else loaded.unset
    for warning in (*loaded.warnings, *unset):
        typer.echo(f"warning: {warning}", err=True)
    return loaded.config


def reread(path: Path, environ: Mapping[str, str]) -> Configuration:
    """The configuration for a worker that runs.

    Raises:
        RefusedError: The file cannot be used; with every fault of it.
    """
    loaded = load(path, environ)
    faults = [*loaded.faults, *loaded.unset]
    if loaded.config is None or faults:
        raise RefusedError(map(str, faults))
    return in_force(loaded.config, map(str, loaded.warnings))


def in_force(config: Config, warnings: Iterable[str] = ()) -> Configuration:
    """What a worker needs to know of a configuration."""
    topics, at = config.topics, config.topics.at
    place = config.path if at is None else f"{config.path}:{at.line}:{at.column}"
    return Configuration(
        config.book, config.routing, topics.sessions, str(place), tuple(warnings)
    )
