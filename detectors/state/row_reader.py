"""Series of rows that are nothing but words, many at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from detectors.identity import series_key
from detectors.kernels import many_rows as kernel
from detectors.kernels.row_heads import (
    H_DIGEST,
    H_END,
    H_OFFSET,
    H_TOLD,
    HEAD_INTS,
    read_heads,
)
from detectors.kernels.words import Ints, Table
from detectors.kinds.plans import Group
from detectors.state.paper import memory
from detectors.state.population import Population
from detectors.state.rows import VERSION, damaged
from detectors.state.store import Store

_WORDS: Final = 1 << 13
_decode: Final = msgspec.msgpack.Decoder(list[bytes]).decode
OTHER: Final = -1
"""Of a row that is to be read by itself."""


class Heads(NamedTuple):
    """What some rows begin with.

    Attributes:
        data: All of them, one after the other.
        ends: Where each ends.
        rows: See ``kernels.row_heads``.
        groups: The number of each row's group; negative where it is to be read by
            itself.
    """

    data: Ints
    ends: Ints
    rows: Table
    groups: Ints

    @property
    def newest(self) -> int:
        """The last block that one of them holds; -1 without any."""
        return int(self.rows[self.groups >= 0, H_OFFSET].max(initial=-1))


class RowReader:
    """Reads rows of words back.

    Args:
        groups: All rules, by number.
        everyone: Takes the series.
        store: The partition's memory.
    """

    __slots__ = ("_counts", "_everyone", "_forms", "_store", "_words")

    def __init__(
        self, groups: Sequence[Group], everyone: Population, store: Store
    ) -> None:
        self._everyone = everyone
        self._store = store
        self._counts: Ints = np.array([len(group.plans) for group in groups], np.int64)
        self._forms = {
            int.from_bytes(group.digest, "big", signed=True): (
                group.number,
                _form(group.by),
            )
            for group in groups
        }
        self._words: Ints = np.zeros(_WORDS, np.int64)

    def heads(self, keys: Sequence[bytes], rows: Sequence[bytes]) -> Heads:
        """Read what rows begin with.

        Args:
            keys: Of their series.
            rows: As many.
        """
        data = memory(rows)
        ends: Ints = np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))
        heads: Table = np.zeros((len(rows), HEAD_INTS), np.int64)
        read_heads(data.view(np.uint8), ends, VERSION, heads)
        return Heads(data, ends, heads, self._groups(keys, heads))

    def _groups(self, keys: Sequence[bytes], heads: Table) -> Ints:
        """The group of each row, if it was written by one with the same rules."""
        digests, which = np.unique(heads[:, H_DIGEST], return_inverse=True)
        forms = [self._forms.get(digest) for digest in digests.tolist()]
        numbers = np.array([OTHER if form is None else form[0] for form in forms])
        groups: Ints = numbers[which.ravel()]
        groups[heads[:, H_TOLD] < 0] = OTHER
        for form in forms:
            if form is None:
                continue
            number, labels = form
            for row in np.flatnonzero(groups == number).tolist():
                # Rules may have had another ``by`` then.
                if labels.fullmatch(keys[row]) is None:
                    groups[row] = OTHER
        return groups

    def read(self, keys: Sequence[bytes], heads: Heads) -> None:
        """Let in the series of rows; those of no group are passed over.

        Args:
            keys: Theirs, none of them among the series.
            heads: Of their rows.

        Raises:
            ValueError: A row holds nothing of the kind.
        """
        mine = np.flatnonzero(heads.groups >= 0)
        rows, groups = heads.rows[mine], heads.groups[mine]
        names = [keys[row] for row in mine.tolist()]
        refs = self._refs(names, heads, mine)
        addresses: Ints = np.zeros(len(rows), np.int64)
        store, number = self._store, len(self._everyone.keys)
        tables, arena = store.tables, store.arena
        begin = known = 0
        while True:
            begin, known, why = kernel.unpack_many(
                arena.floats,
                arena.ints,
                arena.heads,
                heads.data,
                rows,
                groups,
                begin,
                number,
                self._counts,
                tables.rules,
                tables.rule_floats,
                tables.first_rules,
                tables.facets,
                self._words,
                refs,
                known,
                store.scratch,
                addresses,
            )
            if why == kernel.DONE:
                break
            if why == kernel.DAMAGED:
                raise damaged(names[begin], "its words are none of its rules")
            if why == kernel.WIDER:
                self._words = np.zeros(2 * len(self._words), np.int64)
            else:
                arena.grow()
        self._everyone.let_in(names, addresses)

    def _refs(self, names: Sequence[bytes], heads: Heads, mine: Ints) -> Ints:
        """Hold the sessions that rows name; their numbers here, in their order."""
        octets, refs = heads.data.data.cast("B"), list[int]()
        begins, ends = heads.rows[mine, H_END], heads.ends[mine]
        for row in np.flatnonzero(heads.rows[mine, H_TOLD]).tolist():
            try:
                told = _decode(octets[begins[row] : ends[row]])
                refs += map(self._store.recent.keep_row, told)
            except (msgspec.DecodeError, ValueError) as error:
                raise damaged(names[row], error) from None
        return np.array(refs, np.int64)


def _form(by: Sequence[str]) -> re.Pattern[bytes]:
    """What the key of a series with such labels is like."""
    labels = [
        re.escape(series_key({name: ""})[1:-3]) + rb'"(?:[^"\\]|\\.)*"'
        for name in sorted(by)
    ]
    return re.compile(rb"\{" + b",".join(labels) + rb"\}", re.DOTALL)
