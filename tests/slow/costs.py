"""Rules on cost, which also say why it rose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.kinds.plans import Judged, Plan
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import Evaluation, Life
from detectors.metrics import COLUMN
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.causes import STEPS, CostFactors
from tests.slow.each import EachWatch
from tests.slow.means import MeanWatch
from tests.slow.ranks import RankWatch
from tests.slow.spanned import SpanWatch

_COST: Final = COLUMN["cost_usd"]
_OK: Final = State.OK
_RESOLVED: Final = State.RESOLVED
_INSUFFICIENT: Final = State.INSUFFICIENT


class CostWatch(Watch):
    """What all rules on windows of cost share.

    Attributes:
        factors: Of the cost of the series' sessions.
    """

    __slots__ = ()
    factors: CostFactors

    @property
    def well(self) -> bool:
        """Whether what is seen now is usual."""
        state = self.life.state
        return state is _OK or state is _RESOLVED or state is _INSUFFICIENT

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

    def causes(self) -> dict[str, float]:  # noqa: D102
        return self.factors.shares()

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        return {**super().evidence(), **self.factors.typical()}

    def _add(self, values: Sequence[float], stage: Stage, step: int = 0) -> None:
        """Add the session at hand."""
        if self.well:
            self.factors.learn(values, stage.attributes, step)
        else:
            self.factors.during(values, stage.attributes)

    def _load_factors(self, state: list[Any]) -> None:
        # Rows of a version that did not ask why have none.
        for factors in state:
            self.factors.load(factors)


class CostEachWatch(EachWatch):
    """A threshold on what each session costs; its causes are those of the dear ones."""

    __slots__ = ("factors",)

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.factors = CostFactors()

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        if values[_COST] <= self.quiet:
            self.factors.learn(values, stage.attributes)
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
            self.factors.learn(stage.values, stage.attributes)
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
            self.factors.during(stage.values, stage.attributes)

    def causes(self) -> dict[str, float]:  # noqa: D102
        return self.factors.shares()

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        return {**super().evidence(), **self.factors.typical()}

    def dump(self) -> list[Any]:  # noqa: D102
        return self.factors.dump()

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.factors.load(state)
        self.settle()


class CostMeanWatch(CostWatch, MeanWatch):
    """Means and sums of cost over a count window: what moved since the first breach."""

    __slots__ = ("factors",)

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.factors = CostFactors.counted(plan.size)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self._add(values, stage)
        return super().sample(values, ended_us, now_us, stage)

    def dump(self) -> list[Any]:  # noqa: D102
        return [*super().dump(), self.factors.dump()]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        held = len(super().dump())
        super().load(state[:held])
        self._load_factors(state[held:])


class CostRankWatch(CostWatch, RankWatch):
    """Percentiles of cost over a count window."""

    __slots__ = ("factors",)

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.factors = CostFactors.counted(plan.size)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self._add(values, stage)
        return super().sample(values, ended_us, now_us, stage)

    def dump(self) -> list[Any]:  # noqa: D102
        return [*super().dump(), self.factors.dump()]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        held = len(super().dump())
        super().load(state[:held])
        self._load_factors(state[held:])


class CostSpanWatch(CostWatch, SpanWatch):
    """Cost over a time window; of sums, the number of sessions is a cause as well."""

    __slots__ = ("factors", "step_us")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        over_us = 0 if plan.baseline is None else plan.baseline.over_us
        self.factors = CostFactors.timed(over_us // plan.span_us)
        self.step_us = max(1, plan.span_us // STEPS)

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        self._add(values, stage, now_us // self.step_us)
        news = super().sample(values, ended_us, now_us, stage)
        if not self.well:
            self._count()
        return news

    def _count(self) -> None:
        if self.judged is Judged.SUM:
            samples = self.slot.samples + self.rest.samples
            self.factors.crowd = max(self.factors.crowd, samples)

    def causes(self) -> dict[str, float]:  # noqa: D102
        self._count()
        return super().causes()

    def dump(self) -> list[Any]:  # noqa: D102
        return [*super().dump(), self.factors.dump()]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        held = len(super().dump())
        super().load(state[:held])
        self._load_factors(state[held:])


def cost_watch(plan: Plan, by: dict[str, str]) -> CostWatch:
    """The watch for a window of cost."""
    if plan.span_us:
        return CostSpanWatch(plan, by)
    return (CostRankWatch if plan.judged is Judged.RANK else CostMeanWatch)(plan, by)
