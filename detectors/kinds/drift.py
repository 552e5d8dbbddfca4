"""Drift: a lasting shift of a series, told once, with when and with what it began.

Each session is scored against what is normal for its like, then bet on, then learned;
while an alert is open nothing is learned but what the new level would be. Where a
series mixes agents or task types, like is compared with like: a shift of the mix is
no drift. As long as there is nothing to say, compiled code does all that
(``kernels.drift``); here is what is said, and what happens until all is well again.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from detectors.cost.factors import Factors
from detectors.kernels import (
    bets,
    creeps,
    drift,
    halves,
    holding,
    layout,
    learning,
    moments,
    probation,
    suspects,
)
from detectors.kernels.evened import raised
from detectors.kernels.halves import half, set_half
from detectors.kernels.norms import (
    LEVEL,
    norm_borrowed,
    norm_judged,
    norm_lent,
    norm_ready,
)
from detectors.kernels.samples import open_sample
from detectors.kernels.seasons import season_learn
from detectors.kinds.changes import REPLACED, Change
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.plans import Limit, Plan
from detectors.life.lifecycle import CLEAR, FAR, NO_LEVEL, Evaluation, Life, Verdict
from detectors.normal.anchor import ACCEPTED, REBASELINED
from detectors.normal.facets import facets
from detectors.normal.releases import newest
from detectors.normal.suspects import (
    Suspect,
    attribution,
    levels,
    mean_deviation,
    suspects_since,
)
from detectors.numbers import finite
from detectors.peers.newcomers import Newcomers
from detectors.rules import SECOND_US
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State

NEW_NORMAL_SAMPLES: Final = 500
NEW_NORMAL_US: Final = 3 * 86_400 * SECOND_US
"""A level that has lasted so long, in both, is the new normal."""


class DriftWatch(CompiledWatch):
    """A drift rule on a series.

    Attributes:
        change: What is told of.
        newcomers: The kinds of its sessions that have just begun.

    >>> from detectors.rules import Drift, rule
    >>> from detectors.trial import trial
    >>> usual = [800.0, 1000.0, 1300.0, 900.0, 1150.0] * 60
    >>> slower = [2.0 * each for each in usual[:40]]
    >>> said = trial(rule("slow", "latency_ms", Drift()), {"latency_ms": usual + slower})
    >>> [(line.to_state.value, line.session_id) for line in said]
    [('ok', 's19'), ('firing', 's303')]
    """

    __slots__ = ("change", "facets", "factors", "newcomers")

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.facets = facets(plan.rule.metric, plan.sign)
        factors = int(store.tables.rules[plan.row, layout.FACTORS])
        self.factors = Factors(store, self.at + factors) if factors else None
        self.newcomers = Newcomers(plan, by, store, at, self.facets)
        self.change = Change()

    def _bets(self, place: int) -> tuple[int, bool]:
        """Where the bets on a facet are, and whether some are on sessions far out."""
        tables = self.store.tables
        facet = tables.rules[self.plan.row, layout.FACET] + place
        at = self.at + int(tables.facets[facet, layout.BETS_AT])
        return at, self.facets[place].tail

    @property
    def number(self) -> int:
        """Samples so far."""
        return int(self.store.arena.ints[self.at + layout.SAMPLES])

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

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        store, arena = self.store, self.store.arena
        arena.reserve()
        store.places[layout.ENDED_US] = ended_us
        found = open_sample(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            store.tables.rules,
            self.plan.row,
            store.tables.facets,
            store.tables.facet_floats,
            stage.row,
            stage.codes,
            store.scratch,
            store.places,
            store.odds_keys,
            store.odds,
            store.given,
            store.given_floats,
        )
        return self.go_on(drift.TO_BEGIN, now_us, stage) if found else None

    def go_on(self, left: int, now_us: int, stage: Stage) -> bool | None:
        """Go on with a sample that has been opened.

        Args:
            left: What is left to do; see ``kernels.drift``.
            now_us: The series' time.
            stage: Which session it is; takes the lines.
        """
        self.store.arena.reserve()
        if left == drift.TO_BEGIN:
            self._begin(stage)
        told: bool | None = True
        if left == drift.TO_TELL:
            self._tell_change(now_us, stage)
        elif left == drift.TO_EXPOSE:
            told = self._expose(now_us, stage) or self._begin_to_judge(now_us, stage)
        elif left == drift.TO_STAND:
            told = self._stand(now_us, stage)
        elif left == drift.TO_LEARN:
            told = None
        else:
            told = self._judge(now_us, stage)
        self._learn(now_us, stage)
        return told

    def _begin(self, stage: Stage) -> None:
        """See what peers say of the sample's stratum, and whether it goes back."""
        store, ints = self.store, self.store.arena.ints
        stratum = int(store.places[layout.STRATUM])
        if not half(ints, stratum, layout.BORN):
            self.newcomers.bear(stratum, self.number, stage)
        if self.holding:
            return
        self.newcomers.see()
        learning.look_back(
            ints,
            store.arena.heads,
            self.at,
            self._norms_width,
            store.scratch,
        )

    def _strata(self) -> Iterator[int]:
        ints = self.store.arena.ints
        stratum = int(half(ints, self.at, layout.STRATA))
        while stratum:
            yield stratum
            stratum = int(half(ints, stratum, layout.NEXT))

    def take_back(self, stage: Stage) -> None:  # noqa: D102
        self.store.take_back(self.at, self.plan.row)

    def _learn(self, now_us: int, stage: Stage) -> None:
        store, arena = self.store, self.store.arena
        tables = store.tables
        if self.holding:
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
            return
        learning.learn_sample(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            tables.rules,
            tables.rule_floats,
            self.plan.row,
            tables.facets,
            tables.facet_floats,
            store.scratch,
            store.places,
            store.given,
            store.given_floats,
        )
        if self.factors is not None:
            self.factors.learn(stage)
        season_learn(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            tables.rules,
            self.plan.row,
            tables.facets,
            store.scratch,
            store.places,
            False,
            now_us,
        )

    @property
    def holding(self) -> bool:
        """Whether a change has been seen and has not ended."""
        return bool(self.store.arena.ints[self.at + layout.CHANGE])

    @property
    def _norms_width(self) -> int:
        return int(self.store.tables.rules[self.plan.row, layout.NORMS_WIDTH])

    @property
    def _own(self) -> float:
        """The sample's value per unit of weight, signed."""
        scratch = self.store.scratch
        own = float(scratch[layout.RAW]) / float(scratch[layout.WEIGHTS])
        return self.plan.sign * own

    @property
    def _norm(self) -> tuple[int, int]:
        """Where the norm of the metric itself is in the sample's stratum; its scale."""
        tables = self.store.tables
        facet = tables.rules[self.plan.row, layout.FACET]
        begin = int(self.store.places[layout.STRATUM]) + layout.NORMS
        norm = begin + int(tables.facets[facet, layout.NORM_AT])
        return norm, int(tables.facets[facet, layout.SCALE])

    def _judge(self, now_us: int, stage: Stage) -> bool | None:
        store, arena, tables = self.store, self.store.arena, self.store.tables
        row = self.plan.row
        norm, scale = self._norm
        lent = norm_lent(arena.ints, norm) > 0
        judged = self._judged
        if not (lent or judged or norm_ready(arena.ints, norm, scale)):
            return None
        if self.holding:
            self._hold(now_us, stage)
            return self._stand(now_us, stage)
        if drift.bet(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            tables.rules,
            tables.rule_floats,
            row,
            tables.facets,
            tables.facet_floats,
            now_us,
            stage.ref,
            store.scratch,
            store.places,
        ):
            self._tell_change(now_us, stage)
            return True
        _, doubt = self.newcomers.doubt()
        if doubt > probation.SUSPICIOUS:
            if not self._suspicion > probation.SUSPICIOUS:
                self.newcomers.keep(now_us, stage)
            if self._expose(now_us, stage):
                return True
        return self._begin_to_judge(now_us, stage)

    @property
    def _judged(self) -> bool:
        """Whether the sample at hand is the first with which the series is judged."""
        norm, scale = self._norm
        young = self.life.state is State.INSUFFICIENT
        return young and norm_judged(self.store.arena.ints, norm, scale)

    def _begin_to_judge(self, now_us: int, stage: Stage) -> bool | None:
        if not self._judged:
            return None
        self.judge(CLEAR, None, None, now_us, stage)
        return True

    def judge_well(self, now_us: int, stage: Stage) -> None:
        """Say that the series is judged from this session on, and all is well."""
        self.judge(CLEAR, None, None, now_us, stage)
        self.rest()

    def _raised(self, level: float) -> float:
        """What is expected of the metric in the hour of the sample."""
        tables = self.store.tables
        facet = tables.rules[self.plan.row, layout.FACET]
        scale = int(tables.facets[facet, layout.SCALE])
        return float(raised(level, scale, self.store.scratch))

    @property
    def _suspicion(self) -> float:
        """The most that any bet has won, in nats."""
        ints = self.store.arena.ints
        return max(
            bets.bets_suspicion(ints, *self._bets(place))
            for place in range(len(self.facets))
        )

    def _expose(self, now_us: int, stage: Stage) -> bool:
        """Tell of a series that has just begun if it is bad beside its peers."""
        exposed = self.newcomers.exposed()
        if exposed is None:
            return False
        self.change.new, self.change.old = finite(exposed.new), finite(exposed.old)
        self.change.blamed = {}
        since, shift = exposed.since, exposed.shift
        self._see(
            since,
            exposed.facet,
            exposed.begun,
            since[0].at_us,
            nats=exposed.nats,
            limit=exposed.limit,
            shift=shift,
            borrowed=1.0,
        )
        self._hold_on(now_us)
        self.newcomers.restart(self.number)
        self._await_end(0, shift, len(since))
        self.judge(self._breach(), self._value(), self._own, now_us, stage)
        return True

    def _see(
        self,
        since: Sequence[Suspect],
        facet: int,
        begun: int,
        began_us: int,
        **figures: float,
    ) -> None:
        """Note what there is to say of a change that has been seen."""
        set_half(self.store.arena.ints, self.at, layout.TOLD_FACET, facet)
        shown = (facet, self.facets[facet].name)
        self.change.seen(since, shown, self.number - begun, began_us, **figures)

    def _hold_on(self, now_us: int) -> None:
        """What waits to be learned belongs to the change."""
        arena = self.store.arena
        self.change.fired_at = (self.number, now_us)
        learning.drop_waiting(arena.ints, arena.heads, self.at, len(self.facets))
        learning.forget_new(arena.ints, arena.heads, self.at, self._norms_width)

    def _await_end(
        self, which: int, shift: float, samples: int, more: float = 0.0
    ) -> None:
        """Wait for the way back from a change."""
        arena = self.store.arena
        holding.hold(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            which,
            shift,
            samples,
            more,
        )

    def _borrowed(self) -> float:
        """How much of what is expected of the sample is borrowed."""
        norm, _ = self._norm
        return float(norm_borrowed(self.store.arena.ints, norm))

    def _tell_change(self, now_us: int, stage: Stage) -> None:
        """Tell of the change that the facet in ``places`` shows."""
        store, arena = self.store, self.store.arena
        best = int(store.places[layout.FIRING])
        if best >= layout.MOST_FACETS:
            self._tell_creep(best - layout.MOST_FACETS, now_us, stage)
            return
        at, tail = self._bets(best)
        limit = float(store.tables.rule_floats[self.plan.row, layout.ENOUGH])
        which = bets.bets_fires(arena.ints, at, tail, limit)
        low = bets.bets_begun(arena.ints, at, which)
        begun = moments.number_of(low, self.number)
        first = suspects.first_since(arena.ints, self.at, begun)
        new, old = suspects.levels(arena.floats, arena.ints, self.at, first)
        self.change.new, self.change.old = finite(new), finite(old)
        shift = suspects.mean_deviation(arena.ints, self.at, first, best)
        since = suspects_since(store, self.at, len(self.facets), first)
        self._blame(since, best, begun)
        self._see(
            since,
            best,
            begun,
            moments.time_of(low, now_us),
            nats=bets.bets_won(arena.ints, at, which),
            limit=limit,
            shift=shift,
            borrowed=round(self._borrowed(), 2),
        )
        if store.scratch[layout.OFFSETS]:
            level = float(arena.floats[self._norm[0] + LEVEL])
            self.change.evidence["season"] = round(self._raised(level) / level, 3)
        if self.factors is not None:
            self.factors.begin()
            for suspect in since:
                self.factors.add(suspect.told)
        self._await_end(which, shift, len(since))
        self._hold_on(now_us)
        self.judge(self._breach(), self._value(), self._own, now_us, stage)

    def _tell_creep(self, best: int, now_us: int, stage: Stage) -> None:
        """Tell of a creep: what is normal goes back to what it was before."""
        store, arena, tables = self.store, self.store.arena, self.store.tables
        row = self.plan.row
        facet = int(tables.rules[row, layout.FACET]) + best
        words = self.at + int(tables.facets[facet, layout.CREEP_AT])
        norms = int(store.places[layout.STRATUM]) + layout.NORMS
        low = int(arena.ints[words + creeps.BEGUN])
        begun = moments.number_of(low, self.number)
        first = suspects.first_since(arena.ints, self.at, begun)
        since = suspects_since(store, self.at, len(self.facets), first)
        moved = creeps.creeps_moved(
            arena.ints,
            self.at,
            tables.facets,
            tables.facet_floats,
            facet,
            norms,
        )
        shift = moved + mean_deviation(since, best)
        creeps.creeps_unlearn(
            arena.floats, arena.ints, self.at, tables.rules, row, tables.facets, norms
        )
        learning.forget_usual(arena.ints, norms - layout.NORMS)
        self.change.new = finite(levels(since)[0])
        self.change.old = finite(float(arena.floats[norms + LEVEL]))
        self.change.blamed = {}
        self._see(
            since,
            best,
            begun,
            moments.time_of(low, now_us),
            nats=halves.low(arena.ints[words + creeps.WON]),
            limit=float(tables.rule_floats[row, layout.ENOUGH]),
            shift=shift,
            borrowed=round(self._borrowed(), 2),
        )
        if self.factors is not None:
            self.factors.begin()
            for suspect in since:
                self.factors.add(suspect.told)
        self._await_end(0, shift, len(since), creeps.BACK_MORE)
        self._hold_on(now_us)
        self.judge(self._breach(), self._value(), self._own, now_us, stage)

    def _blame(self, since: list[Suspect], facet: int, begun: int) -> None:
        blamed = attribution(since, facet, self.by)
        if "agent" in self.by:
            for place, name in enumerate(REPLACED):
                releases = layout.RELEASES + place * layout.LABEL_WIDTH
                if name not in self.by:
                    label = newest(self.store, self.at, releases, begun, self.number)
                    if label:
                        blamed.setdefault(name, label)
        self.change.blamed = blamed

    def _hold(self, now_us: int, stage: Stage) -> None:
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
            self._note(life, value, self._own, now_us, stage)
        else:
            self.judge(self._breach(), value, self._own, now_us, stage)

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

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        if self.change.new is None or not self.life.state.is_open:
            return False
        arena = self.store.arena
        arena.reserve()
        if not learning.renew(arena.ints, arena.heads, self.at, self._norms_width):
            return False
        self._release(now_us, forget=True)
        self.resolve_at(self.change.new, now_us, stage, reason)
        return True

    def _release(self, now_us: int, *, forget: bool = False) -> None:
        """Begin anew; ``forget``: there is a new normal."""
        arena, tables = self.store.arena, self.store.tables
        for place in range(len(self.facets)):
            bets.bets_release(arena.ints, *self._bets(place))
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
        learning.forget_new(arena.ints, arena.heads, self.at, self._norms_width)
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
