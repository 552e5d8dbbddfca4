"""``loopwatch routes``: who would be told of an alert, and why."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from alerts.groups import group_key
from alerts.routes import Routing
from alerts.routing import matchable, subscriptions
from detectors.rules import Rule
from detectors.transitions import Transition
from loopwatch.casebook.comparing import differences
from loopwatch.casebook.play import line_of, play
from loopwatch.casebook.reading import read_cases
from loopwatch.casebook.reasons import because, inhibited, muted, times, why
from loopwatch.conditions import wrong
from loopwatch.config import Config
from loopwatch.config.durations import format_duration
from loopwatch.configuration import read_configuration
from loopwatch.moments import parse_moment

routes: Final = typer.Typer(no_args_is_help=True)


@routes.callback()
def _routes() -> None:
    """Who would be told of an alert, and why."""


@routes.command(name="test")
def try_out(
    labels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LABEL=VALUE...",
            help="Labels of an alert; rule=NAME is one of the file's rules.",
        ),
    ] = None,
    *,
    config: Annotated[
        Path, typer.Option("-c", "--config", help="The routes to test.")
    ] = Path("loopwatch.yaml"),
    file: Annotated[
        Path | None,
        typer.Option(help="Cases, with what is to come of each.", metavar="CASES.yaml"),
    ] = None,
    receivers: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME", help="Fail unless exactly these are reached."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="For mute times, RFC 3339; by default now."),
    ] = None,
) -> None:
    """Print the receivers of an alert and why, or run the cases of a file.

    Raises:
        typer.Exit: 1 if a case fails, or other receivers are reached; 2 if something
            typed, or a file, is wrong.
    """
    if bool(labels) == (file is not None):
        raise wrong("give the labels of an alert, rule=NAME among them, or --file")
    settings = read_configuration(config, os.environ, secrets_needed=False)
    if file is not None:
        _run_file(file, settings)
        return
    line = _line(labels or [], settings)
    now_us = time.time_ns() // 1_000 if at is None else _moment_us(at)
    for text in _explained(line, settings.routing, now_us):
        sys.stdout.write(f"{text}\n")
    reached = _reached(line, settings.routing)
    wanted = None if receivers is None else receivers.split(",")
    if wanted is not None and wanted != reached:
        typer.echo(
            f"expected {', '.join(wanted)}; reached {', '.join(reached)}", err=True
        )
        raise typer.Exit(1)


def _run_file(file: Path, config: Config) -> None:
    read = read_cases(file, config)
    for fault in read.faults:
        typer.echo(str(fault), err=True)
    for warning in read.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if read.faults:
        raise typer.Exit(2)
    failed = 0
    for case in read.cases:
        played = play(case, config.routing)
        wrong = list(differences(case, played, str(file)))
        failed += bool(wrong)
        if not wrong:
            sys.stdout.write(f"ok      {case.name}\n")
            continue
        place = f"{file}:{case.place.line}:{case.place.column}"
        sys.stdout.write(f"FAILED  {case.name}  ({place})\n")
        for text in (
            *wrong,
            "why:",
            *(f"  {said}" for said in why(case, config.routing)),
        ):
            sys.stdout.write(f"        {text}\n")
    cases = "1 case" if len(read.cases) == 1 else f"{len(read.cases)} cases"
    sys.stdout.write(f"{cases}, {failed} failed\n")
    if failed:
        raise typer.Exit(1)


def _line(typed: list[str], config: Config) -> Transition:
    """The alert that the labels tell of."""
    labels: dict[str, str] = {}
    for text in typed:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise wrong(f"{text!r} is no label; write LABEL=VALUE")
        if name in labels:
            raise wrong(f"{name!r} stands twice")
        labels[name] = value
    rule = _rule(labels, config)
    known = {"metric": rule.metric.name, "kind": rule.kind.name}
    for name, right in known.items():
        if labels.pop(name, right) != right:
            raise wrong(f"the {name} of the rule {rule.name!r} is {right}")
    severity = labels.pop("severity", str(rule.severity))
    return line_of(rule, labels, severity, 0)


def _rule(labels: Mapping[str, str], config: Config) -> Rule:
    name = labels.get("rule")
    rules = {rule.name: rule for rule in config.book.rules}
    if name not in rules:
        said = "say which rule" if name is None else f"there is no rule {name!r}"
        raise wrong(f"{said}: rule={'|'.join(sorted(rules))}")
    return rules[name]


def _explained(line: Transition, routing: Routing, now_us: int) -> Iterator[str]:
    labels = matchable(line)
    shown = " ".join(f"{name}={value}" for name, value in labels.items() if value)
    yield f"alert      {shown}"
    for route in subscriptions(routing.route, labels):
        yield f"receiver   {route.receiver}"
        yield f"  because  {because(routing.route, route)}"
        yield f"  group    {group_key(line, route)}"
        yield f"  times    {times(route)}"
        if route.fan_in is not None:
            within = format_duration(route.fan_in.within_us)
            yield (
                f"  fan-in   {route.fan_in.series} series that break within {within}"
                " are held in one group"
            )
        if route.escalate is not None:
            after = format_duration(route.escalate.after_us)
            yield f"  escalate to {route.escalate.receiver} after {after}"
    yield from (f"muted      {said}" for said in muted(labels, routing, now_us))
    yield from (f"inhibited  {said}" for said in inhibited(labels, routing))


def _reached(line: Transition, routing: Routing) -> list[str]:
    return [route.receiver for route in subscriptions(routing.route, matchable(line))]


def _moment_us(text: str) -> int:
    try:
        return parse_moment(text)
    except ValueError as fault:
        raise wrong(str(fault)) from None
