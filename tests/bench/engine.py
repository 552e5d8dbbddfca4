"""CPU time of the evaluation engine alone, without Kafka.

python -m tests.bench.engine [--series N] [--sessions N a series] [--windows]
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import loopwatch.config
from detectors.batch import Batch
from detectors.identity import series_key, session_hash
from detectors.metrics import COLUMNS
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Absence,
    Baseline,
    Level,
    Rule,
    RuleBook,
    Severity,
    Threshold,
    Window,
    rule,
)
from detectors.state.blocks import as_block
from detectors.transitions import Transition
from loopwatch.config.load import load

HOUR_US = 3600 * SECOND_US
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
START_US = 1_760_000_000 * SECOND_US
BLOCK = 500


def _threshold(warning: float, critical: float | None = None) -> Threshold:
    levels = [Level(WARNING, warning)]
    if critical is not None:
        levels.append(Level(CRITICAL, critical))
    return Threshold(tuple(levels))


def window_rules() -> tuple[Rule, ...]:
    """Rules over windows."""
    from detectors.metrics import Aggregate

    return (
        rule("session-cost", "cost_usd", _threshold(2.0, 8.0)),
        rule(
            "tool-errors", "tool_error_rate", _threshold(0.3), window=Window(samples=50)
        ),
        rule(
            "latency-sla",
            "latency_ms",
            _threshold(90_000),
            window=Window(samples=200),
            aggregate=Aggregate.P95,
        ),
        rule(
            "loop-regression",
            "loop_count",
            Baseline(ratio=3.0),
            window=Window(samples=50),
            aggregate=Aggregate.P95,
        ),
        rule(
            "quality-drop",
            "quality_score",
            Baseline(drop=10),
            window=Window(samples=50),
        ),
        rule(
            "success-rate",
            "success_rate",
            _threshold(0.7, 0.4),
            window=Window(samples=50),
        ),
        rule(
            "daily-spend",
            "cost_usd",
            Baseline(ratio=2.0),
            by=("tenant",),
            window=Window(span_us=24 * HOUR_US),
            aggregate=Aggregate.SUM,
            severity=CRITICAL,
        ),
        rule("gone-quiet", "sessions", Absence(HOUR_US // 2), by=("agent",)),
    )


def _values(chance: random.Random) -> list[float]:
    calls = chance.randint(1, 12)
    session = {
        "cost_usd": chance.lognormvariate(-3.0, 0.7),
        "latency_ms": chance.lognormvariate(9.0, 0.6),
        "loop_count": float(chance.randint(1, 9)),
        "quality_points": 100 * chance.betavariate(8, 2),
        "succeeded": float(chance.random() < 0.95),
        "tool_calls": float(calls),
        "tool_errors": float(sum(chance.random() < 0.05 for _ in range(calls))),
        "llm_calls": 5.0,
        "llm_faults": 0.0,
        "feedback_down": float("nan"),
        "input_tokens": 4000.0,
        "output_tokens": 700.0,
    }
    return [session[name] for name in COLUMNS]


def blocks(
    series: int, sessions: int, rules: Sequence[Rule], *, windows: bool
) -> list[Batch]:
    """Healthy sessions over a number of agents, in blocks."""
    chance = random.Random(1)  # noqa: S311
    pairs = [
        series_key({"agent": f"agent-{n % 100}", "task_type": f"task-{n}"})
        for n in range(series)
    ]
    models = [series_key({"model": f"model-{n}"}) for n in range(8)]
    tenants = [series_key({"tenant": f"tenant-{n}"}) for n in range(50)]
    wheres = tuple(sorted({str(each.where) for each in rules}))
    every = (1 << len(wheres)) - 1
    width = 3
    agents = [series_key({"agent": f"agent-{n}"}) for n in range(100)]
    pool = [_values(chance) for _ in range(5000)]
    made, clock_us = [], START_US
    for first in range(0, sessions, BLOCK):
        keys: dict[bytes, int] = {}
        ends, values, hashes, ids, named = [], [], [], [], []
        labels: list[tuple[str, ...]] = []
        for n in range(first, first + BLOCK):
            clock_us += 1_000_003
            ends.append(clock_us)
            values.append(chance.choice(pool))
            ids.append(f"session-{n}")
            hashes.append(session_hash(ids[-1]))
            pair = chance.randrange(series)
            inside = (
                pairs[pair],
                chance.choice(tenants) if windows else models[pair % 8],
                agents[pair % 100],
            )
            labels.append(
                (
                    "1.0.0",
                    f"model-{pair % 8}",
                    f"tenant-{n % 50}",
                    f"task-{pair}",
                    "production",
                    f"agent-{pair % 100}",
                )
            )
            named += [keys.setdefault(key, len(keys)) for key in inside]
        made.append(
            Batch(
                source=0,
                sources=1,
                offsets=range(first, first + BLOCK),
                clocks_us=ends,
                ended_at_us=ends,
                values=values,
                hashes=hashes,
                session_ids=ids,
                traces=[""] * BLOCK,
                attributes=labels,
                keys=list(keys),
                where_table=wheres,
                observed=[n // 3 for n in range(3 * BLOCK)],
                series=named,
                wheres=[every] * (width * BLOCK),
                clocks_after_us={},
            )
        )
    return made


def init_rules() -> tuple[Rule, ...]:
    """The rules that ``loopwatch init`` writes."""
    path = Path(loopwatch.config.__file__).with_name("loopwatch.yaml")
    config = load(path, {}).config
    assert config is not None
    return config.book.rules


def main() -> None:
    """Print the CPU time per session, warm, and that of rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--windows", action="store_true")
    options = parser.parse_args()
    series = options.series
    rules = window_rules() if options.windows else init_rules()
    warm = series * options.sessions // 2 // BLOCK
    made = blocks(series, series * options.sessions, rules, windows=options.windows)
    partition = Partition(RuleBook(rules))
    spent = []
    lines = fired = 0
    for offset, batch in enumerate(map(as_block, made)):
        began = time.process_time()
        said = partition.apply(batch, offset)
        spent.append(time.process_time() - began)
        lines += len(said)
        fired += sum(
            isinstance(line, Transition) and line.to_state.is_open for line in said
        )
    for name, part in (("first", spent[:warm]), ("later", spent[warm:])):
        print(f"{name} half: {sum(part) / len(part) / BLOCK * 1e6:.2f} µs a session")
    began = time.process_time()
    rows = partition.take_dirty()
    took = time.process_time() - began
    size = sum(len(row) for _, row in rows if row is not None) / len(rows)
    print(f"rows: {took / len(rows) * 1e6:.1f} µs and {size:.0f} bytes each")
    began = time.process_time()
    fresh = Partition(RuleBook(rules))
    fresh.restore_seal(partition.seal(len(made)))
    for key, row in rows:
        if row is not None:
            fresh.restore_row(key, row)
    fresh.finish_restore()
    took = time.process_time() - began
    print(f"restore: {took / len(rows) * 1e6:.1f} µs a row")
    print(f"{len(partition)} series, {lines} lines, {fired} of open alerts")


if __name__ == "__main__":
    main()
