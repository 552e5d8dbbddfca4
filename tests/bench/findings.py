"""What a part of the benchmark found: a figure, what it is made of, and its goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final

import msgspec
from rich.table import Table

CPU: Final = "µs of CPU a session"


class Goal(msgspec.Struct, frozen=True):
    """A bound that a figure is held against; no test asserts it."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a figure keeps to it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {plain(self.bound)}"


def at_most(bound: float) -> Goal:
    """A goal from above."""
    return Goal(bound)


def at_least(bound: float) -> Goal:
    """A goal from below."""
    return Goal(bound, at_least=True)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        part: P1 to P7.
        what: What was measured, for people.
        value: The figure; of several rounds the median.
        unit: Of the figure; ``x`` is a ratio.
        raw: What it was made of, each under its name and unit.
        goal: None where the line only says.
    """

    part: str
    what: str
    value: float
    unit: str
    raw: Mapping[str, float] = {}
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return None if self.goal is None else self.goal.met(self.value)


def plain(value: float) -> str:
    """A number with three digits that count, and none too many.

    >>> plain(123456.7), plain(12.345), plain(0.01234), plain(8.0)
    ('123,457', '12.3', '0.0123', '8')
    """
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed.

    >>> percentile([3, 1, 2, 4], 0.5), percentile([3, 1, 2, 4], 0.99)
    (2, 4)
    """
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def table(findings: Sequence[Finding]) -> Table:
    """The findings for a terminal."""
    made = Table(title="Loopwatch, measured", title_justify="left")
    made.add_column("")
    made.add_column("what")
    made.add_column("measured", justify="right")
    made.add_column("goal", justify="right")
    made.add_column("")
    made.add_column("made of")
    before = None
    for each in findings:
        if before not in (None, each.part):
            made.add_section()
        verdict = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[each.met]
        made.add_row(
            each.part if each.part != before else "",
            each.what,
            f"{plain(each.value)} {each.unit}",
            "" if each.goal is None else str(each.goal),
            verdict,
            ", ".join(f"{name} {plain(value)}" for name, value in each.raw.items()),
        )
        before = each.part
    return made


def as_json(findings: Sequence[Finding], about: Mapping[str, Any]) -> bytes:
    """The same for programs."""
    found = [
        {
            "part": each.part,
            "what": each.what,
            "value": each.value,
            "unit": each.unit,
            "goal": None if each.goal is None else str(each.goal),
            "met": each.met,
            "raw": dict(each.raw),
        }
        for each in findings
    ]
    encoded = msgspec.json.encode({**about, "findings": found})
    return msgspec.json.format(encoded, indent=2) + b"\n"
