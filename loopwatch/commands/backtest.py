"""``loopwatch backtest``: what a change of the rules would have changed."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from detectors.rules import SECOND_US
from loopwatch.backtesting.page import lines
from loopwatch.backtesting.run import Backtest
from loopwatch.backtesting.verdict import Verdict
from loopwatch.commands.replay import Output
from loopwatch.configuration import read_configuration
from loopwatch.environment import read_environment
from loopwatch.meanwhile import ActionsFile, read_actions_file
from loopwatch.moments import moment_option
from loopwatch.progress import progress
from loopwatch.writing import duration_us
from streams.kafka.connection import ConnectionFailed, connect, quiet_clients
from streams.lines import MissingTopicError
from streams.past import Span, read_past
from streams.replay import CHUNK_LINES
from streams.settings import Settings, SettingsError


def backtest(
    file: Annotated[
        Path | None,
        typer.Argument(help="Sessions, one JSON a line; - is stdin."),
    ] = None,
    *,
    before: Annotated[Path, typer.Option(help="The rules as they are.")],
    after: Annotated[Path, typer.Option(help="The rules as they would be.")],
    output: Annotated[
        Output, typer.Option(help="text for people, json for programs.")
    ] = Output.TEXT,
    max_new_pages: Annotated[
        int | None,
        typer.Option(min=0, help="Fail if there are more new pages than this."),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option(
            parser=moment_option,
            metavar="TIME",
            help="Move the clock on to this time (RFC 3339) after the last event.",
        ),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="Read the sessions from Kafka, not from a file.")
    ] = None,
    begin: Annotated[
        int | None,
        typer.Option(
            "--from",
            parser=moment_option,
            metavar="TIME",
            help="With --topic: written at this time or later.",
        ),
    ] = None,
    end: Annotated[
        int | None,
        typer.Option(
            "--to",
            parser=moment_option,
            metavar="TIME",
            help="With --topic: written before this time.",
        ),
    ] = None,
    actions: ActionsFile = None,
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait for Kafka.")
    ] = "10s",
) -> None:
    """Say which alerts and pages a change of the rules would have added or removed.

    Raises:
        typer.Exit: 1 if there are more new pages than allowed, or the sessions cannot
            be read; 2 if something typed, or a configuration, is wrong.
    """
    if (file is None) == (topic is None):
        raise _wrong("name a file of sessions, or --topic with one in Kafka")
    if topic is None and not (begin is None and end is None):
        raise _wrong("--from and --to go with --topic")
    if begin is not None and end is not None and begin >= end:
        raise _wrong("--from must be before --to")
    wait_s = duration_us(wait, "--wait") / SECOND_US
    asked = read_actions_file(actions)
    configs = [
        read_configuration(path, os.environ, secrets_needed=False)
        for path in (before, after)
    ]
    run = Backtest(configs[0], configs[1], _reject, asked)
    if topic is not None:
        _read_topic(run, topic, (begin, end), wait_s)
    elif file is not None:
        _read_file(run, file)
    verdict = run.end(until)
    if not verdict.sessions:
        _warn_of_nothing(file, topic, is_timed=begin is not None or end is not None)
    for number, reason in run.vain():
        typer.echo(f"{actions}:{number}: {reason}", err=True)
    _show(verdict, output)
    for said in run.crowds:
        typer.echo(said, err=True)
    if max_new_pages is not None and verdict.new_pages > max_new_pages:
        pages = "page is" if verdict.new_pages == 1 else "pages are"
        typer.echo(
            f"{verdict.new_pages} new {pages} more than {max_new_pages}", err=True
        )
        raise typer.Exit(1)


def _wrong(said: str) -> typer.Exit:
    typer.echo(f"error: {said}", err=True)
    return typer.Exit(2)


def _warn_of_nothing(file: Path | None, topic: str | None, *, is_timed: bool) -> None:
    """Nothing to compare is no difference, which must not pass for an answer."""
    said = f"there is no session in {topic or file}"
    if is_timed:
        said = (
            f"no session was written to {topic} in that time; --from and --to are times"
            " of writing, not of the sessions"
        )
    typer.echo(f"warning: {said}", err=True)


def _reject(number: int, reason: str) -> None:
    typer.echo(f"line {number}: not a session: {reason}", err=True)


def _read_file(run: Backtest, file: Path) -> None:
    if str(file) != "-" and not file.is_file():
        typer.echo(f"{file}: no such file; name a file of sessions, or -", err=True)
        raise typer.Exit(1)
    with (
        _open(file) as source,
        progress("backtest", _size(source), lambda: run.sessions) as advance,
    ):
        while chunk := list(islice(source, CHUNK_LINES)):
            run.take(chunk)
            advance(sum(map(len, chunk)))


def _open(file: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")


def _size(source: BinaryIO) -> int | None:
    status = os.fstat(source.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _read_topic(run: Backtest, topic: str, span_us: Span, wait_s: float) -> None:
    settings = read_environment()
    try:
        with progress("backtest", None, lambda: run.sessions) as advance:

            def take(values: Sequence[bytes]) -> None:
                for at in range(0, len(values), CHUNK_LINES):
                    run.take(values[at : at + CHUNK_LINES])
                advance(sum(map(len, values)))

            asyncio.run(_past(settings, topic, span_us, take, wait_s))
    except SettingsError as fault:
        raise _wrong(str(fault)) from None
    except (ConnectionFailed, MissingTopicError) as fault:
        typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(1) from None
    except (KafkaError, TimeoutError) as fault:
        typer.echo(f"error: {topic} cannot be read: {fault!r}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(1) from None


async def _past(
    settings: Settings,
    topic: str,
    span_us: Span,
    take: Callable[[Sequence[bytes]], None],
    wait_s: float,
) -> None:
    await connect(lambda: asyncio.sleep(0), settings, wait_s)
    with quiet_clients():
        await read_past(
            settings.kafka_options(), topic, span_us, take, _say_all_is_read
        )


def _say_all_is_read() -> None:
    typer.echo(
        "This broker looks up no times: all of the topic is read, and what is outside"
        " the time is passed over.",
        err=True,
    )


def _show(verdict: Verdict, output: Output) -> None:
    if output is Output.JSON:
        sys.stdout.buffer.write(msgspec.json.encode(verdict) + b"\n")
        sys.stdout.flush()
        return
    # The text is data: rich must neither read marks in it nor break its lines.
    console = Console(markup=False, highlight=False, soft_wrap=True, emoji=False)
    for style, text in lines(verdict):
        if console.is_terminal:
            console.print(text, style=style)
        else:
            sys.stdout.write(text + "\n")
