"""The strata of a series by their labels, where there are more than two.

Looking through a list waits for a line of memory at each stratum, and an agent may have
thirty kinds of sessions. In an index their labels stand side by side, then, two to a
word, their addresses.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.halves import half, set_half
from detectors.kernels.words import Ints

LEAST: Final = 3
"""Strata that have an index."""

_ROOMS: Final = (8, 16, 36)


@compiled
def _room(count: int) -> int:
    """For how many there is room where there are so many."""
    if count <= _ROOMS[0]:
        return _ROOMS[0]
    return _ROOMS[1] if count <= _ROOMS[1] else _ROOMS[2]


@compiled
def _words(count: int) -> int:
    return _room(count) + _room(count) // 2


@compiled
def index_width(i: Ints, watch: int) -> int:
    """Words of the index of a rule on a series; 0 without."""
    return _words(half(i, watch, at.STRATA_COUNT)) if half(i, watch, at.INDEX) else 0


@compiled
def index_find(i: Ints, watch: int, key: int) -> int:
    """The stratum of a key; 0 if there is none, or no index."""
    index, count = half(i, watch, at.INDEX), half(i, watch, at.STRATA_COUNT)
    if index:
        for place in range(count):
            if i[index + place] == key:
                return half(i, index + _room(count), place)
    return 0


@compiled
def index_add(i: Ints, heads: Ints, watch: int, stratum: int) -> None:
    """A stratum has been added to the list; the arena has room."""
    index, count = half(i, watch, at.INDEX), half(i, watch, at.STRATA_COUNT)
    if index and _room(count) == _room(count - 1):
        _put(i, index, count, count - 1, stratum)
    elif count >= LEAST:
        if index:
            give(i, heads, index, _words(count - 1))
        index_build(i, heads, watch)


@compiled
def _put(i: Ints, index: int, count: int, place: int, stratum: int) -> None:
    i[index + place] = i[stratum + at.KEY]
    set_half(i, index + _room(count), place, stratum)


@compiled
def index_build(i: Ints, heads: Ints, watch: int) -> None:
    """Make an index of the list, if it is to have one; the arena has room."""
    count = half(i, watch, at.STRATA_COUNT)
    if count < LEAST:
        return
    index = take(i, heads, _words(count))
    set_half(i, watch, at.INDEX, index)
    stratum = half(i, watch, at.STRATA)
    for place in range(count):
        _put(i, index, count, place, stratum)
        stratum = half(i, stratum, at.NEXT)


@compiled
def index_drop(i: Ints, watch: int, stratum: int) -> None:
    """A stratum, counted still, makes room for the next one."""
    index, count = half(i, watch, at.INDEX), half(i, watch, at.STRATA_COUNT)
    for place in range(count):
        if half(i, index + _room(count), place) == stratum:
            last = half(i, index + _room(count), count - 1)
            _put(i, index, count, place, last)


@compiled
def index_free(i: Ints, heads: Ints, watch: int) -> None:
    """Give it back."""
    index = half(i, watch, at.INDEX)
    if index:
        give(i, heads, index, _words(half(i, watch, at.STRATA_COUNT)))
        set_half(i, watch, at.INDEX, 0)
