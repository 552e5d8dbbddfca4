"""Drift: a lasting shift of a series, told once, with when and with what it began.

Each session is scored against what is normal for its like, then bet on, then learned;
while an alert is open nothing is learned but what the new level would be. Where a
series mixes agents or task types, like is compared with like: a shift of the mix is
no drift.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from detectors.anchor import ACCEPTED, REBASELINED
from detectors.batch import ATTRIBUTES
from detectors.bets import Bets
from detectors.causes import CostFactors
from detectors.facets import Sample, facets
from detectors.lifecycle import CLEAR, Evaluation, Life, Verdict
from detectors.norms import FEWEST, MEMORY, Norm
from detectors.numbers import finite
from detectors.phrases import number
from detectors.plans import Limit, Plan
from detectors.releases import Releases
from detectors.rules import SECOND_US, Drift
from detectors.stage import Stage
from detectors.suspects import (
    Suspect,
    Suspects,
    attribution,
    levels,
    mean_deviation,
)
from detectors.transitions import State
from detectors.watch import Watch


class Setting(NamedTuple):
    """What a sensitivity means.

    Attributes:
        limit: Evidence in nats at which a change is told.
        caution: By how many standard errors what is normal may be wrong.
        wander: How much of a facet's margin healthy sessions are granted.
        lag: So many samples of a young series wait before they are learned, so that
            the first ones of a change do not hide it.
    """

    limit: float
    caution: float
    wander: float
    lag: int


SETTINGS: Final = {
    "low": Setting(16.0, 1.5, 1.0, 0),
    "medium": Setting(11.0, 1.5, 1.0, 0),
    "high": Setting(7.5, 1.5, 0.0, 16),
}
"""By sensitivity."""

YOUNG: Final = 1_000
"""Samples after which a series is known too well to be misled."""

NEW_NORMAL_SAMPLES: Final = 500
NEW_NORMAL_US: Final = 3 * 86_400 * SECOND_US
"""A level that has lasted so long, in both, is the new normal."""

_STRATA: Final = 32
_SUSPICIOUS: Final = 2.0
_GATE: Final = 0.1
_BACK_SLACK: Final = 0.5
_BACK_ENOUGH: Final = 8.0
_UNSAID: Final = frozenset({"began_us", "at"})
_MIXED: Final = ("agent", "task_type")
_REPLACED: Final = ("agent_version", "model")


Waiting = tuple[str, list[Sample | None], list[float | None]]
"""A session not learned yet: its stratum, its numbers, its deviations."""


class Stratum:
    """Sessions alike.

    Attributes:
        norms: What is normal for them, one for each facet.
        new: What would be, from the change on that is told of.
        anchor: What was, before the present level was taken as normal.
        seen: The last sample.
    """

    __slots__ = ("anchor", "new", "norms", "seen")

    def __init__(self, norms: list[Norm]) -> None:
        self.norms = norms
        self.new: list[Norm] | None = None
        self.anchor: list[Norm] | None = None
        self.seen = 0


class DriftWatch(Watch):
    """A drift rule on a series.

    Attributes:
        number: Samples so far.
        strata: By the labels that tell like from like.
        old, new: The levels before and since the change that is told of.
        fired_at: Sample, and time, at which the change was seen.
    """

    __slots__ = (
        "_back",
        "_blamed",
        "_evidence",
        "bets",
        "facets",
        "factors",
        "fired_at",
        "lag",
        "limit",
        "mixed",
        "new",
        "number",
        "old",
        "releases",
        "strata",
        "suspects",
        "waiting",
    )

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        assert isinstance(kind, Drift)  # noqa: S101 - no other kind comes here
        setting = SETTINGS[kind.sensitivity]
        self.limit = setting.limit
        self.lag = setting.lag
        self.facets = facets(plan.rule.metric, plan.sign)
        self.mixed = [ATTRIBUTES.index(name) for name in _MIXED if name not in by]
        self.number = 0
        self.strata: dict[str, Stratum] = {}
        self.bets = [
            Bets(facet.margin * setting.wander, setting.caution, tail=facet.tail)
            for facet in self.facets
        ]
        self.suspects = Suspects()
        self.releases = {name: Releases() for name in _REPLACED if name not in by}
        self.waiting: deque[Waiting] = deque()
        cost = plan.rule.metric.name == "cost_usd" and plan.sign > 0
        self.factors = CostFactors() if cost else None
        self.old: float | None = None
        self.new: float | None = None
        self.fired_at = (0, 0)
        self._back = [0.0, -1]
        self._blamed: dict[str, str] = {}
        self._evidence: dict[str, Any] = {}

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
        labels = stage.attributes
        if labels:
            for name, releases in self.releases.items():
                releases.see(labels[ATTRIBUTES.index(name)], self.number)
        key = "\x1f".join([labels[at] for at in self.mixed]) if labels else ""
        stratum = self._stratum(key)
        samples = [found, *(facet.read(values) for facet in self.facets[1:])]
        deviations = [
            None if sample is None else norm.score(*sample)
            for norm, sample in zip(stratum.norms, samples, strict=True)
        ]
        if self._back[1] >= 0 and not self.holding:
            self._look_back(deviations)
        told = self._judge(stratum, found, deviations, now_us, stage)
        self._learn(key, stratum, samples, deviations)
        factors = self.factors
        if factors is not None:
            if not self.holding:
                factors.learn(values, labels)
            elif self.number > self.fired_at[0]:
                factors.during(values, labels)
        return told

    def _stratum(self, key: str) -> Stratum:
        found = self.strata.get(key)
        if found is None:
            if len(self.strata) >= _STRATA:
                del self.strata[min(self.strata, key=lambda k: self.strata[k].seen)]
            found = Stratum([facet.norm() for facet in self.facets])
            self.strata[key] = found
        found.seen = self.number
        return found

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
        if not norm.ready:
            return None
        if self.holding:
            self._keep(found, norm, deviations, stage, now_us)
            return self._hold(found, deviations, now_us, stage)
        suspicion = 0.0
        for bets, deviation, each in zip(
            self.bets, deviations, stratum.norms, strict=True
        ):
            if deviation is not None and each.ready:
                bets.bet(deviation, self.number, now_us)
            suspicion = max(suspicion, bets.suspicion)
        if suspicion > _SUSPICIOUS:
            self._keep(found, norm, deviations, stage, now_us)
            if suspicion > self.limit and self._fire(now_us):
                own = self.plan.sign * found[0] / found[1]
                self.judge(self._breach(), self._value(), own, now_us, stage)
                return True
        else:
            self.suspects.clear()
        if self.life.state is State.INSUFFICIENT:
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
                deviations,
                *found,
                norm.level,
                stage.values,
                stage.attributes,
                stage.session_id or "",
                stage.trace,
            )
        )

    def _fire(self, now_us: int) -> bool:
        """Whether there is a change to tell of, and which."""
        best, most = -1, 0.0
        for at, bets in enumerate(self.bets):
            which = bets.fires(self.limit)
            if which < 0 or bets.won[which] <= most:
                continue
            since = self.suspects.since(bets.begun_at[which][0])
            value, expected = levels(since)
            if (
                mean_deviation(since, 0) > _GATE
                and mean_deviation(since, at) > _GATE
                and self.plan.sign * (value - expected) > 0
            ):
                best, most = at, bets.won[which]
        if best < 0:
            return False
        bets = self.bets[best]
        which = bets.fires(self.limit)
        begun, begun_us = bets.begun_at[which]
        since = self.suspects.since(begun)
        self.new, self.old = (finite(level) for level in levels(since))
        shift = mean_deviation(since, best)
        self._blame(since, best, begun)
        first = since[0]
        worst = sorted(since, key=lambda s: -(s.deviations[best] or 0.0))[:3]
        self._evidence = {
            "facet": self.facets[best].name,
            "evidence_nats": round(bets.won[which], 2),
            "limit_nats": self.limit,
            "shift_deviations": round(shift, 2),
            "began_session": first.session_id,
            "sessions_since": self.number - begun,
            "began_us": begun_us,
            "at": best,
            "borrowed": 0.0,
            "shifted_sessions": [[each.session_id, each.own] for each in worst],
        }
        if self.factors is not None:
            self.factors.begin()
            for suspect in since:
                self.factors.during(suspect.values, suspect.labels)
        self.fired_at = (self.number, now_us)
        bets.hold(which, shift, len(since))
        self.waiting.clear()
        for stratum in self.strata.values():
            stratum.new = None
        return True

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
            if bets.holding >= 0 and deviation is not None and bets.returned(deviation):
                bets.release(self.number, now_us)
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
        known = [each for each in self.strata.values() if each.new is not None]
        ready = [each for each in known if each.new and each.new[0].samples >= FEWEST]
        if not ready or self.new is None or not self.life.state.is_open:
            return False
        for stratum in ready:
            assert stratum.new is not None  # noqa: S101 - or it were not ready
            stratum.anchor, stratum.norms = stratum.norms, stratum.new
        self._back = [0.0, self.number]
        self._release(now_us)
        self.resolve_at(self.new, now_us, stage, reason)
        return True

    def _look_back(self, deviations: list[float | None]) -> None:
        """After a new normal: whether the series has gone back to the old one."""
        facet = self._evidence.get("at", 0)
        deviation = deviations[facet]
        if deviation is not None:
            gain = min(max(-deviation, -3.0), 3.0) - _BACK_SLACK
            self._back[0] = max(0.0, self._back[0] + gain)
        gone_back = self._back[0] > _BACK_ENOUGH
        if gone_back or self.number - self._back[1] > MEMORY:
            self._back = [0.0, -1]
            for stratum in self.strata.values():
                if gone_back and stratum.anchor is not None:
                    stratum.norms = stratum.anchor
                stratum.anchor = None

    def _release(self, now_us: int) -> None:
        for bets in self.bets:
            bets.release(self.number, now_us)
        for stratum in self.strata.values():
            stratum.new = None
        self.suspects.clear()

    def _learn(
        self,
        key: str,
        stratum: Stratum,
        samples: list[Sample | None],
        deviations: list[float | None],
    ) -> None:
        if self.holding:
            if stratum.new is None:
                stratum.new = [facet.norm() for facet in self.facets]
            for norm, sample in zip(stratum.new, samples, strict=True):
                if sample is not None:
                    norm.learn(*sample, None)
            return
        if not stratum.norms[0].ready:
            self._absorb(stratum, samples, deviations)
            return
        self.waiting.append((key, samples, deviations))
        # What is known well is not spoiled by the first sessions of a change.
        most = self.lag if stratum.norms[0].samples < YOUNG else 0
        for _ in range(min(2, len(self.waiting) - most)):
            oldest, samples, deviations = self.waiting.popleft()
            known = self.strata.get(oldest)
            if known is not None:
                self._absorb(known, samples, deviations)

    def _absorb(
        self,
        stratum: Stratum,
        samples: list[Sample | None],
        deviations: list[float | None],
    ) -> None:
        for bets, norm, sample, deviation in zip(
            self.bets, stratum.norms, samples, deviations, strict=True
        ):
            if sample is None:
                continue
            norm.learn(*sample, deviation)
            if deviation is not None and norm.ready:
                bets.learn(deviation)

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
        return {} if self.factors is None else self.factors.shares()

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
            [
                [
                    key,
                    stratum.seen,
                    [norm.dump() for norm in stratum.norms],
                    _dumped(stratum.new),
                    _dumped(stratum.anchor),
                ]
                for key, stratum in self.strata.items()
            ],
            [bets.dump() for bets in self.bets],
            self.suspects.dump(),
            {name: each.dump() for name, each in self.releases.items()},
            [list(each) for each in self.waiting],
            [self.old, self.new, list(self.fired_at), self._back],
            self._blamed,
            self._evidence,
            None if self.factors is None else self.factors.dump(),
        ]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.number, strata, bets, suspects, releases, waiting, change = state[:7]
        self._blamed, self._evidence, factors = state[7:]
        if self.factors is not None and factors is not None:
            self.factors.load(factors)
        for key, seen, norms, new, anchor in strata:
            self.strata[key] = stratum = Stratum(self._norms(norms))
            stratum.seen = seen
            stratum.new = None if new is None else self._norms(new)
            stratum.anchor = None if anchor is None else self._norms(anchor)
        for each, dumped in zip(self.bets, bets, strict=True):
            each.load(dumped)
        self.suspects.load(suspects)
        for name, known in self.releases.items():
            if name in releases:
                known.load(releases[name])
        for key, samples, deviations in waiting:
            pairs = [pair and (pair[0], pair[1]) for pair in samples]
            self.waiting.append((key, pairs, deviations))
        self.old, self.new, fired_at, self._back = change
        self.fired_at = (fired_at[0], fired_at[1])

    def _norms(self, dumped: list[Any]) -> list[Norm]:
        norms = [facet.norm() for facet in self.facets]
        for norm, state in zip(norms, dumped, strict=True):
            norm.load(state)
        return norms


def _dumped(norms: list[Norm] | None) -> list[Any] | None:
    return None if norms is None else [norm.dump() for norm in norms]
