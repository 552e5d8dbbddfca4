"""What rows of words begin with, read from MessagePack many at a time.

Such a row is a list: version, five numbers, the digest of its rules, its words, and the
sessions that these name. Rows of any other form are left to those who read one by one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.kernels.words import Ints, Table

Octets = NDArray[np.uint8]

H_OFFSET, H_LAST_US, H_FLOOR_US, H_ORDER, H_SEQ_FLOOR = 0, 1, 2, 3, 4
"""The numbers, in the order of the row."""
H_DIGEST: Final = 5
"""Its eight bytes as a number."""
H_WORDS, H_END = 6, 7
"""The first byte of its words, and the one behind them."""
H_TOLD: Final = 8
"""How many sessions they name: a list that begins behind them."""
HEAD_INTS: Final = 9

_NUMBERS: Final = 5
_PARTS: Final = 9
_DIGEST: Final = 8
_LIST, _LONG_LIST, _BYTES = 0x90, 0xDC, 0xC4
"""Kinds of MessagePack."""


@compiled
def _octet(octets: Octets, place: int) -> int:
    # Without a sign it would make a float of a number with one.
    return int(np.int64(octets[place]))


@compiled
def _big(octets: Octets, place: int, count: int) -> int:
    """Bytes as a number, the highest first."""
    value = 0
    for byte in range(count):
        value = (value << 8) | _octet(octets, place + byte)
    return value


@compiled
def _number(octets: Octets, place: int, end: int) -> tuple[int, int]:
    """A whole number, and where it ends; -1 if there is none."""
    if place >= end:
        return 0, -1
    kind = _octet(octets, place)
    place += 1
    if kind < 0x80:
        return kind, place
    if kind >= 0xE0:
        return kind - 0x100, place
    if not 0xCC <= kind <= 0xD3:
        return 0, -1
    count = 1 << (kind & 3)
    if place + count > end:
        return 0, -1
    value = _big(octets, place, count)
    if kind >= 0xD0 and count < 8 and value >> (8 * count - 1):
        value -= 1 << (8 * count)
    if kind == 0xCF and value < 0:
        return 0, -1
    return value, place + count


@compiled
def _sized(octets: Octets, place: int, end: int) -> tuple[int, int]:
    """The length of bytes, and where they begin; -1 if they do not end by then."""
    if place >= end or not _BYTES <= octets[place] <= _BYTES + 2:
        return 0, -1
    count = 1 << (_octet(octets, place) - _BYTES)
    place += 1
    if place + count > end:
        return 0, -1
    size = _big(octets, place, count)
    place += count
    return (size, place) if place + size <= end else (0, -1)


@compiled
def _listed(octets: Octets, place: int, end: int) -> int:
    """How many things are in the list that ends there; -1 if it is none."""
    if place >= end:
        return -1
    kind = _octet(octets, place)
    if _LIST <= kind < _LIST + 16:
        return kind - _LIST
    count = 2 << (kind - _LONG_LIST)
    if not _LONG_LIST <= kind <= _LONG_LIST + 1 or place + 1 + count > end:
        return -1
    return _big(octets, place + 1, count)


@compiled
def read_heads(octets: Octets, ends: Ints, version: int, heads: Table) -> None:
    """Read the heads of rows.

    Args:
        octets: Rows, one after the other.
        ends: Where each ends.
        version: Of rows that are read.
        heads: Takes a row each; ``H_TOLD`` is -1 where a row is of another form.
    """
    place = 0
    for row in range(len(ends)):
        begin, end = place, ends[row]
        place = end
        heads[row, H_TOLD] = -1
        if end - begin < 2 or octets[begin] != _LIST + _PARTS:
            continue
        if octets[begin + 1] != version:
            continue
        at = begin + 2
        for number in range(_NUMBERS):
            if at >= 0:
                value, at = _number(octets, at, end)
                heads[row, number] = value
        if at < 0:
            continue
        size, at = _sized(octets, at, end)
        if at < 0 or size != _DIGEST:
            continue
        heads[row, H_DIGEST] = _big(octets, at, _DIGEST)
        size, at = _sized(octets, at + size, end)
        if at < 0:
            continue
        heads[row, H_WORDS], heads[row, H_END] = at, at + size
        told = _listed(octets, at + size, end)
        if told > 0 or (told == 0 and at + size + 1 == end):
            heads[row, H_TOLD] = told
