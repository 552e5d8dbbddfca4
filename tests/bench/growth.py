"""P4: what a session costs by the number of series, and of rules."""

from __future__ import annotations

from typing import Final

from tests.bench.alone import MOST_BYTES, Asked, Told
from tests.bench.findings import CPU, Finding, at_most
from tests.bench.process import alone

MANY: Final = 1_000_000
BASE: Final = 1_000
"""Series that the others are held against."""

EVERY: Final = 10_000
"""Sessions between two checkpoints: those of a second at 10,000 a second."""


async def growth(*, full: bool) -> list[Finding]:
    """Measure from a hundred series to a million, then with a thousand rules.

    All series have the same number of sessions before, so that they are equally far.
    A million of them cannot have many in the time there is: they are held against fewer
    series that have as few; and there is no line of them if they would not fit.
    """
    base = await _at(BASE, 25, 50, 4)
    found = []
    for series, before, measured, repeat in (
        (100, 25, 50, 20),
        (BASE, 25, 50, 4),
        (10_000, 25, 20, 1),
        (100_000, 25, 3, 1),
    ):
        told = base if series == BASE else await _at(series, before, measured, repeat)
        goal = 1.1 if series <= 10_000 else 1.6
        found.append(
            line(f"{series:,} series, 25 sessions each before", told, base, goal)
        )
    if told.grown_bytes / told.kept * MANY < MOST_BYTES:
        few = (25, 2) if full else (4, 1)
        young = await _at(10_000, *few, 5)
        many = await _at(MANY, *few, 1)
        what = f"{MANY:,} series, {few[0]} sessions each before, against 10,000"
        found.append(line(what, many, young, 1.6))
    ten = await alone(Asked(series=100, before=2500, measured=500, rules="ten"))
    rules = Asked(series=100, before=2500, measured=500, rules="tenants")
    thousand = await alone(rules)
    what = "1,000 rules: ten for each of 100 tenants, against the ten alone"
    found.append(line(what, thousand, ten, 2.0))
    return found


async def _at(series: int, before: int, measured: int, repeat: int) -> Told:
    asked = Asked(
        series=series, before=before, measured=measured, repeat=repeat, every=EVERY
    )
    return await alone(asked)


def line(what: str, told: Told, base: Told, goal: float) -> Finding:
    """One line of the table: how many times as dear as the base."""
    sessions = told.sessions
    return Finding(
        part="P4",
        what=what,
        value=told.cpu_us / base.cpu_us,
        unit="x the CPU",
        goal=at_most(goal),
        raw={
            CPU: told.cpu_us,
            "ingest": told.ingest_s / sessions * 1e6,
            "fold": told.fold_s / sessions * 1e6,
            "checkpoint": told.checkpoint_s / sessions * 1e6,
            "% of it checkpoint": 100 * told.checkpoint_share,
            "rows a session": told.rows / sessions,
            "base": base.cpu_us,
        },
    )
