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
from math import isnan, nan
from typing import Any, Final

from detectors.anchor import ACCEPTED, REBASELINED
from detectors.batch import ATTRIBUTES
from detectors.compiled_watch import CompiledWatch
from detectors.facets import Sample, facets
from detectors.factors import Factors
from detectors.kernels import bets, drift, layout, learning, samples, suspects
from detectors.kernels.norms import LENT_SAMPLES, norm_judged, norm_ready
from detectors.kernels.samples import open_sample
from detectors.lifecycle import CLEAR, Evaluation, Life, Verdict
from detectors.lineage import Lineage
from detectors.numbers import finite
from detectors.parents import Normal
from detectors.phrases import number
from detectors.plans import Limit, Plan
from detectors.probation import LAST, Probation
from detectors.releases import newest
from detectors.rules import SECOND_US
from detectors.stage import Stage
from detectors.store import Store
from detectors.suspects import (
    Suspect,
    attribution,
    levels,
    mean_deviation,
    suspects_since,
)
from detectors.transitions import State

NEW_NORMAL_SAMPLES: Final = 500
NEW_NORMAL_US: Final = 3 * 86_400 * SECOND_US
"""A level that has lasted so long, in both, is the new normal."""

_UNSAID: Final = frozenset({"began_us", "at"})
_REPLACED: Final = ("agent_version", "model")
_PLAINLY: Final = 0.5
_NOTHING: Final = Normal(0.0, 0.0, 0.0, 0.0)


