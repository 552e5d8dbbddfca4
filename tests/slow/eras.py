"""What a series was like before its time window (S30's whole windows).

Steps that leave the current window are kept here, a few of them together, as far
back as ``over`` reaches. The expectation is the mean of the aggregate over the whole
windows among them; one that holds a sample not to be learned is left out.

Once a new level is accepted, windows count from the shift on. Until two of them are
whole, the level that was accepted stands in for their mean.
"""

from __future__ import annotations

from typing import Any, Final

from detectors.kinds.plans import Judged, Plan
from detectors.life.evidence import known
from detectors.life.lifecycle import FAR
from detectors.metrics import Scale
from detectors.numbers import finite, total
from detectors.transitions import rfc3339
from tests.slow.sketch import Bins
from tests.slow.spans import STEPS, Slot

FEWEST: Final = 2
"""Whole windows that make an expectation."""

WIDTH: Final = 0.015
"""Relative width of histogram bins: percentiles within 1 %."""


def bins_of(plan: Plan) -> Bins | None:
    """The histogram that a rule's percentile needs, if it asks for one."""
    if plan.judged is not Judged.RANK or not 0 < plan.percent < 100:
        return None
    return Bins(WIDTH, whole=plan.rule.metric.scale is Scale.SQRT)


def _together(windows: int) -> int:
    """How many steps are kept as one, so that the whole stays small."""
    for most, steps in ((14, 3), (48, 10), (100, 20)):
        if windows <= most:
            return steps
    return STEPS


class Eras:
    """The steps before the current window, a few of them together.

    Attributes:
        born: Step of the first sample ever: no window is whole that began before.
        floor: The same after a shift that was accepted: no window holds this step or
            one before it.
        stand_in: The level that was accepted, and the last step over at that time;
            None once two windows are whole, or ``over`` has passed.
        expected: The mean over whole windows, in the metric's unit; None while
            there are fewer than two.
    """

    __slots__ = (
        "_bins",
        "_formed",
        "_plan",
        "_steps",
        "born",
        "eras",
        "expected",
        "floor",
        "stand_in",
        "windows",
    )

    def __init__(self, plan: Plan) -> None:
        baseline = plan.baseline
        assert baseline is not None
        self._plan = plan
        self._bins = bins_of(plan)
        self.windows = baseline.over_us // plan.span_us
        self._steps = _together(self.windows)
        self.eras: dict[int, Slot] = {}
        self.born: int | None = None
        self.floor = -FAR
        self.stand_in: tuple[float, int] | None = None
        self.expected: float | None = None
        self._formed: tuple[int, int] | None = None

    def add(self, slot: Slot) -> None:
        """Keep a step that has left the current window."""
        number = -(-slot.number // self._steps)
        era = self.eras.get(number)
        if era is None:
            era = self.eras[number] = Slot(number)
        era.join(slot)

    def refresh(self, passed: int) -> None:
        """Form the expectation anew.

        Args:
            passed: The last step that is over.
        """
        each = STEPS // self._steps
        newest = (passed - STEPS) // self._steps
        oldest = newest - each * self.windows
        born = max(self.floor, passed if self.born is None else self.born)
        whole = min(self.windows, (passed - born) // STEPS - 1)
        if (newest, whole) == self._formed:
            return
        self._formed = (newest, whole)
        for number in [number for number in self.eras if number <= oldest]:
            del self.eras[number]
        found = self._windows(newest, whole)
        if len(found) >= FEWEST:
            self.expected, self.stand_in = finite(total(found) / len(found)), None
        else:
            self.expected = self._accepted(passed)

    def _windows(self, newest: int, whole: int) -> list[float]:
        """The aggregates of whole windows, the latest first."""
        each = STEPS // self._steps
        found: list[float] = []
        for window in range(1, whole + 1):
            end = newest - each * (window - 1)
            value = self._aggregate(range(end - each + 1, end + 1))
            if value is not None:
                found.append(value)
        return found

    def evidence(self) -> dict[str, Any]:
        """The whole windows behind the expectation, for people."""
        newest, whole = self._formed or (0, 0)
        found = self._windows(newest, whole)
        told: dict[str, Any] = {
            "baseline_windows": len(found),
            "baseline_windows_most": self.windows,
        }
        if found:
            span_us = self._plan.span_us
            first = newest - STEPS // self._steps * whole
            told["baseline_since"] = rfc3339(first * self._steps * span_us // STEPS)
            told["baseline_min"] = min(found)
            told["baseline_max"] = max(found)
        return known(told)

    def _accepted(self, passed: int) -> float | None:
        """The level that was accepted, as long as ``over`` reaches back to it."""
        if self.stand_in is None or passed - self.stand_in[1] > self.windows * STEPS:
            self.stand_in = None
            return None
        return self.stand_in[0]

    def accept(self, began: int, level: float, passed: int) -> None:
        """Let the past begin with a shift: what came after it is learned.

        Args:
            began: The step in which it did, or with which the current window begins
                if that is earlier.
            level: Of the current window, in the metric's unit.
            passed: The last step that is over.
        """
        # Steps are kept a few together: those that stand with one before it are lost.
        last = -(-(began - 1) // self._steps)
        self.floor = last * self._steps
        for number, era in self.eras.items():
            if number > last:
                era.tainted = False
        self.stand_in = level, passed
        self._formed = None
        self.refresh(passed)

    def _aggregate(self, numbers: range) -> float | None:
        """The aggregate of one window; None if it must not, or cannot, be told."""
        eras, plan = self.eras, self._plan
        inside = [eras[number] for number in numbers if number in eras]
        if any(era.tainted for era in inside):
            return None
        if plan.judged is Judged.SUM or plan.judged is Judged.COUNT:
            return plan.sign * total([era.total for era in inside]) + 0.0
        whole = Slot(0)
        for era in inside:
            whole.join(era)
        if not whole.samples:
            return None
        if plan.judged is not Judged.RANK:
            return plan.sign * (whole.total / whole.weight) + 0.0
        return plan.sign * signed_rank(plan, self._bins, whole.bins, whole) + 0.0

    def dump(self) -> list[Any]:
        """As plain numbers."""
        eras = [self.eras[number].dump() for number in sorted(self.eras)]
        return [
            self._steps,
            self.born,
            self.expected,
            self._formed,
            eras,
            self.floor,
            self.stand_in,
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave; steps kept together otherwise are let go."""
        steps, self.born, self.expected, formed, eras, *shift = state
        if shift:
            self.floor, stand_in = shift
            self.stand_in = None if stand_in is None else tuple(stand_in)
        self._formed = None if formed is None else (formed[0], formed[1])
        if steps == self._steps:
            self.eras = {era[0]: Slot.load(era) for era in eras}


def signed_rank(
    plan: Plan, bins: Bins | None, counts: dict[int, int], ends: Slot
) -> float:
    """A percentile, signed; ``ends`` knows the smallest and the largest sample."""
    if bins is None:
        return ends.low if plan.percent == 0 else ends.high
    percent = plan.percent if plan.sign > 0 else 100 - plan.percent
    value = plan.sign * bins.quantile(counts, percent)
    return max(ends.low, min(ends.high, value))
