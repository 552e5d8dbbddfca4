"""Where a drift rule on a series finds what compiled code has learned of it."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.kernels import layout
from detectors.kernels.evened import raised
from detectors.kernels.halves import half
from detectors.kernels.norms import norm_borrowed
from detectors.kinds.compiled_watch import CompiledWatch
from detectors.kinds.plans import Plan
from detectors.normal.facets import facets
from detectors.state.store import Store


class DriftWords(CompiledWatch):
    """Its words, and those of the sample at hand.

    Attributes:
        facets: What it looks at in a session.
    """

    __slots__ = ("facets",)

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by, store, at)
        self.facets = facets(plan.rule.metric, plan.sign)

    @property
    def number(self) -> int:
        """Samples so far."""
        return int(self.store.arena.ints[self.at + layout.SAMPLES])

    @property
    def holding(self) -> bool:
        """Whether a change has been seen and has not ended."""
        return bool(self.store.arena.ints[self.at + layout.CHANGE])

    def bets_at(self, place: int) -> tuple[int, bool]:
        """Where the bets on a facet are, and whether some are on sessions far out."""
        tables = self.store.tables
        facet = tables.rules[self.plan.row, layout.FACET] + place
        at = self.at + int(tables.facets[facet, layout.BETS_AT])
        return at, self.facets[place].tail

    def strata(self) -> Iterator[int]:
        """Addresses of what is normal for each kind of session."""
        ints = self.store.arena.ints
        stratum = int(half(ints, self.at, layout.STRATA))
        while stratum:
            yield stratum
            stratum = int(half(ints, stratum, layout.NEXT))

    @property
    def norms_width(self) -> int:
        """Words of the norms of one of them."""
        return int(self.store.tables.rules[self.plan.row, layout.NORMS_WIDTH])

    @property
    def norm(self) -> tuple[int, int]:
        """Where the norm of the metric itself is in the sample's stratum; its scale."""
        tables = self.store.tables
        facet = tables.rules[self.plan.row, layout.FACET]
        begin = int(self.store.places[layout.STRATUM]) + layout.NORMS
        norm = begin + int(tables.facets[facet, layout.NORM_AT])
        return norm, int(tables.facets[facet, layout.SCALE])

    @property
    def own(self) -> float:
        """The sample's value per unit of weight, signed."""
        scratch = self.store.scratch
        own = float(scratch[layout.RAW]) / float(scratch[layout.WEIGHTS])
        return self.plan.sign * own

    @property
    def borrowed(self) -> float:
        """How much of what is expected of the sample is borrowed."""
        norm, _ = self.norm
        return float(norm_borrowed(self.store.arena.ints, norm))

    def raised(self, level: float) -> float:
        """What is expected of the metric in the hour of the sample."""
        tables = self.store.tables
        facet = tables.rules[self.plan.row, layout.FACET]
        scale = int(tables.facets[facet, layout.SCALE])
        return float(raised(level, scale, self.store.scratch))
