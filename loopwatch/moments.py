"""Times as people write them: RFC 3339, with an offset."""

from __future__ import annotations

from datetime import datetime

import typer

from detectors.transitions import microseconds


def parse_moment(text: str) -> int:
    """Epoch µs.

    Raises:
        ValueError: It is no time; says what to write.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2026-11-24T18:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset; write {text}Z")
    return microseconds(text)


def moment_option(text: str) -> int:
    """Epoch µs of what was typed as an option: a parser for typer.

    Raises:
        typer.BadParameter: It is no time.
    """
    try:
        return parse_moment(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
