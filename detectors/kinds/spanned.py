"""Windows of time: the watch of a rule over the last minutes, hours or days.

Sums and counts are judged again whenever samples leave; the rest at samples alone. As
long as there is nothing to say, compiled code does all that (``kernels.timed``); here
is what is said.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.kernels import due, inside, layout, timed
from detectors.kernels.steps import STEPS
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.plans import Judged, Plan
from detectors.life.evidence import time_window
from detectors.life.lifecycle import FAR, THIN
from detectors.normal.anchor import ACCEPTED
from detectors.normal.eras import Eras
from detectors.normal.spans import Span, Steps
from detectors.state.stage import Stage
from detectors.state.store import Store

_SUMS: Final = frozenset({Judged.SUM, Judged.COUNT})


class SpanWatch(CompiledWatch):
    """A rule over a time window.

    Attributes:
        slots: The steps that hold anything.

    >>> from detectors.metrics import Aggregate
    >>> from detectors.rules import SECOND_US, Level, Severity, Threshold, Window, rule
    >>> from detectors.trial import trial
    >>> spent = rule(
    ...     "spent",
    ...     "cost_usd",
    ...     Threshold((Level(Severity.WARNING, 5.0),)),
    ...     window=Window(span_us=3600 * SECOND_US),
    ...     aggregate=Aggregate.SUM,
    ...     min_samples=1,
    ... )
    >>> said = trial(spent, {"cost_usd": [3.0, 3.0]}, then_s=3600)
    >>> [(line.time[11:16], line.to_state.value) for line in said]
    [('00:00', 'ok'), ('00:01', 'firing'), ('01:00', 'resolved')]
    """

    __slots__ = ("eras", "slots", "span")

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.span = Span(plan.span_us)
        self.slots = Steps(store, plan, at + layout.FIRST_STEP)
        self.eras: Eras | None = None
        if plan.baseline is not None:
            self.eras = Eras(store, plan, at + layout.ERAS_AT)

    def expected_now(self) -> float | None:  # noqa: D102
        return None if self.eras is None else self.eras.expected

    @property
    def samples(self) -> int:
        """Inside the window."""
        return int(inside.timed_samples(self.store.arena.ints, self.at))

    @property
    def begun(self) -> bool:
        """Whether the window has once held enough to be judged."""
        return bool(self.store.arena.ints[self.at + layout.BEGUN])

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        store, arena = self.store, self.store.arena
        arena.reserve()
        left = timed.timed_sample(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            store.tables.rules,
            store.tables.rule_floats,
            self.plan.row,
            stage.row,
            ended_us,
            now_us,
            store.scratch,
        )
        return None if left == timed.QUIET else self.go_on(left, now_us, stage)

    def go_on(self, left: int, now_us: int, stage: Stage) -> bool | None:
        """Say what is to be said of the window, which has taken a sample in.

        Args:
            left: What is left to do; see ``kernels.timed``.
            now_us: The series' time.
            stage: Which session it is; takes the lines.
        """
        if left == timed.TO_PLACE:
            return True
        step = int(self.store.arena.ints[self.at + layout.TOUCHED])
        return self._think(step, self._own(stage.values), now_us, stage)

    def _own(self, values: Sequence[float]) -> float:
        """The session's own value, signed."""
        plan = self.plan
        value = plan.sign if plan.column < 0 else values[plan.column] * plan.sign
        if plan.over < 0:
            return value
        if value != value:  # noqa: PLR0124 - calls without a count of errors
            value = 0.0 * plan.sign
        return value / values[plan.over]

    def _advance(self, now_us: int) -> None:
        """Let leave what is no longer inside the window, and look at its step."""
        store, arena, row = self.store, self.store.arena, self.plan.row
        arena.reserve()
        floats, ints, scratch = arena.floats, arena.ints, store.scratch
        rules, rule_floats = store.tables.rules, store.tables.rule_floats
        timed.timed_advance(
            floats,
            ints,
            arena.heads,
            self.at,
            rules,
            rule_floats,
            row,
            now_us,
            scratch,
        )
        self._focus(now_us)

    def _focus(self, now_us: int) -> None:
        store, arena = self.store, self.store.arena
        timed.timed_focus(
            arena.floats,
            arena.ints,
            self.at,
            store.tables.rules,
            store.tables.rule_floats,
            self.plan.row,
            now_us,
            store.scratch,
        )

    def _think(
        self, step: int | None, own: float | None, now_us: int, stage: Stage
    ) -> bool:
        samples = self.samples
        if samples >= self.plan.need:
            self.store.arena.ints[self.at + layout.BEGUN] = 1
        if self._ready(samples) and self.levels():
            learn = self.weigh(self._aggregate(), own, now_us, stage)
        else:
            learn = self.judge(THIN, None, None, now_us, stage)
        if not learn and step is not None:
            self.slots.taint(step)
        if self.eras is not None and own is not None:
            self.count_open(now_us, stage)
        if samples >= self.store.arena.ints[self.at + layout.MORE_AT]:
            self.settle()
        return True

    def _ready(self, samples: int) -> bool:
        if self.plan.judged in _SUMS:
            return self.begun
        return samples >= self.plan.need

    def _aggregate(self) -> float:
        store, arena = self.store, self.store.arena
        return float(
            inside.timed_value(
                arena.floats,
                arena.ints,
                self.at,
                store.tables.rules,
                store.tables.rule_floats,
                self.plan.row,
            )
        )

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        eras, breach, span = self.eras, self.breach, self.span
        if eras is None or breach is None or not self.life.state.is_open:
            return False
        self._advance(now_us)
        value = self._aggregate() if self._ready(self.samples) else self.value
        if value is None:
            return False
        self.slots.clear(-FAR)
        passed = span.passed(now_us)
        began = passed - STEPS + 1
        if breach.fired_us < now_us:
            began = min(began, span.number(breach.fired_us))
        eras.accept(began, self.plan.sign * value + 0.0, passed)
        level = eras.expected
        assert level is not None  # noqa: S101 - at least what stands in
        self.resolve_at(level, now_us, stage, reason)
        return True

    def settle(self) -> None:  # noqa: D102
        super().settle()
        store, arena = self.store, self.store.arena
        timed.timed_settle(
            arena.floats,
            arena.ints,
            self.at,
            store.tables.rules,
            store.tables.rule_floats,
            self.plan.row,
        )

    def _leaves_us(self) -> int:
        """When the first step leaves; FAR if nothing hangs on it."""
        store = self.store
        rules = store.tables.rules
        return int(due.leaves_us(store.arena.ints, self.at, rules, self.plan.row))

    def due(self) -> tuple[int, int]:  # noqa: D102
        due_us, order = super().due()
        leaves_us = self._leaves_us()
        return (min(leaves_us, due_us)), order

    def run(self, due_us: int, stage: Stage) -> None:  # noqa: D102
        if self._leaves_us() != due_us:
            super().run(due_us, stage)
            return
        self._advance(due_us)
        self.left(due_us, stage)

    def left(self, due_us: int, stage: Stage) -> None:
        """Say what is to be said once the first step has left."""
        self._think(None, None, due_us, stage)

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        samples, summed, calls = self._inside()
        found = time_window(self.plan, samples, summed, calls, self.slots.ends)
        found |= super().evidence()
        return found if self.eras is None else found | self.eras.evidence()

    def _inside(self) -> tuple[int, float, float]:
        """Samples, and the sums of values and weights over all steps."""
        store, ints = self.store, self.store.arena.ints
        floats, judged = store.arena.floats, store.tables.rules[:, layout.JUDGED]
        # The current step is the rest as well, for a moment.
        current = int(ints[self.at + layout.STEP_AT])
        words = slice(self.at + layout.REST_SAMPLES, self.at + layout.REST_BEYOND + 1)
        rest = ints[words].copy()
        ints[self.at + layout.STEP_AT] = 0
        inside.timed_rest(floats, ints, self.at, judged[self.plan.row], store.scratch)
        samples = int(ints[self.at + layout.REST_SAMPLES])
        summed = float(floats[self.at + layout.REST_TOTAL])
        weight = float(floats[self.at + layout.REST_WEIGHT])
        ints[words], ints[self.at + layout.STEP_AT] = rest, current
        return samples, summed, weight

    def thin_phrase(self) -> str:  # noqa: D102
        if self._ready(self.samples):
            return "fewer than 2 whole windows before this one to compare"
        return super().thin_phrase()
