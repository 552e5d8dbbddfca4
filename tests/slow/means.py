"""Means, sums and counts over windows of the last n samples."""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

from detectors.kinds.plans import Judged, Plan
from detectors.numbers import total
from detectors.state.stage import Stage
from tests.slow.counted import ONE, CountWatch

_MARGIN: Final = 1e-9
"""Running sums this near to a limit, relatively, are worked out exactly."""


class MeanWatch(CountWatch):
    """Means and sums over a count window.

    Attributes:
        slack: How much the sum may still grow before the window needs a look.
        least: The smallest sample that may leave before then.
        ahead: Length of ``samples`` at which it needs a look in any case.
    """

    __slots__ = ("ahead", "least", "slack")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.slack = self.least = 0.0
        self.ahead = 0
        self.arm(inf)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = values[self.column] * self.sign
        if value != value:  # noqa: PLR0124 - NaN is no sample
            return None
        samples = self.samples
        samples.append(value)
        self.slack = slack = self.slack - (value - self.least)
        if slack >= 0.0 and len(samples) < self.ahead:
            return None
        return self.look(value, now_us, stage)

    def postpone(self) -> None:  # noqa: D102
        self.settle()

    def aggregate(self) -> float:  # noqa: D102
        window = self.samples[-self.size :]
        judged = self.plan.judged
        if judged is Judged.COUNT:
            return self.sign * len(window)
        summed = total(window)
        return summed if judged is Judged.SUM else summed / len(window)

    def arm(self, limit: float) -> None:  # noqa: D102
        held, size, judged = len(self.samples), self.size, self.plan.judged
        self.least, self.ahead = 0.0, self.pause
        if abs(limit) == inf or judged is Judged.COUNT:
            self.slack = inf if limit == inf else -inf
            return
        window = self.samples[-size:]
        summed = total(window)
        most = limit if judged is Judged.SUM else limit * len(window)
        self.slack = most - summed - _MARGIN * (abs(most) + abs(summed))
        if held >= size:
            # What leaves until then is in the window now.
            self.least = min(window)
            self.ahead = min(self.pause, held + size)
        else:
            # Nothing leaves, and a mean may grow with the number of samples.
            self.least = 0.0 if judged is Judged.SUM else limit
            self.ahead = min(self.pause, size)


class SessionsMeanWatch(MeanWatch):
    """Means, sums and counts of ``sessions``: each session is a sample of value 1."""

    __slots__ = ()

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        return super().sample(ONE, ended_us, now_us, stage)
