"""``make bench-plots``: series with incidents, as pictures in ``docs/plots``.

    python -m tests.bench.plots [--seeds 11 12 13] [--config FILE] [--out DIR]

One picture a fleet. Points are sessions, the line is what the rule judges, the band
what it expected; shaded is where something was really wrong, marks are alerts.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from detectors.metrics import Aggregate
from detectors.rules import Rule
from detectors.transitions import State, microseconds
from loopwatch.config import load
from streams.events.session import decode_session
from tests.bench.bands import Bands, from_engine, from_lines
from tests.bench.fleets import ROOT, MissingError, fleet
from tests.bench.incidents import loopwatch, replayed

PANELS: Final = 3
_WANTED: Final = ("loop_count", "cost_usd", "latency_ms", "quality_score")
_WINDOW: Final = 50
_SCALE: Final = (1.0, 10.0)
_ORDER: Final = ("drift", "baseline", "anomaly", "threshold")
"""Of several rules on a metric, the kind whose band is drawn."""


@dataclass
class Panel:
    """One series under one rule.

    Attributes:
        texts: Its sessions, as published.
        times, values: Of its samples; microseconds, and the metric's unit.
        weights: Calls of a rate, else 1.
        wrong: From and to of what was really wrong, microseconds.
        lines: Transitions of all rules on the metric and series.
    """

    rule: Rule
    labels: dict[str, str]
    texts: list[bytes]
    times: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    wrong: list[tuple[int, int]]
    lines: list[dict[str, Any]]


def best_rule(rules: Sequence[Rule], metric: str) -> Rule | None:
    """The rule on a metric whose band tells most."""
    usual = [
        rule
        for rule in rules
        if rule.metric.name == metric and set(rule.by) <= {"agent", "task_type"}
    ]
    return min(usual, key=lambda rule: _ORDER.index(rule.kind.name), default=None)


def _samples(
    texts: list[bytes], rule: Rule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = []
    metric = rule.metric
    assert metric.numerator is not None
    for text in texts:
        session = decode_session(text, _SCALE, None)
        value, weight = session.values[metric.numerator], 1.0
        if metric.denominator is not None:
            weight = session.values[metric.denominator]
            value = value / weight if weight > 0 else float("nan")
        if not isnan(value):
            found.append((session.ended_at_us, value, weight))
    found.sort()
    columns = np.array(found, dtype=float).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def judged(panel: Panel) -> np.ndarray:
    """What the rule judges at each sample: its window's aggregate."""
    window = panel.rule.window
    size = (window and window.samples) or _WINDOW
    quantile = panel.rule.aggregate.quantile
    found = np.full(len(panel.values), np.nan)
    for end in range(size, len(found) + 1):
        part = panel.values[end - size : end]
        if quantile is not None:
            found[end - 1] = np.quantile(part, quantile, method="inverted_cdf")
        elif panel.rule.aggregate is Aggregate.MEAN:
            found[end - 1] = np.average(part, weights=panel.weights[end - size : end])
    return found


def panels(folder: Path, output: Path, rules: Sequence[Rule]) -> list[Panel]:
    """One panel for each of several metrics: the series of an incident in it."""
    labels = json.loads((folder / "labels.json").read_text())
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    texts: dict[tuple[str, str], list[bytes]] = {}
    seen: set[str] = set()
    for text in (folder / "sessions.jsonl").read_bytes().splitlines():
        event = json.loads(text)
        if event["session_id"] not in seen:
            seen.add(event["session_id"])
            texts.setdefault((event["agent"], event["task_type"]), []).append(text)
    found = []
    for metric in _WANTED:
        rule = best_rule(rules, metric)
        primary = [x for x in labels["incidents"] if x["primary_metric"] == metric]
        if rule is None or not primary:
            continue
        pairs = [tuple(pair) for pair in primary[0]["affected_series"]]
        pair = max(pairs, key=lambda pair: len(texts.get(pair, ())))
        series = dict(zip(("agent", "task_type"), pair, strict=True))
        wrong = [
            (microseconds(x["start"]), microseconds(x["end"]))
            for x in labels["incidents"]
            if list(pair) in x["affected_series"] and metric in x["metrics"]
        ]
        of = [
            line
            for line in lines
            if line["kind"] == "transition"
            and line["metric"] == metric
            and line["rule_kind"] != "threshold"
            and all(series.get(k) == v for k, v in line["labels"].items())
        ]
        found.append(
            Panel(rule, series, texts[pair], *_samples(texts[pair], rule), wrong, of)
        )
    return found[:PANELS]


