"""``loopwatch explain``: the numbers behind an alert."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from detectors.rules import SECOND_US
from detectors.transitions import Transition, Update
from loopwatch.commands.replay import Output
from loopwatch.config.durations import parse_duration
from loopwatch.configuration import read_configuration
from loopwatch.environment import read_environment
from loopwatch.explaining.explanation import explain as explanation
from loopwatch.explaining.histories import Histories, UnknownAlert
from loopwatch.explaining.page import Page
from streams.kafka.connection import ConnectionFailed, connect, quiet_clients
from streams.lines import MissingTopicError, read_lines
from streams.replay import Replay
from streams.settings import Settings


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) / SECOND_US
    except ValueError as fault:
        raise typer.BadParameter(f"{text} {fault}; write 10s or 1m") from None


def explain(
    alert: Annotated[
        str,
        typer.Argument(
            metavar="ALERT_ID", help="As messages show it; its first 6 digits will do."
        ),
    ],
    *,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Find it in a file of sessions, without Kafka.", metavar="FILE"
        ),
    ] = None,
    config: Annotated[
        Path, typer.Option("-c", "--config", help="With --replay: the rules.")
    ] = Path("loopwatch.yaml"),
    output: Annotated[
        Output, typer.Option(help="text for people, json for programs.")
    ] = Output.TEXT,
    wait: Annotated[
        str, typer.Option(metavar="TIME", help="How long to wait for Kafka.")
    ] = "10s",
) -> None:
    """Show the numbers behind an alert: window, baseline, and the worst sessions."""
    if replay is None:
        wait_s = _seconds(wait)
        known = _from_kafka(read_environment(), wait_s)
    else:
        known = _from_file(replay, config)
    try:
        history = known.find(alert)
    except UnknownAlert as fault:
        typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(1) from None
    found = explanation(history)
    if output is Output.JSON:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        return
    assert history.fired is not None  # noqa: S101 - find has made sure
    _show(found, history.fired)


def _show(found: dict[str, Any], line: Transition) -> None:
    # The text is data: rich must neither read marks in it nor break its lines.
    console = Console(markup=False, highlight=False, soft_wrap=True, emoji=False)
    for style, text in Page(found, line).lines():
        if console.is_terminal:
            console.print(text, style=style)
        else:
            sys.stdout.write(text.rstrip() + "\n")


def _from_file(file: Path, config: Path) -> Histories:
    rules = read_configuration(config, os.environ, secrets_needed=False)
    if not file.is_file():
        typer.echo(f"error: {file}: no such file; name a file of sessions", err=True)
        raise typer.Exit(1)
    run = Replay(rules.book, rules.routing, _reject)
    lines = run.run(_sessions(file))
    return Histories(each for each in lines if isinstance(each, Transition | Update))


def _sessions(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from stream


def _reject(number: int, reason: str) -> None:
    typer.echo(f"line {number}: not a session: {reason}", err=True)


def _from_kafka(settings: Settings, wait_s: float) -> Histories:
    known = Histories()
    topic = settings.topics().transitions
    options = settings.kafka_options()

    async def read() -> None:
        await connect(lambda: asyncio.sleep(0), settings, wait_s)
        with quiet_clients():
            await read_lines(options, topic, known.take)

    try:
        asyncio.run(read())
    except (ConnectionFailed, MissingTopicError) as fault:
        typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(1) from None
    except (KafkaError, TimeoutError) as fault:
        typer.echo(f"error: {topic} cannot be read: {fault!r}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(1) from None
    return known
