"""How many series carry which label, counted without reading their keys again.

Nothing is kept until somebody asks. Then the labels of all series are written down once
as numbers, a row for each series, and series that come and go are noted; a count is one
pass of NumPy over these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from detectors.identity import series_labels
from detectors.kernels import layout
from detectors.kernels.words import Ints
from detectors.kinds.plans import Group, Plan
from detectors.state.series import Series
from detectors.state.store import Store

_NOBODY: Final = -1
_FORGOTTEN: Final = 4
"""When so many times as many values are known as there are series, they are read anew."""
_FEW: Final = 1_000
_AT_ONCE: Final = 10_000


class Count(NamedTuple):
    """The series of a rule.

    Attributes:
        series: How many there are.
        codes: For each label of ``by`` the codes of its values.
        carried: For each label how many series carry the value with a code.
    """

    series: int
    codes: Sequence[Mapping[str, int]]
    carried: Sequence[Ints]

    def of(self, label: int, value: str) -> int:
        """How many carry a value.

        Args:
            label: Its place in ``by``.
            value: It.
        """
        code, carried = self.codes[label].get(value, _NOBODY), self.carried[label]
        return int(carried[code]) if 0 <= code < len(carried) else 0


class Roster:
    """The labels of all series of a partition.

    Args:
        groups: By number.
        store: Memory of the series.
        addresses: Where the words of each series are, by key.
        awake: The series that are objects, by key.
    """

    __slots__ = (
        "_addresses",
        "_awake",
        "_codes",
        "_counts",
        "_groups",
        "_known",
        "_places",
        "_present",
        "_store",
        "_table",
    )

    def __init__(
        self,
        groups: Sequence[Group],
        store: Store,
        addresses: Mapping[bytes, int],
        awake: Mapping[bytes, Series],
    ) -> None:
        self._groups = groups
        self._store = store
        self._addresses = addresses
        self._awake = awake
        self.forget()

    def forget(self) -> None:
        """Know nothing, until somebody asks again."""
        width = 1 + max((len(group.by) for group in self._groups), default=0)
        self._known = False
        self._present = 0
        self._codes: list[list[dict[str, int]]] = [
            [{} for _ in group.by] for group in self._groups
        ]
        self._table = np.full((0, width), _NOBODY, np.int32)
        self._places: Ints = np.zeros(0, np.int64)
        self._counts: dict[int, Count] = {}

    def enter(self, key: bytes, group: Group, number: int, address: int) -> None:
        """A series is born.

        Args:
            key: Its labels.
            group: Its rules.
            number: Its number.
            address: Of its words.
        """
        if self._known and group.number >= 0:
            self._enter(key, group, number, address)
            most = _FORGOTTEN * self._present + _FEW
            if any(len(codes) > most for codes in self._codes[group.number]):
                self.forget()

    def leave(self, number: int) -> None:
        """A series is gone."""
        if number < len(self._table) and self._table[number, 0] != _NOBODY:
            self._table[number] = _NOBODY
            self._present -= 1
            self._counts.clear()

    def _enter(self, key: bytes, group: Group, number: int, address: int) -> None:
        if number >= len(self._table):
            more = max(number + 1 - len(self._table), len(self._table), _FEW)
            self._table = np.pad(
                self._table, ((0, more), (0, 0)), constant_values=_NOBODY
            )
            self._places = np.pad(self._places, (0, more))
        labels = series_labels(key)
        row = self._table[number]
        row[0] = group.number
        for place, codes in enumerate(self._codes[group.number]):
            value = labels[group.by[place]]
            row[1 + place] = codes.setdefault(value, len(codes))
        self._places[number] = address
        self._present += 1
        self._counts.clear()

    def count(self, group: Group, plan: Plan) -> Count:
        """Count the series of a rule: those with a session that its ``where`` took."""
        if not self._known:
            self._read()
        if plan.rule.where.all_of:
            return self._counted(group, self._watched(group, plan))
        known = self._counts.get(group.number)
        if known is None:
            rows = np.flatnonzero(self._table[:, 0] == group.number)
            known = self._counts[group.number] = self._counted(group, rows)
        return known

    def _read(self) -> None:
        """Write down the labels of all series there are."""
        self.forget()
        self._known = True
        words, count = self._store.arena.ints, len(self._addresses)
        places = np.fromiter(self._addresses.values(), np.int64, count)
        numbers = words[places + layout.NUMBER]
        of_group = words[places + layout.GROUP]
        # Many at a time: one by one a million series would take seconds.
        room = int(numbers.max(initial=-1)) + 1
        self._table = np.full((room, self._table.shape[1]), _NOBODY, np.int32)
        self._places = np.zeros(room, np.int64)
        self._places[numbers] = places
        keys = list(self._addresses)
        for group in self._groups:
            mine = np.flatnonzero(of_group == group.number)
            self._present += len(mine)
            for begin in range(0, len(mine), _AT_ONCE):
                some = mine[begin : begin + _AT_ONCE]
                labels = [series_labels(keys[at]) for at in some.tolist()]
                self._table[numbers[some], 0] = group.number
                for place, codes in enumerate(self._codes[group.number]):
                    name = group.by[place]
                    self._table[numbers[some], 1 + place] = [
                        codes.setdefault(each[name], len(codes)) for each in labels
                    ]

    def _watched(self, group: Group, plan: Plan) -> Ints:
        """The numbers of the series on which a rule has a state."""
        words = self._store.arena.ints
        kinds = self._store.tables.rules[:, layout.KIND]
        if kinds[plan.row] == layout.PYTHON:
            # Such a state is no words: the series never rests.
            return np.array(
                [
                    words[series.at + layout.NUMBER]
                    for series in self._awake.values()
                    if series.group is group
                    and series.watches[plan.position] is not None
                ],
                np.int64,
            )
        rows = np.flatnonzero(self._table[:, 0] == group.number)
        at = self._places[rows] + (layout.WATCHES + plan.position)
        found: Ints = rows[words[at] != 0]
        return found

    def _counted(self, group: Group, rows: Ints) -> Count:
        carried = [
            np.bincount(self._table[rows, 1 + place]) for place in range(len(group.by))
        ]
        return Count(len(rows), self._codes[group.number], carried)
