"""``loopwatch publish``: session events from a file into Kafka."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from aiokafka.errors import KafkaError

from detectors.rules import SECOND_US
from loopwatch.config.durations import parse_duration
from loopwatch.progress import progress
from streams.as_of_now import latest_end_us
from streams.kafka.connection import ConnectionFailed, connect, quiet_clients
from streams.kafka.topics import TopicError
from streams.publish import Lines, Published, read_lines, start_producer
from streams.publish import publish as publish_lines
from streams.settings import Settings, SettingsError, read_settings

_STOP_S: Final = 10.0


def _seconds(text: str | float) -> float:
    if not isinstance(text, str):
        return text  # The default comes this way too.
    try:
        return float(text) if text.isdigit() else parse_duration(text) / SECOND_US
    except ValueError as fault:
        raise typer.BadParameter(f"{text} {fault}; write 60s or 2m") from None


def publish(
    file: Annotated[
        Path, typer.Argument(help="Sessions, one JSON a line; - is stdin.")
    ],
    *,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Sessions a second; without it, at full speed."),
    ] = None,
    as_of_now: Annotated[
        bool,
        typer.Option(
            "--as-of-now", help="Move all times so that the last session ends now."
        ),
    ] = False,
    topic: Annotated[str, typer.Option(help="Where to.")] = "agent.sessions",
    bootstrap_servers: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Of Kafka, instead of LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS.",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            parser=_seconds,
            metavar="TIME",
            help="How long to wait for Kafka.",
            show_default="60s",
        ),
    ] = 60.0,
) -> None:
    """Publish session events; lines that are none are told, and the rest goes on.

    Raises:
        typer.Exit: 1 if a line was no session or Kafka did not take one, 2 if a
            setting cannot be used.
    """
    published = Published()
    changes = (
        {"kafka_bootstrap_servers": bootstrap_servers} if bootstrap_servers else {}
    )
    try:
        settings = read_settings(**changes)
        with _open(file) as source:
            last_us, kept = _look_ahead(source) if as_of_now else (None, None)
            lines = read_lines(source.fileno()) if kept is None else kept
            with progress("publish", _size(source), lambda: published.sent) as advance:
                asyncio.run(
                    _publish(
                        lines,
                        topic,
                        published,
                        settings,
                        rate=rate,
                        wait_s=wait,
                        last_us=last_us,
                        advance=advance,
                    )
                )
    except SettingsError as fault:
        typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(2) from None
    except (ConnectionFailed, TopicError) as fault:
        typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(1) from None
    except KafkaError as fault:
        typer.echo(
            f"error: Kafka at {', '.join(settings.bootstrap_servers)} did not take all"
            f" of {_counted(published.sent, 'session')} ({type(fault).__name__}): see"
            " whether it runs, and publish the file again; what arrives twice counts"
            " once",
            err=True,
        )
        raise typer.Exit(1) from None
    except OSError as fault:
        typer.echo(f"error: {file}: {fault.strerror or fault}", err=True)
        raise typer.Exit(1) from None
    except (asyncio.CancelledError, KeyboardInterrupt):
        typer.echo(f"Stopped: {_summary(published, topic)}", err=True)
        raise typer.Exit(1) from None
    typer.echo(_summary(published, topic), err=True)
    if published.rejected:
        raise typer.Exit(1)


async def _publish(
    lines: Lines,
    topic: str,
    published: Published,
    settings: Settings,
    *,
    rate: float | None,
    wait_s: float,
    last_us: int | None,
    advance: Callable[[int], None],
) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in one
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    producer = await connect(lambda: start_producer(settings, topic), settings, wait_s)
    now_us = time.time_ns() // 1_000
    with quiet_clients():
        try:
            await publish_lines(
                lines,
                producer,
                topic,
                published,
                rate=rate,
                moved_s=0 if last_us is None else (now_us - last_us) // SECOND_US,
                reject=_tell,
                progress=advance,
            )
        finally:
            # What was sent is waited for, but not a Kafka that is gone.
            with suppress(TimeoutError):
                await asyncio.wait_for(producer.stop(), _STOP_S)


def _open(file: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")


def _look_ahead(source: BinaryIO) -> tuple[int | None, list[bytes] | None]:
    """The end of the last session, and the lines where they can be read only once."""
    if not source.seekable():
        kept = source.readlines()
        return latest_end_us(kept), kept
    start = source.tell()
    last_us = latest_end_us(source)
    os.lseek(source.fileno(), start, os.SEEK_SET)
    return last_us, None


def _size(source: BinaryIO) -> int | None:
    """Bytes of a file; None of what has no end that is known."""
    status = os.fstat(source.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _tell(number: int, reason: str) -> None:
    typer.echo(f"line {number}: not a session: {reason}", err=True)


def _summary(published: Published, topic: str) -> str:
    text = f"{_counted(published.sent, 'session')} published to {topic}"
    if published.rejected:
        text += f", {_counted(published.rejected, 'line')} refused"
    if published.unknown:
        names = ", ".join(f"{name} ({n})" for name, n in published.unknown.items())
        text += f"; fields that nobody knows are kept out: {names}"
    return text


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
