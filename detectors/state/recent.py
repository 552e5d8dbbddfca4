"""Sessions that the state may still have to name: who was it, and what was it like.

The state holds a number for a session; what it said is found here. Blocks are kept as
they came until they are many; then what is still referred to is taken out of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, cast

import numpy as np

from detectors.kernels.words import Ints
from detectors.state.blocks import Block

_LEAST: Final = 20_000
"""Sessions held before it is worth looking which of them are needed."""


class Told(NamedTuple):
    """What a session said.

    Attributes:
        trace: ``trace_url``, else ``trace_id``; None if it has neither.
        labels: In the order of ``ATTRIBUTES``.
        values: In the order of ``COLUMNS``.
    """

    session_id: str
    trace: str | None
    labels: tuple[str, ...]
    values: tuple[float, ...]


class Recent:
    """The sessions folded last, and those that are still referred to.

    Attributes:
        next: The number that the next session gets.
    """

    __slots__ = ("_begins", "_blocks", "_kept", "_limit", "_since", "next")

    def __init__(self) -> None:
        self.next = 1
        self._begins: list[int] = []
        self._blocks: list[Block] = []
        self._kept: dict[int, Told] = {}
        self._since = 0
        self._limit = _LEAST

    def add(self, block: Block) -> int:
        """Hold a block's sessions; the number of the first."""
        first, count = self.next, len(block.offsets)
        self._begins.append(first)
        self._blocks.append(block)
        self.next += count
        self._since += count
        return first

    def keep_told(self, state: list[Any]) -> int:
        """Hold a session that a row names; its number."""
        session_id, trace, labels, values = state
        return self.keep(Told(session_id, trace, tuple(labels), tuple(values)))

    def keep(self, told: Told) -> int:
        """Hold a session that a row names; its number."""
        number = self.next
        self._kept[number] = told
        self.next += 1
        return number

    def find(self, number: int) -> Told:
        """What a session said that the state refers to."""
        kept = self._kept.get(number)
        if kept is None:
            at = bisect_right(self._begins, number) - 1
            place = np.array([number - self._begins[at]], np.int64)
            (kept,) = told(self._blocks[at], place)
        return kept

    def find_all(self, numbers: Ints) -> list[Told]:
        """The same of many: block by block, each of them once."""
        if not len(numbers):
            return []
        wanted, which = np.unique(numbers, return_inverse=True)
        found = [self._kept.get(number) for number in wanted.tolist()]
        ends = np.searchsorted(wanted, [*self._begins, self.next]).tolist()
        for block, begin, first, last in zip(
            self._blocks, self._begins, ends, ends[1:], strict=False
        ):
            # A session that is kept has a number behind those of a block.
            blocks = [at for at in range(first, last) if found[at] is None]
            for at, each in zip(
                blocks, told(block, wanted[blocks] - begin), strict=True
            ):
                found[at] = each
        return [cast("Told", found[at]) for at in which.ravel().tolist()]

    @property
    def full(self) -> bool:
        """Whether to look which sessions are needed."""
        return self._since >= self._limit

    def retain(self, needed: Iterable[int]) -> None:
        """Hold only those."""
        known = self._kept
        numbers = np.array(sorted(needed), np.int64)
        self._kept = {n: known[n] for n in numbers.tolist() if n in known}
        ends = [*self._begins[1:], self.next]
        for block, begin, end in zip(self._blocks, self._begins, ends, strict=True):
            first, last = np.searchsorted(numbers, [begin, end]).tolist()
            places = numbers[first:last] - begin
            places = places[places < len(block.offsets)]
            if len(places):
                pairs = zip((places + begin).tolist(), told(block, places), strict=True)
                self._kept.update(pairs)
        self._begins.clear()
        self._blocks.clear()
        self._since = 0
        # Looking costs as much as there is to look at.
        self._limit = max(_LEAST, 4 * len(self._kept))


def told(block: Block, places: Ints) -> Iterator[Told]:
    """What sessions of a block said."""
    labels = zip(
        *(
            [table[code] for code in codes.tolist()]
            for table, codes in zip(
                block.attribute_tables, block.attribute_codes[places].T, strict=True
            )
        ),
        strict=True,
    )
    values = map(tuple, block.values[places].tolist())
    for at, named, numbers in zip(places.tolist(), labels, values, strict=True):
        yield Told(block.session_ids[at], block.traces[at] or None, named, numbers)


def attributes(block: Block, at: int) -> tuple[str, ...]:
    """The labels of a session of a block, in the order of ``ATTRIBUTES``."""
    return tuple(
        [
            table[code]
            for table, code in zip(
                block.attribute_tables, block.attribute_codes[at].tolist(), strict=True
            )
        ]
    )
