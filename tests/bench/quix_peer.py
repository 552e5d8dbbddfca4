"""A peer: the windows of ``windows.yaml`` written with Quix Streams, as a user would.

    python -m tests.bench.quix_peer BOOTSTRAP TOPIC COUNT

What makes it fair. It takes the road that its documentation shows: JSON in, ``group_by``
to bring a series together whatever partition its sessions came in by, one state a
series in RocksDB with a changelog in Kafka, at-least-once, transitions to a topic. Its
commits are left at their default of five seconds, where the worker's checkpoints are
a second apart. The two hops run in one process, as the worker's do. What it is spared
makes it faster than it ought to be: it keeps one series a session (agent and task type)
where the worker keeps three, means where the worker takes percentiles, no duplicates,
no late sessions, no timers, nobody is told. Its numbers are kept in one value, read and
written once a session; sums are carried along, so that no window is gone through.

Quix Streams' own windows are no use here: they end by time, and each holds one number.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any, Final

from quixstreams import Application

from tests.bench.figures import Figure, report

WINDOW: Final = 50
LATENCIES: Final = 200
LEAST: Final = 50

_TOO_DEAR_USD: Final = 0.5
_ERRORS: Final = 0.15
_SLOW_MS: Final = 30_000.0
_SUCCESS: Final = 0.9
_RATIO: Final = 3.0


def slide(window: list[float], value: float, size: int) -> float:
    """Push a value into a window whose first number is the sum of the others."""
    window.append(value)
    window[0] += value
    if len(window) > size + 1:
        window[0] -= window.pop(1)
    return window[0] / (len(window) - 1)


def learn(baseline: list[float], value: float) -> float:
    """Take a value into count, mean and sum of squares; the mean before it."""
    count, mean, squares = baseline
    count += 1
    moved = value - mean
    baseline[:] = count, mean + moved / count, squares + moved * moved
    return mean


def fresh() -> dict[str, Any]:
    """The state of a series without sessions."""
    windows = ("calls", "errors", "loops", "latency", "success")
    return {name: [0.0] for name in windows} | {"usual": [0.0, 0.0, 0.0], "open": []}


def evaluate(kept: dict[str, Any], session: dict[str, Any]) -> list[dict[str, Any]]:
    """Fold a session into the state of its series; what began or ended by it."""
    calls = slide(kept["calls"], session["tool_calls"], WINDOW)
    errors = slide(kept["errors"], session["tool_errors"], WINDOW)
    loops = slide(kept["loops"], session["loop_count"], WINDOW)
    latency_ms = slide(kept["latency"], session["latency_ms"], LATENCIES)
    success = slide(kept["success"], session["status"] == "success", WINDOW)
    usual = learn(kept["usual"], session["loop_count"])
    wrong = ["dear"] if session["cost_usd"] > _TOO_DEAR_USD else []
    if len(kept["loops"]) > LEAST:
        if errors > _ERRORS * calls:
            wrong.append("tool-errors")
        if latency_ms > _SLOW_MS:
            wrong.append("latency")
        if loops > _RATIO * usual:
            wrong.append("loops")
        if success < _SUCCESS:
            wrong.append("success")
    before, kept["open"] = kept["open"], wrong
    changed = set(before) ^ set(wrong)
    return [
        {
            "rule": rule,
            "agent": session["agent"],
            "task_type": session["task_type"],
            "to": "firing" if rule in wrong else "resolved",
            "session_id": session["session_id"],
        }
        for rule in sorted(changed)
    ]


def run(bootstrap: str, topic: str, count: int) -> Figure:
    """Take so many sessions from the beginning, and commit what came of them."""
    name = f"quix-{os.getpid()}"
    seen = 0
    began: tuple[float, float] | None = None

    def series(session: dict[str, Any]) -> str:
        nonlocal began
        if began is None:
            began = (time.perf_counter(), time.process_time())
        return f"{session['agent']}/{session['task_type']}"

    def fold(session: dict[str, Any], state: Any) -> list[dict[str, Any]]:
        nonlocal seen
        seen += 1
        if seen == count:
            app.stop()
        kept = state.get("series") or fresh()
        lines = evaluate(kept, session)
        state.set("series", kept)
        return lines

    with tempfile.TemporaryDirectory() as folder:
        app = Application(
            broker_address=bootstrap,
            consumer_group=name,
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="ERROR",
        )
        source = app.topic(topic, value_deserializer="json")
        lines = app.topic(f"{name}-transitions", value_serializer="json")
        frame = app.dataframe(source)
        frame = frame.group_by(series, name="series")
        frame = frame.apply(fold, stateful=True, expand=True)
        frame.to_topic(lines)
        app.run()
        assert began is not None
        return Figure(
            sessions=seen,
            wall_s=time.perf_counter() - began[0],
            cpu_s=time.process_time() - began[1],
        )


if __name__ == "__main__":
    report(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
