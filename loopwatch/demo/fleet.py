"""A small fleet of agents: healthy sessions, and what a bad deploy does to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True)
class Workload:
    """What one agent does all day.

    Attributes:
        loops: Mean reasoning cycles of a healthy session.
        loop_cost_usd: Cost of one cycle.
        loop_ms: Time of one cycle.
        weight: Share of the traffic.
    """

    agent: str
    task_type: str
    model: str
    loops: float
    loop_cost_usd: float
    loop_ms: float
    weight: float


WORKLOADS = (
    Workload("support-triage", "refund", "gpt-4o-mini", 3.5, 0.004, 900, 0.4),
    Workload("support-triage", "question", "gpt-4o-mini", 2.5, 0.003, 800, 0.3),
    Workload("deep-research", "report", "gpt-4o", 6.0, 0.018, 2_600, 0.3),
)
TENANTS = ("acme", "globex", "initech", "umbrella")
BROKEN_AGENT = "deep-research"


class Fleet:
    """Sessions of the fleet, one after the other; the same seed gives the same ones.

    Args:
        seed: Of the random numbers.
    """

    def __init__(self, seed: int = 7) -> None:
        self._random = Random(seed)  # noqa: S311 - traffic, not secrets
        self._count = 0

    def session(self, ended_at: float, *, incident: bool) -> dict[str, Any]:
        """One session that ends at a time (epoch seconds).

        During an incident version 2.1.1 of the research agent goes round in circles:
        it loops about twelve times as long, fails a third of its tool calls and
        costs dollars instead of cents.
        """
        draw = self._random
        self._count += 1
        work = draw.choices(WORKLOADS, [w.weight for w in WORKLOADS])[0]
        broken = incident and work.agent == BROKEN_AGENT
        mean = work.loops * (12 if broken else 1)
        loops = 1 + _poisson(draw, draw.gammavariate(4, (mean - 1) / 4))
        tool_calls = 2 * loops
        failing = 0.35 if broken else 0.02
        tool_errors = sum(draw.random() < failing for _ in range(tool_calls))
        latency_ms = loops * work.loop_ms * draw.lognormvariate(0, 0.25)
        cost_usd = loops * work.loop_cost_usd * draw.lognormvariate(0, 0.2)
        failed = draw.random() < (0.6 if broken else 0.03)
        return {
            "session_id": f"demo-{self._count:06d}",
            "agent": work.agent,
            "task_type": work.task_type,
            "tenant": draw.choice(TENANTS),
            "model": work.model,
            "agent_version": "2.1.1" if broken else "2.1.0",
            "environment": "production",
            "started_at": _rfc3339(ended_at - latency_ms / 1000),
            "ended_at": _rfc3339(ended_at),
            "status": "failure" if failed else "success",
            "loop_count": loops,
            "latency_ms": round(latency_ms, 1),
            "llm_calls": loops,
            "tool_calls": tool_calls,
            "tool_errors": tool_errors,
            "input_tokens": 900 * loops,
            "output_tokens": 180 * loops,
            "cost_usd": round(cost_usd, 5),
            "trace_url": f"https://traces.example.com/t/demo-{self._count:06d}",
        }


def _poisson(draw: Random, mean: float) -> int:
    """A Poisson number by Knuth's product of uniforms."""
    limit, product, count = math.exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


def _rfc3339(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
