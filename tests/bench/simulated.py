"""Simulated agents: one number a session, with a change of known size.

Sessions are independent and alike until the change, and alike after it. The shapes
are those of measured agents: loops gamma-Poisson, latencies and costs log-normal,
tool errors binomial over a random number of calls, quality a Beta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np

from detectors.metrics import METRICS, Metric

Values = dict[str, float]
"""What one session carries, by column."""

_LOOPS, _LOOPS_VARIANCE = 3.0, 7.5
_LATENCY_MS, _LATENCY_SIGMA = 9_000.0, 0.6
_COST_USD, _COST_SIGMA = 0.05, 0.9
_TOOL_ERRORS, _MORE_CALLS = 0.04, 5.0
_QUALITY, _CONCENTRATION = 0.82, 12.0


@dataclass(frozen=True)
class Change:
    """A lasting change: by how much, in the words of the table."""

    name: str
    size: float


@dataclass(frozen=True)
class Simulated:
    """One metric as a healthy agent has it, and what may become of it.

    Attributes:
        none: The size that changes nothing.
        draw: Takes a generator and the size of the change for each session; the
            columns it fills, one number a session.
        whole: Whether its values are whole numbers, or rates of whole numbers.
    """

    metric: Metric
    none: float
    changes: tuple[Change, ...]
    draw: Callable[[np.random.Generator, np.ndarray], Mapping[str, np.ndarray]]
    whole: bool = False

    def sessions(
        self, seed: Sequence[int], healthy: int, size: float = 0.0, changed: int = 0
    ) -> list[Values]:
        """Healthy sessions, and changed ones after them.

        Args:
            seed: Decides the numbers, together with the metric.
            healthy: How many before the change.
            size: Of the change.
            changed: How many after it.
        """
        chance = np.random.default_rng([crc32(self.metric.name.encode()), *seed])
        sizes = np.repeat([self.none, size], [healthy, changed])
        drawn = self.draw(chance, sizes)
        columns = [drawn[name].tolist() for name in drawn]
        return [
            dict(zip(drawn, row, strict=True)) for row in zip(*columns, strict=True)
        ]


def _loops(chance: np.random.Generator, times: np.ndarray) -> Mapping[str, np.ndarray]:
    shape = _LOOPS**2 / (_LOOPS_VARIANCE - _LOOPS)
    rate = chance.gamma(shape, size=len(times)) * _LOOPS * times / shape
    return {"loop_count": chance.poisson(rate).astype(float)}


def _latency(
    chance: np.random.Generator, times: np.ndarray
) -> Mapping[str, np.ndarray]:
    noise = chance.normal(0, _LATENCY_SIGMA, len(times))
    return {"latency_ms": _LATENCY_MS * times * np.exp(noise)}


def _cost(chance: np.random.Generator, times: np.ndarray) -> Mapping[str, np.ndarray]:
    noise = chance.normal(0, _COST_SIGMA, len(times))
    return {"cost_usd": _COST_USD * times * np.exp(noise)}


def _tools(chance: np.random.Generator, times: np.ndarray) -> Mapping[str, np.ndarray]:
    calls = 1 + chance.poisson(_MORE_CALLS, len(times))
    errors = chance.binomial(calls, _TOOL_ERRORS * times)
    return {"tool_calls": calls.astype(float), "tool_errors": errors.astype(float)}


def _quality(chance: np.random.Generator, less: np.ndarray) -> Mapping[str, np.ndarray]:
    mean = _QUALITY + less
    return {
        "quality_points": 100
        * chance.beta(mean * _CONCENTRATION, (1 - mean) * _CONCENTRATION)
    }


SIMULATED: Final = (
    Simulated(
        METRICS["loop_count"],
        1.0,
        (Change("loops x1.5", 1.5), Change("loops x2", 2.0)),
        _loops,
        whole=True,
    ),
    Simulated(
        METRICS["latency_ms"],
        1.0,
        (Change("latency x1.3", 1.3), Change("latency x2", 2.0)),
        _latency,
    ),
    Simulated(
        METRICS["cost_usd"],
        1.0,
        (Change("cost x1.5", 1.5), Change("cost x2", 2.0)),
        _cost,
    ),
    Simulated(
        METRICS["tool_error_rate"],
        1.0,
        (Change("tool errors x2.5", 2.5), Change("tool errors x5", 5.0)),
        _tools,
        whole=True,
    ),
    Simulated(
        METRICS["quality_score"],
        0.0,
        (Change("quality -.06", -0.06), Change("quality -.15", -0.15)),
        _quality,
    ),
)
"""The metrics of the simulation, each with a small and a large change."""
