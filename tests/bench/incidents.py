"""``make bench-incidents``: labelled incidents, found by ``loopwatch init``'s own file.

    python -m tests.bench.incidents [--seeds 21 22 23] [--false] [--incidents]
        [--keep DIR] [--config FILE] [--only fleets|real]

Makes the fleets of the incidents benchmark (``INCIDENTS``, else
``../shared/incidents``), replays each, scores with the benchmark's own scorer, and
holds the figures against the goals. Then real sessions (``REAL_SESSIONS``, else
``../shared/data``). Prints tables, then one line of JSON.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.bench import real
from tests.bench.fleets import (
    CACHE,
    DEV_SEEDS,
    ROOT,
    MissingError,
    benchmark_folder,
    fleet,
    scorer,
)
from tests.bench.markdown import table

AT_ONCE: Final = 2
"""Replays that run side by side."""

GOALS: Final[tuple[tuple[str, str, Callable[[float], bool], str], ...]] = (
    ("F1", "f1", lambda x: x >= 0.95, ">= 0.95"),
    ("recall", "recall", lambda x: x >= 0.90, ">= 0.90"),
    ("precision", "precision", lambda _: True, ""),
    (
        "false alerts per 1,000 sessions",
        "false_per_1000_sessions",
        lambda x: x <= 0.015,
        "<= 0.015",
    ),
    ("found early", "early_recall", lambda x: x >= 0.65, ">= 0.65"),
    (
        "median delay, sessions",
        "delay_sessions_median",
        lambda x: x <= 15,
        "<= 15",
    ),
    (
        "alerts per incident",
        "alerts_per_incident",
        lambda x: 1.0 <= x <= 1.1,
        "1.0 to 1.1",
    ),
    ("scope right", "scope_right", lambda x: x >= 0.90, ">= 0.90"),
    ("resolved in time", "resolved_in_time", lambda x: x >= 0.95, ">= 0.95"),
    ("recall by chance", "recall_by_chance", lambda _: True, ""),
    ("alerts on cold series", "cold_start_alerts", lambda _: True, ""),
)
"""What is held against what: heading, key of the summary, test, words."""


def loopwatch(*arguments: str, output: Path | None = None) -> None:
    """Run the product's command; stdout into a file.

    Raises:
        SystemExit: It failed; the text ends with what it said.
    """
    command = [sys.executable, "-m", "loopwatch", *arguments]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with (output or Path(os.devnull)).open("wb") as stream:
        done = subprocess.run(
            command,
            stdout=stream,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-2000:]
        raise SystemExit(f"loopwatch {arguments[0]} failed: {said}")


def replayed(folder: Path, config: Path, output: Path) -> float:
    """Replay a fleet into a file; seconds it took."""
    began = time.perf_counter()
    sessions = str(folder / "sessions.jsonl")
    loopwatch("replay", sessions, "-c", str(config), "--output", "json", output=output)
    return time.perf_counter() - began


def _tell(rows: list[dict[str, Any]], alerts: list[dict[str, Any]], asked: Any) -> None:
    if asked.incidents:
        for row in rows:
            print(json.dumps(row))
    if asked.false:
        for alert in alerts:
            if alert["as"] == "false":
                keys = ("rule", "labels", "near")
                told = {key: alert[key] for key in keys}
                print(json.dumps({"time": alert["t"], **told, "before": alert["n"]}))


def held_against_goals(summary: dict[str, Any]) -> list[list[str]]:
    """Rows of the table: figure, goal, and whether it is met."""
    rows = []
    for name, key, met, words in GOALS:
        value = summary.get(key)
        shown = "-" if value is None else f"{value:g}"
        verdict = (
            "" if not words else "no" if value is None or not met(value) else "yes"
        )
        rows.append([name, shown, words, verdict])
    return rows


def fleets(asked: argparse.Namespace, work: Path, config: Path) -> dict[str, Any]:
    """Make, replay and score the fleets; the scorer's summary."""
    score = scorer(benchmark_folder())
    folders = [
        fleet(
            seed,
            under=work if asked.keep else CACHE,
            name=f"dev-{seed}" if asked.keep else "",
        )
        for seed in asked.seeds
    ]
    outputs = [work / f"replay-{seed}.jsonl" for seed in asked.seeds]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        took = list(pool.map(replayed, folders, [config] * len(folders), outputs))
    # The scorer holds a fleet in memory: one after the other, as it asks for them.
    pairs = (
        (score.Fleet(str(folder)), output.read_text().splitlines())
        for folder, output in zip(folders, outputs, strict=True)
    )
    summary, rows, alerts = score.score(pairs)
    _tell(rows, alerts, asked)
    summary["replay_seconds"] = round(sum(took), 1)
    return dict(summary)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(DEV_SEEDS))
    parser.add_argument("--false", action="store_true", help="one line a false alert")
    parser.add_argument("--incidents", action="store_true", help="one line an incident")
    parser.add_argument("--keep", type=Path, help="keep fleets and outputs in a folder")
    parser.add_argument("--config", type=Path, help="default: what init writes")
    parser.add_argument("--only", choices=("fleets", "real"))
    parser.add_argument("--real-seeds", type=int, nargs="+", default=[1, 2, 3])
    asked = parser.parse_args(arguments)
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        work: Path = asked.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        config = work / "loopwatch.yaml"
        if asked.config is not None:
            config = asked.config
        elif not config.exists():
            loopwatch("init", str(config))
        try:
            if asked.only != "real":
                result["fleets"] = fleets(asked, work, config)
                print(table(["figure", "measured", "goal", "met"],
                            held_against_goals(result["fleets"])))  # fmt: skip
            if asked.only != "fleets":
                result["real"] = real.run(config, asked.real_seeds)
        except MissingError as error:
            raise SystemExit(str(error)) from None
    print()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
