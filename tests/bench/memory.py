"""P3: what a series takes in memory, by their number, all in."""

from __future__ import annotations

from typing import Final

from tests.bench.alone import MOST_BYTES, Asked, Told
from tests.bench.findings import Finding, at_most
from tests.bench.process import alone

KIB: Final = 1024
SIZES: Final = ((10_000, 60), (100_000, 30), (1_000_000, 5))
"""Series, and sessions of each."""
FULL_ROUNDS: Final = 30
EVERY: Final = 200_000
"""Sessions between two checkpoints: more than on the road, for the sake of time."""


async def memory(*, full: bool) -> list[Finding]:
    """Measure; a million series get few sessions each unless ``full`` is asked for."""
    found = []
    for rules, goal in (("init", 2.0), ("init+windows", 4.0)):
        a_series = 0.0
        for series, sessions in SIZES:
            if a_series * series > MOST_BYTES:
                needs = a_series * series
                found.append(too_much(series, rules, needs, goal))
                continue
            rounds = FULL_ROUNDS if series == 1_000_000 and full else sessions
            told = await alone(
                Asked(
                    series=series,
                    before=0,
                    measured=rounds,
                    rules=rules,
                    every=EVERY,
                )
            )
            a_series = told.grown_bytes / series
            found.append(line(told, rules, rounds, goal))
    return found


def too_much(series: int, rules: str, needs_bytes: float, goal: float) -> Finding:
    """The line of a size that does not fit: what it would take, by one that does."""
    return Finding(
        part="P3",
        what=f"{series:,} series do not fit, rules: {rules}",
        value=needs_bytes / series / KIB,
        unit="KiB of memory a series",
        goal=at_most(goal),
        raw={"GiB they would take": needs_bytes / KIB**3},
    )


def line(told: Told, rules: str, sessions: int, goal: float) -> Finding:
    """One line of the table."""
    return Finding(
        part="P3",
        what=f"{told.kept:,} series after {sessions} sessions each, rules: {rules}",
        value=told.grown_bytes / told.kept / KIB,
        unit="KiB of memory a series",
        goal=at_most(goal),
        raw={
            "MiB in all": told.grown_bytes / KIB / KIB,
            "KiB a row": told.row_bytes / max(1, told.rows) / KIB,
        },
    )
