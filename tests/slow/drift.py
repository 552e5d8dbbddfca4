"""Drift: a lasting shift of a series, told once, with when and with what it began.

Each session is scored against what is normal for its like, then bet on, then learned;
while an alert is open nothing is learned but what the new level would be. Where a
series mixes agents or task types, like is compared with like: a shift of the mix is
no drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from detectors.batch import ATTRIBUTES, MODEL
from detectors.kernels.creeps import UNSUSPICIOUS
from detectors.kinds.plans import Plan
from detectors.life.lifecycle import CLEAR
from detectors.normal.facets import Sample
from detectors.normal.norms import Norm
from detectors.normal.season import HOUR_US
from detectors.numbers import narrow
from detectors.peers.parents import Normal
from detectors.state.stage import Stage
from detectors.transitions import State
from tests.slow.drift_seen import SeenDrift
from tests.slow.halves import moment
from tests.slow.lending import Lending
from tests.slow.strata import Stratum
from tests.slow.suspects import Suspect

_SUSPICIOUS: Final = 2.0


class DriftWatch(SeenDrift):
    """A drift rule on a series.

    Attributes:
        lending: What its strata borrow from peers, and lend.
    """

    __slots__ = ("lending",)

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        self.lending = Lending(plan, by, self.mixed, self.facets)

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
        samples = self.seasons.even(own, stratum, hour)
        deviations = stratum.score(samples)
        probation = stratum.probation
        if not self.holding:
            if probation is not None:
                probation.see(samples)
                if probation.over:
                    stratum.probation = None
            at = self.change.facet
            self.strata.look_back(deviations[at], self.number)
        told = self._judge(stratum, found, deviations, now_us, stage)
        if self.holding:
            self.strata.learn_new(key, samples)
        else:
            for giving in self.strata.learn(key, samples, deviations, self.bets):
                self.lending.give(*giving, stage)
        factors = self.factors
        if factors is not None:
            if not self.holding:
                factors.learn(values, labels)
            elif self.number > self.change.fired_at[0]:
                factors.during(values, labels)
        turned = self.seasons.learn(own, stratum, self.strata, hour, held=self.holding)
        for at in turned:
            self._turn(at, now_us)
        self.seasons.begin(now_us // HOUR_US, self.number)
        return told

    def _turn(self, at: int, now_us: int) -> None:
        """The profile of a facet comes into use, or goes out of it: begin anew."""
        self.strata.turn(at)
        self.bets[at].turn()
        self.last_bet = moment(self.number, now_us)
        if self.creeps is not None:
            self.creeps.release(now_us, forget=True)

    def _bear(self, key: str, labels: Sequence[str], stage: Stage) -> Stratum:
        """The first session of its kind."""
        stratum, gone = self.strata.bear(key, self.number)
        if gone is not None:
            stage.shares.change(self.lending.given(gone), {})
        model = labels[MODEL] if labels else ""
        self.lending.borrow(stratum, model, self.number, stage)
        return stratum

    def given(self) -> Iterator[Mapping[str, Normal]]:  # noqa: D102
        return map(self.lending.given, self.strata)

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

    def dump(self) -> list[Any]:  # noqa: D102
        return [
            self.number,
            self.strata.dump(),
            [bets.dump() for bets in self.bets],
            self.suspects.dump(),
            {name: each.dump() for name, each in self.releases.items()},
            self.change.dump(),
            list(self.last_bet),
            None if self.factors is None else self.factors.dump(),
            self.seasons.dump(),
            None if self.creeps is None else self.creeps.dump(),
        ]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.number, strata, bets, suspects, releases, change = state[:6]
        last_bet, factors, seasons, creeps = state[6:]
        self.strata.load(strata)
        for each, dumped in zip(self.bets, bets, strict=True):
            each.load(dumped)
        self.suspects.load(suspects)
        for name, known in self.releases.items():
            if name in releases:
                known.load(releases[name])
        self.change.load(change)
        self.last_bet = (last_bet[0], last_bet[1])
        if self.factors is not None and factors is not None:
            self.factors.load(factors)
        self.seasons.load(seasons)
        if self.creeps is not None and creeps is not None:
            self.creeps.load(creeps)
