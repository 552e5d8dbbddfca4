"""A change that a drift rule tells of: until it has ended, or is the new normal.

Nothing is learned meanwhile but what the new level would be.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Any, Final

from detectors.kinds.plans import Limit, Plan
from detectors.kinds.sensitivities import SETTINGS
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import CLEAR, Evaluation, Life, Verdict
from detectors.normal.anchor import ACCEPTED, REBASELINED
from detectors.normal.facets import Sample, facets
from detectors.numbers import finite
from detectors.rules import SECOND_US, Drift
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.bets import Bets
from tests.slow.causes import CostFactors
from tests.slow.change import Change
from tests.slow.creeps import Creeps
from tests.slow.halves import Moment, moment
from tests.slow.strata import Strata
from tests.slow.suspects import Suspects, levels

NEW_NORMAL_SAMPLES: Final = 500
NEW_NORMAL_US: Final = 3 * 86_400 * SECOND_US
"""A level that has lasted so long, in both, is the new normal."""


class HeldDrift(Watch):
    """A drift rule on a series, from when a change is seen.

    Attributes:
        number: Samples so far.
        strata: What is normal, by the labels that tell like from like.
        change: What is told of.
        last_bet: The last sample that was bet on, or after which all began anew.
    """

    __slots__ = (
        "bets",
        "change",
        "creeps",
        "facets",
        "factors",
        "last_bet",
        "number",
        "strata",
        "suspects",
    )

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        assert isinstance(kind, Drift)
        setting = SETTINGS[kind.sensitivity]
        self.facets = facets(plan.rule.metric, plan.sign)
        self.number = 0
        self.strata = Strata(self.facets, setting.lag)
        small = setting.small(plan.rule.metric)
        self.bets = [
            Bets(
                facet.margin * setting.wander,
                setting.caution,
                tail=facet.tail,
                small=small,
            )
            for facet in self.facets
        ]
        creep = self.facets[0].creeps and {"agent", "task_type"}.issubset(by)
        self.creeps = Creeps(self.facets) if creep else None
        self.suspects = Suspects()
        cost = plan.rule.metric.name == "cost_usd" and plan.sign > 0
        self.factors = CostFactors() if cost else None
        self.change = Change()
        self.last_bet: Moment = (0, 0)

    def settle(self) -> None:  # noqa: D102
        if self.life.state is State.OK:
            self.change.forget()

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        return ()

    @property
    def expected(self) -> float | None:  # noqa: D102
        return self.change.old

    @property
    def holding(self) -> bool:
        """Whether a change has been seen and has not ended."""
        return any(bets.holding >= 0 for bets in self.bets)

    def _hold(
        self,
        found: Sample,
        deviations: list[float | None],
        now_us: int,
        stage: Stage,
    ) -> bool:
        """A sample while a change is told of: does it last, end, or become normal?"""
        for bets, deviation in zip(self.bets, deviations, strict=True):
            if bets.holding < 0 or deviation is None:
                continue
            if bets.returned(deviation, self.number):
                bets.release()
                self.last_bet = moment(self.number, now_us)
        if not self.holding:
            self._release(now_us)
            self.judge(CLEAR, self._value(), None, now_us, stage)
            return True
        self.change.new = finite(
            levels(self.suspects.since(self.change.fired_at[0]))[0]
        )
        if self._lasted(now_us) and self.accept(now_us, stage, REBASELINED):
            return True
        self.count_open(now_us, stage)
        if not self.holding:
            return True
        own = self.plan.sign * found[0] / found[1]
        self.judge(self._breach(), self._value(), own, now_us, stage)
        return True

    def _lasted(self, now_us: int) -> bool:
        # Where the rule says when, its own timer and count do it.
        fired, fired_us = self.change.fired_at
        return (
            self.plan.rule.rebaseline_after is None
            and self.number - fired >= NEW_NORMAL_SAMPLES
            and now_us - fired_us >= NEW_NORMAL_US
        )

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        if self.change.new is None or not self.life.state.is_open:
            return False
        if not self.strata.renew(self.number):
            return False
        self._release(now_us, forget=True)
        self.resolve_at(self.change.new, now_us, stage, reason)
        return True

    def _release(self, now_us: int, *, forget: bool = False) -> None:
        for bets in self.bets:
            bets.release()
        self.last_bet = moment(self.number, now_us)
        if self.creeps is not None:
            self.creeps.release(now_us, forget=forget)
        self.strata.forget_new()
        self.suspects.clear()

    def _breach(self) -> Evaluation:
        return Evaluation(Verdict.BREACH, self.plan.rank, self.plan.rank)

    def _value(self) -> float | None:
        return None if self.change.new is None else self.plan.sign * self.change.new

    def _note(
        self, before: Life, value: float, own: float | None, now_us: int, stage: Stage
    ) -> None:
        known = self.breach
        super()._note(before, value, own, now_us, stage)
        breach = self.breach
        if breach is not None and breach is not known:
            begun_us = self.change.evidence.get("began_us")
            breach.began_us = begun_us or now_us
            breach.sessions = self.change.evidence.get(
                "sessions_since", breach.sessions
            )

    def attribution(self) -> dict[str, str]:  # noqa: D102
        return self.change.blamed

    def causes(self) -> dict[str, float]:  # noqa: D102
        if self.factors is None or self.change.is_newcomer:
            return {}
        return self.factors.shares()

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        return self.change.told()

    def _reason(self, before: Life, found: Evaluation) -> str:
        name = self.plan.rule.metric.name
        if self.life.state is State.OK:
            return f"{name} has enough sessions to be judged and is steady"
        return self.change.in_words(name, lasts=found.verdict is Verdict.BREACH)
