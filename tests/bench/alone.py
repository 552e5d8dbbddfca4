"""A worker's work in one process without Kafka: what series cost by their number.

    python -m tests.bench.alone ASKED

``ASKED`` and what is printed are JSON. Sessions are read, dealt out, written as a block,
read again and folded, as on the road; a checkpoint takes rows. Memory is that of the
whole process less what it takes with its compiled code, its tables and fifty series.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from detectors.matchers import Matchers, equal
from detectors.partition import Partition
from detectors.rules import RuleBook
from loopwatch.config import load
from streams.observations.block import decode_block
from streams.observations.observe import Observer
from tests.bench.figures import tell
from tests.bench.traffic import in_turn, sessions

CHUNK: Final = 4_000
MOST_BYTES: Final = 10 * 1024**3
"""What does not fit is not measured, so that the machine stays usable."""

_WINDOWS: Final = Path(__file__).with_name("windows.yaml")
_INIT: Final = Path(load.__code__.co_filename).with_name("loopwatch.yaml")
_START_S: Final = 1_800_000_000.0
_SECRETS: Final = {"SLACK_BOT_TOKEN": "xoxb-1", "PAGERDUTY_ROUTING_KEY": "0" * 32}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to do.

    Attributes:
        series: Pairs of agent and task type.
        before: Sessions of each that are not measured.
        measured: Sessions of each after them.
        rules: ``init``; ``init+windows``; ``ten``: the first ten drift rules; ``tenants``: the
            same ten for each of a hundred tenants.
        every: Sessions between two checkpoints.
        repeat: Do it so many times from the beginning, each time with a fresh state.
    """

    series: int
    before: int
    measured: int
    rules: str = "init"
    every: int = 100_000
    repeat: int = 1


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; CPU is that of the measured sessions.

    Attributes:
        kept: Series of all groups at the end.
        ingest_s: CPU from JSON to the bytes of blocks.
        fold_s: CPU from there to lines.
        checkpoint_s: CPU of taking rows.
        rows: Taken by these checkpoints.
        row_bytes: Of them all, with their keys.
        grown_bytes: Resident memory at the end less that before the first series.
    """

    sessions: int
    kept: int
    ingest_s: float
    fold_s: float
    checkpoint_s: float
    rows: int
    row_bytes: int
    grown_bytes: int

    @property
    def cpu_us(self) -> float:
        """All of it for a session."""
        spent_s = self.ingest_s + self.fold_s + self.checkpoint_s
        return spent_s / self.sessions * 1e6

    @property
    def checkpoint_share(self) -> float:
        """Of the CPU."""
        return self.checkpoint_s / self.sessions * 1e6 / self.cpu_us


def book(name: str) -> RuleBook:
    """The rules by the name of ``Asked``."""
    shipped = _book(_INIT)
    if name == "init":
        return shipped
    if name == "init+windows":
        windows = [
            replace(rule, name=f"window-{rule.name}") for rule in _book(_WINDOWS).rules
        ]
        return replace(shipped, rules=(*shipped.rules, *windows))
    drifts = [rule for rule in shipped.rules if rule.kind.name == "drift"][:10]
    if name == "ten":
        return replace(shipped, rules=tuple(drifts))
    return replace(
        shipped,
        rules=tuple(
            replace(
                rule,
                name=f"{rule.name}-{tenant}",
                where=Matchers((equal("tenant", f"tenant-{tenant}"),)),
            )
            for tenant in range(100)
            for rule in drifts
        ),
    )


def _book(path: Path) -> RuleBook:
    found = load(path, _SECRETS)
    if found.config is None:
        raise SystemExit("\n".join(map(str, found.faults)))
    return found.config.book


def resident_bytes() -> int:
    """What the process occupies."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def run(asked: Asked) -> Told:
    """Do what is asked."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, most))
    rules = book(asked.rules)
    few = msgspec.structs.replace(asked, series=50, before=5, measured=5)
    _work(rules, few)
    empty_bytes = _work(rules, few).grown_bytes
    return _sum([_work(rules, asked) for _ in range(asked.repeat)], empty_bytes)


def _work(rules: RuleBook, asked: Asked) -> Told:
    observer, partition = Observer(rules, 1, 1), Partition(rules)
    rounds = asked.before + asked.measured
    total = asked.series * rounds
    values = sessions(
        total,
        asked.series,
        _START_S,
        whose=in_turn(asked.series, rounds, 1),
        tenants=100,
    )
    ingest_s = fold_s = checkpoint_s = 0.0
    rows = row_bytes = measured = since = 0
    now_us = int(_START_S * 1e6)
    for first, chunk in _chunks(values):
        began_s = time.process_time()
        offsets = range(first, first + len(chunk))
        blocks = observer.observe_values(0, offsets, chunk, now_us).blocks()
        read_s = time.process_time()
        for block in blocks[0]:
            partition.apply(decode_block(block), first)
        folded_s = time.process_time()
        since += len(chunk)
        taken: list[tuple[bytes, bytes | None]] = []
        if since >= asked.every or first + len(chunk) == total:
            taken = list(partition.take_dirty())
            partition.seal(first)
            since = 0
        if first < asked.series * asked.before:
            continue
        checkpoint_s += time.process_time() - folded_s
        ingest_s, fold_s = ingest_s + read_s - began_s, fold_s + folded_s - read_s
        measured += len(chunk)
        rows += len(taken)
        row_bytes += sum(len(key) + len(row or b"") for key, row in taken)
    del taken, values
    return Told(
        sessions=measured,
        kept=len(partition),
        ingest_s=ingest_s,
        fold_s=fold_s,
        checkpoint_s=checkpoint_s,
        rows=rows,
        row_bytes=row_bytes,
        grown_bytes=resident_bytes(),
    )


def _chunks(values: Iterator[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    first = 0
    while chunk := list(islice(values, CHUNK)):
        yield first, chunk
        first += len(chunk)


def _sum(told: Sequence[Told], empty_bytes: int) -> Told:
    """The work of several times; the memory is that of the first."""
    added = {
        name: sum(getattr(each, name) for each in told)
        for name in Told.__struct_fields__
    }
    grown = told[0].grown_bytes - empty_bytes
    return Told(**added | {"kept": told[0].kept, "grown_bytes": grown})


if __name__ == "__main__":
    tell(run(msgspec.json.decode(sys.argv[1], type=Asked)))
