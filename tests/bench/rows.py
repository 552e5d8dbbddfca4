# ruff: noqa: T201  what was measured is what it is for
"""Rows in one process without Kafka: what writing them costs, and reading them back.

    python -m tests.bench.rows --series 20000 --sessions 18

CPU µs a row, the best of ``--rounds``. Reading back is two figures: what restoring the rows
takes, and what finishing takes after them.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterator
from itertools import chain

from detectors.partition import Partition
from streams.observations.block import decode_block
from streams.observations.observe import Observer
from streams.state.restore import uncollected
from tests.bench.alone import CHUNK, book
from tests.bench.traffic import in_turn, sessions

_START_S = 1_800_000_000.0


def _blocks(name: str, series: int, rounds: int) -> Iterator[tuple[int, bytes]]:
    observer, total = Observer(book(name), 1, 1), series * rounds
    turns = in_turn(series, rounds, 1)
    values = sessions(total, series, _START_S, whose=turns, tenants=100)
    for first in range(0, total, CHUNK):
        offsets = range(first, min(first + CHUNK, total))
        chunk = [next(values) for _ in offsets]
        now_us = int(_START_S * 1e6)
        for block in observer.observe_values(0, offsets, chunk, now_us).blocks()[0]:
            yield first, block


def _read_back(name: str, seal: bytes, rows: dict[bytes, bytes]) -> tuple[float, float]:
    fresh = Partition(book(name))
    gc.collect()
    began_s = time.process_time()
    with uncollected():
        fresh.restore_seal(seal)
        fresh.restore_rows(rows)
        read_s = time.process_time()
        fresh.finish_restore()
    done_s = time.process_time()
    assert len(fresh) == len(rows), "every row is a series"
    return read_s - began_s, done_s - read_s


def main() -> None:
    """Make series, and print what their rows cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=20_000)
    parser.add_argument("--sessions", type=int, default=18)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rules", default="init")
    asked = parser.parse_args()
    partition = Partition(book(asked.rules))
    every, last = asked.series, 0
    written_s, restored_s, finished_s = [], [], []
    since = 0
    for first, block in _blocks(
        asked.rules, asked.series, asked.sessions + asked.rounds
    ):
        partition.apply(decode_block(block), first)
        since += CHUNK
        if since < every:
            continue
        since, last = 0, first
        began_s = time.process_time()
        taken = partition.take_dirty()
        written_s.append((time.process_time() - began_s) / len(taken))
    rows = dict(chain(*partition._checkpoints.all_rows()))
    seal = partition.seal(last)
    del partition
    for _ in range(asked.rounds):
        read_s, done_s = _read_back(asked.rules, seal, rows)
        restored_s.append(read_s / len(rows))
        finished_s.append(done_s / len(rows))
    size = sum(map(len, rows.values())) / len(rows)
    print(f"{len(rows)} rows of {size:.0f} bytes")
    for what, found in (
        ("write", written_s[-asked.rounds :]),
        ("restore", restored_s),
        ("finish", finished_s),
    ):
        shown = " ".join(f"{each * 1e6:.1f}" for each in sorted(found))
        print(f"{what}: {shown} µs a row")


if __name__ == "__main__":
    main()
