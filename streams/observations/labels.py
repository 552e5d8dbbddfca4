"""Labels as numbers: each distinct text, and each distinct row of texts, has one.

The tables live from chunk to chunk, so that what is worked out for a label is worked
out once. Looking up is compiled; only what is new is told to Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from streams.events.octets import PADDING, Octets, copy, same, word_at

Numbers = NDArray[np.int64]
_T = TypeVar("_T", bound=np.generic)

_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_FOLD: Final = np.uint64(32)
_EMPTY: Final = -1
_SPARSE: Final = 2
"""Slots for each number that a table may come to hold."""


class Labels:
    """Distinct texts, numbered in the order in which they were met.

    Attributes:
        texts: The text of each number.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._slots = np.empty(0, np.int64)
        self._bounds = np.zeros(1, np.int64)
        self._octets = np.empty(0, np.uint8)

    def __len__(self) -> int:
        """How many texts there are."""
        return len(self.texts)

    def numbers(self, octets: Octets, begins: Numbers, ends: Numbers) -> Numbers:
        """The number of each text; a new text gets the next one.

        Args:
            octets: Texts in UTF-8, padded.
            begins: Where each text begins.
            ends: Where it ends.
        """
        known, count = len(self.texts), len(begins)
        self._make_room(known, count, len(octets))
        found = np.empty(count, np.int64)
        after = _number_texts(
            octets, begins, ends, self._slots, self._bounds, self._octets, known, found
        )
        if after > known:
            bounds = self._bounds[known : after + 1].tolist()
            stored = self._octets[bounds[0] : bounds[-1]].tobytes()
            first = bounds[0]
            self.texts += [
                stored[begin - first : end - first].decode()
                for begin, end in pairwise(bounds)
            ]
        return found

    def _make_room(self, known: int, count: int, size: int) -> None:
        """Have space for as many new texts, of so many bytes together."""
        if len(self._slots) < _SPARSE * (known + count):
            self._slots = _slots_for(known + count)
            room = len(self._slots) // _SPARSE
            self._bounds = _longer(self._bounds, room + 1, known + 1)
            _enter_texts(self._slots, self._bounds, self._octets, known)
        used = int(self._bounds[known]) + len(PADDING)
        if len(self._octets) < used + size:
            self._octets = _longer(self._octets, 2 * (used + size), used)


