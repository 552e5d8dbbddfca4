"""Rules on cost, which also say why it rose.

The watches of all other rules, told a little more: each session is added to the
factors of its cost before it is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.cost.causes import STEPS
from detectors.cost.factors import Factors, WindowFactors
from detectors.kernels import layout
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.counted import CountWatch
from detectors.kinds.each import EachWatch
from detectors.kinds.plans import Judged, Plan
from detectors.kinds.spanned import SpanWatch
from detectors.life.lifecycle import Evaluation, Life
from detectors.metrics import COLUMN
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State

_COST: Final = COLUMN["cost_usd"]
_OK: Final = State.OK
_RESOLVED: Final = State.RESOLVED
_INSUFFICIENT: Final = State.INSUFFICIENT


class CostEachWatch(EachWatch):
    """A threshold on what each session costs; its causes are those of the dear ones."""

    __slots__ = ("factors",)

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.factors = Factors(store, self.at + layout.EACH_WIDTH)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        if values[_COST] <= self.quiet:
            self.factors.learn(stage)
            return None
        return super().sample(values, ended_us, now_us, stage)

    def judge(  # noqa: D102
        self,
        found: Evaluation,
        value: float | None,
        own: float | None,
        now_us: int,
        stage: Stage,
    ) -> bool:
        learn = super().judge(found, value, own, now_us, stage)
        if learn and own is not None:
            self.factors.learn(stage)
        return learn

    def _note(
        self,
        before: Life,
        value: float,
        own: float | None,
        now_us: int,
        stage: Stage,
    ) -> None:
        known = self.breach
        super()._note(before, value, own, now_us, stage)
        if self.breach is not known:
            self.factors.begin()
        if own is not None:
            self.factors.during(stage)

    def causes(self) -> dict[str, float]:  # noqa: D102
        return self.factors.shares()

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        return {**super().evidence(), **self.factors.typical()}


class _CostWindow(CompiledWatch):
    """What rules on cost over windows share.

    Attributes:
        factors: Of the cost of the series' sessions.
    """

    __slots__ = ()
    factors: WindowFactors

    @property
    def well(self) -> bool:
        """Whether what is seen now is usual."""
        state = self.life.state
        return state is _OK or state is _RESOLVED or state is _INSUFFICIENT

    def _add(self, now_us: int, stage: Stage) -> None:
        """Add the session at hand."""
        if self.well:
            self.factors.learn(stage, now_us // max(1, self.plan.span_us // STEPS))
        else:
            self.factors.during(stage)

    def _note(
        self,
        before: Life,
        value: float,
        own: float | None,
        now_us: int,
        stage: Stage,
    ) -> None:
        known = self.breach
        super()._note(before, value, own, now_us, stage)
        if self.breach is not known:
            self.factors.begin()

    def causes(self) -> dict[str, float]:
        return self.factors.shares()

    def evidence(self) -> dict[str, Any]:
        return {**super().evidence(), **self.factors.typical()}


class CostCountWatch(_CostWindow, CountWatch):
    """Cost over a count window: what moved since the window that first breached."""

    __slots__ = ("factors",)

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        factors = int(store.tables.rules[plan.row, layout.FACTORS])
        self.factors = WindowFactors(store, plan.row, at + factors)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self._add(now_us, stage)
        return super().sample(values, ended_us, now_us, stage)


class CostSpanWatch(_CostWindow, SpanWatch):
    """Cost over a time window; of sums, the number of sessions is a cause as well."""

    __slots__ = ("factors",)

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        factors = int(store.tables.rules[plan.row, layout.FACTORS])
        self.factors = WindowFactors(store, plan.row, at + factors)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self._add(now_us, stage)
        news = super().sample(values, ended_us, now_us, stage)
        if not self.well:
            self._count()
        return news

    def go_on(self, left: int, now_us: int, stage: Stage) -> bool | None:  # noqa: D102
        news = super().go_on(left, now_us, stage)
        if not self.well:
            self._count()
        return news

    def _count(self) -> None:
        if self.plan.judged is Judged.SUM:
            self.factors.crowd(self.samples)

    def causes(self) -> dict[str, float]:  # noqa: D102
        self._count()
        return super().causes()


def cost_watch(
    plan: Plan, by: dict[str, str], store: Store, at: int
) -> CostCountWatch | CostSpanWatch:
    """The watch for a window of cost."""
    if plan.span_us:
        return CostSpanWatch(plan, by, store, at)
    return CostCountWatch(plan, by, store, at)
