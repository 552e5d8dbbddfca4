"""A threshold on what each session costs, which also says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.causes import CostFactors
from detectors.lifecycle import Evaluation, Life
from detectors.metrics import COLUMN
from detectors.plans import Plan
from detectors.stage import Stage
from tests.slow.each import EachWatch

_COST: Final = COLUMN["cost_usd"]


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
