"""``loopwatch worker``: watch sessions, and tell people."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from detectors.rules import SECOND_US
from loopwatch.config.durations import parse_duration
from loopwatch.configuration import in_force, read_configuration, reread
from loopwatch.environment import read_environment
from streams.reload import ConfigurationFile
from streams.worker import run


class Half(StrEnum):
    """The halves of a worker."""

    DETECT = "detect"
    NOTIFY = "notify"


def worker(
    config: Annotated[
        Path, typer.Option("-c", "--config", help="The configuration file.")
    ] = Path("loopwatch.yaml"),
    only: Annotated[
        Half | None,
        typer.Option(help="Run one half alone: detect reads sessions, notify tells."),
    ] = None,
    wait: Annotated[
        str,
        typer.Option(metavar="DURATION", help="How long to wait for Kafka."),
    ] = "60s",
) -> None:
    """Watch the sessions of a Kafka cluster and tell people. Run more to scale out."""
    wait_s = _seconds(wait)
    file = ConfigurationFile(config, lambda: reread(config, os.environ))
    read = read_configuration(config, os.environ, secrets_needed=True)
    settings = read_environment()
    code = run(
        settings,
        file,
        in_force(read),
        only=None if only is None else only.value,
        wait_s=wait_s,
    )
    raise typer.Exit(code)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) / SECOND_US
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} {error}: write 60s", param_hint="--wait"
        ) from None
