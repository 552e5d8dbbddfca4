"""Anomalies: single sessions that a healthy series would hardly show, odd stretches.

A session is odd whose probability is below ``ODD``. Where the rule asks for stretches,
a busy series is also held against its own range and rhythm; see ``stretches``.
"""

# Every kind of watch takes what the hungriest of them needs.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log, sqrt
from typing import Any, Final

from detectors.batch import MODEL
from detectors.kernels.giving import gives
from detectors.kernels.probation import FIRST
from detectors.kinds.plans import Limit, Plan
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import CLEAR, Evaluation, Verdict
from detectors.life.phrases import number
from detectors.metrics import Scale
from detectors.normal.facets import facets
from detectors.normal.hourly import Hourly
from detectors.normal.norms import OWN
from detectors.normal.odds import Odds
from detectors.peers.lineage import Lineage
from detectors.peers.parents import Normal
from detectors.rules import Anomaly
from detectors.state.stage import Stage
from detectors.stretches.channel import LIMIT, SETTLED, Stretches
from detectors.transitions import State

ODD: Final = 1e-4
"""The probability below which a session is odd: one of 10,000 healthy ones is."""


class AnomalyWatch(Watch):
    """An anomaly rule on a series.

    Attributes:
        samples: Seen so far.

    >>> from detectors.rules import Anomaly, rule
    >>> from detectors.trial import trial
    >>> usual = [800.0, 1000.0, 1300.0, 900.0, 1150.0] * 60
    >>> said = trial(rule("odd", "latency_ms", Anomaly()), {"latency_ms": [*usual, 1e6]})
    >>> [(line.to_state.value, line.session_id) for line in said]
    [('ok', 's19'), ('firing', 's300')]
    """

    __slots__ = (
        "_expected",
        "_found",
        "_given",
        "channel",
        "facet",
        "hourly",
        "lineage",
        "odds",
        "samples",
        "scale",
    )

    def __init__(self, plan: Plan, by: dict[str, str]) -> None:
        super().__init__(plan, by)
        kind = plan.rule.kind
        assert isinstance(kind, Anomaly)  # noqa: S101 - no other kind comes here
        self.facet = facets(plan.rule.metric, plan.sign)[0]
        self.scale = plan.rule.metric.scale
        self.lineage = Lineage(plan, (self.facet,))
        self.odds = Odds(self.facet)
        self.hourly = Hourly(self.odds.norm)
        self.channel = Stretches() if kind.stretches else None
        self.samples = 0
        self._expected: float | None = None
        self._found: dict[str, Any] = {}
        self._given: tuple[str, Normal | None] = ("", None)

    def levels(self) -> tuple[Limit, ...]:  # noqa: D102
        return ()

    @property
    def expected(self) -> float | None:  # noqa: D102
        return self._expected

    def sample(  # noqa: D102
        self, values: Sequence[float], ended_us: int, now_us: int, stage: Stage
    ) -> bool | None:
        own = self.facet.read(values)
        if own is None:
            return None
        found = self.hourly.even(own, ended_us)
        self.samples += 1
        model = stage.attributes[MODEL] if stage.attributes else ""
        if self.samples == 1:
            self._borrow(model, stage)
        first = FIRST if self.odds.norm.lent else OWN
        chance = self.odds.score(found) if self.samples > first else None
        stretch = 0.0
        if self.channel is not None:
            score = self.channel.update(self._place(*own), now_us)
            stretch = score if self.samples > SETTLED else 0.0
        told: bool | None = None
        value = self.plan.sign * own[0] / own[1]
        odd = (chance is not None and chance < ODD) or stretch >= LIMIT
        if odd:
            self._expected = self.hourly.level(ended_us)
            factor = self.hourly.factor(ended_us)
            self._found = {
                "samples": self.samples,
                "borrowed": round(self.odds.norm.borrowed, 2),
            }
            if factor is not None:
                self._found["season"] = round(factor, 3)
            if chance is not None:
                self._found["probability"] = chance
            if stretch >= LIMIT:
                self._found |= {"stretch_score": stretch, "stretch_limit": LIMIT}
            found_breach = Evaluation(Verdict.BREACH, self.plan.rank, self.plan.rank)
            self.judge(found_breach, value, value, now_us, stage)
            told = True
        elif self.life.state is not State.OK and self.samples >= first:
            self.judge(CLEAR, value, None, now_us, stage)
            told = True
        self.odds.learn(found)
        if not odd:
            self.hourly.learn(own, ended_us, self.samples)
        if gives(self.samples, self.odds.norm.lent > 0) and self.odds.norm.ready:
            before = self._shared()
            self._given = model, self.odds.norm.normal()
            stage.shares.change(before, self._shared())
        return told

    def _borrow(self, model: str, stage: Stage) -> None:
        """Begin with what others are like, where that is known."""
        parents = self.lineage.parents(0, list(self.by.items()), model)
        prior = stage.parents.prior(parents)
        if prior is not None:
            self.odds.norm.begin_from(prior)

    def _shared(self) -> dict[str, Normal]:
        """What it has said last for others to borrow, by parent."""
        model, normal = self._given
        if normal is None:
            return {}
        parents = self.lineage.parents(0, list(self.by.items()), model)
        return dict.fromkeys((parent.key for parent in parents), normal)

    def given(self) -> Iterable[Mapping[str, Normal]]:  # noqa: D102
        return (self._shared(),)

    def _place(self, value: float, weight: float) -> float:
        """The value in a scale in which its spread is even."""
        own = value / weight
        if self.scale is Scale.LOG:
            return log(max(own, 1e-9))
        return sqrt(max(own, 0.0)) if self.scale is Scale.SQRT else own

    def evidence(self) -> dict[str, Any]:  # noqa: D102
        return dict(self._found)

    def _reason(self, before: object, found: Evaluation) -> str:
        name = self.plan.rule.metric.name
        if found.verdict is not Verdict.BREACH:
            return f"{name} has enough sessions to be judged and is usual"
        if "stretch_score" in self._found:
            return f"{name} goes through an odd stretch"
        chance = self._found.get("probability", 0.0)
        return f"{name} so far out has probability {number(chance)}"

    def dump(self) -> list[Any]:  # noqa: D102
        return [
            self.samples,
            self._expected,
            self._found,
            self.odds.dump(),
            None if self.channel is None else self.channel.dump(),
            self._given,
            self.hourly.dump(),
        ]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        self.samples, self._expected, self._found, odds, channel, given, hourly = state
        self.hourly.load(hourly)
        self._given = given[0], given[1] and Normal(*given[1])
        self.odds.load(odds)
        if self.channel is not None and channel is not None:
            self.channel.load(channel)
