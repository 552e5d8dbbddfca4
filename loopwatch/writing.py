"""Writing an action to Kafka for a command that ends then."""

from __future__ import annotations

import asyncio
import getpass

import typer
from aiokafka.errors import KafkaError

from detectors.rules import SECOND_US
from loopwatch.config.durations import parse_duration
from loopwatch.environment import read_environment
from streams.control.actions import Action
from streams.control.sending import write_action
from streams.kafka.connection import ConnectionFailed, connect, quiet_clients
from streams.kafka.topics import TopicError
from streams.settings import Settings, SettingsError


def write(action: Action, wait: str) -> str:
    """Write it; where it stands now, in words, or an exit that says why it does not.

    Args:
        action: What somebody asks for.
        wait: How long to wait for Kafka, as it was typed.

    Raises:
        typer.Exit: 1 if Kafka did not take it, 2 if a setting is wrong.
    """
    wait_s = duration_us(wait, "--wait") / SECOND_US
    settings = read_environment()
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
    return f"Written to {settings.topics().control} at offset {offset}."


def user() -> str:
    """The user of this machine; empty where that is not known."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def duration_us(text: str, option: str) -> int:
    """A time as it was typed.

    Raises:
        typer.BadParameter: It is none.
    """
    try:
        return parse_duration(text)
    except ValueError as fault:
        raise typer.BadParameter(
            f"{text!r} {fault}: write 10s or 2h", param_hint=option
        ) from None


async def _write(action: Action, settings: Settings, wait_s: float) -> int:
    with quiet_clients():
        return await connect(lambda: write_action(action, settings), settings, wait_s)
