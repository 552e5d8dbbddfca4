"""What one measured process did, and how it tells the one that asked."""

from __future__ import annotations

import sys

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions handled, and the time that took."""

    sessions: int
    wall_s: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        """Sessions a second by the wall clock."""
        return self.sessions / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a session, all threads of the process."""
        return self.cpu_s / self.sessions * 1e6


def report(figure: Figure) -> None:
    """Print a figure for the parent process, on a line of its own."""
    sys.__stdout__.write(f"FIGURE {msgspec.json.encode(figure).decode()}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def read(output: str) -> Figure:
    """The figure in what a measured process printed.

    Raises:
        ValueError: It printed none.
    """
    for line in output.splitlines():
        if line.startswith("FIGURE "):
            return msgspec.json.decode(line[7:], type=Figure)
    raise ValueError(f"no figure in the output: {output[-2000:]!r}")
