"""``make bench``: how fast it is, as ratios taken in one run, beside what they are made of.

    python -m tests.bench [--only P1,P3] [--full] [--rounds N]

Writes a table, and ``bench.json``. P1, P2, P5 and P6 need Java 17 and Maven for a real
Kafka; P1's peer needs what ``make bench`` installs. All of it takes a quarter of an hour at
most, but for ``--full``: P3 and P4 with a million series that have seen many sessions, P6 on
a state topic as half an hour leaves it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from loopwatch.apache_kafka import ApacheKafka
from tests.bench.findings import Finding, as_json, table
from tests.bench.growth import growth
from tests.bench.memory import memory
from tests.bench.reaction import reaction
from tests.bench.replaying import replaying
from tests.bench.restart import restart
from tests.bench.shares import shares
from tests.bench.speed import speed

PARTS: Final = ("P1", "P2", "P3", "P4", "P5", "P6", "P7")
ON_KAFKA: Final = {"P1", "P2", "P5", "P6"}
SESSIONS: Final = 300_000

Part = Callable[[], Awaitable[list[Finding]]]


def chosen(only: str | None) -> list[str]:
    """The parts that are asked for, in their order.

    Raises:
        ValueError: One of them is none.
    """
    names = set(PARTS if only is None else only.upper().split(","))
    if names - set(PARTS):
        raise ValueError(f"--only takes {', '.join(PARTS)}, not {only}")
    return [part for part in PARTS if part in names]


async def measure(parts: list[str], *, full: bool, rounds: int) -> list[Finding]:
    """Run the parts one after the other, and show each as it is done."""
    console, found = Console(width=160), list[Finding]()
    kafka = ApacheKafka(quick_start=False)
    runs: dict[str, Part] = {
        "P1": lambda: speed(kafka, rounds=rounds, count=SESSIONS),
        "P2": lambda: reaction(kafka, seconds=20.0),
        "P3": lambda: memory(full=full),
        "P4": lambda: growth(full=full),
        "P5": lambda: shares(kafka, count=2 * SESSIONS),
        "P6": lambda: restart(kafka, full=full),
        "P7": lambda: replaying(count=SESSIONS),
    }
    if ON_KAFKA & set(parts):
        await asyncio.to_thread(kafka.start)
    try:
        for part in parts:
            began_s = time.perf_counter()
            new = await runs[part]()
            found += new
            console.print(table(new))
            console.print(f"{part} took {time.perf_counter() - began_s:.0f} s")
    finally:
        await asyncio.to_thread(kafka.close)
    return found


def main() -> None:
    """Measure, show, and write it down."""
    parser = argparse.ArgumentParser(description="How fast Loopwatch is.")
    parser.add_argument("--only", help="parts, such as P1 or P3,P7")
    parser.add_argument("--full", action="store_true", help="sizes that take long, too")
    parser.add_argument("--rounds", type=int, default=2, help="of P1")
    asked = parser.parse_args()
    try:
        parts = chosen(asked.only)
    except ValueError as fault:
        parser.error(str(fault))
    began_s = time.perf_counter()
    found = asyncio.run(measure(parts, full=asked.full, rounds=asked.rounds))
    if len(parts) > 1:
        Console(width=160).print(table(found))
    about = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "load_before": os.getloadavg()[2],
        "took_s": round(time.perf_counter() - began_s),
    }
    Path("bench.json").write_bytes(as_json(found, about))


if __name__ == "__main__":
    main()
