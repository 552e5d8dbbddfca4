"""Series that are nothing but words as rows, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np

from detectors.kernels import layout
from detectors.kernels import many_rows as kernel
from detectors.kernels.squeezing import squeezed_room
from detectors.kernels.words import Ints, Table
from detectors.kinds.plans import NO_RULES, Group
from detectors.state.rows import encode_words
from detectors.state.store import Store

_WORDS: Final = 1 << 13
_AT_ONCE: Final = 1_000
_HEAD: Final = np.array(
    [
        layout.LAST_OFFSET,
        layout.LAST_US,
        layout.FLOOR_US,
        layout.ORDER,
        layout.SEQ_FLOOR,
    ]
)


class RowWriter:
    """Writes the rows of a partition.

    Args:
        groups: All rules, by number.
        store: The partition's memory.
    """

    __slots__ = ("_counts", "_digests", "_most", "_out", "_refs", "_store", "_words")

    def __init__(self, groups: Sequence[Group], store: Store) -> None:
        self._store = store
        self._counts: Ints = np.array([len(group.plans) for group in groups], np.int64)
        # The last one is at -1: of series that no rule is about.
        self._digests = [group.digest for group in groups] + [NO_RULES.digest]
        self._most = layout.MOST_SUSPECTS * int(self._counts.max(initial=0))
        self._words: Ints = np.zeros(0, np.int64)
        self._out: Ints = np.zeros(0, np.int64)
        self._refs: Ints = np.zeros(0, np.int64)

    def rows(self, series: Ints) -> Iterator[bytes]:
        """The rows of series with which all is well.

        Args:
            series: Their addresses.
        """
        for begin in range(0, len(series), _AT_ONCE):
            yield from self._rows(series[begin : begin + _AT_ONCE])

    def _rows(self, series: Ints) -> Iterator[bytes]:
        if not len(self._out):
            self._widen(_WORDS)
        words = self._store.arena.ints
        heads = words[series[:, None] + _HEAD].tolist()
        groups = words[series + layout.GROUP].tolist()
        packed: Table = np.zeros((len(series), kernel.PACKED_INTS), np.int64)
        begin = 0
        while begin < len(series):
            end = self._pack(series, begin, packed)
            if end == begin:
                self._widen(2 * len(self._words))
                continue
            octets = self._out.data.cast("B")
            counts = packed[begin:end, kernel.P_REFS]
            recent = self._store.recent
            told = iter(recent.rows(self._refs[: counts.sum()]))
            for row, (first, last, named) in enumerate(
                packed[begin:end].tolist(), start=begin
            ):
                yield encode_words(
                    heads[row],
                    self._digests[groups[row]],
                    octets[first:last],
                    list(islice(told, named)) if named else [],
                )
            begin = end

    def _pack(self, series: Ints, begin: int, packed: Table) -> int:
        arena, tables = self._store.arena, self._store.tables
        return int(
            kernel.pack_many(
                arena.floats,
                arena.ints,
                series,
                begin,
                self._counts,
                tables.rules,
                tables.rule_floats,
                tables.first_rules,
                self._words,
                self._out,
                self._refs,
                packed,
            )
        )

    def _widen(self, words: int) -> None:
        """Make room for rows of so many words, some dozens of them at a time."""
        self._words = np.zeros(words, np.int64)
        self._out = np.zeros(32 * squeezed_room(words), np.int64)
        self._refs = np.zeros(64 * self._most, np.int64)
