"""What series gave for others to borrow is added up, by parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from detectors.identity import series_labels
from detectors.kernels import layout
from detectors.kernels.giving import given_of
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.kinds.plans import Group, Plan
from detectors.normal.facets import facets
from detectors.peers.kinds import Kinds
from detectors.peers.lineage import Label, Lineage, ends
from detectors.peers.parents import Shares, Sums
from detectors.rules import Drift
from detectors.state.store import Store

_REMEMBERED = 100_000
_LABELS = (
    ("agent", layout.G_AGENT),
    ("task_type", layout.G_TASK),
    ("model", layout.G_MODEL),
)


class Giving:
    """Adds up what compiled code has written down.

    Args:
        groups: All rules.
        store: The partition's memory.
        shares: Take what is given.
        key_of: The key of a series, by its number.
    """

    __slots__ = (
        "_agent_first",
        "_groups",
        "_key_of",
        "_kin",
        "_known",
        "_shares",
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
        self._kin: dict[int, tuple[Sequence[str], Lineage, int]] = {
            plan.row: (group.by, *_lineage(plan))
            for group in groups
            for plan in group.plans
            if isinstance(plan.rule.kind, Drift)
        }
        self._known: dict[tuple[int, ...], list[list[str]]] = {}
        self._agent_first = np.zeros(1 + max(self._kin, default=0), np.bool_)
        for row, (by, *_) in self._kin.items():
            self._agent_first[row] = min(by, default="") == "agent"

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
        kinds = Kinds(self._agent_first.tolist())
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
            kinds.add(given[:count], floats[:count])
            series = series[done:]
        self._share(*kinds.take())

    def _share(self, kinds: Sequence[tuple[int, ...]], sums: Grid) -> None:
        """Add to parents what was said, by the kind of sessions it is about.

        Args:
            kinds: Up to ``layout.G_SERIES``.
            sums: For each facet of each kind.
        """
        says = (sums[:, 0] > 0.0).tolist()
        numbers: dict[str, int] = {}
        ending: dict[tuple[Any, ...], list[str]] = {}
        of, to = list[int](), list[int]()
        for which, kind in enumerate(kinds):
            by, lineage, count = self._kin[kind[layout.G_RULE]]
            for place in range(count):
                at = layout.MOST_FACETS * which + place
                if not says[at]:
                    continue
                like = (by, lineage.kin(place), kind[layout.G_RULE + 1 :])
                known = ending.get(like)
                if known is None:
                    # The parents of most rules differ in how they begin alone.
                    found = ends(lineage.kin(place), *self._labels(kind))
                    known = ending[like] = [end for end, _ in found]
                begin = lineage.begin(place)
                for end in known:
                    of.append(at)
                    to.append(numbers.setdefault(begin + end, len(numbers)))
        total: Floats = np.zeros((len(numbers), len(Sums._fields)))
        if numbers:
            np.add.at(total, to, sums[of])
        for key, row in zip(numbers, total.tolist(), strict=True):
            self._shares.add(key, Sums(*row))

    def _add(self, given: Table, floats: Grid) -> None:
        kinds = given[:, : layout.G_SIGN].copy()
        # No parent has the first label of a series: so there are fewer kinds.
        kinds[self._agent_first[kinds[:, layout.G_RULE]], layout.G_AGENT] = 0
        kinds, which = np.unique(kinds, axis=0, return_inverse=True)
        parents = [self._parents(tuple(kind)) for kind in kinds.tolist()]
        signs = given[:, layout.G_SIGN].astype(np.float64)
        numbers: dict[str, int] = {}
        total: Floats = np.zeros((0, len(Sums._fields)))
        for place in range(layout.MOST_FACETS):
            at = place * layout.GIVEN_FLOATS
            mean, variance, level, shape = floats[:, at : at + layout.GIVEN_FLOATS].T
            sums = np.stack(
                [np.ones_like(mean), mean, mean * mean, variance, level, shape], axis=1
            )
            sums *= (signs * (variance > 0.0))[:, None]
            for step in range(max(map(len, (p[place] for p in parents)), default=0)):
                ids = [
                    numbers.setdefault(each[place][step], len(numbers))
                    if step < len(each[place])
                    else -1
                    for each in parents
                ]
                if len(numbers) > len(total):
                    total = np.concatenate(
                        (total, np.zeros((len(numbers) - len(total), total.shape[1])))
                    )
                to = np.array(ids, np.int64)[which.ravel()]
                kept = to >= 0
                np.add.at(total, to[kept], sums[kept])
        for key, number in numbers.items():
            self._shares.add(key, Sums(*total[number].tolist()))

    def _parents(self, kind: tuple[int, ...]) -> list[list[str]]:
        """For each facet the parents of what is given under some labels."""
        if kind[layout.G_SERIES] >= 0:
            # A number is used again once its series is gone.
            return self._find(kind)
        known = self._known.get(kind)
        if known is None:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            known = self._known[kind] = self._find(kind)
        return known

    def _find(self, kind: tuple[int, ...]) -> list[list[str]]:
        _, lineage, count = self._kin[kind[layout.G_RULE]]
        names, model = self._labels(kind)
        found = [
            [parent.key for parent in lineage.parents(place, names, model)]
            for place in range(count)
        ]
        return found + [[]] * (layout.MOST_FACETS - count)

    def _labels(self, kind: tuple[int, ...]) -> tuple[list[Label], str]:
        """The labels of what is given, and the model."""
        text = self._store.labels.text
        by = self._kin[kind[layout.G_RULE]][0]
        codes = {name: text(kind[at]) for name, at in _LABELS}
        number = kind[layout.G_SERIES]
        own = series_labels(self._key_of(number)) if number >= 0 else codes
        names = [(name, own[name]) for name in sorted(by)]
        names += [
            (name, codes[name]) for name in ("agent", "task_type") if name not in by
        ]
        return names, codes["model"]


def _lineage(plan: Plan) -> tuple[Lineage, int]:
    found = facets(plan.rule.metric, plan.sign)
    return Lineage(plan, found), len(found)
