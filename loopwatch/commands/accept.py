"""``loopwatch accept``: take a new level for the normal one."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from detectors.transitions import rfc3339
from loopwatch.conditions import read_conditions
from loopwatch.writing import user, write
from streams.control.actions import AcceptAction


def accept(
    labels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LABEL=VALUE...",
            help="Which alerts; all must hold. Also LABEL!=VALUE, LABEL=~PATTERN.",
        ),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Only alerts of the rule with this name.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who you are, if not the user of this machine.")
    ] = None,
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait for Kafka.")
    ] = "10s",
) -> None:
    """Make what open alerts fire on the normal level; they resolve.

    Raises:
        typer.Exit: 1 if Kafka did not take it, 2 if the conditions are none.
    """
    match = read_conditions(labels or [], rule, verb="accept")
    now_us = time.time_ns() // 1_000
    action = AcceptAction(at=rfc3339(now_us), match=match, by=by or user())
    typer.echo(
        f"{write(action, wait)} Open alerts that"
        " match and learn what is normal resolve within seconds, with the reason"
        " 'accepted'; a threshold, an absence or a budget has no level to accept, and"
        " nothing happens to its alerts.",
        err=True,
    )
