"""Pooled rates over windows of the last n samples."""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import inf
from typing import Any

from detectors.kinds.plans import Plan
from detectors.numbers import total
from detectors.state.stage import Stage
from tests.slow.counted import CountWatch
from tests.slow.packing import pack, unpack


class RateWatch(CountWatch):
    """Pooled rates over a count window: errors over calls.

    Both are whole numbers, and so their running sums exact.

    Attributes:
        weights: Calls of each sample.
        above, below: Errors and calls in the window, errors signed.
        quiet: The rate up to which there is nothing to be said.
    """

    __slots__ = ("above", "below", "over", "quiet", "weights")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.over = plan.over
        self.weights = array("d")
        self.above = self.below = 0.0
        self.quiet = inf

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        weight = values[self.over]
        if not weight > 0:
            return None
        value = values[self.column] * self.sign
        if value != value:  # noqa: PLR0124 - calls without a count of errors: none
            value = 0.0 * self.sign
        samples, weights = self.samples, self.weights
        samples.append(value)
        weights.append(weight)
        held = len(samples)
        left = held - self.size - 1
        if left >= 0:
            self.above = above = self.above + value - samples[left]
            self.below = below = self.below + weight - weights[left]
        else:
            self.above = above = self.above + value
            self.below = below = self.below + weight
        try:
            calm = above / below <= self.quiet
        except ZeroDivisionError:
            calm = False  # calls beyond 2**53 have swallowed the rest
        if calm and held < self.pause:
            return None
        return self.look(value / weight, now_us, stage)

    def aggregate(self) -> float:  # noqa: D102
        self.above = total(self.samples[-self.size :])
        self.below = total(self.weights[-self.size :])
        return self.above / self.below

    def weights_from(self, first: int) -> Sequence[float]:  # noqa: D102
        return self.weights[first:].tolist()

    def drop(self, count: int) -> Sequence[float]:  # noqa: D102
        gone = self.weights[:count].tolist()
        del self.weights[:count]
        super().drop(count)
        return gone

    def calls(self) -> Sequence[float]:  # noqa: D102
        return self.weights[-self.size :]

    def arm(self, limit: float) -> None:  # noqa: D102
        self.quiet = limit

    def postpone(self) -> None:  # noqa: D102
        self.aggregate()

    def dump(self) -> list[Any]:  # noqa: D102
        held = self.size if self.summary is None else len(self.weights)
        return [*super().dump(), pack(self.weights[-held:])]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.weights = unpack(state[3])
        self.above = total(unpack(state[0], self.sign)[-self.size :])
        self.below = total(self.weights[-self.size :])
        super().load(state)
