"""Drift: a lasting shift of a series, told once, with when and with what it began.

Each session is scored against what is normal for its like, then bet on, then learned;
while an alert is open nothing is learned but what the new level would be. Where a
series mixes agents or task types, like is compared with like: a shift of the mix is
no drift. As long as there is nothing to say, compiled code does all that
(``kernels.drift``). ``changes`` has what is said of a shift or a creep, ``drift_held``
what happens until all is well again.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Sequence

from detectors.changes.creeps import creep
from detectors.changes.shifts import shift
from detectors.kernels import bets, drift, layout, learning, probation
from detectors.kernels.halves import half
from detectors.kernels.norms import norm_judged, norm_lent, norm_ready
from detectors.kernels.samples import open_sample
from detectors.kernels.seasons import season_learn
from detectors.kinds.drift_held import HeldDrift
from detectors.kinds.plans import Plan
from detectors.life.lifecycle import CLEAR
from detectors.peers.newcomers import Newcomers
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.transitions import State


class DriftWatch(HeldDrift):
    """A drift rule on a series.

    Attributes:
        newcomers: The kinds of its sessions that have just begun.

    >>> from detectors.rules import Drift, rule
    >>> from detectors.trial import trial
    >>> usual = [800.0, 1000.0, 1300.0, 900.0, 1150.0] * 60
    >>> slower = [2.0 * each for each in usual[:40]]
    >>> said = trial(rule("slow", "latency_ms", Drift()), {"latency_ms": usual + slower})
    >>> [(line.to_state.value, line.session_id) for line in said]
    [('ok', 's19'), ('firing', 's303')]
    """

    __slots__ = ("newcomers",)

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.newcomers = Newcomers(plan, by, store, at, self.facets)

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
        if self.holding:
            self._learn_held(now_us, stage)
        else:
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
            self.norms_width,
            store.scratch,
        )

    def _judge(self, now_us: int, stage: Stage) -> bool | None:
        store, arena, tables = self.store, self.store.arena, self.store.tables
        row = self.plan.row
        norm, scale = self.norm
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
        norm, scale = self.norm
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

    @property
    def _suspicion(self) -> float:
        """The most that any bet has won, in nats."""
        ints = self.store.arena.ints
        return max(
            bets.bets_suspicion(ints, *self.bets_at(place))
            for place in range(len(self.facets))
        )

    def _expose(self, now_us: int, stage: Stage) -> bool:
        """Tell of a series that has just begun if it is bad beside its peers."""
        seen = self.newcomers.exposed()
        if seen is None:
            return False
        self.newcomers.restart(self.number)
        self._tell_of(seen, now_us, stage)
        return True

    def _tell_change(self, now_us: int, stage: Stage) -> None:
        """Tell of the change that the facet in ``places`` shows."""
        facet = int(self.store.places[layout.FIRING])
        if facet < layout.MOST_FACETS:
            seen = shift(self, facet, now_us)
        else:
            seen = creep(self, facet - layout.MOST_FACETS, now_us)
        if self.factors is not None:
            self.factors.begin()
            for suspect in seen.since:
                self.factors.add(suspect.told)
        self._tell_of(seen, now_us, stage)

    def _learn(self, now_us: int, stage: Stage) -> None:
        store, arena = self.store, self.store.arena
        tables = store.tables
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

    def take_back(self, stage: Stage) -> None:  # noqa: D102
        self.store.take_back(self.at, self.plan.row)
