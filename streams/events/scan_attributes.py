"""The attributes of an event, read in compiled code: names and scalars, one level."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from streams.events.decimals import decimal_at, whole_at
from streams.events.event_words import FIRST_LABEL, FIRST_MOMENT, is_field
from streams.events.octets import Octets, octet_at, past_spaces, same, text_end, word_at
from streams.events.session_fields import LONGEST_LABEL

_FOUR: Final = np.uint64(0xFFFFFFFF)
_TRUE: Final = np.uint64(int.from_bytes(b"true", "little"))
_ALSE: Final = np.uint64(int.from_bytes(b"alse", "little"))
_NULL: Final = np.uint64(int.from_bytes(b"null", "little"))
_FARTHEST: Final = 200
"""A power of ten up to which a number is surely finite."""
_MOST: Final = 60


@compiled
def literal_end(octets: Octets, at: int) -> int:
    """Where a true, false or null ends that begins at a place; -1: there is none."""
    word = word_at(octets, at) & _FOUR
    if word in (_TRUE, _NULL):
        return at + 4
    if octet_at(octets, at) == 102 and word_at(octets, at + 1) & _FOUR == _ALSE:
        return at + 5
    return -1


@compiled
def _scalar_end(octets: Octets, at: int, wanted: bool) -> int:
    """Where a number or literal ends; -1 where it is none, or its label another text.

    A label is the number as JSON prints it, which a plain whole number is already.
    """
    first = octet_at(octets, at)
    if first > 57:
        return literal_end(octets, at)
    if wanted:
        return whole_at(octets, at)[0]
    end, _, power = decimal_at(octets, at + 1 if first == 45 else at)
    return end if -_FARTHEST <= power <= _FARTHEST else -1


@compiled
def attributes_end(  # noqa: PLR0917 - compiled code takes its arrays one by one
    octets: Octets,
    at: int,
    names: Octets,
    bounds: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Where the attributes end that begin at a place; -1: they are left to others.

    Args:
        octets: Padded.
        at: The place of their brace.
        names: Of the attributes that are wanted, one after the other, padded.
        bounds: Where each name begins, and where the last one ends.
        begins: Filled for each name: where its label begins; empty if it has none.
        ends: Filled: where it ends.
    """
    met = 0
    if octet_at(octets, at) != 123 or len(bounds) > _MOST:
        return -1
    at = past_spaces(octets, at + 1)
    if octet_at(octets, at) == 125:
        return at + 1
    while True:
        if octet_at(octets, at) != 34:
            return -1
        at += 1
        word, rest = word_at(octets, at), word_at(octets, at + 8)
        for field in range(FIRST_LABEL, FIRST_MOMENT):
            # It stands in for a field that may be missing.
            if is_field(word, rest, field):
                return -1
        end = text_end(octets, at)
        if end < 0:
            return -1
        wanted = -1
        for name in range(len(bounds) - 1):
            length = bounds[name + 1] - bounds[name]
            if length == end - at and same(octets, at, names, bounds[name], length):
                wanted = name
        if wanted >= 0:
            if met >> wanted & 1:
                return -1
            met |= 1 << wanted
        at = past_spaces(octets, end + 1)
        if octet_at(octets, at) != 58:
            return -1
        at = past_spaces(octets, at + 1)
        begin = at
        is_text = octet_at(octets, at) == 34
        if is_text:
            begin += 1
            end = text_end(octets, begin)
            at = end + 1
        else:
            end = _scalar_end(octets, at, wanted >= 0)
            at = end
        if end < 0:
            return -1
        # Null is no label; what is too long for one is cut elsewhere.
        if wanted >= 0 and (is_text or octet_at(octets, begin) != 110):
            if end - begin > LONGEST_LABEL:
                return -1
            begins[wanted] = begin
            ends[wanted] = end
        at = past_spaces(octets, at)
        if octet_at(octets, at) == 125:
            return at + 1
        if octet_at(octets, at) != 44:
            return -1
        at = past_spaces(octets, at + 1)
