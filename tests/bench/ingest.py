"""What ingest costs without Kafka: decode, route, columns, encode; and reading blocks.

python -m tests.bench.ingest [SESSIONS] [SERIES] [CHUNK] [PARTITIONS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from detectors.rules import Absence, Level, RuleBook, Severity, Threshold, rule
from streams.block import decode_block
from streams.observe import Observer
from streams.session import decode_session
from tests.bench.traffic import sessions


def book() -> RuleBook:
    """Rules with three distinct ``by``: three series for each session."""
    limit = Threshold((Level(Severity.WARNING, 2.0),))
    return RuleBook(
        (
            rule("session-cost", "cost_usd", limit),
            rule("tenant-cost", "cost_usd", limit, by=("tenant",)),
            rule("gone-quiet", "sessions", Absence(60_000_000), by=("agent",)),
        )
    )


def main(count: int, series: int, chunk: int, partitions: int) -> None:
    """Measure, CPU µs a session, the best of five rounds."""
    values = list(sessions(count, series, time.time()))
    chunks = [
        list(enumerate(values[at : at + chunk], start=at))
        for at in range(0, count, chunk)
    ]
    now_us = time.time_ns() // 1_000
    observer = Observer(book(), partitions, 1)
    blocks: list[bytes] = []

    def decode() -> None:
        for value in values:
            decode_session(value, (1.0, 10.0), now_us + 300_000_000)

    def observe() -> None:
        for records in chunks:
            observer.observe(0, records, now_us)

    def ingest() -> None:
        blocks.clear()
        for records in chunks:
            for parts in observer.observe(0, records, now_us).blocks().values():
                blocks.extend(parts)

    def read() -> None:
        for block in blocks:
            decode_block(block)

    def single() -> None:
        alone = Observer(book(), 1, 1)
        for number, value in enumerate(values[:2_000]):
            _ = alone.observe(0, [(number, value)], None).batches

    def show(what: str, run: Callable[[], Any], over: int) -> None:
        took = []
        for _ in range(5):
            began = time.process_time()
            run()
            took.append(time.process_time() - began)
        print(f"{what:<32}{min(took) / over * 1e6:8.2f} µs")  # noqa: T201

    print(f"{sum(map(len, values)) / count:.0f} bytes a session")  # noqa: T201
    show("decode_session", decode, count)
    show("+ route and columns", observe, count)
    show("+ encode", ingest, count)
    rows = sum(len(decode_block(block).offsets) for block in blocks)
    print(f"{sum(map(len, blocks)) / count:.0f} bytes of blocks a session")  # noqa: T201
    show(f"decode_block, of {rows / count:.2f} copies", read, count)
    show("one at a time, as replay", single, min(count, 2_000))


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*arguments, *(20_000, 1_000, 500, 8)[len(arguments) :])
