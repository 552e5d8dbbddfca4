"""``loopwatch receivers``: who can be told, and whether a message arrives there."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from alerts.delivery import Ambiguous, Failed, Retry, Sent
from alerts.messages.wording import span
from alerts.receivers import Channel, PagerDutyService, Receiver, SlackChannel
from detectors.rules import SECOND_US, Severity
from loopwatch.conditions import wrong
from loopwatch.configuration import read_configuration
from loopwatch.rehearsal import Rehearsal, Told, advice, lacking
from loopwatch.writing import duration_us, user

receivers: Final = typer.Typer()

Config = Annotated[
    Path, typer.Option("-c", "--config", help="The file with the receivers.")
]
_FILE: Final = Path("loopwatch.yaml")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_VERDICTS: Final = {
    Sent: "taken",
    Retry: "NOT TAKEN",
    Ambiguous: "UNKNOWN",
    Failed: "REFUSED",
}


@receivers.callback(invoke_without_command=True)
def _receivers(context: typer.Context, config: Config = _FILE) -> None:
    """List who can be told, or send one of them a test alert."""
    if context.invoked_subcommand is None:
        _list(_read(config))


@receivers.command(name="test")
def try_out(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The receiver; without one, lists them."),
    ] = None,
    *,
    config: Config = _FILE,
    resolve: Annotated[
        bool, typer.Option(help="Tell the end of the test alert as well.")
    ] = True,
    hold: Annotated[
        str,
        typer.Option(metavar="DURATION", help="How long it fires before its end."),
    ] = "5s",
    severity: Annotated[
        Severity, typer.Option(help="Of the test alert; PagerDuty may go by it.")
    ] = Severity.INFO,
    by: Annotated[
        str | None, typer.Option(help="Who you are, if not the user of this machine.")
    ] = None,
) -> None:
    """Send one test alert, and its end, to a receiver: Kafka and a worker are not needed.

    Raises:
        typer.Exit: 1 if a channel did not take it, 2 if something typed, the file or a
            secret is wrong.
    """
    found = _read(config)
    if name is None:
        _list(found)
        return
    receiver = _named(name, found)
    hold_s = duration_us(hold, "--hold") / SECOND_US
    rehearsal = Rehearsal(
        receiver,
        by=by or user() or "somebody",
        severity=str(severity),
        key=secrets.token_hex(8),
    )
    if not asyncio.run(play(rehearsal, hold_s if resolve else None)):
        raise typer.Exit(1)


def _read(config: Path) -> Sequence[Receiver]:
    return read_configuration(
        config, os.environ, secrets_needed=False
    ).routing.receivers


def _named(name: str, found: Iterable[Receiver]) -> Receiver:
    by_name = {receiver.name: receiver for receiver in found}
    receiver = by_name.get(name)
    if receiver is None:
        known = ", ".join(sorted(by_name)) or "none"
        raise wrong(f"there is no receiver {name!r}; the file has {known}")
    if not receiver.channels:
        raise wrong(f"the receiver {name!r} has no channel: nothing can be sent")
    if faults := list(lacking(receiver)):
        raise wrong("; ".join(faults))
    return receiver


def _list(found: Iterable[Receiver]) -> None:
    rows = [
        (receiver.name, *_shown(channel))
        for receiver in found
        for channel in receiver.channels
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        _say("  ".join(cells).rstrip())


def _shown(channel: Channel) -> tuple[str, str]:
    kind: str = channel.kind
    if isinstance(channel, SlackChannel) and channel.token is None:
        kind = "slack webhook"
    return kind, channel.target


async def play(rehearsal: Rehearsal, hold_s: float | None) -> bool:
    """Whether every channel took all that it was sent; without a hold, no end is."""
    _say(f"test alert {rehearsal.dedup_key} to {rehearsal.receiver}")
    try:
        with _stop_signals() as stopped:
            told = await rehearsal.fire()
            _report(told)
            if hold_s is not None and rehearsal.may_be_open:
                with suppress(TimeoutError):
                    async with asyncio.timeout(hold_s):
                        await stopped.wait()
                ends = await rehearsal.resolve()
                _report(ends)
                told += ends
    finally:
        _say_what_is_open(rehearsal)
        await rehearsal.close()
    return all(isinstance(each.outcome, Sent) for each in told)


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Set when somebody wants an end; whoever asks twice does not wait for it."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        typer.echo("interrupted: telling its end first, once more to stop", err=True)
        stopped.set()
        release()

    def release() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield stopped
    finally:
        release()


def _report(told: Iterable[Told]) -> None:
    for each in told:
        kind, target = _shown(each.channel)
        verdict = _VERDICTS[type(each.outcome)]
        said = f"  {each.reason:<8}  {kind} {target}: {verdict} in {span(each.took_s)}"
        if each.tries > 1:
            said += f", at try {each.tries}"
        if isinstance(each.outcome, Sent):
            _say(said + (f" ({each.outcome.answer})" if each.outcome.answer else ""))
            continue
        _say(f"{said}: {each.outcome.reason}")
        if (hint := advice(each)) is not None:
            _say(f"            {hint}")


def _say_what_is_open(rehearsal: Rehearsal) -> None:
    for channel in rehearsal.may_be_open:
        kind, target = _shown(channel)
        close = ": resolve it by hand" if isinstance(channel, PagerDutyService) else ""
        _say(
            f"  open      {kind} {target}: {rehearsal.dedup_key} was told no end{close}"
        )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
