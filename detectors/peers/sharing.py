"""What series add to the parents that are known by the codes of their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from detectors.kernels import sharing as kernel
from detectors.kernels.words import Grid, Ints, Table
from detectors.peers.lineage import APART
from detectors.peers.parents import MOST_PARENTS, Part, Sums
from detectors.state.labels import Labels

_FIRST: Final = 1 << 8
_CODED: Final = (
    ("agent", kernel.P_AGENT),
    ("task_type", kernel.P_TASK),
    ("model", kernel.P_MODEL),
)


class Line(NamedTuple):
    """Parents that differ in their labels alone.

    Attributes:
        place: Of their facet within its rule.
        begin: How their keys begin.
        carried: The names of their labels, in order.
    """

    place: int
    begin: str
    carried: Sequence[str]

    def row(self) -> list[int]:
        """See ``kernels.sharing``."""
        return [self.place, *(name in self.carried for name, _ in _CODED)]


class Sharing:
    """The parents of a partition, and what its series add to each.

    Args:
        lines: For each row of a rule those that its series add to.
        rules: How many rules there are.
        labels: The partition's.
    """

    __slots__ = (
        "_counts",
        "_first_lines",
        "_index",
        "_labels",
        "_lines",
        "_moved",
        "_parents",
        "_rows",
        "_sums",
    )

    def __init__(
        self, lines: Mapping[int, Sequence[Line]], rules: int, labels: Labels
    ) -> None:
        of = [lines.get(rule, ()) for rule in range(rules)]
        self._labels = labels
        self._lines = [line for each in of for line in each]
        rows = [line.row() for line in self._lines]
        self._rows: Table = np.array(rows, np.int64).reshape(-1, kernel.LINE_INTS)
        self._first_lines: Ints = np.cumsum([0, *map(len, of)])
        self._counts: Ints = np.zeros(kernel.COUNTS, np.int64)
        self._moved: Ints = np.zeros(_FIRST, np.int64)
        self._parents: Table = np.zeros((_FIRST, kernel.PARENT_INTS), np.int64)
        self._sums: Grid = np.zeros((_FIRST, kernel.PARENT_FLOATS))
        self._index: Ints = np.zeros(2 * _FIRST, np.int64)

    def __len__(self) -> int:
        """How many parents are known."""
        return int(self._counts[kernel.KNOWN])

    def add(self, given: Table, floats: Grid) -> None:
        """Add what series gave; see ``kernels.sharing``."""
        done = 0
        while True:
            done = kernel.share(
                given,
                floats,
                done,
                self._rows,
                self._first_lines,
                self._index,
                self._parents,
                self._sums,
                self._moved,
                self._counts,
            )
            if done == len(given):
                return
            self._make_room()

    def _make_room(self) -> None:
        """Forget whom nothing is known of; if that is too little, have twice the room."""
        rows, count = len(self._parents), len(self)
        known = self._sums[:count, kernel.SERIES] + self._sums[:count, kernel.TOLD]
        if 2 * np.count_nonzero(known) > rows:
            self._parents = np.pad(self._parents, ((0, rows), (0, 0)))
            self._sums = np.pad(self._sums, ((0, rows), (0, 0)))
            self._moved = np.pad(self._moved, (0, rows))
        self._index = np.zeros(2 * len(self._parents), np.int64)
        to: Ints = np.zeros(count, np.int64)
        kernel.settle(
            self._parents, self._sums, self._index, self._moved, self._counts, to
        )

    @property
    def told(self) -> int:
        """Parents that have been told of."""
        return int(self._counts[kernel.TOLD_COUNT])

    def take_news(self, others: int) -> list[Part]:
        """The parents whose sums have moved noticeably since they were last taken.

        Args:
            others: Parents that are told of elsewhere.
        """
        news: Ints = np.zeros(int(self._counts[kernel.MOVED_COUNT]), np.int64)
        count = kernel.take_news(
            self._parents,
            self._sums,
            self._moved,
            self._counts,
            MOST_PARENTS - others,
            news,
        )
        found = news[:count]
        keys = map(self._key, self._parents[found].tolist())
        sums = self._sums[found, : kernel.TOLD].tolist()
        return [Part(key, Sums(*each)) for key, each in zip(keys, sums, strict=True)]

    def _key(self, parent: Sequence[int]) -> str:
        _, begin, carried = self._lines[parent[kernel.P_LINE]]
        text = self._labels.text
        values = {name: text(parent[at]) for name, at in _CODED}
        return APART.join([begin, *(f"{name}={values[name]}" for name in carried)])
