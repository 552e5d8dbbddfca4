"""Windows of time, in steps of a sixtieth of their length.

Slot s of a window of length d holds what ended in ((s - 1) d/60, s d/60] and leaves
at (s + 60) d/60: on the grid the window is exactly (now - d, now], between its lines
up to one step longer. Sums and counts are exact, percentiles within 1 %.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Any, Final

from detectors.numbers import total
from tests.slow.sketch import flatten, merge, unflatten

STEPS: Final = 60


class Slot:
    """What fell into one step; values are signed so that larger is worse.

    Attributes:
        number: Of the step.
        total: Sum of values, or of a rate's numerators.
        weight: Number of values, or sum of a rate's denominators.
        beyond: Samples beyond the mildest fixed limit.
        tainted: Whether it holds a sample that baselines must not learn.
        bins: Histogram of the values in the metric's unit.
    """

    __slots__ = (
        "beyond",
        "bins",
        "high",
        "low",
        "number",
        "samples",
        "tainted",
        "total",
        "weight",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.samples = 0
        self.total = 0.0
        self.weight = 0.0
        self.low = inf
        self.high = -inf
        self.beyond = 0
        self.tainted = False
        self.bins: dict[int, int] = {}

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [
            self.number,
            self.samples,
            self.total,
            self.weight,
            self.low,
            self.high,
            self.beyond,
            self.tainted,
            flatten(self.bins),
        ]

    @classmethod
    def load(cls, state: list[Any]) -> Slot:
        """Take what ``dump`` gave."""
        slot = cls(state[0])
        slot.samples, slot.total, slot.weight = state[1:4]
        slot.low, slot.high, slot.beyond, slot.tainted = state[4:8]
        slot.bins = unflatten(state[8])
        return slot

    def join(self, other: Slot) -> None:
        """Add what fell into another step."""
        self.samples += other.samples
        self.total += other.total
        self.weight += other.weight
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.tainted = self.tainted or other.tainted
        merge(self.bins, other.bins)


class Span:
    """The steps of one window that hold anything, in order of time.

    >>> hour = Span(3_600_000_000)
    >>> hour.at(60_000_000).number, hour.at(60_000_001).number
    (1, 2)
    >>> hour.leaves_us(hour.slots[0]) // 60_000_000
    61
    """

    __slots__ = ("slots", "span_us")

    def __init__(self, span_us: int) -> None:
        self.span_us = span_us
        self.slots: deque[Slot] = deque()

    def number(self, at_us: int) -> int:
        """The step that a time falls into."""
        return -(-at_us * STEPS // self.span_us)

    def passed(self, at_us: int) -> int:
        """The last step that is over at a time."""
        return at_us * STEPS // self.span_us

    def ends_us(self, number: int) -> int:
        """The last microsecond of a step."""
        return number * self.span_us // STEPS

    def leaves_us(self, slot: Slot) -> int:
        """When a step is no longer inside the window."""
        return -(-(slot.number + STEPS) * self.span_us // STEPS)

    def holds(self, ended_us: int, now_us: int) -> bool:
        """Whether what ended then is still inside the window."""
        return self.number(ended_us) + STEPS > self.passed(now_us)

    def advance(self, now_us: int) -> list[Slot]:
        """Take out the steps that are no longer inside the window."""
        gone = []
        limit = self.passed(now_us) - STEPS
        while self.slots and self.slots[0].number <= limit:
            gone.append(self.slots.popleft())
        return gone

    def at(self, ended_us: int) -> Slot:
        """The step for a time inside the window, made if it was empty."""
        number = self.number(ended_us)
        slots = self.slots
        position = len(slots)
        while position and slots[position - 1].number > number:
            position -= 1
        if position and slots[position - 1].number == number:
            return slots[position - 1]
        slot = Slot(number)
        slots.insert(position, slot)
        return slot

    def totals(self, without: Slot | None) -> Slot:
        """All steps but one together; sums are correctly rounded."""
        others = [slot for slot in self.slots if slot is not without]
        together = Slot(0)
        together.total = total([slot.total for slot in others])
        together.weight = total([slot.weight for slot in others])
        together.samples = sum([slot.samples for slot in others])
        together.beyond = sum([slot.beyond for slot in others])
        return together
