"""The metrics that rules may name, and the columns of a session they are read from.

A session reaches the detectors as one row of numbers in the order of ``COLUMNS``;
NaN means that the session did not carry the value. Every metric is read from that
row: either one column, or a pooled rate (sum of numerators over sum of
denominators, never a mean of ratios), or the session itself (``sessions``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

COLUMNS: Final = (
    "cost_usd",  # LLM and tool cost, USD
    "latency_ms",
    "loop_count",
    "quality_points",  # 0 to 100, whatever scale the judge used
    "succeeded",  # 1 or 0; NaN without a status, or when cancelled
    "tool_calls",
    "tool_errors",
    "llm_calls",
    "llm_faults",  # errors and truncations together, at most llm_calls
    "feedback_down",  # 1 for down or regenerated, 0 for up
    "input_tokens",
    "output_tokens",
)
"""Names and order of a session's numbers, as blocks carry them."""

COLUMN: Final = {name: position for position, name in enumerate(COLUMNS)}
"""Position of each column."""


class Direction(StrEnum):
    """Which way a metric goes bad."""

    UP = "up"
    DOWN = "down"


class Aggregate(StrEnum):
    """How a window of samples becomes one value."""

    MEAN = "mean"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        """The quantile asked for, 0 to 1, or None where it is no percentile."""
        return int(self.value[1:]) / 100 if self.value[0] == "p" else None


class Scale(StrEnum):
    """The scale in which a metric's spread is even (``reference`` of each below)."""

    LOG = "log"  # costs, latencies, tokens: multiplicative
    SQRT = "sqrt"  # counts: Anscombe's 2*sqrt(x + 3/8)
    RATE = "rate"  # pooled rates
    LOGIT = "logit"  # bounded scores


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: where it is read, which way is bad, in which scale it lives.

    Attributes:
        name: As rules spell it.
        numerator: Column of the value, or of a rate's numerator; None for
            ``sessions``, where each session counts 1.
        denominator: Column of a rate's denominator; None for plain values.
        per_session: A rate over sessions: each sample weighs 1.
        unit: For people: ``USD``, ``ms``, ``points``, ``%`` or empty.
    """

    name: str
    numerator: int | None
    direction: Direction
    scale: Scale
    denominator: int | None = None
    per_session: bool = False
    unit: str = ""

    @property
    def pooled(self) -> bool:
        """Whether the metric is a rate, pooled over the samples of a window."""
        return self.denominator is not None or self.per_session

    @property
    def default_aggregate(self) -> Aggregate:
        """What a rule without ``aggregate`` judges."""
        return Aggregate.COUNT if self.numerator is None else Aggregate.MEAN


def _value(name: str, column: str, scale: Scale, unit: str = "") -> Metric:
    return Metric(name, COLUMN[column], Direction.UP, scale, unit=unit)


METRICS: Final = {
    metric.name: metric
    for metric in (
        _value("loop_count", "loop_count", Scale.SQRT, "loops"),
        _value("latency_ms", "latency_ms", Scale.LOG, "ms"),
        Metric(
            "tool_error_rate",
            COLUMN["tool_errors"],
            Direction.UP,
            Scale.RATE,
            denominator=COLUMN["tool_calls"],
            unit="%",
        ),
        _value("cost_usd", "cost_usd", Scale.LOG, "USD"),
        Metric(
            "quality_score",
            COLUMN["quality_points"],
            Direction.DOWN,
            Scale.LOGIT,
            unit="points",
        ),
        Metric(
            "success_rate",
            COLUMN["succeeded"],
            Direction.DOWN,
            Scale.RATE,
            per_session=True,
            unit="%",
        ),
        Metric(
            "llm_error_rate",
            COLUMN["llm_faults"],
            Direction.UP,
            Scale.RATE,
            denominator=COLUMN["llm_calls"],
            unit="%",
        ),
        _value("input_tokens", "input_tokens", Scale.LOG, "tokens"),
        _value("output_tokens", "output_tokens", Scale.LOG, "tokens"),
        _value("tool_calls", "tool_calls", Scale.SQRT, "calls"),
        _value("llm_calls", "llm_calls", Scale.SQRT, "calls"),
        Metric(
            "feedback_down_rate",
            COLUMN["feedback_down"],
            Direction.UP,
            Scale.RATE,
            per_session=True,
            unit="%",
        ),
        Metric("sessions", None, Direction.UP, Scale.SQRT, unit="sessions"),
    )
}
"""Every metric, by the name rules use."""
