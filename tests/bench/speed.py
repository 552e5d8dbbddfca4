"""P1: a worker as users run it, beside what else could read the same topic."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final

from loopwatch.apache_kafka import ApacheKafka
from tests.bench.figures import Figure, median_rate, middle
from tests.bench.findings import CPU, Finding, Goal, at_least, at_most
from tests.bench.process import PEER
from tests.bench.road import INIT, WINDOWS, road, yardstick

RAW: Final = "raw consumer: getmany and decode"
PLAIN: Final = "plain Faust agent on bytes, doing nothing"
QUIX: Final = "Quix Streams, windows of one series"
WINDOWED: Final = "worker, the same windows of three series"
FEW, MANY = 1_000, 10_000

Rounds = dict[str, list[Figure]]


def ours(series: int) -> str:
    """The name of the worker's line."""
    return f"worker, what init writes, {series:,} series"


async def speed(kafka: ApacheKafka, *, rounds: int, count: int) -> list[Finding]:
    """Each in turn, so that a busy moment of the machine meets all of them.

    Without what ``make bench`` installs there is no line of the peer.
    """
    found: Rounds = defaultdict(list)
    peer = await asyncio.to_thread(PEER.exists)
    for _ in range(rounds):
        raw = yardstick(kafka, "raw_consumer", count=count, series=FEW)
        found[RAW].append(await raw)
        plain = yardstick(kafka, "plain_faust", count=count // 8, series=FEW)
        found[PLAIN].append(await plain)
        if peer:
            quix = yardstick(
                kafka, "quix_peer", count=count // 4, series=FEW, python=PEER
            )
            found[QUIX].append(await quix)
        for name, series, rules in (
            (ours(FEW), FEW, INIT),
            (ours(MANY), MANY, INIT),
            (WINDOWED, FEW, WINDOWS),
        ):
            found[name] += await road(kafka, count, series, rules)
    return findings(found)


def findings(rounds: Rounds) -> list[Finding]:
    """The table's lines: CPU first, then how many times as fast as others."""
    lines = [
        Finding(
            part="P1",
            what=name,
            value=middle(found).cpu_us,
            unit=CPU,
            goal=at_most(8.0) if name in (ours(FEW), ours(MANY)) else None,
            raw={
                "CPU s per 1,000": middle(found).cpu_us / 1_000,
                "sessions/s": median_rate(found),
                **{
                    f"round {number}": figure.cpu_us
                    for number, figure in enumerate(found, start=1)
                },
            },
        )
        for name, found in rounds.items()
    ]
    for of, against, goal in (
        (ours(FEW), RAW, at_least(0.3)),
        (ours(MANY), RAW, at_least(0.3)),
        (ours(FEW), PLAIN, at_least(10.0)),
        (WINDOWED, QUIX, at_least(5.0)),
        (ours(FEW), QUIX, at_least(5.0)),
    ):
        if of in rounds and against in rounds:
            lines.append(_times(of, against, rounds, goal))
    return lines


def _times(of: str, against: str, rounds: Rounds, goal: Goal) -> Finding:
    """How many times as much one does for its CPU, and by the clock."""
    one, other = rounds[of], rounds[against]
    return Finding(
        part="P1",
        what=f"{of}, against: {against}",
        value=middle(other).cpu_us / middle(one).cpu_us,
        unit="x for its CPU",
        goal=goal,
        raw={"x by the clock": median_rate(one) / median_rate(other)},
    )
