"""``loopwatch demo``: broker, worker, sandbox, sessions, an incident."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Annotated

import typer

from loopwatch.broker import BrokerStartError, BrokerUnavailableError
from loopwatch.demo.show import DemoError, Say, show


def demo(
    once: Annotated[
        bool,
        typer.Option("--once", help="End after one incident and its resolves."),
    ] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Of the page; another if taken.")
    ] = 8090,
) -> None:
    """Show it work: healthy sessions, an incident, Slack, a page, the resolves."""
    began = time.monotonic()

    def say(text: str) -> None:
        typer.echo(f"{time.monotonic() - began:5.1f} s  {text}")

    try:
        asyncio.run(_run(once=once, port=port, say=say))
    except (DemoError, BrokerStartError, BrokerUnavailableError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except asyncio.CancelledError:
        typer.echo("Stopped.")


async def _run(*, once: bool, port: int, say: Say) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in one
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await show(once=once, port=port, say=say)
