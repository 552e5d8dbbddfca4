"""P3: what a series takes in memory, by their number, all in."""

from __future__ import annotations

from tests.bench.alone import Asked, Told
from tests.bench.findings import Finding, at_most
from tests.bench.process import alone

KIB = 1024


async def memory(*, full: bool) -> list[Finding]:
    """Measure; a million series get few sessions each unless ``full`` is asked for."""
    found = []
    for rules, goal in (("init", 2.0), ("init+windows", 4.0)):
        for series, rounds in ((10_000, 60), (100_000, 30), (1_000_000, 5)):
            if series == 1_000_000 and not full and rules != "init":
                continue
            sessions = 30 if full and series == 1_000_000 else rounds
            told = await alone(
                Asked(series=series, before=0, measured=sessions, rules=rules)
            )
            found.append(line(told, rules, sessions, goal))
    return found


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
