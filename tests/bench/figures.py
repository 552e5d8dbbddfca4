"""What one measured process did, and how it tells the one that asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from statistics import median
from typing import Any, Final, TypeVar

import msgspec

_MARK: Final = "FIGURE "
_T = TypeVar("_T")


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


def middle(figures: Sequence[Figure]) -> Figure:
    """The median round by CPU; of an even number the lower one of the two."""
    return sorted(figures, key=lambda each: each.cpu_us)[(len(figures) - 1) // 2]


def median_rate(figures: Sequence[Figure]) -> float:
    """The median of sessions a second."""
    return median(each.per_second for each in figures)


def tell(found: Any) -> None:
    """Print what was found for the parent process, on a line of its own."""
    sys.__stdout__.write(f"{_MARK}{msgspec.json.encode(found).decode()}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def report(figure: Figure) -> None:
    """Print a figure for the parent process."""
    tell(figure)


def read_as(kind: type[_T], output: str) -> _T:
    """What a measured process told, in what it printed.

    Raises:
        ValueError: It told nothing.
    """
    for line in output.splitlines():
        if line.startswith(_MARK):
            return msgspec.json.decode(line.removeprefix(_MARK), type=kind)
    raise ValueError(f"no figure in the output: {output[-2000:]!r}")


def read(output: str) -> Figure:
    """The figure in what a measured process printed.

    Raises:
        ValueError: It printed none.
    """
    return read_as(Figure, output)
