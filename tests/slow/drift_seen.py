"""Whether a drift rule has seen a change, and what there is to say of it.

Three ways lead there: bets on a shift, a creep that what is normal has followed, and a
series that has just begun and is bad beside its peers.
"""

from __future__ import annotations

from typing import Final

from detectors.batch import ATTRIBUTES
from detectors.kernels.creeps import BACK_MORE
from detectors.kinds.plans import Plan
from detectors.kinds.sensitivities import SETTINGS
from detectors.normal.norms import Norm
from detectors.numbers import finite
from detectors.rules import Drift
from tests.slow.change import REPLACED
from tests.slow.drift_held import HeldDrift
from tests.slow.releases import Releases
from tests.slow.seasons import Seasons
from tests.slow.strata import Stratum
from tests.slow.suspects import Suspect, attribution, levels, mean_deviation

_GATE: Final = 0.1
_PLAIN_GATE: Final = 0.25
_PLAINLY: Final = 0.5
_MIXED: Final = ("agent", "task_type")


class SeenDrift(HeldDrift):
    """A drift rule on a series, when there is some evidence.

    Attributes:
        limit, doubt_limit: The evidence that is enough, of a change and of peers.
        mixed: Places of the labels that tell its sessions from each other.
        releases: By label, what was newest when.
    """

    __slots__ = ("doubt_limit", "limit", "mixed", "releases", "seasons")

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        assert isinstance(kind, Drift)
        setting = SETTINGS[kind.sensitivity]
        self.limit = setting.enough(plan.rule.metric)
        self.doubt_limit = setting.doubt
        self.mixed = [ATTRIBUTES.index(name) for name in _MIXED if name not in by]
        self.releases = {name: Releases() for name in REPLACED if name not in by}
        self.seasons = Seasons(self.facets)

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
        self.change.evidence |= {
            "evidence_nats": round(bets.won[which], 2),
            "limit_nats": self.limit,
            "began_us": begun_us,
            "borrowed": round(stratum.norms[0].borrowed, 2),
        }
        if self.seasons.offsets[0]:
            norm = stratum.norms[0]
            self.change.evidence["season"] = round(self._raised(norm) / norm.level, 3)
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
        self.change.old = finite(norms[0].level)
        self.change.blamed = {}
        self.change.evidence |= {
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
        self.change.old = finite(probation.norms[0].level)
        self.change.blamed = {}
        self.change.evidence |= {
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
        self.change.fired_at = (self.number, now_us)
        self.change.take(since, (at, self.facets[at].name), begun)
        self.strata.begin()

    def _blame(self, since: list[Suspect], facet: int, begun: int) -> None:
        blamed = attribution(since, facet, self.by)
        if "agent" in self.by:
            for name, releases in self.releases.items():
                newest = releases.blamed(begun, self.number)
                if newest is not None:
                    blamed.setdefault(name, newest)
        self.change.blamed = blamed

    def _raised(self, norm: Norm) -> float:
        """What is expected of the metric at the sample's hour."""
        off = self.seasons.offsets[0]
        return norm.back(norm.there(norm.level) + off) if off else norm.level
