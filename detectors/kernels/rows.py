"""The state of a series' rules as one run of words, and back."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import ROOM, give, take
from detectors.kernels.births import begin_watch
from detectors.kernels.counted_rows import counted_room, get_counted, put_counted
from detectors.kernels.eras import eras_free
from detectors.kernels.factor_rows import (
    factors_room,
    free_factors,
    get_factors,
    put_factors,
)
from detectors.kernels.giving import stratum_width
from detectors.kernels.held import count_free
from detectors.kernels.inside import timed_free
from detectors.kernels.learning import drop_waiting
from detectors.kernels.runs import copy_words
from detectors.kernels.samples import drop_stratum
from detectors.kernels.suspects import clear, entry
from detectors.kernels.timed_rows import get_timed, put_timed, timed_room
from detectors.kernels.words import Floats, Grid, Ints, Table

_SPREAD: Final = 8
"""Words of the arena that a word of a row needs at most."""


@compiled
def room(i: Ints, watch: int, rules: Table, rule: int) -> int:
    """Words that a state needs no more than in a row."""
    if rules[rule, at.KIND] == at.COUNTED:
        return counted_room(i, watch, rules, rule)
    if rules[rule, at.KIND] == at.TIMED:
        return timed_room(i, watch, rules, rule)
    words = _own(rules, rule) + factors_room(rules, rule)
    if rules[rule, at.KIND] == at.DRIFT:
        stratum = stratum_width(rules, rule) + 2 * rules[rule, at.NORMS_WIDTH]
        words += i[watch + at.STRATA_COUNT] * stratum
        words += i[watch + at.SUSPECTS_COUNT] * at.SUSPECT_WIDTH
        words += i[watch + at.WAITING_COUNT] * at.WAITING_WIDTH
        words += 2 * at.RELEASES_WIDTH
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
def _numbered(refs: Ints, known: int, ref: int) -> int:
    """The place of a session among those known; the rules mostly name the same."""
    for which in range(known - 1, -1, -1):
        if refs[which] == ref:
            return int(which)
    return known


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
    begin, width = place, rules[rule, at.NORMS_WIDTH]
    if rules[rule, at.KIND] == at.COUNTED:
        place = put_counted(f, i, watch, rules, rule_floats, rule, out, place)
        return place, known
    if rules[rule, at.KIND] == at.TIMED:
        return put_timed(i, watch, rules, rule, out, place), known
    place = copy_words(i, watch, _own(rules, rule), out, place)
    place = put_factors(i, watch, rules, rule, out, place)
    if rules[rule, at.KIND] != at.DRIFT:
        return place, known
    for address in (at.STRATA, at.SUSPECTS, at.SUSPECTS_FIRST, at.WAITING):
        out[begin + address] = 0
    out[begin + at.SUSPECTS_ROOM] = out[begin + at.WAITING_FIRST] = 0
    for which in range(2):
        label = at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
        if i[watch + label]:
            out[begin + label] = 1
            place = copy_words(i, i[watch + label], at.RELEASES_WIDTH, out, place)
    stratum = i[watch + at.STRATA]
    while stratum:
        first = place
        place = copy_words(i, stratum, stratum_width(rules, rule), out, place)
        out[first + at.NEXT] = 0
        for kept in (at.NEW, at.ANCHOR):
            address = i[stratum + kept]
            if address:
                out[first + kept] = 1
                place = copy_words(i, address, width, out, place)
        stratum = i[stratum + at.NEXT]
    for which in range(i[watch + at.SUSPECTS_COUNT]):
        suspect = entry(i, watch, which)
        ref = i[suspect + at.S_REF]
        number = _numbered(refs, known, ref)
        if number == known:
            refs[known] = ref
            known += 1
        place = copy_words(i, suspect, at.SUSPECT_WIDTH, out, place)
        out[place - at.SUSPECT_WIDTH + at.S_REF] = number
    for which in range(i[watch + at.WAITING_COUNT]):
        turn = (i[watch + at.WAITING_FIRST] + which) % at.WAITING_ROOM
        waits = i[watch + at.WAITING] + turn * at.WAITING_WIDTH
        place = copy_words(i, waits, at.WAITING_WIDTH, out, place)
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
    width = rules[rule, at.NORMS_WIDTH]
    for word in range(_own(rules, rule)):
        i[watch + word] = words[place + word]
    place += _own(rules, rule)
    place = get_factors(i, heads, watch, rules, rule, words, place)
    if rules[rule, at.KIND] != at.DRIFT:
        return
    for address in (at.STRATA, at.SUSPECTS, at.SUSPECTS_FIRST, at.WAITING):
        i[watch + address] = 0
    i[watch + at.SUSPECTS_ROOM] = i[watch + at.WAITING_FIRST] = 0
    for which in range(2):
        label = watch + at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
        if i[label]:
            releases = take(i, heads, at.RELEASES_WIDTH)
            i[label] = releases
            for word in range(at.RELEASES_WIDTH):
                i[releases + word] = words[place + word]
            place += at.RELEASES_WIDTH
    last = 0
    for _ in range(i[watch + at.STRATA_COUNT]):
        stratum = take(i, heads, stratum_width(rules, rule))
        for word in range(stratum_width(rules, rule)):
            i[stratum + word] = words[place + word]
        place += stratum_width(rules, rule)
        i[stratum + at.NEXT] = 0
        for kept in (at.NEW, at.ANCHOR):
            if i[stratum + kept]:
                address = take(i, heads, width)
                for word in range(width):
                    i[address + word] = words[place + word]
                i[stratum + kept] = address
                place += width
        if last:
            i[last + at.NEXT] = stratum
        else:
            i[watch + at.STRATA] = stratum
        last = stratum
    told = i[watch + at.SUSPECTS_COUNT]
    if told:
        room = 4
        while room < told:
            room *= 4
        i[watch + at.SUSPECTS] = take(i, heads, room * at.SUSPECT_WIDTH)
        i[watch + at.SUSPECTS_ROOM] = room
        for which in range(told):
            suspect = i[watch + at.SUSPECTS] + which * at.SUSPECT_WIDTH
            for word in range(at.SUSPECT_WIDTH):
                i[suspect + word] = words[place + word]
            i[suspect + at.S_REF] = refs[i[suspect + at.S_REF]]
            place += at.SUSPECT_WIDTH
    waiting = i[watch + at.WAITING_COUNT]
    if waiting:
        queue = take(i, heads, at.WAITING_ROOM * at.WAITING_WIDTH)
        i[watch + at.WAITING] = queue
        for word in range(waiting * at.WAITING_WIDTH):
            i[queue + word] = words[place + word]


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
) -> bool:
    """Read back what ``pack_series`` wrote; False if the arena has no room.

    What was read by then is in the series, and to be freed with it.
    """
    place = 0
    while place < len(words):
        position, length = words[place], words[place + 1]
        rule = first + position
        if heads[0] + arena_room(length) > len(i):
            return False
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
    return True


@compiled
def free_watch(i: Ints, heads: Ints, watch: int, rules: Table, rule: int) -> None:
    """Give back all that a state holds."""
    free_factors(i, heads, watch, rules, rule)
    if rules[rule, at.KIND] == at.DRIFT:
        for which in range(2):
            label = watch + at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
            if i[label]:
                give(i, heads, i[label], at.RELEASES_WIDTH)
                i[label] = 0
        clear(i, heads, watch)
        drop_waiting(i, heads, watch)
        stratum = i[watch + at.STRATA]
        while stratum:
            following = i[stratum + at.NEXT]
            drop_stratum(i, heads, stratum, rules, rule)
            stratum = following
    elif rules[rule, at.KIND] == at.COUNTED:
        count_free(i, heads, watch, rules, rule)
    elif rules[rule, at.KIND] == at.TIMED:
        timed_free(i, heads, watch, rules, rule)
        if rules[rule, at.BASED]:
            eras_free(i, heads, watch + at.ERAS_AT, rules, rule)
    give(i, heads, watch, rules[rule, at.WATCH_WIDTH])


@compiled
def refer(
    i: Ints,
    series: Ints,
    counts: Ints,
    rules: Table,
    first_rules: Ints,
    out: Ints,
    progress: Ints,
) -> bool:
    """Collect the numbers of the sessions that series refer to; False if ``out`` is full.

    Args:
        i: The arena.
        series: Their addresses.
        counts: For each group how many rules it has.
        rules: The table.
        first_rules: For each group the row of its first rule.
        out: Takes the numbers.
        progress: How many series are done, and how many numbers there are.
    """
    for at_series in series[progress[0] :]:
        group, known = i[at_series + at.GROUP], progress[1]
        for position in range(counts[group] if group >= 0 else 0):
            watch = i[at_series + at.WATCHES + position]
            if watch and rules[first_rules[group] + position, at.KIND] == at.DRIFT:
                told = i[watch + at.SUSPECTS_COUNT]
                if known + told > len(out):
                    return False
                for which in range(told):
                    out[known] = i[entry(i, watch, which) + at.S_REF]
                    known += 1
        progress[0] += 1
        progress[1] = known
    return True
