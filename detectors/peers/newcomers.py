"""Newcomers: the kinds of session in a series that have just begun, beside their peers.

What has no better past of its own begins with what its peers lend and is on probation
for its first sessions. ``kernels.probation`` weighs the evidence; here is where the
peers come from, and when it is enough to tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from detectors.batch import ATTRIBUTES
from detectors.changes.seen import Seen
from detectors.kernels import drift, layout, probation, samples, suspects
from detectors.kernels.halves import half, set_half
from detectors.kernels.norms import LEVEL, norm_lent
from detectors.kernels.probation import LAST
from detectors.kernels.words import Ints
from detectors.kinds.plans import Plan
from detectors.normal.facets import Facet
from detectors.normal.suspects import levels, mean_deviation, suspects_since
from detectors.peers.lineage import Lineage
from detectors.peers.parents import Parents
from detectors.state.stage import Stage
from detectors.state.store import Store

_PLAINLY: Final = 0.5


class Newcomers:
    """Those of one rule on one series.

    Args:
        plan: The rule.
        by: The series' labels.
        store: Where its words are.
        at: The address of its words.
        of: The facets of its metric.
    """

    __slots__ = ("_at", "_by", "_facets", "_plan", "_store")

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

    @property
    def _key(self) -> tuple[int, int]:
        """What the sessions of the sample's stratum share."""
        places = self._store.places
        return int(places[layout.OF_AGENT]), int(places[layout.OF_TASK])

    @property
    def _stratum(self) -> int:
        """Address of the sample's stratum."""
        return int(self._store.places[layout.STRATUM])

    @property
    def _tried(self) -> int:
        return int(half(self._store.arena.ints, self._stratum, layout.TRIED))

    def bear(self, stratum: int, number: int, stage: Stage) -> None:
        """The first session of its kind: begin with what others of it are like.

        Args:
            stratum: Address of the words of its kind.
            number: Samples of the series, this one included.
            stage: Knows the peers.
        """
        store, arena = self._store, self._store.arena
        set_half(arena.ints, stratum, layout.BORN, 1)
        code = int(half(arena.ints, stratum, layout.RUNS_ON))
        words = self._lent(store.labels.text(code), stage.parents)
        store.lending.keep(self._plan.row, (*self._key, code), words)
        if words is None:
            return
        at = stratum + layout.NORMS
        arena.ints[at : at + len(words)] = words
        # What is new in an old series is judged where it is a series of its own.
        if number - 1 < LAST and norm_lent(arena.ints, at):
            self._try(stratum, number - 1, words)
        tables = store.tables
        samples.score(
            store.arena.ints,
            stratum,
            tables.rules,
            self._plan.row,
            tables.facets,
            tables.facet_floats,
            store.scratch,
            store.odds_keys,
            store.odds,
        )

    def _lent(self, model: str, parents: Parents) -> Ints | None:
        """The norms of a stratum that begins with what peers lend; None without any."""
        names = self._names(*self._key)
        if not all(label for _, label in names):
            return None
        lineage = Lineage(self._plan, self._facets)
        priors = [
            parents.prior(lineage.parents(place, names, model))
            for place in range(len(self._facets))
        ]
        if not any(priors):
            return None
        packed = b""
        for facet, prior in zip(self._facets, priors, strict=True):
            norm = facet.norm()
            if prior is not None:
                norm.begin_from(prior)
            packed += norm.words
        return np.frombuffer(packed, "<i8")

    def _try(self, stratum: int, begun: int, lent: Ints) -> None:
        """Put a stratum on probation.

        Args:
            stratum: Its address.
            begun: The series' sample before its first.
            lent: Its norms, which have seen nothing but what was lent.
        """
        arena = self._store.arena
        tried = arena.take(layout.P_NORMS + len(lent))
        arena.ints[tried + layout.P_BEGUN] = begun
        begin = tried + layout.P_NORMS
        arena.ints[begin : begin + len(lent)] = lent
        set_half(arena.ints, stratum, layout.TRIED, tried)

    def see(self) -> None:
        """Hold the sample at hand against its peers, if it is on probation."""
        if not self._tried:
            return
        store, arena, tables = self._store, self._store.arena, self._store.tables
        probation.see(
            arena.floats,
            arena.ints,
            arena.heads,
            self._at,
            self._stratum,
            tables.rules,
            self._plan.row,
            tables.facets,
            tables.facet_floats,
            store.scratch,
        )

    def doubt(self) -> tuple[int, float]:
        """The facet with the most evidence that the sample's stratum is bad, and it."""
        tried, store = self._tried, self._store
        if not tried:
            return 0, 0.0
        facet, nats = probation.worst(
            store.arena.floats,
            store.arena.ints,
            tried,
            store.tables.rules,
            self._plan.row,
            store.tables.facets,
        )
        return int(facet), float(nats)

    def keep(self, now_us: int, stage: Stage) -> None:
        """Keep the sample at hand as its peers see it."""
        arena = self._store.arena
        probation.keep_beside(
            arena.floats,
            arena.ints,
            arena.heads,
            self._at,
            self._tried,
            len(self._facets),
            now_us,
            stage.ref,
            self._store.scratch,
        )

    def exposed(self) -> Seen | None:
        """What there is to tell of the sample's stratum beside its peers, if anything."""
        tried, arena = self._tried, self._store.arena
        limit = float(self._store.tables.rule_floats[self._plan.row, layout.DOUBT])
        worst, nats = self.doubt()
        if not (tried and probation.ready(arena.ints, tried) and nats > limit):
            return None
        begun = int(arena.ints[tried + layout.P_BEGUN])
        first = suspects.first_since(arena.ints, self._at, begun)
        names = self._names(*self._key)[len(self._by) :]
        mixed = [(ATTRIBUTES.index(name), text) for name, text in names]
        since = [
            suspect
            for suspect in suspects_since(
                self._store, self._at, len(self._facets), first
            )
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
        level = float(arena.floats[tried + layout.P_NORMS + LEVEL])
        return Seen(
            worst,
            begun,
            since[0].at_us,
            since,
            new,
            level,
            shift=shift,
            nats=nats,
            limit=limit,
            borrowed=1.0,
        )

    def restart(self, number: int) -> None:
        """Begin again after a sample, with what was lent: what was bad has been told."""
        arena = self._store.arena
        probation.restart(
            arena.floats,
            arena.ints,
            self._at,
            self._store.tables.rules,
            self._plan.row,
            number,
        )

    def _names(self, agent: int, task: int) -> list[tuple[str, str]]:
        """The labels that all sessions of a stratum share, the series' own first."""
        text = self._store.labels.text
        mixed = (("agent", agent), ("task_type", task))
        own = [(name, text(code)) for name, code in mixed if name not in self._by]
        return [*self._by.items(), *own]
