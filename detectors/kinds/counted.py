"""Windows of the last n samples.

Samples are appended to a run of words whose last n are the window; what lies before
them waits to be learned by the baseline and is dropped, some dozen at a time, at
points that hang on the series' own count of samples alone. As long as there is nothing
to say, compiled code does all that (``kernels.counted``); here is what is said.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.kernels import arming, counted, layout
from detectors.kernels import held as at_hand
from detectors.kernels.packed import run_copy, run_get
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.plans import Judged, Plan
from detectors.life.evidence import count_window
from detectors.life.lifecycle import THIN
from detectors.normal.anchor import ACCEPTED
from detectors.normal.baseline import Summary
from detectors.normal.quantiles import quantile
from detectors.normal.shift import Shift
from detectors.numbers import total
from detectors.state.paper import DAMAGED
from detectors.state.stage import Stage
from detectors.state.store import Store


class CountWatch(CompiledWatch):
    """A rule over a count window.

    Attributes:
        shift: The samples since firing began, while an alert is open.

    >>> from detectors.rules import Baseline, Window, rule
    >>> from detectors.trial import trial
    >>> twice = Baseline(ratio=2.0)
    >>> slow = rule("slow", "latency_ms", twice, window=Window(samples=20))
    >>> said = trial(slow, {"latency_ms": [900.0, 1100.0] * 40 + [3000.0] * 20})
    >>> said[-1].to_state.value, said[-1].value, said[-1].expected
    ('firing', 2105.0, 1000.0)
    """

    __slots__ = ("shift", "size", "summary")

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.size = plan.size
        self.summary: Summary | None = None
        if plan.baseline is not None:
            self.summary = Summary(store, plan, self.at + layout.SUMMARY_AT)
        self.shift: Shift | None = None

    def expected_now(self) -> float | None:  # noqa: D102
        return None if self.summary is None else self.summary.expected

    @property
    def held(self) -> int:
        """Samples at hand."""
        return int(self.store.arena.ints[self.at + layout.HELD])

    @property
    def samples(self) -> array[float]:
        """Signed samples, or a rate's signed numerators, oldest first."""
        return self._held(layout.SIGNED, self.plan.sign)

    @property
    def weights(self) -> array[float] | None:
        """A rate's denominators."""
        pooled = self.plan.judged is Judged.RATE
        return self._held(layout.DIVIDED_BY, 1.0) if pooled else None

    def _held(self, word: int, sign: float) -> array[float]:
        arena, held = self.store.arena, np.zeros(self.held)
        ints = arena.ints
        piece, packed = int(ints[self.at + word]), int(ints[self.at + layout.PACKED])
        run_copy(arena.floats, ints, piece, packed, sign, held)
        return array("d", held.tobytes())

    def _one(self, word: int, which: int, sign: float) -> float:
        floats, ints = self.store.arena.floats, self.store.arena.ints
        packed = int(ints[self.at + layout.PACKED])
        return run_get(floats, ints, int(ints[self.at + word]), which, packed, sign)

    def aggregate(self) -> float:
        """The exact signed value of the window."""
        window, judged = self.samples[-self.size :], self.plan.judged
        if judged is Judged.COUNT:
            return self.plan.sign * len(window)
        if judged is Judged.RANK:
            return quantile(sorted(window), self.plan.percent)
        summed = total(window)
        if judged is Judged.SUM:
            return summed
        weights = self.weights
        if weights is not None:
            return summed / total(weights[-self.size :])
        return summed / len(window)

    def settle(self) -> None:  # noqa: D102
        if self.shift is not None and not self.life.state.is_open:
            self.shift.free()
            self.shift = None
        super().settle()
        store, arena = self.store, self.store.arena
        arming.count_settle(
            arena.floats,
            arena.ints,
            self.at,
            store.tables.rules,
            store.tables.rule_floats,
            self.plan.row,
            store.scratch,
        )

    def _set_pause(self) -> None:
        rules = self.store.tables.rules
        at_hand.count_pause(self.store.arena.ints, self.at, rules, self.plan.row)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        left = self._fold(now_us, stage)
        if left == counted.WHOLLY:
            self._grow()
            left = self._fold(now_us, stage)
        return None if left == counted.QUIET else self.go_on(left, now_us, stage)

    def _fold(self, now_us: int, stage: Stage) -> int:
        store, arena = self.store, self.store.arena
        arena.reserve()
        return counted.count_sample(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            store.tables.rules,
            store.tables.rule_floats,
            self.plan.row,
            stage.row,
            now_us,
            store.scratch,
        )

    def _grow(self) -> None:
        """Make room for more samples, or wider ones, than compiled code would."""
        store, arena = self.store, self.store.arena
        rules, row, held = store.tables.rules, self.plan.row, self.held
        known = int(arena.ints[self.at + layout.HELD_ROOM])
        room = max(held + 1, at_hand.count_room(held, rules, row), known)
        # As they are now, as there will be, and as wide as they may become.
        arena.reserve(16 * room)
        if held == known:
            rate = int(self.plan.judged is Judged.RATE)
            at_hand.count_grow(arena.ints, arena.heads, self.at, room, rate)

    def go_on(self, left: int, now_us: int, stage: Stage) -> bool | None:
        """Say what is to be said of the window, whose last sample is new.

        Args:
            left: What is left to do; see ``kernels.counted``.
            now_us: The series' time.
            stage: Which session it is; takes the lines.
        """
        del left
        held, summary = self.held, self.summary
        if held < self.plan.need or not self.levels():
            learn = self.judge(THIN, None, None, now_us, stage)
        else:
            learn = self.weigh(self.aggregate(), self._own(), now_us, stage)
        if summary is None:
            return True
        if not learn:
            self._skip(held - 1)
        if self.life.state.is_open:
            if self.shift is None:
                self.shift = Shift(self.store, self.plan, self.at, held - 1)
            self.count_open(now_us, stage)
        return True

    def _own(self) -> float:
        """The last sample's own value, signed."""
        last = self.held - 1
        value = self._one(layout.SIGNED, last, self.plan.sign)
        if self.plan.judged is not Judged.RATE:
            return value
        return value / self._one(layout.DIVIDED_BY, last, 1.0)

    def _skip(self, begin: int) -> None:
        """The baseline must not learn the samples from a position on."""
        arena = self.store.arena
        room = int(arena.ints[self.at + layout.HELD_ROOM])
        while arena.heads[0] + 2 * room > len(arena.ints):
            arena.grow()
        at_hand.count_skip(arena.ints, arena.heads, self.at, begin)

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        shift, held, known = self.shift, self.held, self.summary
        if shift is None or known is None or held < self.plan.need:
            return False
        if not self.life.state.is_open:
            return False
        first = min(shift.first, max(0, held - self.size))
        self.store.arena.reserve()
        summary = shift.summary
        summary.learn(self.at, first, held - first, now_us)
        level = summary.level()
        if level is None:
            return False
        known.replace(summary)
        shift.let_go()
        self.shift = None
        # What is in the window is learned now, and not again when it leaves.
        self._skip(0)
        self._set_pause()
        self.resolve_at(level, now_us, stage, reason)
        return True

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        found, weights = super().evidence(), self.weights
        calls = None if weights is None else weights[-self.size :]
        found |= count_window(self.plan, self.samples[-self.size :], calls)
        return found if self.summary is None else found | self.summary.evidence()

    def thin_phrase(self) -> str:  # noqa: D102
        if self.held < self.plan.need or self.summary is None:
            return super().thin_phrase()
        return f"fewer than {self.summary.need} samples before the window to compare"

    def dump_shift(self) -> list[Any] | None:  # noqa: D102
        if self.shift is None:
            return super().dump_shift()
        anchor = None if self.anchor is None else list(self.anchor)
        return [anchor, self.shift.dump()]

    def load_shift(self, state: list[Any]) -> None:  # noqa: D102
        super().load_shift(state)
        if state[1] is not None and self.summary is not None:
            first, learned = state[1]
            if not 0 <= first <= self.held:
                raise ValueError(DAMAGED)
            self.shift = Shift(self.store, self.plan, self.at, first)
            self.shift.summary.load(learned)
