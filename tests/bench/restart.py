"""P6: from the start of a worker to ready, with its series in the state topic."""

from __future__ import annotations

import time
from typing import Final

from loopwatch.apache_kafka import ApacheKafka
from tests.bench.findings import Finding, Goal, at_most
from tests.bench.road import INIT, PARTITIONS, fleet
from tests.bench.traffic import fill, in_turn, sessions

A_SECOND: Final = 10_000
MINUTES: Final = 30
PACE: Final = 0.2
"""Seconds between two checkpoints of a worker that goes five times as fast as time."""


async def restart(kafka: ApacheKafka, *, full: bool) -> list[Finding]:
    """A hundred thousand series, three sessions each; if ``full``, as half an hour leaves them.

    Half an hour at 10,000 sessions a second is made faster than real time: checkpoints
    follow each other in proportion, so that as many rows are written.
    """
    found = [await _restarted(kafka, 100_000, 300_000, at_most(2.0), 1.0)]
    if full:
        half_an_hour = MINUTES * 60 * A_SECOND
        for series, goal in ((100_000, 2.0), (1_000_000, 15.0)):
            found.append(
                await _restarted(kafka, series, half_an_hour, at_most(goal), PACE)
            )
    return found


async def _restarted(
    kafka: ApacheKafka, series: int, count: int, goal: Goal, checkpoint_s: float
) -> Finding:
    async with fleet(kafka, INIT) as empty:
        empty_s = await empty.restart()
    async with fleet(kafka, INIT, checkpoint_interval_s=str(checkpoint_s)) as team:
        values = sessions(
            count, series, time.time(), whose=in_turn(series, -(-count // series), 1)
        )
        began_s = time.perf_counter()
        await fill(kafka.connection, team.topic, PARTITIONS, values)
        await team.until_done(count)
        filled_s = time.perf_counter() - began_s
        ready_s = await team.restart()
    return finding(
        f"restart with {series:,} series after {count:,} sessions",
        ready_s,
        empty_s,
        count / filled_s,
        goal,
    )


def finding(
    what: str, ready_s: float, empty_s: float, per_second: float, goal: Goal
) -> Finding:
    """One line: what the state adds to a start."""
    return Finding(
        part="P6",
        what=what,
        value=ready_s - empty_s,
        unit="s to be ready, for the state",
        goal=goal,
        raw={
            "s from start to ready": ready_s,
            "s without state": empty_s,
            "sessions/s before": per_second,
        },
    )
