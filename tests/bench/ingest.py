"""What ingest costs without Kafka: from JSON to blocks, part by part, and reading them.

python -m tests.bench.ingest [SESSIONS] [SERIES] [CHUNK] [PARTITIONS]

The rules are those that `loopwatch init` writes: three series for each session.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from detectors.rules import RuleBook
from loopwatch.config import load
from streams.events.decoding import decode_sessions
from streams.events.session import decode_session
from streams.observations.block import decode_block
from streams.observations.observe import Observer
from streams.observations.routes import Routes
from streams.observations.series import SeriesBook, views
from tests.bench.traffic import gateway_sessions, sessions

ROUNDS = 5


def shipped_rules() -> RuleBook:
    """Those of the file that `loopwatch init` writes."""
    path = Path(str(files("loopwatch.config").joinpath("loopwatch.yaml")))
    secrets = {"SLACK_BOT_TOKEN": "xoxb-1", "PAGERDUTY_ROUTING_KEY": "0" * 32}
    found = load(path, secrets)
    if found.config is None:
        raise SystemExit("\n".join(map(str, found.faults)))
    return found.config.book


def show(what: str, run: Callable[[], Any], over: int) -> None:
    """Print CPU µs a session, the best of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        run()
        took.append(time.process_time() - began)
    print(f"  {what:<32}{min(took) / over * 1e6:8.2f} µs")  # noqa: T201


def measure(book: RuleBook, values: list[bytes], chunk: int, partitions: int) -> None:
    """Measure each part for some sessions."""
    count = len(values)
    cuts = range(0, count, chunk)
    parts = [(list(range(at, at + chunk)), values[at : at + chunk]) for at in cuts]
    now_us = time.time_ns() // 1_000
    latest_us = now_us + 300_000_000
    observer = Observer(book, partitions, 1)
    routes = Routes(views(book, SeriesBook(partitions)))
    blocks: list[bytes] = []

    def one_by_one() -> None:
        for value in values:
            decode_session(value, book.quality_scale, latest_us)

    def decode() -> None:
        for _, part in parts:
            decode_sessions(part, book.quality_scale, latest_us)

    def route() -> None:
        for _, part in parts:
            routes.find(decode_sessions(part, book.quality_scale, latest_us))

    def deal() -> None:
        for offsets, part in parts:
            observer.observe_values(0, offsets, part, now_us)

    def encode() -> None:
        blocks.clear()
        for offsets, part in parts:
            seen = observer.observe_values(0, offsets, part, now_us)
            for encoded in seen.blocks().values():
                blocks.extend(encoded)

    def read() -> None:
        for block in blocks:
            decode_block(block)

    def read_plain() -> None:
        for block in blocks:
            decode_block(block).batch()

    def single() -> None:
        alone = Observer(book, 1, 1)
        for number, value in enumerate(values[:2_000]):
            _ = alone.observe(0, [(number, value)], None).batches

    show("decode_session, one by one", one_by_one, count)
    show("decode", decode, count)
    show("+ labels, series, masks", route, count)
    show("+ hashes, dealing", deal, count)
    show("+ encode: all of ingest", encode, count)
    rows = sum(len(decode_block(block)) for block in blocks)
    size = sum(map(len, blocks)) / count
    print(f"  {size:.0f} bytes of blocks a session")  # noqa: T201
    show(f"decode_block, of {rows / count:.2f} copies", read, count)
    show("the same as plain numbers", read_plain, count)
    show("one at a time, as replay", single, min(count, 2_000))


def main(count: int, series: int, chunk: int, partitions: int) -> None:
    """Measure few labels, and as many as fleets of many tenants have."""
    book = shipped_rules()
    for name, make in (
        ("few labels", sessions),
        ("1,000 tenants, a version each time", gateway_sessions),
    ):
        values = list(make(count, series, time.time()))
        size = sum(map(len, values)) / count
        print(f"{name}: {size:.0f} bytes a session")  # noqa: T201
        measure(book, values, chunk, partitions)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*arguments, *(20_000, 1_000, 2_000, 4)[len(arguments) :])
