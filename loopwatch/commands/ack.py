"""``loopwatch ack``: say that you look after alerts."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from detectors.transitions import rfc3339
from loopwatch.conditions import read_conditions, wrong
from loopwatch.writing import duration_us, user, write
from streams.control.actions import AckAction


def ack(
    labels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LABEL=VALUE...",
            help="Which alerts; all must hold. Also LABEL!=VALUE, LABEL=~PATTERN.",
        ),
    ] = None,
    *,
    rule: Annotated[
        str | None, typer.Option(help="Only alerts of the rule with this name.")
    ] = None,
    for_: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="For how long.")
    ] = "1h",
    by: Annotated[
        str | None, typer.Option(help="Who you are, if not the user of this machine.")
    ] = None,
    comment: Annotated[str, typer.Option(help="Why, for the others.")] = "",
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait for Kafka.")
    ] = "10s",
) -> None:
    """Say that you look after what fires: it is not repeated and not escalated.

    Raises:
        typer.Exit: 1 if Kafka did not take it, 2 if something typed is wrong.
    """
    match = read_conditions(labels or [], rule, verb="acknowledge")
    if duration_us(for_, "--for") == 0:
        raise wrong("--for 0s is no time; write 1h")
    now = rfc3339(time.time_ns() // 1_000)
    action = AckAction(at=now, match=match, by=by or user(), comment=comment, for_=for_)
    typer.echo(
        f"{write(action, wait)} Alerts that fire and match are not repeated and not"
        f" escalated for {for_}, unless they get worse; their ends are told.",
        err=True,
    )
