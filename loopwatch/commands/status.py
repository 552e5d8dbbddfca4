"""``loopwatch status``: what a running worker is doing."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from detectors.transitions import rfc3339
from loopwatch.environment import read_environment
from loopwatch.writing import user, write
from streams.control.actions import ForgiveAction

_PATIENCE_S = 5.0
_SHOWN = 20


def status(
    url: Annotated[
        str | None,
        typer.Option(help="Of the worker's web endpoint, if it is not on this host."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="As the worker tells it, for programs.")
    ] = False,
    forgive: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Owe this receiver nothing any more: what it was told stays open there.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="With --forgive: who you are, if not the user of this machine."
        ),
    ] = None,
    wait: Annotated[
        str,
        typer.Option(
            metavar="DURATION", help="With --forgive: how long to wait for Kafka."
        ),
    ] = "10s",
) -> None:
    """Say what a running worker is doing: lag, series, open alerts, receivers.

    Raises:
        typer.Exit: 1 if no worker answers or it is not ready, 2 for a wrong setting.
    """
    if forgive is not None:
        _forgive(forgive, by, wait)
        return
    if url is None:
        settings = read_environment()
        host = (
            f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
        )
        url = f"http://{host}:{settings.web_port}"
    try:
        text = _fetch(f"{url.rstrip('/')}/status")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        typer.echo(
            f"error: no worker answers on {url} ({reason}): start one, or name its web"
            " endpoint with --url or LOOPWATCH_WEB_PORT",
            err=True,
        )
        raise typer.Exit(1) from None
    typer.echo(text if as_json else "\n".join(_lines(found)))
    if not found["ready"]:
        raise typer.Exit(1)


def _forgive(receiver: str, by: str | None, wait: str) -> None:
    if not receiver:
        raise typer.BadParameter("name the receiver", param_hint="--forgive")
    now = rfc3339(time.time_ns() // 1_000)
    said = write(ForgiveAction(at=now, receiver=receiver, by=by or user()), wait)
    typer.echo(
        f"{said} {receiver} is told of no end that it waits for: close there by hand"
        " what is still open.",
        err=True,
    )


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310
        text: str = answer.read().decode()
    return text


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    state = "ready" if found["ready"] else "not ready"
    yield f"worker {found['host']} (process {found['pid']}): {state}, up {found['up_s']} s"
    yield from _configuration(found.get("configuration"))
    counts = found["counts"]
    yield "since its start: " + ", ".join(
        f"{number} {name.replace('_', ' ')}"
        for name, number in counts.items()
        if number
    )
    for group, part in found["groups"].items():
        yield ""
        yield group
        for topic, lags in part.get("lag", {}).items():
            behind = sum(lags.values())
            yield f"  {topic}: {len(lags)} partitions, lag {behind}"
        yield from _detect(part)
        yield from _notify(part)


def _configuration(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    since = rfc3339(found["since_s"] * 1_000_000)
    yield f"configuration: {found['file']} as read {since} ({found['digest'][:12]})"
    refused = found["refused"]
    if refused is not None:
        at, faults = rfc3339(refused["at_s"] * 1_000_000), refused["faults"]
        yield f"  NOT as it is now: read {at} and refused, the last good one is in force"
        yield from (f"  {fault}" for fault in faults[:_SHOWN])
        if len(faults) > _SHOWN:
            yield f"  and {len(faults) - _SHOWN} more faults"


def _detect(part: Mapping[str, Any]) -> Iterator[str]:
    if "series" not in part:
        return
    clocks = [clock for clock in part["clocks"].values() if clock is not None]
    limit = part.get("series_limit")
    yield f"  series: {part['series']}" + (
        "" if limit is None else f" of at most {limit}"
    )
    if part.get("turned_away"):
        yield (
            f"  sessions of new series that found no place: {part['turned_away']}; the"
            " log says which: raise max_series, or take a label out of `by`"
        )
    if clocks:
        behind_s = time.time() - min(clocks) / 1e6
        yield f"  event time: {rfc3339(min(clocks))} ({behind_s:.0f} s behind)"
    if len(clocks) < len(part["clocks"]):
        yield "  event time stands still: not every source partition is known yet"
    flapping = part.get("flapping", 0)
    yield f"  open alerts: {part['open_alerts']}" + (
        f", {flapping} of them flapping" if flapping else ""
    )
    for alert in part["alerts"][:_SHOWN]:
        labels = ", ".join(f"{k}={v}" for k, v in sorted(alert["labels"].items()))
        yield (
            f"    {alert['state']:<10} {alert['severity']:<8} {alert['rule']}"
            f" {{{labels}}} since {rfc3339(alert['since_us'])}{_flapping(alert)},"
            f" alert {alert['alert_id']}"
        )


def _flapping(alert: Mapping[str, Any]) -> str:
    # A worker of an older version does not say.
    found = alert.get("flapping")
    if found is None:
        return ""
    return f", flapping: {found['changes']} changes since {found['since']}"


def _notify(part: Mapping[str, Any]) -> Iterator[str]:
    if "active" not in part:
        return
    if not part["active"]:
        yield "  standing by: another worker tells people"
        return
    yield f"  open alerts: {part['told_open']}; messages not delivered yet: {part['queued']}"
    if part.get("acknowledged"):
        yield f"  somebody looks after: {part['acknowledged']}"
    if part.get("silences"):
        yield f"  silences: {part['silences']} (see `loopwatch silence list`)"
    for receiver, results in part["receivers"].items():
        counted = ", ".join(
            f"{number} {result.replace('_', ' ')}" for result, number in results.items()
        )
        yield f"  receiver {receiver}: {counted}"
    for receiver, debt in part.get("gone", {}).items():
        if debt["told"]:
            means = "it is told them while this worker runs"
        else:
            means = f"put it back, or `loopwatch status --forgive {receiver}`"
        yield (
            f"  receiver {receiver} is gone from the file, and is owed the end of"
            f" {debt['alerts']} alert{'' if debt['alerts'] == 1 else 's'}: {means}"
        )
