"""P7: `loopwatch replay` of a file with the rules that init writes."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.findings import CPU, Finding, at_least
from tests.bench.road import INIT
from tests.bench.traffic import sessions

SERIES = 1_000
_START_S = 1_800_000_000.0


async def replaying(*, count: int) -> list[Finding]:
    """A file of so many sessions, less what an almost empty one takes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sessions.jsonl")
        few, many = 4_000, 4_000 + count
        took = []
        for lines in (few, few, many):
            await asyncio.to_thread(_write, file, lines)
            took.append(await asyncio.to_thread(_replayed, file))
        (_, start, whole) = took
    return [finding(count, start, whole)]


def finding(
    count: int, start: tuple[float, float], whole: tuple[float, float]
) -> Finding:
    """One line, of the wall and CPU seconds of a short file and a long one."""
    net = Figure(sessions=count, wall_s=whole[0] - start[0], cpu_s=whole[1] - start[1])
    return Finding(
        part="P7",
        what=f"replay of a file, {SERIES:,} series",
        value=net.per_second,
        unit="sessions/s",
        goal=at_least(100_000.0),
        raw={CPU: net.cpu_us, "s in all": whole[0], "s for 4,000 lines": start[0]},
    )


def _write(file: Path, lines: int) -> None:
    with file.open("wb") as stream:
        values = sessions(lines, SERIES, _START_S)
        stream.writelines(value + b"\n" for value in values)


def _replayed(file: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the command."""
    command = [sys.executable, "-m", "loopwatch", "replay", str(file), "-c", str(INIT)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began_s = time.perf_counter()
    subprocess.run(
        [*command, "--output", "json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    wall_s = time.perf_counter() - began_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, cpu_s