class Pairs:
    """Distinct pairs of numbers, numbered in the order in which they were met."""

    def __init__(self) -> None:
        self._count = 0
        self._slots = np.empty(0, np.int64)
        self._pairs = np.empty(0, np.int64)

    def numbers(self, left: Numbers, right: Numbers) -> Numbers:
        """The number of each pair; a new pair gets the next one."""
        known, count = self._count, len(left)
        if len(self._slots) < _SPARSE * (known + count):
            self._slots = _slots_for(known + count)
            self._pairs = _longer(self._pairs, len(self._slots) // _SPARSE, known)
            _enter_pairs(self._slots, self._pairs, known)
        found = np.empty(count, np.int64)
        self._count = _number_pairs(left, right, self._slots, self._pairs, known, found)
        return found

    def pair(self, number: int) -> tuple[int, int]:
        """The two numbers that a number stands for."""
        left, right = divmod(int(self._pairs[number]), 1 << 32)
        return left, right


class Rows:
    """Distinct rows of labels, numbered.

    Args:
        columns: The labels of a row, in order.
    """

    def __init__(self, columns: Sequence[Labels]) -> None:
        self._columns = columns
        self._pairs = [Pairs() for _ in columns[1:]]

    def numbers(self, columns: Sequence[Numbers], count: int) -> Numbers:
        """The number of each of ``count`` rows, from the numbers of its labels."""
        if not columns:
            return np.zeros(count, np.int64)
        found = columns[0]
        for pairs, column in zip(self._pairs, columns[1:], strict=True):
            found = pairs.numbers(found, column)
        return found

    def texts(self, number: int) -> tuple[str, ...]:
        """The labels of a row."""
        if not self._columns:
            return ()
        texts = []
        first, *others = self._columns
        for pairs, labels in zip(reversed(self._pairs), reversed(others), strict=True):
            number, right = pairs.pair(number)
            texts.append(labels.texts[right])
        return first.texts[number], *reversed(texts)


def _slots_for(count: int) -> Numbers:
    """A table with room for twice as many."""
    return np.full(1 << (2 * _SPARSE * count).bit_length(), _EMPTY, np.int64)


def _longer(array: NDArray[_T], length: int, used: int) -> NDArray[_T]:
    """An array of some length that begins as another one does."""
    more = np.empty(length, array.dtype)
    more[: min(used, len(array))] = array[:used]
    return more


@compiled
def _slot_of(octets: Octets, at: int, length: int, last: int) -> int:
    """Where to begin to look for a text."""
    mixed = np.uint64(length) * _FACTOR
    while length >= 8:
        mixed = (mixed ^ word_at(octets, at)) * _FACTOR
        mixed ^= mixed >> _FOLD
        at += 8
        length -= 8
    if length > 0:
        word = word_at(octets, at) << np.uint64(64 - 8 * length)
        mixed = (mixed ^ word) * _FACTOR
        mixed ^= mixed >> _FOLD
    return int(np.int64(mixed * _FACTOR >> _FOLD)) & last


@compiled
def _number_texts(  # noqa: PLR0917 - compiled code takes its arrays one by one
    octets: Octets,
    begins: Numbers,
    ends: Numbers,
    slots: Numbers,
    bounds: Numbers,
    stored: Octets,
    known: int,
    found: Numbers,
) -> int:
    """Number each text; how many are known then."""
    last = len(slots) - 1
    for row in range(len(begins)):
        at = begins[row]
        length = ends[row] - at
        slot = _slot_of(octets, at, length, last)
        number = slots[slot]
        while number >= 0:
            place = bounds[number]
            if bounds[number + 1] - place == length and same(
                octets, at, stored, place, length
            ):
                break
            slot = (slot + 1) & last
            number = slots[slot]
        if number < 0:
            number = known
            known += 1
            slots[slot] = number
            place = bounds[number]
            copy(octets, at, stored, place, length)
            bounds[number + 1] = place + length
        found[row] = number
    return known


@compiled
def _enter_texts(slots: Numbers, bounds: Numbers, stored: Octets, known: int) -> None:
    last = len(slots) - 1
    for number in range(known):
        at = bounds[number]
        slot = _slot_of(stored, at, bounds[number + 1] - at, last)
        while slots[slot] >= 0:
            slot = (slot + 1) & last
        slots[slot] = number


@compiled
def _number_pairs(  # noqa: PLR0917 - compiled code takes its arrays one by one
    left: Numbers,
    right: Numbers,
    slots: Numbers,
    pairs: Numbers,
    known: int,
    found: Numbers,
) -> int:
    """Number each pair; how many are known then."""
    last = len(slots) - 1
    for row in range(len(left)):
        pair = left[row] << 32 | right[row]
        slot = np.int64(np.uint64(pair) * _FACTOR >> _FOLD) & last
        number = slots[slot]
        while number >= 0 and pairs[number] != pair:
            slot = (slot + 1) & last
            number = slots[slot]
        if number < 0:
            number = known
            known += 1
            slots[slot] = number
            pairs[number] = pair
        found[row] = number
    return known


@compiled
def _enter_pairs(slots: Numbers, pairs: Numbers, known: int) -> None:
    last = len(slots) - 1
    for number in range(known):
        slot = np.int64(np.uint64(pairs[number]) * _FACTOR >> _FOLD) & last
        while slots[slot] >= 0:
            slot = (slot + 1) & last
        slots[slot] = number
