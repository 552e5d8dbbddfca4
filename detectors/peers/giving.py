"""What series gave for others to borrow is added up, by parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from detectors.identity import series_labels
from detectors.kernels import layout
from detectors.kernels.giving import given_of
from detectors.kernels.words import Grid, Ints, Table
from detectors.kinds.plans import Group, Plan
from detectors.normal.facets import facets
from detectors.peers.lineage import APART, Lineage, ends
from detectors.peers.parents import Normal, Part, Shares
from detectors.peers.sharing import Line, Sharing
from detectors.rules import Drift
from detectors.state.store import Store

_LABELS: Final = (
    ("agent", layout.G_AGENT),
    ("task_type", layout.G_TASK),
    ("model", layout.G_MODEL),
)
_MIXED: Final = ("agent", "task_type")
_ANY: Final = "any"
"""A model."""


class Giving:
    """Adds up what compiled code has written down.

    Args:
        groups: All rules.
        store: The partition's memory.
        shares: Take what is given.
        key_of: The key of a series, by its number.
    """

    __slots__ = (
        "_groups",
        "_key_of",
        "_kin",
        "_shares",
        "_sharing",
        "_store",
    )

    def __init__(
        self,
        groups: Sequence[Group],
        store: Store,
        shares: Shares,
        key_of: Callable[[int], bytes],
    ) -> None:
        self._groups = groups
        self._store = store
        self._shares = shares
        self._key_of = key_of
        self._kin = {
            plan.row: Kin(plan, group.by)
            for group in groups
            for plan in group.plans
            if isinstance(plan.rule.kind, Drift)
        }
        lines = {row: kin.lines for row, kin in self._kin.items()}
        self._sharing = Sharing(lines, len(store.tables.plans), store.labels)

    def add_up(self) -> None:
        """Add up what waits."""
        store = self._store
        count = int(store.places[layout.GIVEN_COUNT])
        if not count:
            return
        store.places[layout.GIVEN_COUNT] = 0
        self._add(store.given[:count], store.given_floats[:count])

    def recount(self, series: Ints) -> None:
        """Add up what all series have said so far.

        Args:
            series: Their addresses.
        """
        store, tables = self._store, self._store.tables
        counts = np.array([len(group.plans) for group in self._groups], np.int64)
        widest = layout.GIVEN_MOST * int(counts.max(initial=0))
        given: Table = np.zeros(
            (max(layout.GIVEN_ROOM, widest), layout.GIVEN_INTS), np.int64
        )
        floats: Grid = np.zeros((len(given), store.given_floats.shape[1]))
        while len(series):
            done = given_of(
                store.arena.ints,
                series,
                counts,
                tables.rules,
                tables.first_rules,
                store.places,
                given,
                floats,
            )
            count = int(store.places[layout.GIVEN_COUNT])
            store.places[layout.GIVEN_COUNT] = 0
            self._add(given[:count], floats[:count])
            series = series[done:]

    def _add(self, given: Table, floats: Grid) -> None:
        self._sharing.add(given, floats)
        for row in np.flatnonzero(given[:, layout.G_SERIES] >= 0).tolist():
            self._add_named(given[row].tolist(), floats[row].tolist())

    def _add_named(self, given: Sequence[int], floats: Sequence[float]) -> None:
        """The same of a series with labels that have no codes."""
        text, kin = self._store.labels.text, self._kin[given[layout.G_RULE]]
        codes = {name: text(given[at]) for name, at in _LABELS}
        own = series_labels(self._key_of(given[layout.G_SERIES]))
        values = codes | own
        labels = [(name, values[name]) for name in kin.names]
        normals: dict[str, Normal] = {}
        for place in range(kin.facets):
            at = place * layout.GIVEN_FLOATS
            normal = Normal(*floats[at : at + layout.GIVEN_FLOATS])
            if normal.variance > 0:
                parents = kin.lineage.parents(place, labels, codes["model"])
                normals |= dict.fromkeys((parent.key for parent in parents), normal)
        if given[layout.G_SIGN] > 0:
            self._shares.change({}, normals)
        else:
            self._shares.change(normals, {})

    def take_news(self) -> list[Part]:
        """The parents whose sums have moved noticeably since they were last taken."""
        self.add_up()
        news = self._shares.take_news(self._sharing.told)
        return news + self._sharing.take_news(self._shares.told)


class Kin:
    """Whom the series of a drift rule are like.

    Attributes:
        lineage: Names their parents.
        facets: How many facets there are.
        names: Of the labels of its strata, the series' own first.
        lines: Of their parents, as far as the codes of labels tell them apart.
    """

    def __init__(self, plan: Plan, by: Sequence[str]) -> None:
        found = facets(plan.rule.metric, plan.sign)
        self.lineage, self.facets = Lineage(plan, found), len(found)
        self.names = [*sorted(by), *(name for name in _MIXED if name not in by)]
        # How a parent's key ends says which labels it carries, whatever these are.
        labels = [(name, "") for name in self.names]
        self.lines = []
        for place in range(self.facets):
            begin, kin = self.lineage.begin(place), self.lineage.kin(place)
            for end, _ in ends(kin, labels, _ANY):
                _, *parts = end.split(APART)
                carried = [part.partition("=")[0] for part in parts]
                self.lines.append(Line(place, begin, carried))