def _dates(times_us: Any) -> Any:
    return [datetime.fromtimestamp(at_us / 1e6, UTC) for at_us in times_us]


def draw(panel: Panel, axes: Any, bands: Bands) -> None:
    """Draw one panel."""
    axes.plot(_dates(panel.times), panel.values, ".", ms=1, color="0.75", zorder=1)
    line_judged = judged(panel)
    axes.plot(_dates(panel.times), line_judged, "-", lw=0.9, color="tab:blue")
    known = bands(panel.rule, panel.texts)
    if not any(band.expected is not None for band in known):
        own = [line for line in panel.lines if line["rule"] == panel.rule.name]
        known = from_lines(own)
    known = [band for band in known if band.expected is not None]
    if known:
        when = _dates(band.at_us for band in known)
        expected = np.array([band.expected for band in known], dtype=float)
        low, high = (
            np.where(np.isnan(ends), expected, ends)
            for ends in (
                np.array([band.low for band in known], dtype=float),
                np.array([band.high for band in known], dtype=float),
            )
        )
        axes.plot(when, expected, "-", lw=0.8, color="tab:green")
        axes.fill_between(when, low, high, color="tab:green", alpha=0.15, lw=0)
    for start, end in panel.wrong:
        axes.axvspan(*_dates((start, end)), color="tab:red", alpha=0.15, lw=0)
    for line in panel.lines:
        opened = line["from"] not in ("firing", "recovering")
        if line["to"] == State.FIRING and opened:
            own = line["rule"] == panel.rule.name
            when = _dates([microseconds(line["time"])])[0]
            axes.axvline(when, color="tab:red" if own else "tab:orange", lw=0.8)
    tops = [np.percentile(panel.values, 99.5), *line_judged[~np.isnan(line_judged)]]
    axes.set_ylim(0, 1.1 * max(map(float, tops)))
    where = " / ".join(panel.labels.values())
    axes.set_title(f"{panel.rule.name}: {where}", fontsize=8, loc="left")
    axes.set_ylabel(panel.rule.metric.name, fontsize=7)
    axes.tick_params(labelsize=6)


def picture(found: Sequence[Panel], path: Path, bands: Bands) -> None:
    """Draw panels above each other into a PNG."""
    figure, axes = plt.subplots(
        len(found), 1, figsize=(9, 2.1 * len(found)), squeeze=False
    )
    for panel, part in zip(found, axes[:, 0], strict=True):
        draw(panel, part, bands)
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Replay fleets and draw them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--config", type=Path, help="default: what init writes")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "plots")
    asked = parser.parse_args()
    mpl.use("Agg")
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        config = asked.config or Path(temporary) / "loopwatch.yaml"
        if asked.config is None:
            loopwatch("init", str(config))
        loaded = load(config, os.environ).config
        if loaded is None:
            raise SystemExit(
                f"{config} cannot be used: run loopwatch check -c {config}"
            )
        for seed in asked.seeds:
            try:
                folder = fleet(seed)
            except MissingError as error:
                raise SystemExit(str(error)) from None
            output = Path(temporary) / f"replay-{seed}.jsonl"
            replayed(folder, config, output)
            found = panels(folder, output, loaded.book.rules)
            path = asked.out / f"fleet-{seed}.png"
            picture(found, path, from_engine)
            print(f"{path}: {len(found)} series, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
