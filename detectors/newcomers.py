"""Newcomers: the kinds of session in a series that have just begun, beside their peers.

What has no better past of its own begins with what its peers lend and is on probation
for its first sessions. ``probation`` weighs the evidence; here is where the peers come
from, what is kept meanwhile, and when it is enough to tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import Any, Final, NamedTuple

from detectors.batch import ATTRIBUTES
from detectors.facets import Facet, Sample
from detectors.kernels import drift, layout, samples, suspects
from detectors.lineage import Lineage
from detectors.plans import Plan
from detectors.probation import LAST, Probation
from detectors.stage import Stage
from detectors.store import Store
from detectors.suspects import Suspect, levels, mean_deviation, suspects_since

_PLAINLY: Final = 0.5


class Exposed(NamedTuple):
    """A newcomer that is bad beside its peers.

    Attributes:
        facet: Which facet of the metric shows it most.
        begun: The series' sample before the first of the newcomer.
        since: Its sessions that are still remembered.
        new, old: Its own level, and that of its peers.
        shift: How far it lies from them, in standard deviations of a session.
        nats, limit: The evidence, and what was asked for.
    """

    facet: int
    begun: int
    since: list[Suspect]
    new: float
    old: float
    shift: float
    nats: float
    limit: float


class Newcomers:
    """Those of one rule on one series.

    Args:
        plan: The rule.
        by: The series' labels.
        store: Where its words are.
        at: The address of its words.
        of: The facets of its metric.

    Attributes:
        tried: By the codes of its agent and task type, how each compares with its peers.
    """

    __slots__ = ("_at", "_by", "_facets", "_lineage", "_plan", "_store", "tried")

    def __init__(
        self,
        plan: Plan,
        by: Mapping[str, str],
        store: Store,
        at: int,
        of: Sequence[Facet],
    ) -> None:
        self._plan = plan
        self._by = by
        self._store = store
        self._at = at
        self._facets = of
        self._lineage = Lineage(plan, of)
        self.tried: dict[tuple[int, int], Probation] = {}

    @property
    def _key(self) -> tuple[int, int]:
        """What the sessions of the sample's stratum share."""
        places = self._store.places
        return int(places[layout.OF_AGENT]), int(places[layout.OF_TASK])

    @property
    def at_hand(self) -> Probation | None:
        """That of the sample's stratum, if it is on probation."""
        return self.tried.get(self._key)

    def bear(self, stratum: int, number: int, stage: Stage) -> None:
        """The first session of its kind: begin with what others of it are like.

        Args:
            stratum: Address of the words of its kind.
            number: Samples of the series, this one included.
            stage: Knows the peers.
        """
        store, arena = self._store, self._store.arena
        arena.ints[stratum + layout.BORN] = 1
        for key in list(self.tried):
            if not samples.known_stratum(arena.ints, self._at, *key):
                self._let_go(key)
        names = self._names(*self._key)
        if not all(label for _, label in names):
            return
        model = store.labels.text(int(arena.ints[stratum + layout.RUNS_ON]))
        priors = [
            stage.parents.prior(self._lineage.parents(place, names, model))
            for place in range(len(self._facets))
        ]
        if not any(priors):
            return
        begun = number - 1
        probation = Probation(self._facets, priors, begun)
        self._lend(stratum, probation)
        # What is new in an old series is judged where it is a series of its own.
        if begun < LAST and probation.norms[0].lent:
            self.tried[self._key] = probation
            arena.ints[stratum + layout.TRIED] = 1
        tables = store.tables
        samples.score(
            arena.floats,
            stratum,
            tables.rules,
            self._plan.row,
            tables.facets,
            tables.facet_floats,
            store.scratch,
            store.odds_keys,
            store.odds,
        )

    def see(self) -> None:
        """Hold the sample at hand against its peers, if it is on probation."""
        probation = self.at_hand
        if probation is not None:
            probation.see(self._samples())
            if probation.over:
                self._let_go(self._key)

    def note(self) -> None:
        """Say in the words whether suspects are kept though no bet has won anything."""
        self._store.arena.ints[self._at + layout.DOUBTED] = any(
            probation.doubt > drift.SUSPICIOUS for probation in self.tried.values()
        )

    def keep(self, probation: Probation, now_us: int, stage: Stage) -> None:
        """Keep the sample at hand as its peers see it."""
        store, arena = self._store, self._store.arena
        scratch = store.scratch.copy()
        for place, deviation in enumerate(probation.deviations):
            off = nan if deviation is None else deviation
            scratch[layout.DEVIATIONS + place] = off
        suspects.keep(
            arena.floats,
            arena.ints,
            arena.heads,
            self._at,
            now_us,
            stage.ref,
            probation.norms[0].level,
            scratch,
        )

    def exposed(self, probation: Probation) -> Exposed | None:
        """What there is to tell of the sample's stratum beside its peers, if anything."""
        limit = float(self._store.tables.rule_floats[self._plan.row, layout.DOUBT])
        worst, nats = probation.worst
        if not (probation.ready and nats > limit):
            return None
        begun = probation.begun
        first = suspects.first_since(self._store.arena.ints, self._at, begun)
        names = self._names(*self._key)[len(self._by) :]
        mixed = [(ATTRIBUTES.index(name), text) for name, text in names]
        since = [
            suspect
            for suspect in suspects_since(self._store, self._at, first)
            if all(suspect.told.labels[at] == text for at, text in mixed)
        ]
        new, old = levels(since)
        shift = mean_deviation(since, worst)
        if not (
            mean_deviation(since, 0) >= _PLAINLY
            and shift > drift.GATE
            and self._plan.sign * (new - old) > 0
        ):
            return None
        level = probation.norms[0].level
        return Exposed(worst, begun, since, new, level, shift, nats, limit)

    def restart(self, number: int) -> None:
        """Begin again after a sample, with what was lent: what was bad has been told."""
        ints = self._store.arena.ints
        for key, probation in self.tried.items():
            probation.restart(number)
            self._lend(samples.known_stratum(ints, self._at, *key), probation)
        self.note()

    def _names(self, agent: int, task: int) -> list[tuple[str, str]]:
        """The labels that all sessions of a stratum share, the series' own first."""
        text = self._store.labels.text
        mixed = (("agent", agent), ("task_type", task))
        own = [(name, text(code)) for name, code in mixed if name not in self._by]
        return [*self._by.items(), *own]

    def _samples(self) -> list[Sample | None]:
        """The sample at hand, facet by facet."""
        numbers = self._store.scratch.tolist()
        pairs = zip(
            numbers[layout.VALUES : layout.WEIGHTS],
            numbers[layout.WEIGHTS : layout.DEVIATIONS],
            strict=True,
        )
        found = [None if isnan(value) else (value, weight) for value, weight in pairs]
        return found[: len(self._facets)]

    def _lend(self, stratum: int, probation: Probation) -> None:
        """Begin the norms of a stratum with what was lent, and nothing else."""
        at = stratum + layout.NORMS
        for norm in probation.fresh():
            words = norm.dump()
            self._store.arena.floats[at : at + len(words)] = words
            at += len(words)

    def _let_go(self, key: tuple[int, int]) -> None:
        """A stratum stands alone from now on."""
        if self.tried.pop(key, None) is not None:
            ints = self._store.arena.ints
            stratum = samples.known_stratum(ints, self._at, *key)
            if stratum:
                ints[stratum + layout.TRIED] = 0
            self.note()

    def dump(self) -> list[Any]:
        """As plain values."""
        return [[*key, each.dump()] for key, each in self.tried.items()]

    def load(self, state: Sequence[Any]) -> None:
        """Take what ``dump`` gave."""
        for agent, task, probation in state:
            self.tried[agent, task] = Probation.load(self._facets, probation)
