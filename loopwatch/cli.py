"""The command line: ``loopwatch COMMAND``.

Exit codes: 0 done, 1 failed at run time, 2 wrong usage or invalid configuration.
Messages go to stderr, data to stdout.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final

import click
import typer
from typer.core import TyperGroup

COMMANDS: Final = {
    "init": "Write a commented loopwatch.yaml that is useful as it is.",
    "check": "Say everything that is wrong with a configuration file.",
    "worker": "Watch the sessions of a Kafka cluster and tell people.",
    "publish": "Publish session events from a file into Kafka.",
    "replay": "Try rules on a file of sessions, without Kafka.",
    "status": "Say what a running worker is doing.",
    "schema": "Print the JSON Schema of a session event.",
    "demo": "See it work: broker, worker, sandbox, sessions, an incident.",
    "broker": "Run the embedded broker, in memory, for trying things out.",
    "sandbox": "Run a local stand-in for Slack, PagerDuty and webhooks.",
}


class _LazyCommands(TyperGroup):
    """Imports a command's module only when it is asked for.

    ``check`` must not wait a second for Faust to be imported.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which a user meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name, or None."""
        del ctx
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"loopwatch.commands.{name}")
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name, help=COMMANDS[name])(getattr(module, name))
        command = typer.main.get_command(single)
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: Any) -> None:  # noqa: ANN401 - click hands it so
        """The list of commands for ``--help``, without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=_LazyCommands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def loopwatch() -> None:
    """Streaming alerts and anomaly detection for AI agents in production."""


def main() -> None:
    """Run the command line; a broken pipe of the reader's is no error of ours."""
    try:
        app(prog_name="loopwatch")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
