"""Windows of time, in steps of a sixtieth of their length.

Slot s of a window of length d holds what ended in ((s - 1) d/60, s d/60] and leaves
at (s + 60) d/60: on the grid the window is exactly (now - d, now], between its lines
up to one step longer. Sums and counts are exact, percentiles within 1 %.
"""

from __future__ import annotations

from typing import NamedTuple

from detectors.kernels import layout as at
from detectors.kernels.steps import (
    STEPS,
    step_ends_us,
    step_of,
    step_passed,
)
from detectors.kinds.plans import Judged, Plan
from detectors.state.store import Store


class Span(NamedTuple):
    """The steps of a window of so many microseconds.

    >>> hour = Span(3_600_000_000)
    >>> hour.number(60_000_000), hour.number(60_000_001)
    (1, 2)
    >>> hour.leaves_us(1) // 60_000_000
    61
    """

    span_us: int

    def number(self, at_us: int) -> int:
        """The step that a time falls into."""
        return int(step_of(at_us, self.span_us))

    def passed(self, at_us: int) -> int:
        """The last step that is over at a time."""
        return int(step_passed(at_us, self.span_us))

    def ends_us(self, number: int) -> int:
        """The last microsecond of a step."""
        return int(step_ends_us(number, self.span_us))

    def leaves_us(self, number: int) -> int:
        """When a step is no longer inside the window."""
        return -(-(number + STEPS) * self.span_us // STEPS)


class Steps:
    """A list of steps, or of eras, in the partition's memory.

    Args:
        store: The memory.
        plan: The rule.
        first: Where the address of the first one is, and behind it that of the last.
    """

    __slots__ = ("_first", "_plan", "_store")

    def __init__(self, store: Store, plan: Plan, first: int) -> None:
        self._store, self._plan, self._first = store, plan, first

    def __bool__(self) -> bool:
        return bool(self._store.arena.ints[self._first])

    @property
    def first(self) -> int:
        """Number of the first one; there is one."""
        ints = self._store.arena.ints
        return int(ints[ints[self._first] + at.STEP_NUMBER])

    def addresses(self) -> list[int]:
        """Of all of them, in order of time."""
        ints, found = self._store.arena.ints, []
        step = int(ints[self._first])
        while step:
            found.append(step)
            step = int(ints[step + at.STEP_NEXT])
        return found

    @property
    def ends(self) -> tuple[float, float] | None:
        """Of ranks the smallest and the largest sample, signed; None without any."""
        found = self.addresses()
        if not found or self._plan.judged is not Judged.RANK:
            return None
        floats = self._store.arena.floats
        lows = [float(floats[step + at.STEP_LOW]) for step in found]
        return min(lows), max(float(floats[step + at.STEP_HIGH]) for step in found)

    def taint(self, step: int) -> None:
        """The step at an address holds a sample that baselines must not learn."""
        self._store.arena.ints[step + at.STEP_SAMPLES] |= 1

    def clear(self, above: int) -> None:
        """Steps with a larger number hold no such sample."""
        ints = self._store.arena.ints
        for step in self.addresses():
            if ints[step + at.STEP_NUMBER] > above:
                ints[step + at.STEP_SAMPLES] &= ~1
