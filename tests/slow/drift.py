"""Drift: a lasting shift of a series, told once, with when and with what it began.

Each session is scored against what is normal for its like, then bet on, then learned;
while an alert is open nothing is learned but what the new level would be. Where a
series mixes agents or task types, like is compared with like: a shift of the mix is
no drift.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from detectors.batch import ATTRIBUTES, MODEL
from detectors.kernels.creeps import BACK_MORE, UNSUSPICIOUS
from detectors.kinds.plans import Limit, Plan
from detectors.kinds.sensitivities import SETTINGS
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import CLEAR, Evaluation, Life, Verdict
from detectors.life.phrases import number
from detectors.metrics import Scale
from detectors.normal.anchor import ACCEPTED, REBASELINED
from detectors.normal.facets import Sample, facets
from detectors.normal.norms import FEWEST, TURNED, Norm
from detectors.normal.season import BEGUN, HOUR_US, LEAST_HOURS, MEMORY, OFTEN, Season
from detectors.numbers import finite, narrow
from detectors.peers.lineage import Lineage
from detectors.peers.parents import Normal
from detectors.rules import SECOND_US, Drift
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.bets import Bets
from tests.slow.causes import CostFactors
from tests.slow.creeps import Creeps
from tests.slow.halves import Moment, moment
from tests.slow.probation import LAST, Probation
from tests.slow.releases import Releases
from tests.slow.strata import Strata, Stratum
from tests.slow.suspects import (
    Suspect,
    Suspects,
    attribution,
    levels,
    mean_deviation,
)

NEW_NORMAL_SAMPLES: Final = 500
NEW_NORMAL_US: Final = 3 * 86_400 * SECOND_US
"""A level that has lasted so long, in both, is the new normal."""

_SUSPICIOUS: Final = 2.0
_GATE: Final = 0.1
_PLAIN_GATE: Final = 0.25
_PLAINLY: Final = 0.5
_UNSAID: Final = frozenset({"began_us", "at"})
_MIXED: Final = ("agent", "task_type")
_REPLACED: Final = ("agent_version", "model")


class DriftWatch(Watch):
    """A drift rule on a series.

    Attributes:
        number: Samples so far.
        strata: What is normal, by the labels that tell like from like.
        old, new: The levels before and since the change that is told of.
        fired_at: Sample, and time, at which the change was seen.
        last_bet: The last sample that was bet on, or after which all began anew.
    """

    __slots__ = (
        "_blamed",
        "_evidence",
        "_offsets",
        "_told_facet",
        "bets",
        "creeps",
        "doubt_limit",
        "facets",
        "factors",
        "fired_at",
        "last_bet",
        "limit",
        "lineage",
        "mixed",
        "new",
        "number",
        "old",
        "releases",
        "season_from",
        "seasons",
        "strata",
        "suspects",
    )

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        assert isinstance(kind, Drift)
        setting = SETTINGS[kind.sensitivity]
        self.limit = setting.enough(plan.rule.metric)
        self.doubt_limit = setting.doubt
        self.facets = facets(plan.rule.metric, plan.sign)
        self.lineage = Lineage(plan, self.facets)
        self.mixed = [ATTRIBUTES.index(name) for name in _MIXED if name not in by]
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
        self.releases = {name: Releases() for name in _REPLACED if name not in by}
        cost = plan.rule.metric.name == "cost_usd" and plan.sign > 0
        self.factors = CostFactors() if cost else None
        self.old: float | None = None
        self.new: float | None = None
        self.fired_at = (0, 0)
        self.last_bet: Moment = (0, 0)
        self._blamed: dict[str, str] = {}
        self._evidence: dict[str, Any] = {}
        self._told_facet = 0
        self.seasons: list[Season] = []
        self.season_from = 0
        self._offsets = [0.0] * len(self.facets)

    def settle(self) -> None:  # noqa: D102
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
        found = self.facets[0].read(values)
        if found is None:
            return None
        self.number += 1
        fleet = stage.fleets.by_rule.get(self.plan.rule.name)
        if fleet is not None:
            fleet.taken += 1
            self.limit, self.doubt_limit = fleet.limit, fleet.doubt
        labels = stage.attributes
        if labels:
            for name, releases in self.releases.items():
                releases.see(labels[ATTRIBUTES.index(name)], self.number)
        key = "\x1f".join([labels[at] for at in self.mixed]) if labels else ""
        stratum = self.strata.find(key, self.number)
        crowded = self.strata.crowded and not self.strata.stale(self.number)
        if stratum is None and crowded:
            # Where all are busy, the others share one.
            key = "\x1f".join([""] * len(self.mixed))
            stratum = self.strata.find(key, self.number)
        if stratum is None:
            stratum = self._bear(key, labels, stage)
        if labels:
            stratum.model = labels[MODEL]
        own = [found, *(facet.read(values) for facet in self.facets[1:])]
        hour = ended_us // HOUR_US
        samples = self._even(own, stratum, hour)
        deviations = stratum.score(samples)
        probation = stratum.probation
        if not self.holding:
            if probation is not None:
                probation.see(samples)
                if probation.over:
                    stratum.probation = None
            at = self._told_facet
            self.strata.look_back(deviations[at], self.number)
        told = self._judge(stratum, found, deviations, now_us, stage)
        if self.holding:
            self.strata.learn_new(key, samples)
        else:
            for giving in self.strata.learn(key, samples, deviations, self.bets):
                self._give(*giving, stage)
        factors = self.factors
        if factors is not None:
            if not self.holding:
                factors.learn(values, labels)
            elif self.number > self.fired_at[0]:
                factors.during(values, labels)
        if self.seasons:
            self._learn_season(own, stratum, hour, now_us)
        elif self.number % BEGUN == 0:
            self._begin_season(now_us // HOUR_US)
        return told

    def _even(
        self, own: list[Sample | None], stratum: Stratum, hour: int
    ) -> list[Sample | None]:
        """The sample as it would be in an hour like all others."""
        self._offsets = [0.0] * len(own)
        found = list(own)
        for at, season in enumerate(self.seasons):
            sample, norm = own[at], stratum.norms[at]
            if sample is not None and season.used:
                self._offsets[at] = off = season.expects(hour)
                if off != 0.0:
                    found[at] = (norm.back(norm.there(sample[0]) - off), sample[1])
        return found

    def _begin_season(self, hour: int) -> None:
        """A series with many sessions may have a season."""
        if self.facets[0].norm().scale is Scale.RATE or hour <= 0:
            return
        if self.season_from == 0:
            self.season_from = hour
        elif (
            hour - self.season_from >= LEAST_HOURS
            and self.number >= (hour - self.season_from) * OFTEN
        ):
            self.seasons = [Season() for _ in self.facets]

    def _learn_season(
        self, own: list[Sample | None], stratum: Stratum, hour: int, now_us: int
    ) -> None:
        held = self.holding
        for at, season in enumerate(self.seasons):
            sample, norm = own[at], stratum.norms[at]
            level, sessions = stratum.usual[at]
            if sessions == 0:
                level, sessions = norm.mean, int(min(norm.samples, TURNED))
            if sample is None or sessions < FEWEST:
                continue
            left = season.see(norm.there(sample[0]) - level, hour, held=held)
            if not held:
                sessions = min(sessions + 1, MEMORY)
                level += left / sessions
            stratum.usual[at] = level, sessions
            if season.moved:
                for each in self.strata:
                    known, seen = each.usual[at]
                    if seen:
                        each.usual[at] = known + season.moved, seen
            if season.turns and not held:
                season.used = not season.used
                self.strata.turn(at)
                self.bets[at].turn()
                self.last_bet = moment(self.number, now_us)
                if self.creeps is not None:
                    self.creeps.release(now_us, forget=True)

    def _bear(self, key: str, labels: Sequence[str], stage: Stage) -> Stratum:
        """The first session of its kind: begin with what others of it are like."""
        stratum, gone = self.strata.bear(key, self.number)
        if gone is not None:
            stage.shares.change(self._given(gone), {})
        names = self._names(key)
        if not all(label for _, label in names):
            return stratum
        model = labels[MODEL] if labels else ""
        priors = [
            stage.parents.prior(self.lineage.parents(at, names, model))
            for at in range(len(self.facets))
        ]
        if any(priors):
            begun = self.number - 1
            # What is new in an old series is judged where it is a series of its own.
            stratum.begin_from(
                Probation(self.facets, priors, begun), young=begun < LAST
            )
        return stratum

    def _names(self, key: str) -> list[tuple[str, str]]:
        """The labels that all sessions of a stratum share, the series' own first."""
        mixed = zip(self.mixed, key.split("\x1f"), strict=False)
        return [*self.by.items(), *((ATTRIBUTES[at], value) for at, value in mixed)]

    def _give(
        self, stratum: Stratum, normals: list[Normal | None], stage: Stage
    ) -> None:
        """Say what is normal for a stratum, for series to come."""
        before = self._given(stratum)
        stratum.given = stratum.model, normals
        stage.shares.change(before, self._given(stratum))

    def _given(self, stratum: Stratum) -> dict[str, Normal]:
        """What a stratum has said last, by the parents it said it to."""
        model, normals = stratum.given
        names = self._names(stratum.key)
        return {
            parent: normal
            for at, normal in enumerate(normals)
            if normal is not None
            for parent, _ in self.lineage.parents(at, names, model)
        }

    def given(self) -> Iterator[Mapping[str, Normal]]:  # noqa: D102
        return map(self._given, self.strata)

    @property
    def holding(self) -> bool:
        """Whether a change has been seen and has not ended."""
        return any(bets.holding >= 0 for bets in self.bets)

    def _judge(
        self,
        stratum: Stratum,
        found: Sample,
        deviations: list[float | None],
        now_us: int,
        stage: Stage,
    ) -> bool | None:
        norm = stratum.norms[0]
        judged = norm.judged and self.life.state is State.INSUFFICIENT
        if not (norm.ready or norm.lent or judged):
            return None
        if self.holding:
            self._keep(found, norm, deviations, stage, now_us)
            return self._hold(found, deviations, now_us, stage)
        suspicion = 0.0
        for bets, deviation, each in zip(
            self.bets, deviations, stratum.norms, strict=True
        ):
            if deviation is not None and each.ready:
                bets.bet(deviation, self.last_bet)
            suspicion = max(suspicion, bets.suspicion)
        ordinary, creeping = suspicion, 0.0
        if self.creeps is not None:
            creeping = self.creeps.bet(
                deviations, stratum.norms, self.limit, self.last_bet, now_us
            )
            suspicion = max(suspicion, creeping - UNSUSPICIOUS)
        self.last_bet = moment(self.number, now_us)
        probation = stratum.probation
        doubt = 0.0 if probation is None else probation.doubt
        if probation is not None and not suspicion > _SUSPICIOUS:
            norm, deviations = probation.norms[0], probation.deviations
        if max(suspicion, doubt) > _SUSPICIOUS:
            self._keep(found, norm, deviations, stage, now_us)
            if (
                (ordinary > self.limit and self._fire(stratum, now_us))
                or (creeping > self.limit and self._crept(stratum, now_us))
                or (doubt > self.doubt_limit and self._expose(stratum, now_us))
            ):
                own = self.plan.sign * found[0] / found[1]
                self.judge(self._breach(), self._value(), own, now_us, stage)
                return True
        elif not self.strata.doubted(_SUSPICIOUS):
            self.suspects.clear()
        if judged:
            self.judge(CLEAR, None, None, now_us, stage)
            return True
        return None

    def _keep(
        self,
        found: Sample,
        norm: Norm,
        deviations: list[float | None],
        stage: Stage,
        now_us: int,
    ) -> None:
        self.suspects.add(
            Suspect(
                self.number,
                now_us,
                [each if each is None else narrow(each) for each in deviations],
                found[0],
                narrow(found[1]),
                self._raised(norm),
                stage.values,
                stage.attributes,
                stage.session_id or "",
                stage.trace,
            )
        )

    def _raised(self, norm: Norm) -> float:
        """What is expected of the metric at the sample's hour."""
        off = self._offsets[0]
        return norm.back(norm.there(norm.level) + off) if off else norm.level

    def _fire(self, stratum: Stratum, now_us: int) -> bool:
        """Whether there is a change to tell of, and which."""
        best, most = -1, 0.0
        for at, bets in enumerate(self.bets):
            which = bets.fires(self.limit)
            if which < 0 or bets.won[which] <= most:
                continue
            gate = _PLAIN_GATE if at and which == 0 else _GATE
            since = self.suspects.since(bets.begun_at[which][0])
            if self._worse(since, at, gate):
                best, most = at, bets.won[which]
        if best < 0:
            return False
        bets = self.bets[best]
        which = bets.fires(self.limit)
        begun, begun_us = bets.begun_at[which]
        since = self.suspects.since(begun)
        self._tell_of(since, best, begun, now_us)
        self._blame(since, best, begun)
        self._evidence |= {
            "evidence_nats": round(bets.won[which], 2),
            "limit_nats": self.limit,
            "began_us": begun_us,
            "borrowed": round(stratum.norms[0].borrowed, 2),
        }
        if self._offsets[0]:
            norm = stratum.norms[0]
            self._evidence["season"] = round(self._raised(norm) / norm.level, 3)
        if self.factors is not None:
            self.factors.begin()
            for suspect in since:
                self.factors.during(suspect.values, suspect.labels)
        bets.hold(which, mean_deviation(since, best), len(since), self.number)
        return True

    def _crept(self, stratum: Stratum, now_us: int) -> bool:
        """Whether there is a creep to tell of; then normal is what it was before."""
        creeps = self.creeps
        assert creeps is not None
        best, norms = creeps.worst, stratum.norms
        begun, begun_us = creeps[best].begun_at
        since = self.suspects.since(begun)
        old = creeps[0].level(norms[0])
        if not (creeps.shown and self.plan.sign * (levels(since)[0] - old) > 0):
            return False
        shift = creeps[best].moved(norms[best]) + mean_deviation(since, best)
        creeps.unlearn(norms)
        stratum.usual = [(0.0, 0)] * len(norms)
        self._tell_of(since, best, begun, now_us)
        self.old = finite(norms[0].level)
        self._blamed = {}
        self._evidence |= {
            "evidence_nats": round(creeps[best].won, 2),
            "limit_nats": self.limit,
            "shift_deviations": round(shift, 2),
            "began_us": begun_us,
            "borrowed": round(norms[0].borrowed, 2),
        }
        if self.factors is not None:
            self.factors.begin()
            for suspect in since:
                self.factors.during(suspect.values, suspect.labels)
        self.bets[best].hold(0, shift, len(since), self.number, BACK_MORE)
        return True

    def _expose(self, stratum: Stratum, now_us: int) -> bool:
        """Whether a series that has just begun is bad beside its peers."""
        probation = stratum.probation
        if probation is None or not probation.ready:
            return False
        at, nats = probation.worst
        since = self._alike(stratum.key, self.suspects.since(probation.begun))
        if not self._worse(since, at) or mean_deviation(since, 0) < _PLAINLY:
            return False
        self._tell_of(since, at, probation.begun, now_us)
        self.old = finite(probation.norms[0].level)
        self._blamed = {}
        self._evidence |= {
            "evidence_nats": round(nats, 2),
            "limit_nats": self.doubt_limit,
            "began_us": since[0].at_us,
            "borrowed": 1.0,
        }
        for each in self.strata:
            each.unlearn(self.number)
        self.bets[at].hold(0, mean_deviation(since, at), len(since), self.number)
        return True

    def _alike(self, key: str, found: list[Suspect]) -> list[Suspect]:
        """Those of one stratum."""
        return [
            suspect
            for suspect in found
            if "\x1f".join([suspect.labels[at] for at in self.mixed]) == key
        ]

    def _worse(self, since: list[Suspect], at: int, gate: float = _GATE) -> bool:
        """Whether sessions are bad in a facet, and the metric with it."""
        value, expected = levels(since)
        return (
            mean_deviation(since, 0) > gate
            and mean_deviation(since, at) > _GATE
            and self.plan.sign * (value - expected) > 0
        )

    def _tell_of(self, since: list[Suspect], at: int, begun: int, now_us: int) -> None:
        """Note what there is to say of a change that has been seen."""
        self.new, self.old = (finite(level) for level in levels(since))
        worst = sorted(since, key=lambda s: -(s.deviations[at] or 0.0))[:3]
        self._evidence = {
            "facet": self.facets[at].name,
            "evidence_nats": 0.0,
            "limit_nats": 0.0,
            "shift_deviations": round(mean_deviation(since, at), 2),
            "began_session": since[0].session_id,
            "sessions_since": self.number - begun,
            "began_us": 0,
            "at": at,
            "borrowed": 0.0,
            "shifted_sessions": [[each.session_id, each.own] for each in worst],
        }
        self.fired_at = (self.number, now_us)
        self._told_facet = at
        self.strata.begin()

    def _blame(self, since: list[Suspect], facet: int, begun: int) -> None:
        blamed = attribution(since, facet, self.by)
        if "agent" in self.by:
            for name, releases in self.releases.items():
                newest = releases.blamed(begun, self.number)
                if newest is not None:
                    blamed.setdefault(name, newest)
        self._blamed = blamed

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
        self.new = finite(levels(self.suspects.since(self.fired_at[0]))[0])
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
        if not self.strata.renew(self.number):
            return False
        self._release(now_us, forget=True)
        self.resolve_at(self.new, now_us, stage, reason)
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

    def dump(self) -> list[Any]:  # noqa: D102
        return [
            self.number,
            self.strata.dump(),
            [bets.dump() for bets in self.bets],
            self.suspects.dump(),
            {name: each.dump() for name, each in self.releases.items()},
            [self.old, self.new, list(self.fired_at), list(self.last_bet)],
            self._blamed,
            self._evidence,
            None if self.factors is None else self.factors.dump(),
            self.season_from,
            [season.dump() for season in self.seasons],
            None if self.creeps is None else self.creeps.dump(),
        ]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.number, strata, bets, suspects, releases, change = state[:6]
        self._blamed, self._evidence, factors, self.season_from, seasons = state[6:11]
        for dumped in seasons:
            self.seasons.append(Season())
            self.seasons[-1].load(dumped)
        creeps = state[11]
        if self.creeps is not None and creeps is not None:
            self.creeps.load(creeps)
        if self.factors is not None and factors is not None:
            self.factors.load(factors)
        self.strata.load(strata)
        for each, dumped in zip(self.bets, bets, strict=True):
            each.load(dumped)
        self.suspects.load(suspects)
        for name, known in self.releases.items():
            if name in releases:
                known.load(releases[name])
        self.old, self.new, fired_at, last_bet = change
        self.fired_at = (fired_at[0], fired_at[1])
        self.last_bet = (last_bet[0], last_bet[1])
