"""``loopwatch broker``: the embedded broker, in the foreground."""

import signal
from queue import SimpleQueue
from typing import Annotated

import typer

from loopwatch.broker import (
    LIMITS,
    BrokerStartError,
    BrokerUnavailableError,
    EmbeddedBroker,
)


def broker(
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="The port to listen on.")
    ] = 9092,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    advertise: Annotated[
        str | None,
        typer.Option(help="The name by which clients reach it, if not by HOST."),
    ] = None,
) -> None:
    """Run an embedded broker that speaks Kafka's protocol; memory only.

    For trying things out: no Java, no Docker, and nothing of it remains.
    """
    # Signals and the broker's end arrive here; the put of this queue may be called
    # from a signal handler.
    events: SimpleQueue[int | None] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: events.put(None))
    server = EmbeddedBroker(port, host=host, advertise=advertise, on_exit=events.put)
    try:
        server.start()
    except (BrokerUnavailableError, BrokerStartError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(
        f"Embedded broker on {server.bootstrap_servers} ({LIMITS}). Ctrl-C stops it.",
        err=True,
    )
    code = events.get()
    printed = server.output_tail(5)
    server.stop()
    if code is not None:
        typer.echo(
            f"error: the embedded broker ended by itself (code {code}), and all that "
            f"was in it is gone; it printed: {printed or 'nothing'}",
            err=True,
        )
        raise typer.Exit(1)
