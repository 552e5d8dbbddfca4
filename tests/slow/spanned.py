"""Windows of time: the watch of a rule over the last minutes, hours or days."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nextafter
from typing import Any, Final

from detectors.kinds.plans import Judged, Plan
from detectors.kinds.watch import Watch
from detectors.life.evidence import time_window
from detectors.life.lifecycle import FAR, THIN
from detectors.normal.anchor import ACCEPTED
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.eras import Eras, bins_of, signed_rank
from tests.slow.sketch import merge, remove
from tests.slow.spans import STEPS, Slot, Span

_SUMS: Final = frozenset({Judged.SUM, Judged.COUNT})


class SpanWatch(Watch):
    """A rule over a time window.

    Sums and counts are judged again whenever samples leave; the rest at samples
    alone. While the clock stays within a step and all is well, a sample costs an
    addition and a comparison.

    Attributes:
        begun: Whether the window has once held enough to be judged.
        slot: The step that the clock is in, and its bounds; other steps' figures
            are in ``rest``.
        limit: The mildest fixed limit, beyond which samples are counted.
    """

    __slots__ = (
        "_bins",
        "begin_us",
        "begun",
        "column",
        "counts",
        "end_us",
        "eras",
        "judged",
        "limit",
        "over",
        "pause",
        "quiet",
        "rest",
        "sign",
        "slot",
        "span",
        "spare",
    )

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.column = plan.column
        self.over = plan.over
        self.sign = plan.sign
        self.judged = plan.judged
        self.span = Span(plan.span_us)
        self.eras = Eras(plan) if plan.baseline is not None else None
        self.limit = plan.limits[0].enter if plan.limits else inf
        self.spare = 100 - plan.percent
        self.begun = False
        self.slot = Slot(0)
        self.rest = Slot(0)
        self.begin_us = self.end_us = -FAR
        self.quiet = -inf
        self.pause = plan.need
        self.counts: dict[int, int] = {}
        self._bins = bins_of(plan)

    def expected_now(self) -> float | None:  # noqa: D102
        return None if self.eras is None else self.eras.expected

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        value = self.sign if self.column < 0 else values[self.column] * self.sign
        weight = 1.0
        if self.over >= 0:
            weight = values[self.over]
            if not weight > 0:
                return None
            if value != value:  # noqa: PLR0124 - calls without a count of errors
                value = 0.0 * self.sign
        elif value != value:  # noqa: PLR0124 - NaN is no sample
            return None
        judged = self.judged
        own = value / weight
        if judged is Judged.COUNT:
            value = self.sign
        if not (self.begin_us < ended_us and now_us < self.end_us):
            return self._step(value, weight, own, ended_us, now_us, stage)
        slot, rest = self.slot, self.rest
        slot.samples += 1
        slot.total = total = slot.total + value
        slot.weight += weight
        samples = slot.samples + rest.samples
        if judged is Judged.RANK:
            self._rank(slot, value)
            beyond = slot.beyond + rest.beyond
            calm = self.quiet > -inf and 100 * beyond <= (samples - 1) * self.spare
        elif judged in _SUMS:
            calm = total + rest.total <= self.quiet
        else:
            calm = (total + rest.total) / (slot.weight + rest.weight) <= self.quiet
        if calm and samples < self.pause:
            return None
        return self._think(slot, own, now_us, stage)

    def _rank(self, slot: Slot, value: float) -> None:
        slot.low = min(slot.low, value)
        slot.high = max(slot.high, value)
        if value > self.limit:
            slot.beyond += 1
        if self._bins is not None:
            key = self._bins.key(self.sign * value)
            slot.bins[key] = slot.bins.get(key, 0) + 1
            self.counts[key] = self.counts.get(key, 0) + 1

    def _step(  # noqa: PLR0917
        self,
        value: float,
        weight: float,
        own: float,
        ended_us: int,
        now_us: int,
        stage: Stage,
    ) -> bool | None:
        """A sample outside the current step: time has moved, or it is late."""
        if not self.span.holds(ended_us, now_us):
            return None
        self._advance(now_us)
        slot = self.span.at(ended_us)
        eras = self.eras
        if eras is not None and (eras.born is None or slot.number < eras.born):
            eras.born = slot.number
            eras.refresh(self.span.passed(now_us))
        slot.samples += 1
        slot.total += value
        slot.weight += weight
        if self.judged is Judged.RANK:
            self._rank(slot, value)
        self._focus(now_us)
        samples = self.slot.samples + self.rest.samples
        if (
            samples < self.pause
            and self.quiet > -inf
            and self.judged is not Judged.RANK
            and self._aggregate(samples) <= self.quiet
        ):
            # Its first step sets the timer for what leaves.
            return True if slot is self.span.slots[0] else None
        return self._think(slot, own, now_us, stage)

    def _advance(self, now_us: int) -> None:
        """Let leave what is no longer inside the window."""
        for gone in self.span.advance(now_us):
            remove(self.counts, gone.bins)
            if self.eras is not None:
                self.eras.add(gone)
        if self.eras is not None:
            self.eras.refresh(self.span.passed(now_us))

    def _focus(self, now_us: int) -> None:
        """Make the step that the clock is in the current one, if it holds anything."""
        span = self.span
        number = span.number(now_us)
        if span.slots and span.slots[-1].number == number:
            self.slot = span.slots[-1]
            self.begin_us, self.end_us = span.ends_us(number - 1), span.ends_us(number)
        else:
            self.slot = Slot(0)
            self.begin_us = self.end_us = -FAR
        self.rest = span.totals(without=self.slot)
        self.settle()

    def _think(
        self, slot: Slot | None, own: float | None, now_us: int, stage: Stage
    ) -> bool:
        samples = self.slot.samples + self.rest.samples
        if samples >= self.plan.need:
            self.begun = True
        if self._ready(samples) and self.levels():
            learn = self.weigh(self._aggregate(samples), own, now_us, stage)
        else:
            learn = self.judge(THIN, None, None, now_us, stage)
        if not learn and slot is not None:
            slot.tainted = True
        if self.eras is not None and own is not None:
            self.count_open(now_us, stage)
        if samples >= self.pause:
            self.settle()
        return True

    def _ready(self, samples: int) -> bool:
        if self.judged in _SUMS:
            return self.begun
        return samples >= self.plan.need

    def _aggregate(self, samples: int) -> float:
        total = self.slot.total + self.rest.total
        if self.judged in _SUMS:
            return total
        if self.judged is not Judged.RANK:
            return total / (self.slot.weight + self.rest.weight)
        ends = Slot(0)
        for slot in self.span.slots:
            ends.low = min(ends.low, slot.low)
            ends.high = max(ends.high, slot.high)
        value = signed_rank(self.plan, self._bins, self.counts, ends)
        if self.limit == inf:
            return value
        # How many samples lie beyond the limit is known exactly: a sketch's error
        # must not tell otherwise.
        beyond = self.slot.beyond + self.rest.beyond
        if 100 * beyond <= (samples - 1) * self.spare:
            return min(value, self.limit)
        if (samples - 1) * self.plan.percent // 100 >= samples - beyond:
            return max(value, nextafter(self.limit, inf))
        return value

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        eras, breach, span = self.eras, self.breach, self.span
        if eras is None or breach is None or not self.life.state.is_open:
            return False
        self._advance(now_us)
        self._focus(now_us)
        samples = self.slot.samples + self.rest.samples
        value = self._aggregate(samples) if self._ready(samples) else self.value
        if value is None:
            return False
        for slot in span.slots:
            slot.tainted = False
        passed = span.passed(now_us)
        began = passed - STEPS + 1
        if breach.fired_us < now_us:
            began = min(began, span.number(breach.fired_us))
        eras.accept(began, self.sign * value + 0.0, passed)
        level = eras.expected
        assert level is not None
        self.resolve_at(level, now_us, stage, reason)
        return True

    def settle(self) -> None:  # noqa: D102
        samples = self.slot.samples + self.rest.samples
        ready = self._ready(samples)
        levels = self.levels()
        self.pause = FAR if ready else self.plan.need
        if self.life.state is State.INSUFFICIENT and not (ready and levels):
            self.quiet = inf
        elif self.life.state is State.OK and ready and levels:
            counted = self.judged is not Judged.RANK or self.eras is None
            self.quiet = levels[0].enter if counted else -inf
        else:
            self.quiet = -inf

    def due(self) -> tuple[int, int]:  # noqa: D102
        due_us, order = super().due()
        if self.begun and self.span.slots and self.judged in _SUMS:
            leaves_us = self.span.leaves_us(self.span.slots[0])
            if leaves_us <= due_us:
                return leaves_us, order
        return due_us, order

    def run(self, due_us: int, stage: Stage) -> None:  # noqa: D102
        slots = self.span.slots
        sums = self.begun and slots and self.judged in _SUMS
        if not sums or self.span.leaves_us(slots[0]) != due_us:
            super().run(due_us, stage)
            return
        self._advance(due_us)
        self._focus(due_us)
        self._think(None, None, due_us, stage)

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        slots, inside = self.span.slots, self.span.totals(without=None)
        ends = None
        if slots:
            ends = min(slot.low for slot in slots), max(slot.high for slot in slots)
        found = time_window(
            self.plan, inside.samples, inside.total, inside.weight, ends
        )
        found |= super().evidence()
        return found if self.eras is None else found | self.eras.evidence()

    def thin_phrase(self) -> str:  # noqa: D102
        if self._ready(self.slot.samples + self.rest.samples):
            return "fewer than 2 whole windows before this one to compare"
        return super().thin_phrase()

    def dump(self) -> list[Any]:  # noqa: D102
        return [
            self.begun,
            self.limit,
            [slot.dump() for slot in self.span.slots],
            self.slot.number if self.end_us > -FAR else None,
            None if self.eras is None else self.eras.dump(),
        ]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.begun, limit, slots, current, eras = state
        self.span.slots.extend(Slot.load(slot) for slot in slots)
        for slot in self.span.slots:
            merge(self.counts, slot.bins)
            if limit != self.limit:
                slot.beyond = self._beyond(slot)
        if self.eras is not None and eras is not None:
            self.eras.load(eras)
        if current is not None:
            self._focus(self.span.ends_us(current))
        else:
            self.rest = self.span.totals(without=None)
            self.settle()

    def _beyond(self, slot: Slot) -> int:
        """Roughly how many samples of a step lie beyond a limit that has changed."""
        if self._bins is None:
            return int(slot.high > self.limit)
        beyond = 0
        for key, count in slot.bins.items():
            if self.sign * self._bins.value(key, 0.5) > self.limit:
                beyond += count
        return beyond
