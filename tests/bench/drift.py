"""``make bench-drift``: how soon lasting shifts are found, how often for nothing.

    python -m tests.bench.drift [--kind drift] [--seeds 1 2] [--step 60] [--at 300]

Prints tables in Markdown, then one line of JSON. Needs neither Kafka nor a file.
``--kind baseline`` runs the same on ratio and drop rules, for comparison.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from math import inf, isinf
from statistics import median
from typing import Any, Final

from detectors.metrics import Direction, Metric
from detectors.rules import Baseline, Drift, Kind, Rule, Window, rule
from tests.bench import budgets, calibration, season
from tests.bench.adwin import WARM, StandardisedAdwin
from tests.bench.feed import alarms, cpu_us, state_bytes
from tests.bench.markdown import table
from tests.bench.simulated import SIMULATED, Change, Simulated, Values

HORIZON: Final = 200
"""A change not found within so many sessions is missed."""

AFTER: Final = 600
"""Sessions after the change in which alerts are counted."""

HEALTHY, CHANGED = 0, 1
"""Which of the two simulations a seed belongs to."""


def _ratio_or_drop(metric: Metric) -> Kind:
    if metric.direction is Direction.DOWN:
        return Baseline(drop=10.0)
    return Baseline(ratio=1.5)


KINDS: Final[dict[str, dict[str, Callable[[Metric], Kind]]]] = {
    "drift": {
        "drift high": lambda _: Drift("high"),
        "drift medium": lambda _: Drift("medium"),
        "drift low": lambda _: Drift("low"),
    },
    "baseline": {"baseline x1.5 or -10": _ratio_or_drop},
}
"""Rules by kind: the name in the table, and what the rule says of a metric."""

ADWINS: Final[dict[str, tuple[float, int | None]]] = {
    "ADWIN(.002), running": (0.002, None),
    "ADWIN(.1), running": (0.1, None),
    "ADWIN(.002), first 20": (0.002, WARM),
    "ADWIN(.1), first 20": (0.1, WARM),
}
"""river's detector, clock 1: its delta, and how many samples standardise."""


def rules(kind: str, metric: Metric) -> list[Rule]:
    """The rules of a kind on a metric."""
    window = Window(samples=20) if kind == "baseline" else None
    return [
        rule(name, metric.name, say(metric), window=window)
        for name, say in KINDS[kind].items()
    ]


class Outcome:
    """What one contender did on one change, over all runs.

    Attributes:
        delays: Sessions from the change to the first alarm, infinite if missed.
        alerts: Alarms in the sessions after the change.
    """

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.alerts: list[int] = []

    def take(self, found: Sequence[int], at: int) -> None:
        """Take the alarms of one run, by position."""
        after = [position - at + 1 for position in found if position >= at]
        first = after[0] if after else inf
        self.delays.append(first if first <= HORIZON else inf)
        self.alerts.append(sum(delay <= AFTER for delay in after))

    def figures(self) -> dict[str, Any]:
        """Median delay (None if most are missed), percent missed, mean of alerts."""
        middle = median(self.delays)
        missed = sum(isinf(delay) for delay in self.delays) / len(self.delays)
        return {
            "delay": None if isinf(middle) else middle,
            "missed_percent": round(100 * missed, 1),
            "alerts": round(sum(self.alerts) / len(self.alerts), 3),
        }


Found = dict[str, list[int]]
"""Positions of alarms, by contender."""


def found_by_all(
    simulated: Simulated, members: list[Rule], stream: list[Values], step_s: float
) -> Found:
    """Where each contender raised an alarm. ADWIN's changes for the better are none."""
    found = alarms(members, stream, step_s) if members else {}
    for name, (delta, learn) in ADWINS.items():
        adwin = StandardisedAdwin(simulated.metric, delta, learn=learn)
        changes = adwin.changes(stream)
        found[name] = [at for at, way in changes if way > 0]
    return found


def false_alarms(
    kind: str, seed: int, runs: int, sessions: int, step_s: float
) -> dict[str, dict[str, int]]:
    """False alarms by contender and metric, over runs of healthy sessions."""
    counts: dict[str, dict[str, int]] = {}
    for simulated in SIMULATED:
        members = rules(kind, simulated.metric)
        for run in range(runs):
            stream = simulated.sessions((seed, HEALTHY, run), sessions)
            found = found_by_all(simulated, members, stream, step_s)
            for name, positions in found.items():
                of = counts.setdefault(name, {})
                of.setdefault(simulated.metric.name, 0)
                of[simulated.metric.name] += len(positions)
    return counts


def delays(
    kind: str, seed: int, runs: int, at: int, step_s: float
) -> dict[str, dict[str, Outcome]]:
    """Outcomes by contender and change; every contender sees the same runs."""
    outcomes: dict[str, dict[str, Outcome]] = {}
    for simulated in SIMULATED:
        members = rules(kind, simulated.metric)
        for number, change in enumerate(simulated.changes):
            for run in range(runs):
                stream = simulated.sessions(
                    (seed, CHANGED, number, run), at, change.size, AFTER
                )
                found = found_by_all(simulated, members, stream, step_s)
                for name, positions in found.items():
                    of = outcomes.setdefault(name, {})
                    of.setdefault(change.name, Outcome()).take(positions, at)
    return outcomes


