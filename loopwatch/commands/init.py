"""``loopwatch init``: a configuration file to begin with."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

_TEMPLATE: Final = "loopwatch.yaml"


def init(
    path: Annotated[
        Path, typer.Argument(help="The file to write, or a folder for loopwatch.yaml.")
    ] = Path(_TEMPLATE),
) -> None:
    """Write a commented configuration file; never overwrites one.

    Raises:
        typer.Exit: With code 1, if it is there already or cannot be written.
    """
    if path.is_dir():
        path /= _TEMPLATE
    template = files("loopwatch.config").joinpath(_TEMPLATE).read_bytes()
    try:
        # "x" lets the file system decide, so that nothing can come in between.
        with path.open("xb") as stream:
            stream.write(template)
    except FileExistsError:
        typer.echo(f"{path}: is there already and stays as it is", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"{path}: cannot be written: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    option = "" if path == Path(_TEMPLATE) else f" -c {path}"
    typer.echo(
        f"{path}: written. Next:\n"
        f"  loopwatch check{option}                says what is wrong after an edit\n"
        f"  loopwatch replay FILE.jsonl{option}    tries the rules on a file of sessions\n"
        f"  loopwatch worker{option}               watches Kafka; set SLACK_BOT_TOKEN and"
        " PAGERDUTY_ROUTING_KEY first",
        err=True,
    )