class DriftWatch(CompiledWatch):
    """A drift rule on a series.

    Attributes:
        probations: By the codes of its labels, how each stratum that has just begun
            compares with its peers.
        old, new: The levels before and since the change that is told of.
        fired_at: Sample, and time, at which the change was seen.
    """

    __slots__ = (
        "_blamed",
        "_evidence",
        "facets",
        "factors",
        "fired_at",
        "lineage",
        "new",
        "old",
        "probations",
    )

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.facets = facets(plan.rule.metric, plan.sign)
        factors = int(store.tables.rules[plan.row, layout.FACTORS])
        self.factors = Factors(store, self.at + factors) if factors else None
        self.lineage = Lineage(plan, self.facets)
        self.probations: dict[tuple[int, int], Probation] = {}
        self.old: float | None = None
        self.new: float | None = None
        self.fired_at = (0, 0)
        self._blamed: dict[str, str] = {}
        self._evidence: dict[str, Any] = {}

    def _bets(self, place: int) -> int:
        """Where the bets on a facet are."""
        tables = self.store.tables
        facet = tables.rules[self.plan.row, layout.FACET] + place
        return self.at + int(tables.facets[facet, layout.BETS_AT])

    @property
    def number(self) -> int:
        """Samples so far."""
        return int(self.store.arena.ints[self.at + layout.SAMPLES])

    def settle(self) -> None:  # noqa: D102
        super().settle()
        if self.life.state is State.OK:
            self.old = self.new = None
            self._blamed, self._evidence = {}, {}

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        return ()

    @property
    def expected(self) -> float | None:  # noqa: D102
        return self.old

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        store, arena = self.store, self.store.arena
        arena.reserve()
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
        if left == drift.TO_TELL:
            told: bool | None = True
            self._tell_change(now_us, stage)
        else:
            told = self._judge(now_us, stage)
        self._learn(stage)
        return told

    def _begin(self, stage: Stage) -> None:
        """See what peers say of the sample's stratum, and whether it goes back."""
        store, ints = self.store, self.store.arena.ints
        stratum = int(store.places[layout.STRATUM])
        if not ints[stratum + layout.BORN]:
            self._bear(stratum, stage)
        if self.holding:
            return
        key = self._key
        probation = self.probations.get(key)
        if probation is not None:
            probation.see(self._samples())
            if probation.over:
                self._let_go(key)
        learning.look_back(
            ints,
            store.arena.floats,
            store.arena.heads,
            self.at,
            self._norms_width,
            store.scratch,
        )

    @property
    def _key(self) -> tuple[int, int]:
        """What the sessions of the sample's stratum share."""
        places = self.store.places
        return int(places[layout.OF_AGENT]), int(places[layout.OF_TASK])

    def _samples(self) -> list[Sample | None]:
        """The sample at hand, facet by facet."""
        numbers = self.store.scratch.tolist()
        pairs = zip(
            numbers[layout.VALUES : layout.WEIGHTS],
            numbers[layout.WEIGHTS : layout.DEVIATIONS],
            strict=True,
        )
        found = [None if isnan(value) else (value, weight) for value, weight in pairs]
        return found[: len(self.facets)]

    def _bear(self, stratum: int, stage: Stage) -> None:
        """The first session of its kind: begin with what others of it are like."""
        store, arena = self.store, self.store.arena
        arena.ints[stratum + layout.BORN] = 1
        for key in list(self.probations):
            if not samples.known_stratum(arena.ints, self.at, *key):
                self._let_go(key)
        names = self._names(*self._key)
        if not all(label for _, label in names):
            return
        model = store.labels.text(int(arena.ints[stratum + layout.RUNS_ON]))
        priors = [
            stage.parents.prior(self.lineage.parents(place, names, model))
            for place in range(len(self.facets))
        ]
        if not any(priors):
            return
        begun = self.number - 1
        probation = Probation(self.facets, priors, begun)
        self._lend(stratum, probation)
        # What is new in an old series is judged where it is a series of its own.
        if begun < LAST and probation.norms[0].lent:
            self.probations[self._key] = probation
            arena.ints[stratum + layout.TRIED] = 1
        tables = store.tables
        samples.score(
            arena.floats,
            stratum,
            tables.rules,
            self.plan.row,
            tables.facets,
            tables.facet_floats,
            store.scratch,
            store.odds_keys,
            store.odds,
        )

    def _lend(self, stratum: int, probation: Probation) -> None:
        """Begin the norms of a stratum with what was lent, and nothing else."""
        at = stratum + layout.NORMS
        for norm in probation.fresh():
            words = norm.dump()
            self.store.arena.floats[at : at + len(words)] = words
            at += len(words)

    def _let_go(self, key: tuple[int, int]) -> None:
        """A stratum stands alone from now on."""
        if self.probations.pop(key, None) is not None:
            ints = self.store.arena.ints
            stratum = samples.known_stratum(ints, self.at, *key)
            if stratum:
                ints[stratum + layout.TRIED] = 0
            self._doubt()

    def _doubt(self) -> None:
        """Note whether suspects must be kept though no bet has won anything."""
        self.store.arena.ints[self.at + layout.DOUBTED] = any(
            probation.doubt > drift.SUSPICIOUS for probation in self.probations.values()
        )

    def _names(self, agent: int, task: int) -> list[tuple[str, str]]:
        """The labels that all sessions of a stratum share, the series' own first."""
        text = self.store.labels.text
        mixed = (("agent", agent), ("task_type", task))
        own = [(name, text(code)) for name, code in mixed if name not in self.by]
        return [*self.by.items(), *own]

    def _strata(self) -> Iterator[int]:
        ints = self.store.arena.ints
        stratum = int(ints[self.at + layout.STRATA])
        while stratum:
            yield stratum
            stratum = int(ints[stratum + layout.NEXT])

    def take_back(self, stage: Stage) -> None:  # noqa: D102
        self.store.take_back(self.at, self.plan.row)

    def _learn(self, stage: Stage) -> None:
        store, arena = self.store, self.store.arena
        tables = store.tables
        holding = self.holding
        if holding:
            learning.learn_new(
                arena.floats,
                arena.ints,
                arena.heads,
                tables.rules,
                self.plan.row,
                tables.facets,
                tables.facet_floats,
                store.scratch,
                store.places,
            )
        else:
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
            if not holding:
                self.factors.learn(stage)
            elif self.number > self.fired_at[0]:
                self.factors.during(stage)

    @property
    def holding(self) -> bool:
        """Whether a change has been seen and has not ended."""
        ints = self.store.arena.ints
        return any(
            ints[self._bets(place) + bets.HOLDING] >= 0
            for place in range(len(self.facets))
        )

    @property
    def _norms_width(self) -> int:
        return int(self.store.tables.rules[self.plan.row, layout.NORMS_WIDTH])

    @property
    def _own(self) -> float:
        """The sample's value per unit of weight, signed."""
        scratch = self.store.scratch
        own = float(scratch[layout.VALUES]) / float(scratch[layout.WEIGHTS])
        return self.plan.sign * own

    def _judge(self, now_us: int, stage: Stage) -> bool | None:
        store, arena, tables = self.store, self.store.arena, self.store.tables
        row = self.plan.row
        facet = tables.rules[row, layout.FACET]
        norm = (
            store.places[layout.STRATUM]
            + layout.NORMS
            + tables.facets[facet, layout.NORM_AT]
        )
        scale = tables.facets[facet, layout.SCALE]
        lent = arena.floats[norm + LENT_SAMPLES] > 0
        young = self.life.state is State.INSUFFICIENT
        judged = young and norm_judged(arena.floats, norm, scale)
        if not (lent or judged or norm_ready(arena.floats, norm, scale)):
            return None
        if self.holding:
            self._keep(now_us, stage)
            return self._hold(now_us, stage)
        probation = self.probations.get(self._key)
        if probation is not None:
            self._doubt()
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
        if probation is not None and probation.doubt > drift.SUSPICIOUS:
            if not self._suspicion > drift.SUSPICIOUS:
                self._keep_beside(probation, now_us, stage)
            if self._expose(probation, now_us, stage):
                return True
        if judged:
            self.judge(CLEAR, None, None, now_us, stage)
            return True
        return None

    def _keep(self, now_us: int, stage: Stage) -> None:
        store, arena = self.store, self.store.arena
        norms = int(store.places[layout.STRATUM]) + layout.NORMS
        # The metric itself is the first facet, and its norm the first of the norms.
        level = float(arena.floats[norms + 1])
        suspects.keep(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            now_us,
            stage.ref,
            level,
            store.scratch,
        )

    @property
    def _suspicion(self) -> float:
        """The most that any bet has won, in nats."""
        floats = self.store.arena.floats
        return max(
            bets.bets_suspicion(floats, self._bets(place))
            for place in range(len(self.facets))
        )

    def _keep_beside(self, probation: Probation, now_us: int, stage: Stage) -> None:
        """Keep the sample as its peers see it."""
        store, arena = self.store, self.store.arena
        scratch = store.scratch.copy()
        for place, deviation in enumerate(probation.deviations):
            off = nan if deviation is None else deviation
            scratch[layout.DEVIATIONS + place] = off
        suspects.keep(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            now_us,
            stage.ref,
            probation.norms[0].level,
            scratch,
        )

    def _expose(self, probation: Probation, now_us: int, stage: Stage) -> bool:
        """Tell of a series that has just begun if it is bad beside its peers."""
        store, arena = self.store, self.store.arena
        limit = float(store.tables.rule_floats[self.plan.row, layout.DOUBT])
        worst, nats = probation.worst
        if not (probation.ready and nats > limit):
            return False
        begun = probation.begun
        first = suspects.first_since(arena.ints, self.at, begun)
        names = self._names(*self._key)[len(self.by) :]
        mixed = [(ATTRIBUTES.index(name), text) for name, text in names]
        since = [
            suspect
            for suspect in suspects_since(store, self.at, first)
            if all(suspect.told.labels[at] == text for at, text in mixed)
        ]
        new, old = levels(since)
        shift = mean_deviation(since, worst)
        if not (
            mean_deviation(since, 0) >= _PLAINLY
            and shift > drift.GATE
            and self.plan.sign * (new - old) > 0
        ):
            return False
        self.new, self.old = finite(new), finite(probation.norms[0].level)
        self._blamed = {}
        self._evidence = self._seen(since, worst, begun) | {
            "evidence_nats": round(nats, 2),
            "limit_nats": limit,
            "shift_deviations": round(shift, 2),
            "began_us": since[0].at_us,
            "borrowed": 1.0,
        }
        self._hold_on(now_us)
        for key, each in self.probations.items():
            each.restart(self.number)
            stratum = samples.known_stratum(arena.ints, self.at, *key)
            self._lend(stratum, each)
        self._doubt()
        at = self._bets(worst)
        bets.bets_hold(arena.floats, arena.ints, at, 0, shift, len(since), self.number)
        self.judge(self._breach(), self._value(), self._own, now_us, stage)
        return True

    def _seen(self, since: Sequence[Suspect], facet: int, begun: int) -> dict[str, Any]:
        """What there is to say of a change that has been seen."""
        worst = sorted(since, key=lambda s: -(s.deviations[facet] or 0.0))[:3]
        self.store.arena.ints[self.at + layout.TOLD_FACET] = facet
        return {
            "facet": self.facets[facet].name,
            "evidence_nats": 0.0,
            "limit_nats": 0.0,
            "shift_deviations": 0.0,
            "began_session": since[0].told.session_id,
            "sessions_since": self.number - begun,
            "began_us": 0,
            "at": facet,
            "borrowed": 0.0,
            "shifted_sessions": [[each.told.session_id, each.own] for each in worst],
        }

    def _hold_on(self, now_us: int) -> None:
        """What waits to be learned belongs to the change."""
        arena = self.store.arena
        self.fired_at = (self.number, now_us)
        learning.drop_waiting(arena.ints, arena.heads, self.at)
        learning.forget_new(arena.ints, arena.heads, self.at, self._norms_width)

    def _borrowed(self) -> float:
        """How much of what is expected of the sample is borrowed."""
        at = int(self.store.places[layout.STRATUM]) + layout.NORMS
        norm = self.facets[0].norm()
        norm.load(self.store.arena.floats[at : at + len(norm.dump())].tolist())
        return norm.borrowed

    def _tell_change(self, now_us: int, stage: Stage) -> None:
        """Tell of the change that the facet in ``places`` shows."""
        store, arena = self.store, self.store.arena
        best = int(store.places[layout.FIRING])
        at = self._bets(best)
        limit = float(store.tables.rule_floats[self.plan.row, layout.ENOUGH])
        which = bets.bets_fires(arena.floats, at, limit)
        begun = int(arena.ints[at + bets.BEGUN + which])
        begun_us = int(arena.ints[at + bets.BEGUN_US + which])
        first = suspects.first_since(arena.ints, self.at, begun)
        new, old = suspects.levels(arena.floats, arena.ints, self.at, first)
        self.new, self.old = finite(new), finite(old)
        shift = suspects.mean_deviation(arena.floats, arena.ints, self.at, first, best)
        since = suspects_since(store, self.at, first)
        self._blame(since, best, begun)
        self._evidence = self._seen(since, best, begun) | {
            "evidence_nats": round(float(arena.floats[at + bets.WON + which]), 2),
            "limit_nats": limit,
            "shift_deviations": round(shift, 2),
            "began_us": begun_us,
            "borrowed": round(self._borrowed(), 2),
        }
        if self.factors is not None:
            self.factors.begin()
            for suspect in since:
                self.factors.add(suspect.told)
        bets.bets_hold(
            arena.floats, arena.ints, at, which, shift, len(since), self.number
        )
        self._hold_on(now_us)
        self.judge(self._breach(), self._value(), self._own, now_us, stage)

    def _blame(self, since: list[Suspect], facet: int, begun: int) -> None:
        blamed = attribution(since, facet, self.by)
        if "agent" in self.by:
            for place, name in enumerate(_REPLACED):
                releases = self.at + layout.RELEASES + place * layout.RELEASES_WIDTH
                if name not in self.by:
                    label = newest(self.store, releases, begun, self.number)
                    if label:
                        blamed.setdefault(name, label)
        self._blamed = blamed

    def _hold(self, now_us: int, stage: Stage) -> bool:
        """A sample while a change is told of: does it last, end, or become normal?"""
        arena, scratch = self.store.arena, self.store.scratch
        tables = self.store.tables
        first = int(tables.rules[self.plan.row, layout.FACET])
        for place in range(len(self.facets)):
            at = self._bets(place)
            deviation = float(scratch[layout.DEVIATIONS + place])
            if arena.ints[at + bets.HOLDING] < 0 or isnan(deviation):
                continue
            margin = tables.facet_floats[first + place, layout.MARGIN]
            if bets.bets_returned(
                arena.floats, arena.ints, at, deviation, margin, self.number
            ):
                bets.bets_release(arena.floats, arena.ints, at, self.number, now_us)
        if not self.holding:
            self._release(now_us)
            self.judge(CLEAR, self._value(), None, now_us, stage)
            return True
        since = suspects.first_since(arena.ints, self.at, self.fired_at[0])
        level, _ = suspects.levels(arena.floats, arena.ints, self.at, since)
        self.new = finite(level)
        if self._lasted(now_us) and self.accept(now_us, stage, REBASELINED):
            return True
        self.count_open(now_us, stage)
        if not self.holding:
            return True
        self.judge(self._breach(), self._value(), self._own, now_us, stage)
        return True

    def _lasted(self, now_us: int) -> bool:
        # Where the rule says when, its own timer and count do it.
        fired, fired_us = self.fired_at
        return (
            self.plan.rule.rebaseline_after is None
            and self.number - fired >= NEW_NORMAL_SAMPLES
            and now_us - fired_us >= NEW_NORMAL_US
        )

    def accept(  # noqa: D102
        self, now_us: int, stage: Stage, reason: str = ACCEPTED
    ) -> bool:
        if self.new is None or not self.life.state.is_open:
            return False
        arena = self.store.arena
        arena.reserve()
        if not learning.renew(
            arena.floats, arena.ints, arena.heads, self.at, self._norms_width
        ):
            return False
        self._release(now_us)
        self.resolve_at(self.new, now_us, stage, reason)
        return True

    def _release(self, now_us: int) -> None:
        arena = self.store.arena
        for place in range(len(self.facets)):
            at = self._bets(place)
            bets.bets_release(arena.floats, arena.ints, at, self.number, now_us)
        learning.forget_new(arena.ints, arena.heads, self.at, self._norms_width)
        suspects.clear(arena.ints, arena.heads, self.at)

    def _breach(self) -> Evaluation:
        return Evaluation(Verdict.BREACH, self.plan.rank, self.plan.rank)

    def _value(self) -> float | None:
        return None if self.new is None else self.plan.sign * self.new

    def _note(
        self, before: Life, value: float, own: float | None, now_us: int, stage: Stage
    ) -> None:
        known = self.breach
        super()._note(before, value, own, now_us, stage)
        breach = self.breach
        if breach is not None and breach is not known:
            begun_us = self._evidence.get("began_us")
            breach.began_us = begun_us or now_us
            breach.sessions = self._evidence.get("sessions_since", breach.sessions)

    def attribution(self) -> dict[str, str]:  # noqa: D102
        return self._blamed

    def causes(self) -> dict[str, float]:  # noqa: D102
        if self.factors is None or self._evidence.get("borrowed") == 1.0:
            return {}
        return self.factors.shares()

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        return {name: v for name, v in self._evidence.items() if name not in _UNSAID}

    def _reason(self, before: Life, found: Evaluation) -> str:
        name = self.plan.rule.metric.name
        if self.life.state is State.OK:
            return f"{name} has enough sessions to be judged and is steady"
        if not (self.old is not None and self.new is not None):
            return name
        if found.verdict is not Verdict.BREACH:
            return f"{name} is back near {number(self.old)}"
        if self._evidence.get("borrowed") == 1.0:
            return (
                f"{name} is {number(self.new)} from the first session on; its peers "
                f"have {number(self.old)}"
            )
        moved = "rose" if self.new > self.old else "fell"
        text = f"{name} {moved} from {number(self.old)} to {number(self.new)}"
        facet = self._evidence.get("facet", name)
        if facet != name:
            text += f", seen in {facet}"
        text += f"; began {self._evidence.get('sessions_since', 0)} sessions ago"
        for name in _REPLACED:
            if name in self._blamed:
                text += f", with {name} {self._blamed[name]}"
        return text

    @property
    def words_alone(self) -> bool:  # noqa: D102
        return not self.probations

    def more(self) -> list[Any]:  # noqa: D102
        tried = [[*key, each.dump()] for key, each in self.probations.items()]
        if self.old is None and not self._evidence and not tried:
            return []
        change = [self.old, self.new, list(self.fired_at)]
        return [change, self._blamed, self._evidence, tried]

    def load_more(self, state: list[Any]) -> None:  # noqa: D102
        change, self._blamed, self._evidence, tried = state
        self.old, self.new, fired_at = change
        self.fired_at = (fired_at[0], fired_at[1])
        for agent, task, probation in tried:
            self.probations[agent, task] = Probation.load(self.facets, probation)
