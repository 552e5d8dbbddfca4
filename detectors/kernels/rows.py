"""The state of a series' rules as one run of words, and back."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import ROOM
from detectors.kernels.births import begin_watch
from detectors.kernels.counted_rows import counted_room, get_counted, put_counted
from detectors.kernels.drift_rows import drift_room, get_drift, put_drift
from detectors.kernels.factor_rows import (
    factors_room,
    get_factors,
    put_factors,
)
from detectors.kernels.runs import copy_words
from detectors.kernels.timed_rows import get_timed, put_timed, timed_room
from detectors.kernels.words import Floats, Grid, Ints, Table

_SPREAD: Final = 32
"""Words of the arena that a word of a row needs at most: a window may have room for eight
times what it holds, and large pieces come as powers of two."""


@compiled
def room(i: Ints, watch: int, rules: Table, rule: int) -> int:
    """Words that a state needs no more than in a row."""
    if rules[rule, at.KIND] == at.COUNTED:
        return counted_room(i, watch, rules, rule)
    if rules[rule, at.KIND] == at.TIMED:
        return timed_room(i, watch, rules, rule)
    words = _own(rules, rule) + factors_room(rules, rule)
    if rules[rule, at.KIND] == at.DRIFT:
        words += drift_room(i, watch, rules, rule)
    return int(words)


@compiled
def _own(rules: Table, rule: int) -> int:
    """Words of a state that are no window's, without the factors of cost behind them."""
    factors = rules[rule, at.FACTORS]
    return int(factors or rules[rule, at.WATCH_WIDTH])


@compiled
def series_room(i: Ints, series: int, count: int, rules: Table, first: int) -> int:
    """The same for all states of a series; see ``pack_series``."""
    words = 0
    for position in range(count):
        watch = i[series + at.WATCHES + position]
        if watch:
            words += 2 + room(i, watch, rules, first + position)
    return words


@compiled
def arena_room(length: int) -> int:
    """Words of the arena that a state of so many words in a row needs no more than."""
    return _SPREAD * length + ROOM


@compiled
def series_arena_room(length: int, count: int) -> int:
    """The same for all states of a series, and the series itself.

    Args:
        length: Of all its words in a row.
        count: How many rules its group has.
    """
    return _SPREAD * length + (count + 1) * ROOM + at.WATCHES + count


@compiled
def pack(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    out: Ints,
    place: int,
    refs: Ints,
    known: int,
) -> tuple[int, int]:
    """Write a state without addresses.

    Args:
        f, i: The arena.
        watch: Address of the state.
        rules, rule_floats, rule: The tables, and which row.
        out: Takes the words.
        place: From where on.
        refs: Takes the numbers of the sessions it refers to, each once.
        known: How many it holds.

    Returns:
        Where the words end, and how many sessions there are then.
    """
    if rules[rule, at.KIND] == at.COUNTED:
        place = put_counted(f, i, watch, rules, rule_floats, rule, out, place)
        return place, known
    if rules[rule, at.KIND] == at.TIMED:
        return put_timed(i, watch, rules, rule, out, place), known
    begin = place
    place = copy_words(i, watch, _own(rules, rule), out, begin)
    place = put_factors(i, watch, rules, rule, out, place)
    if rules[rule, at.KIND] == at.DRIFT:
        return put_drift(i, watch, rules, rule, out, begin, place, refs, known)
    return place, known


@compiled
def pack_series(
    f: Floats,
    i: Ints,
    series: int,
    count: int,
    rules: Table,
    rule_floats: Grid,
    first: int,
    out: Ints,
    refs: Ints,
) -> tuple[int, int]:
    """Write all states of a series, each behind its rule's position and its length.

    Args:
        f, i: The arena.
        series: Its address.
        count: How many rules its group has.
        rules, rule_floats: The tables.
        first: The first row of its group.
        out: Takes the words.
        refs: Takes the numbers of the sessions they refer to, each once.

    Returns:
        How many words, and how many sessions.
    """
    place = known = 0
    for position in range(count):
        watch = i[series + at.WATCHES + position]
        if watch:
            begin = place
            place, known = pack(
                f,
                i,
                watch,
                rules,
                rule_floats,
                first + position,
                out,
                place + 2,
                refs,
                known,
            )
            out[begin] = position
            out[begin + 1] = place - begin - 2
    return place, known


@compiled
def unpack(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    words: Ints,
    place: int,
    refs: Ints,
    scratch: Floats,
) -> None:
    """Read a state back into a watch that has none.

    Args:
        f, i, heads: The arena; it has room.
        watch: Address of the watch.
        rules, rule_floats, rule: The tables, and which row.
        words: What ``pack`` wrote.
        place: From where on.
        refs: For each session they refer to its number here.
        scratch: Takes sums.
    """
    if rules[rule, at.KIND] == at.COUNTED:
        get_counted(f, i, heads, watch, rules, rule_floats, rule, words, place, scratch)
        return
    if rules[rule, at.KIND] == at.TIMED:
        get_timed(f, i, heads, watch, rules, rule_floats, rule, words, place, scratch)
        return
    for word in range(_own(rules, rule)):
        i[watch + word] = words[place + word]
    place += _own(rules, rule)
    place = get_factors(i, heads, watch, rules, rule, words, place)
    if rules[rule, at.KIND] == at.DRIFT:
        get_drift(i, heads, watch, rules, rule, words, place, refs)


@compiled
def unpack_series(
    f: Floats,
    i: Ints,
    heads: Ints,
    series: int,
    rules: Table,
    rule_floats: Grid,
    first: int,
    words: Ints,
    refs: Ints,
    facets: Table,
    scratch: Floats,
) -> None:
    """Read back what ``pack_series`` wrote; the arena has room."""
    place = 0
    while place < len(words):
        position, length = words[place], words[place + 1]
        rule = first + position
        watch = begin_watch(f, i, heads, rules, rule_floats, rule, facets)
        i[series + at.WATCHES + position] = watch
        unpack(
            f,
            i,
            heads,
            watch,
            rules,
            rule_floats,
            rule,
            words,
            place + 2,
            refs,
            scratch,
        )
        place += 2 + length
