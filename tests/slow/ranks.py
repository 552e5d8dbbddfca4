"""Percentiles, minimum and maximum over windows of the last n samples."""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from detectors.kinds.plans import Plan
from detectors.normal.quantiles import harmless, quantile
from detectors.state.stage import Stage
from tests.slow.counted import ONE, CountWatch


class RankWatch(CountWatch):
    """Percentiles, minimum and maximum over a count window.

    Attributes:
        limit: Samples up to it cannot make the window worse.
        credit: How many beyond it may still come before the window needs a look.
    """

    __slots__ = ("credit", "limit")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.arm(inf)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = values[self.column] * self.sign
        if value <= self.limit:
            self.samples.append(value)
            if len(self.samples) < self.pause:
                return None
        elif value > self.limit:
            self.samples.append(value)
            self.credit -= 1
            if self.credit >= 0 and len(self.samples) < self.pause:
                return None
        else:
            return None
        return self.look(value, now_us, stage)

    def aggregate(self) -> float:  # noqa: D102
        return quantile(sorted(self.samples[-self.size :]), self.plan.percent)

    def arm(self, limit: float) -> None:  # noqa: D102
        self.limit, self.credit = limit, 0
        if abs(limit) == inf:
            return
        window = self.samples[-self.size :]
        beyond = 0
        for value in window:
            if value > limit:
                beyond += 1
        # A growing window bears no fewer beyond its limit than it does now.
        self.credit = harmless(max(1, len(window)), self.plan.percent) - beyond
        if self.credit < 0:
            # It hangs on the samples next to the limit: each one counts.
            self.limit = -inf


class SessionsRankWatch(RankWatch):
    """Percentiles of ``sessions``: each session is a sample of value 1."""

    __slots__ = ()

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        return super().sample(ONE, ended_us, now_us, stage)
