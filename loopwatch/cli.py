"""The command line: ``loopwatch COMMAND``.

Exit codes: 0 done, 1 failed at run time, 2 wrong usage or invalid configuration.
Messages go to stderr, data to stdout.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

import typer

COMMANDS: Final = {
    "init": "Write a commented loopwatch.yaml that is useful as it is.",
    "check": "Say everything that is wrong with a configuration file.",
    "worker": "Watch the sessions of a Kafka cluster and tell people.",
    "publish": "Publish session events from a file into Kafka.",
    "replay": "Try rules on a file of sessions, without Kafka.",
    "backtest": "Say which alerts and pages a change of the rules would have made.",
    "explain": "Show the numbers behind an alert.",
    "status": "Say what a running worker is doing.",
    "accept": "Take the level of open alerts for the normal one.",
    "silence": "Have alerts not told for a while: add, list, expire.",
    "ack": "Say that you look after alerts that fire.",
    "routes": "Say who would be told of an alert, and test it from a file.",
    "receivers": "List who can be told, and send one of them a test alert.",
    "schema": "Print the JSON Schema of a session event.",
    "demo": "See it work: broker, worker, sandbox, sessions, an incident.",
    "broker": "Run the embedded broker, in memory, for trying things out.",
    "sandbox": "Run a local stand-in for Slack, PagerDuty and webhooks.",
}


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command line for these arguments.

    Only the command that they name is imported: ``check`` must not wait a second
    for Faust.
    """
    app = typer.Typer(
        help="Streaming alerts and anomaly detection for AI agents in production.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    for name, sentence in COMMANDS.items():
        command: Callable[..., None] | typer.Typer = _only_listed
        if name == wanted:
            module = importlib.import_module(f"loopwatch.commands.{name}")
            command = getattr(module, name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, help=sentence)
        else:
            app.command(name, help=sentence)(command)
    return app


def _only_listed() -> None:
    """Stands in ``--help`` for a command that was not asked for."""


def main() -> None:
    """Run the command line; a reader that has enough of our output is no error."""
    try:
        build(sys.argv[1:])(prog_name="loopwatch")
    except BrokenPipeError:
        # Python would try to flush the closed pipe once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
