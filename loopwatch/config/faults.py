"""What is wrong with a configuration file, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text; lines and columns count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, or that a person should know of.

    Attributes:
        file: As the user named it.
        line: From 1; 0 where the file as a whole is meant.
        column: From 1; 0 where the file as a whole is meant.
        message: What is wrong, and what would be right. Never holds a secret.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        if self.line == 0:
            return f"{self.file}: {self.message}"
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


SHOWN_CHARACTERS: Final = 60

# Tokens, URLs (which may carry credentials) and long keys may stand where they
# should not: a message must not carry them into a log.
_SECRET_LOOK: Final = re.compile(
    r"xox[a-z]-|xapp-|://|bearer\s|(?=[A-Za-z+=]*[0-9])[A-Za-z0-9+=]{24,}",
    re.IGNORECASE,
)


def shown(text: str) -> str:
    """A text from the file, in quotes, cut to size; hidden if it may be a secret."""
    if _SECRET_LOOK.search(text):
        return "'********'"
    if len(text) > SHOWN_CHARACTERS:
        text = text[:SHOWN_CHARACTERS] + "..."
    return (
        f"'{text.encode('unicode_escape').decode('ascii')}'"
        if (not text.isprintable())
        else f"'{text}'"
    )


def joined(words: Sequence[str], last: str = "or") -> str:
    """``a, b or c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
