"""``make bench``: the speed of the road, as ratios taken in one run.

    python -m tests.bench [--sessions N] [--series N] [--rounds N]

Writes a table, and ``bench.json``. Needs Java 17 and Maven for a real Kafka.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from loopwatch.apache_kafka import ApacheKafka
from tests.bench.figures import Figure
from tests.bench.road import INIT, WINDOWS, road, yardstick

RAW = "raw consumer: getmany and decode"
PLAIN = "plain Faust agent on bytes, doing nothing"
DECODING = "plain Faust agent on records, doing nothing"
ROAD = "loopwatch worker, both hops, thresholds and baselines"
DRIFT = "loopwatch worker, both hops, what init writes"


async def measure(sessions: int, series: int, rounds: int) -> dict[str, list[Figure]]:
    """Each in turn, so that a busy moment of the machine meets all of them."""
    figures: dict[str, list[Figure]] = {RAW: [], PLAIN: [], DECODING: [], ROAD: []}
    figures[DRIFT] = []
    kafka = ApacheKafka(quick_start=False)
    await asyncio.to_thread(kafka.start)
    few = sessions // 5
    try:
        for _ in range(rounds):
            raw = yardstick(kafka, "raw_consumer", count=sessions, series=series)
            figures[RAW].append(await raw)
            plain = yardstick(kafka, "plain_faust", count=few, series=series)
            figures[PLAIN].append(await plain)
            decoding = yardstick(
                kafka, "plain_faust", "decoded", count=few, series=series
            )
            figures[DECODING].append(await decoding)
            figures[ROAD].append(await road(kafka, sessions, series, WINDOWS))
            # Many times as dear a session: fewer of them say as much.
            slow = road(kafka, sessions // 10, max(1, series // 10), INIT)
            figures[DRIFT].append(await slow)
    finally:
        await asyncio.to_thread(kafka.close)
    return figures


def summary(figures: dict[str, list[Figure]]) -> list[dict[str, Any]]:
    """Medians of each, and their ratio to the plain agent and the raw consumer."""
    medians = {
        name: (
            median(each.cpu_us for each in found),
            median(each.per_second for each in found),
        )
        for name, found in figures.items()
    }
    return [
        {
            "what": name,
            "cpu_us_per_session": round(cpu_us, 2),
            "sessions_per_second": round(per_second),
            "cpu_times_plain": round(medians[PLAIN][0] / cpu_us, 2),
            "rate_times_plain": round(per_second / medians[PLAIN][1], 2),
            "cpu_times_raw": round(medians[RAW][0] / cpu_us, 3),
            "rate_times_raw": round(per_second / medians[RAW][1], 3),
            "runs": [
                {"cpu_us": round(f.cpu_us, 2), "per_second": round(f.per_second)}
                for f in figures[name]
            ],
        }
        for name, (cpu_us, per_second) in medians.items()
    ]


def main() -> None:
    """Measure, show, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=300_000)
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.sessions, asked.series, asked.rounds))
    rows = summary(figures)
    table = Table(
        title=f"{asked.sessions:,} sessions, {asked.series:,} series, medians"
    )
    for heading in (
        "",
        "CPU µs a session",
        "sessions/s",
        "CPU x plain",
        "rate x plain",
    ):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in rows:
        table.add_row(
            row["what"],
            f"{row['cpu_us_per_session']:.1f}",
            f"{row['sessions_per_second']:,}",
            f"{row['cpu_times_plain']:.2f}",
            f"{row['rate_times_plain']:.2f}",
        )
    Console(width=110).print(table)
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    asked_for = {"sessions": asked.sessions, "series": asked.series}
    Path("bench.json").write_text(
        json.dumps({"machine": machine, **asked_for, "figures": rows}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
