"""A change that a drift rule tells of: until it has ended, or is the new normal.

Nothing is learned meanwhile but what the new level would be.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Any, Final

from detectors.changes.change import Change
from detectors.changes.seen import Seen
from detectors.cost.factors import Factors
from detectors.kernels import bets, creeps, holding, layout, learning, moments, suspects
from detectors.kernels.halves import set_half
from detectors.kinds.drift_words import DriftWords
from detectors.kinds.plans import Limit, Plan
from detectors.life.lifecycle import CLEAR, FAR, NO_LEVEL, Evaluation, Life, Verdict
from detectors.normal.anchor import ACCEPTED, REBASELINED
from detectors.numbers import finite
from detectors.rules import SECOND_US
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State

NEW_NORMAL_SAMPLES: Final = 500
NEW_NORMAL_US: Final = 3 * 86_400 * SECOND_US
"""A level that has lasted so long, in both, is the new normal."""


class HeldDrift(DriftWords):
    """A drift rule on a series, from when a change is seen.

    Attributes:
        change: What is told of.
        factors: Of what its sessions cost; None unless that is what is judged.
    """

    __slots__ = ("change", "factors")

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        factors = int(store.tables.rules[plan.row, layout.FACTORS])
        self.factors = Factors(store, self.at + factors) if factors else None
        self.change = Change()

    def settle(self) -> None:  # noqa: D102
        super().settle()
        if self.life.state is State.OK:
            self.change.forget()
        elif self.life.state is State.RESOLVED and not self.holding:
            # It stays so until the next change; its sessions are like any others.
            self.store.arena.ints[self.at + layout.QUIET] = layout.ALL_WELL

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        return ()

    @property
    def expected(self) -> float | None:  # noqa: D102
        return self.change.old

    def _tell_of(self, seen: Seen, now_us: int, stage: Stage) -> None:
        """Tell of a change that has been seen, and wait for the way back from it."""
        arena = self.store.arena
        self.change.take(seen, self.facets[seen.facet].name, self.number, now_us)
        set_half(arena.ints, self.at, layout.TOLD_FACET, seen.facet)
        holding.hold(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            seen.bet,
            seen.shift,
            len(seen.since),
            seen.more,
        )
        # What waits to be learned belongs to the change.
        learning.drop_waiting(arena.ints, arena.heads, self.at, len(self.facets))
        learning.forget_new(arena.ints, arena.heads, self.at, self.norms_width)
        self.judge(self._breach(), self._value(), self.own, now_us, stage)

    def _hold(self, now_us: int, stage: Stage) -> None:
        """Hold the sample at hand against the way back."""
        store, arena, tables = self.store, self.store.arena, self.store.tables
        holding.stand(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            tables.rules,
            self.plan.row,
            tables.facets,
            tables.facet_floats,
            now_us,
            stage.ref,
            store.scratch,
            store.places,
        )

    def _stand(self, now_us: int, stage: Stage) -> bool | None:
        """A sample while a change is told of: does it last, end, or become normal?"""
        due, number = self.due(), self.change.fired_at[0]
        if not self.holding:
            self._release(now_us)
            self.judge(CLEAR, self._value(), None, now_us, stage)
        else:
            arena = self.store.arena
            level = holding.level_since(arena.floats, arena.ints, self.at, number)
            self.change.new = finite(level)
            self._last(now_us, stage)
        # Timers are looked at only where one is earlier than before.
        return True if self.due() < due else None

    def _last(self, now_us: int, stage: Stage) -> None:
        """It lasts so far."""
        if self._lasted(now_us) and self.accept(now_us, stage, REBASELINED):
            return
        self.count_open(now_us, stage)
        life, value = self.life, self._value()
        if life.state is State.RESOLVED and not self.holding:
            return
        if value is not None and self._goes_on(life):
            self.value = value
            self._note(life, value, self.own, now_us, stage)
        else:
            self.judge(self._breach(), value, self.own, now_us, stage)

    def _goes_on(self, life: Life) -> bool:
        """Whether nothing becomes of an alert by one more breach of its only level."""
        return (
            life.state is State.FIRING
            and life.level == self.plan.rank
            and life.lower == NO_LEVEL
            and life.due_us == FAR
            and not life.silent
        )

    def _lasted(self, now_us: int) -> bool:
        # Where the rule says when, its own timer and count do it.
        fired, fired_us = self.change.fired_at
        return (
            self.plan.rule.rebaseline_after is None
            and self.number - fired >= NEW_NORMAL_SAMPLES
            and now_us - fired_us >= NEW_NORMAL_US
        )

    def _learn_held(self, now_us: int, stage: Stage) -> None:
        """Learn the sample at hand, apart from what was normal."""
        store, arena = self.store, self.store.arena
        tables = store.tables
        holding.learn_held(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            tables.rules,
            self.plan.row,
            tables.facets,
            tables.facet_floats,
            now_us,
            store.scratch,
            store.places,
        )
        if self.factors is not None and self.number > self.change.fired_at[0]:
            self.factors.during(stage)

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        if self.change.new is None or not self.life.state.is_open:
            return False
        arena = self.store.arena
        arena.reserve()
        if not learning.renew(arena.ints, arena.heads, self.at, self.norms_width):
            return False
        self._release(now_us, forget=True)
        self.resolve_at(self.change.new, now_us, stage, reason)
        return True

    def _release(self, now_us: int, *, forget: bool = False) -> None:
        """Begin anew; ``forget``: there is a new normal."""
        arena, tables = self.store.arena, self.store.tables
        for place in range(len(self.facets)):
            bets.bets_release(arena.ints, *self.bets_at(place))
        arena.ints[self.at + layout.LAST_BET] = moments.moment(self.number, now_us)
        holding.let_go(arena.ints, arena.heads, self.at)
        creeps.creeps_release(
            arena.ints,
            self.at,
            tables.rules,
            self.plan.row,
            tables.facets,
            now_us,
            forget,
        )
        learning.forget_new(arena.ints, arena.heads, self.at, self.norms_width)
        suspects.clear(arena.ints, arena.heads, self.at)

    def _breach(self) -> Evaluation:
        return Evaluation(Verdict.BREACH, self.plan.rank, self.plan.rank)

    def _value(self) -> float | None:
        new = self.change.new
        return None if new is None else self.plan.sign * new

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

    def more(self) -> list[Any]:  # noqa: D102
        return self.change.dump()

    def load_more(self, state: list[Any]) -> None:  # noqa: D102
        self.change.load(state)
