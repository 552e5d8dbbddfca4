"""Sessions that the state may still have to name: who was it, and what was it like.

The state holds a number for a session; what it said is found here. Blocks are kept as
they came until they are many; then what is still referred to is taken out of them, as
the bytes that rows hold.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

import msgspec
import numpy as np

from detectors.kernels.words import Ints
from detectors.state.blocks import Block

_LEAST: Final = 32_000
"""Sessions held before it is worth looking which of them are needed."""

_NEWEST: Final = 8_000
"""Sessions that stay as they came: most are referred to for a short time."""


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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Told).decode


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
        self._kept: dict[int, bytes] = {}
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

    def keep_row(self, row: bytes) -> int:
        """Hold a session that a row names; its number.

        Raises:
            ValueError: The bytes are no session.
        """
        try:
            _decode(row)
        except msgspec.MsgspecError as error:
            raise ValueError(f"a session that it names is damaged: {error}") from None
        number = self.next
        self._kept[number] = row
        self.next += 1
        return number

    def find(self, number: int) -> Told:
        """What a session said that the state refers to."""
        kept = self._kept.get(number)
        return self._come(number) if kept is None else _decode(kept)

    def row(self, number: int) -> bytes:
        """The same as it stands in a row."""
        kept = self._kept.get(number)
        if kept is None:
            kept = self._kept[number] = _encode(self._come(number))
        return kept

    def rows(self, numbers: Ints) -> list[bytes]:
        """The same of many: block by block, each of them once."""
        if not len(numbers):
            return []
        wanted, which = np.unique(numbers, return_inverse=True)
        known = wanted.tolist()
        found = [self._kept.get(number) for number in known]
        ends = np.searchsorted(wanted, [*self._begins, self.next]).tolist()
        for block, begin, first, last in zip(
            self._blocks, self._begins, ends, ends[1:], strict=False
        ):
            # A session that is kept has a number behind those of a block, or its own.
            left = [at for at in range(first, last) if found[at] is None]
            for at, each in zip(left, told(block, wanted[left] - begin), strict=True):
                found[at] = self._kept[known[at]] = _encode(each)
        return [cast("bytes", found[at]) for at in which.ravel().tolist()]

    def _come(self, number: int) -> Told:
        which = bisect_right(self._begins, number) - 1
        block, at = self._blocks[which], number - self._begins[which]
        return Told(
            block.session_ids[at],
            block.traces[at] or None,
            attributes(block, at),
            tuple(block.values[at].tolist()),
        )

    @property
    def full(self) -> bool:
        """Whether to look which sessions are needed."""
        return self._since >= self._limit

    def retain(self, needed: Ints) -> None:
        """Hold only those, but for the newest.

        Args:
            needed: Numbers, in ascending order.
        """
        known = self._kept
        self._kept = {n: known[n] for n in needed.tolist() if n in known}
        old = self._old()
        for which in range(old):
            block, begin = self._blocks[which], self._begins[which]
            first, last = np.searchsorted(
                needed, [begin, begin + len(block.offsets)]
            ).tolist()
            numbers = [n for n in needed[first:last].tolist() if n not in self._kept]
            places = np.array(numbers, np.int64) - begin
            rows = map(_encode, told(block, places))
            self._kept.update(zip(numbers, rows, strict=True))
            self._since -= len(block.offsets)
        del self._begins[:old], self._blocks[:old]
        # Looking costs as much as there is to look at.
        self._limit = max(_LEAST, self._since + 4 * len(self._kept))

    def _old(self) -> int:
        """How many blocks there are before the newest sessions."""
        held = 0
        for which in range(len(self._blocks) - 1, -1, -1):
            held += len(self._blocks[which].offsets)
            if held >= _NEWEST:
                return which
        return 0


def told(block: Block, places: Ints) -> Iterator[Told]:
    """What sessions of a block said."""
    tables, ids, traces = block.attribute_tables, block.session_ids, block.traces
    labels = block.attribute_codes[places].tolist()
    values = block.values[places].tolist()
    for at, codes, numbers in zip(places.tolist(), labels, values, strict=True):
        named = [table[code] for table, code in zip(tables, codes, strict=True)]
        yield Told(ids[at], traces[at] or None, tuple(named), tuple(numbers))


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