def costs(kind: str, seed: int, step_s: float) -> list[dict[str, Any]]:
    """What one rule costs on each metric: row bytes, and CPU an observation."""
    found = []
    for simulated in SIMULATED:
        for each in rules(kind, simulated.metric):
            stream = simulated.sessions((seed, HEALTHY, 0), 2_000)
            engine_us, rule_us = cpu_us(each, stream, step_s)
            found.append(
                {
                    "rule": each.name,
                    "metric": simulated.metric.name,
                    "row_bytes": state_bytes(each, stream, step_s),
                    "engine_us": round(engine_us, 2),
                    "rule_us": round(rule_us, 2),
                }
            )
    return found


def measure(seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """All figures of one seed."""
    healthy = asked.healthy_runs * asked.healthy
    false = false_alarms(
        asked.kind, seed, asked.healthy_runs, asked.healthy, asked.step
    )
    outcomes = delays(asked.kind, seed, asked.runs, asked.at, asked.step)
    return {
        "seed": seed,
        "contenders": {
            name: {
                "false_per_1000": {
                    metric: round(1000 * count / healthy, 3)
                    for metric, count in by_metric.items()
                },
                "false_per_1000_mean": round(
                    1000 * sum(by_metric.values()) / healthy / len(by_metric), 3
                ),
                "changes": {
                    change: outcome.figures()
                    for change, outcome in outcomes[name].items()
                },
            }
            for name, by_metric in false.items()
        },
    }


def _changes() -> list[Change]:
    return [change for simulated in SIMULATED for change in simulated.changes]


def _delay(figures: dict[str, Any]) -> str:
    delay, missed = figures["delay"], figures["missed_percent"]
    shown = "-" if delay is None else f"{delay:g}"
    return f"{shown} ({missed:g})" if missed else shown


def show(measured: dict[str, Any], at: int) -> None:
    """Print the tables of one seed."""
    contenders = measured["contenders"]
    names = [change.name for change in _changes()]
    print(f"\nSeed {measured['seed']}. Sessions from the change, at session {at}, to")
    print(f"the alarm: median (percent not found within {HORIZON}).\n")
    rows = [
        [name, f"{of['false_per_1000_mean']:.2f}"]
        + [_delay(of["changes"][change]) for change in names]
        for name, of in contenders.items()
    ]
    print(table(["detector", "false per 1,000", *names], rows))
    print(f"\nAlerts in the {AFTER} sessions after one lasting change.\n")
    rows = [
        [name, *(f"{of['changes'][change]['alerts']:.2f}" for change in names)]
        for name, of in contenders.items()
    ]
    print(table(["detector", *names], rows))
    print("\nFalse alarms per 1,000 healthy sessions, by metric.\n")
    metrics = [simulated.metric.name for simulated in SIMULATED]
    rows = [
        [name, *(f"{of['false_per_1000'][metric]:.2f}" for metric in metrics)]
        for name, of in contenders.items()
    ]
    print(table(["detector", *metrics], rows))


def _show_costs(found: list[dict[str, Any]]) -> None:
    print("\nWhat one rule costs.\n")
    rows = [
        [
            f"{of['rule']}, {of['metric']}",
            str(of["row_bytes"]),
            f"{of['engine_us']:.1f}",
            f"{of['rule_us']:.1f}",
        ]
        for of in found
    ]
    heads = ["rule", "bytes in the row", "µs, engine and rule", "µs, rule alone"]
    print(table(heads, rows))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kind", choices=KINDS, default="drift")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--runs", type=int, default=120, help="of each change")
    parser.add_argument("--healthy-runs", type=int, default=60)
    parser.add_argument("--healthy", type=int, default=1_000, help="sessions of each")
    parser.add_argument("--at", type=int, default=300, help="session of the change")
    parser.add_argument("--step", type=float, default=60.0, help="seconds apart")
    parser.add_argument(
        "--part",
        choices=("drift", "calibration", "budgets", "season", "both"),
        default="both",
        help="both: without budgets and season, which take some minutes",
    )
    names = [simulated.metric.name for simulated in SIMULATED]
    parser.add_argument(
        "--metrics", nargs="+", choices=names, default=names, help="under budgets"
    )
    calibration.arguments(parser)
    asked = parser.parse_args()
    began = time.perf_counter()
    result: dict[str, Any] = {}
    if asked.part == "budgets":
        result["budgets"] = budgets.run(asked.seeds[0], asked.runs, asked.metrics)
        budgets.show(result["budgets"])
    if asked.part == "season":
        result["season"] = season.run(asked.runs, asked.seeds[0])
        season.show(result["season"])
    if asked.part in {"drift", "both"}:
        if not rules(asked.kind, SIMULATED[0].metric):
            print(f"this version evaluates no {asked.kind} rules", file=sys.stderr)
        result["seeds"] = [measure(seed, asked) for seed in asked.seeds]
        result["costs"] = costs(asked.kind, asked.seeds[0], asked.step)
        for measured in result["seeds"]:
            show(measured, asked.at)
        if result["costs"]:
            _show_costs(result["costs"])
    if asked.part in {"calibration", "both"}:
        result["calibration"] = calibration.run(asked)
    result["seconds"] = round(time.perf_counter() - began, 1)
    print()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
