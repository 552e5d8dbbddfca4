"""Compile ahead: fold a few hundred sessions that lead everywhere.

Run by the installation (``python -m detectors.warm``), and by whoever must not pause for
half a minute at the first session.
"""

from __future__ import annotations

from typing import Final

from detectors.actions import Accept
from detectors.batch import ATTRIBUTES, Batch, tick
from detectors.identity import series_key
from detectors.metrics import COLUMN, COLUMNS, Aggregate
from detectors.partition import Partition
from detectors.rules import (
    SECOND_US,
    Absence,
    Baseline,
    Drift,
    Level,
    RuleBook,
    Severity,
    Silence,
    Threshold,
    Window,
    rule,
)

_SESSIONS: Final = 240
_SHIFT: Final = 120
"""The session from which on they are worse."""


def _book() -> RuleBook:
    dear = Threshold((Level(Severity.WARNING, 1.0),))
    failing = Threshold((Level(Severity.WARNING, 0.9),))
    return RuleBook(
        (
            rule("dear", "cost_usd", dear, by=("agent",)),
            rule("failing", "tool_error_rate", failing, by=("agent",)),
            rule("quiet", "sessions", Absence(SECOND_US * 3600), by=("agent",)),
            rule("usual", "sessions", Silence(), by=("agent",)),
            *(
                rule(f"drift-{metric}", metric, Drift("high"), by=("agent",))
                for metric in ("cost_usd", "loop_count", "tool_error_rate")
            ),
            *(
                rule(
                    f"window-{metric}-{window.span_us}",
                    metric,
                    Baseline(ratio=3.0),
                    by=("agent",),
                    min_samples=20,
                    window=window,
                    aggregate=aggregate,
                )
                for metric, aggregate in (
                    ("cost_usd", Aggregate.SUM),
                    ("loop_count", Aggregate.P95),
                    ("tool_error_rate", Aggregate.MEAN),
                )
                for window in (Window(samples=20), Window(span_us=30 * SECOND_US))
            ),
            rule("quality", "quality_score", Drift("medium"), by=("agent",)),
            rule("success", "success_rate", Drift("medium"), by=("agent",)),
        )
    )


def _session(number: int) -> list[float]:
    worse = 4.0 if number >= _SHIFT else 1.0
    spread = 1.0 + (number * 7 % 13) / 20
    failed = float(number * 5 % 7 < worse)
    values = dict.fromkeys(COLUMNS, 1.0) | {
        "cost_usd": 0.01 * worse * spread,
        "latency_ms": 1000.0 * worse * spread,
        "loop_count": float(round(2 * worse * spread)),
        "quality_points": 90.0 / worse - spread,
        "succeeded": 1.0 - failed,
        "tool_calls": 5.0,
        "tool_errors": failed,
        "input_tokens": 500.0 * spread,
        "output_tokens": 50.0,
    }
    return [values[name] for name in COLUMN]


def compile_ahead() -> None:
    """Compile everything that folding a block needs, unless it is kept from before."""
    book = _book()
    partition = Partition(book)
    key = series_key({"agent": "a"})
    for number in range(_SESSIONS):
        at_us = (1_700_000_000 + number) * SECOND_US
        partition.apply(
            Batch(
                source=0,
                sources=1,
                offsets=[number],
                clocks_us=[at_us],
                ended_at_us=[at_us],
                values=[_session(number)],
                hashes=[number],
                session_ids=[str(number)],
                traces=[""],
                attributes=[("1",) * len(ATTRIBUTES)],
                keys=[key],
                where_table=[""],
                observed=[0],
                series=[0],
                wheres=[1],
                clocks_after_us={},
            ),
            number,
        )
    partition.apply(tick({}, 1, [Accept(0, {}, "")]), _SESSIONS)
    again = Partition(book)
    rows = partition.take_dirty()
    again.restore_seal(partition.seal(_SESSIONS))
    for name, row in rows:
        if row is not None:
            again.restore_row(name, row)
    again.run_due(2_000_000_000 * SECOND_US, inclusive=True)


if __name__ == "__main__":
    compile_ahead()
