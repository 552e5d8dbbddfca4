"""``loopwatch sandbox``: the stand-in for Slack, PagerDuty and webhooks."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from loopwatch.sandbox import Limits, Sandbox, serve


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port to listen on; 0: any free.")
    ] = 8090,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    rate_limits: Annotated[
        bool,
        typer.Option(
            "--rate-limits/--no-rate-limits",
            help="Refuse with 429 where Slack and PagerDuty would.",
        ),
    ] = True,
    burst: Annotated[
        int, typer.Option(min=1, help="Messages that a Slack channel takes at once.")
    ] = 25,
) -> None:
    """Run a local stand-in for Slack, PagerDuty and webhooks, with a page."""
    limits = Limits(slack_burst=burst) if rate_limits else None
    try:
        asyncio.run(_run(host, port, limits))
    except OSError as error:
        typer.echo(
            f"error: the sandbox cannot listen on {host}:{port}:"
            f" {error.strerror or error}; choose another with --port or --host",
            err=True,
        )
        raise typer.Exit(1) from None


async def _run(host: str, port: int, limits: Limits | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await serve(host, port, limits=limits, on_start=_say_where, until=stopped)


def _say_where(box: Sandbox) -> None:
    slack = f'channel: "#agent-alerts", token: xoxb-sandbox, api_url: "{box.slack_url}"'
    pagerduty = f'routing_key: "{"0" * 32}", url: "{box.pagerduty_url}"'
    typer.echo(
        f"""\
Sandbox on {box.url} (open it in a browser). Ctrl-C stops it.
To send to it, put into loopwatch.yaml:
receivers:
  - {{name: agents, slack: {{{slack}}}}}
  - {{name: on-call, pagerduty: {{{pagerduty}}}}}
  - {{name: anything, webhook: {{url: "{box.webhook_url}"}}}}""",
        err=True,
    )
