"""The text of a file, with lines and columns as editors count them."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loopwatch.config.faults import Position

MAX_BYTES: Final = 1_048_576

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class NoTextError(Exception):
    """The file cannot be read as text; ``at`` is None where the whole file is meant."""

    def __init__(self, message: str, at: Position | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


@dataclass(slots=True)
class Source:
    """A text that can say where in it a character stands."""

    text: str
    _starts: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ends = (found.end() for found in _LINE_END.finditer(self.text))
        self._starts = [0, *ends]

    def position(self, index: int) -> Position:
        """The line and column of a character; of the end for whatever is beyond it."""
        index = min(max(index, 0), len(self.text))
        line = bisect_right(self._starts, index)
        return Position(line, index - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


def read_source(path: Path) -> Source:
    """Read a file.

    Raises:
        NoTextError: It is missing, unreadable, too large or not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NoTextError(
            "no such file: name one with -c, or write one with `loopwatch init`"
        ) from None
    except IsADirectoryError:
        raise NoTextError("this is a folder: name a file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no legal name of a file"
        raise NoTextError(f"cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise NoTextError(f"too large: more than {MAX_BYTES // 1024} KiB")
    return decode(content)


def decode(content: bytes) -> Source:
    """Read bytes as UTF-8, with or without a byte order mark.

    Raises:
        NoTextError: They are no UTF-8.
    """
    try:
        return Source(content.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        before = Source(content[: error.start].decode("utf-8").removeprefix("\ufeff"))
        at = before.position(len(before.text))
        raise NoTextError("this byte is no UTF-8: save the file as UTF-8", at) from None
