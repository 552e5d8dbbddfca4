"""The samples since an alert over a count window began to fire.

Those that have left the window are in a summary, the rest are still at hand: so the
whole has a fixed size, however long the alert is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.kinds.plans import Plan
from tests.slow.baseline import Summary


class Shift:
    """What may become the baseline.

    Attributes:
        summary: Of the samples since firing began that have left the window.
        first: Position, among the samples at hand, of the first one since then.
    """

    __slots__ = ("first", "summary")

    def __init__(self, summary: Summary, first: int) -> None:
        self.summary = summary
        self.first = first

    def drop(
        self, gone: Sequence[float], weights: Sequence[float] | None, now_us: int
    ) -> None:
        """The oldest samples are no longer at hand.

        Args:
            gone: In the metric's unit, or a rate's numerators.
            weights: A rate's denominators.
            now_us: The series' time.
        """
        first = self.first
        if first < len(gone):
            later = None if weights is None else weights[first:]
            self.summary.learn(gone[first:], later, now_us)
        self.first = max(0, first - len(gone))

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [self.first, self.summary.dump()]

    @classmethod
    def load(cls, state: list[Any], plan: Plan) -> Shift:
        """Take what ``dump`` gave."""
        shift = cls(Summary(plan), state[0])
        shift.summary.load(state[1])
        return shift
