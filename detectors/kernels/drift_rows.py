"""What a drift rule holds beside its own words, as words of a row and back."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.giving import stratum_width
from detectors.kernels.halves import half, set_half
from detectors.kernels.index import index_build
from detectors.kernels.learning import queue_width, waiting_count, waiting_width
from detectors.kernels.runs import copy_words
from detectors.kernels.season import SEASON_WIDTH
from detectors.kernels.suspects import (
    FEW,
    entry,
    ring_begin,
    suspect_width,
    suspects_count,
)
from detectors.kernels.words import Ints, Table


@compiled
def drift_room(i: Ints, watch: int, rules: Table, rule: int) -> int:
    """Words that ``put_drift`` needs no more than."""
    stratum = stratum_width(rules, rule) + 3 * rules[rule, at.NORMS_WIDTH]
    stratum += at.P_NORMS + at.LEVELS_WIDTH
    words = rules[rule, at.FACETS] * SEASON_WIDTH + at.CHANGE_WIDTH
    words += 2 * at.RELEASES_WIDTH + half(i, watch, at.STRATA_COUNT) * stratum
    count = rules[rule, at.FACETS]
    words += 1 + suspects_count(i, watch) * suspect_width(count)
    return int(words + 1 + waiting_count(i, watch) * waiting_width(count))


@compiled
def _numbered(refs: Ints, known: int, ref: int) -> int:
    """The place of a session among those known; the rules mostly name the same."""
    for which in range(known - 1, -1, -1):
        if refs[which] == ref:
            return int(which)
    return known


@compiled
def put_drift(
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    out: Ints,
    begin: int,
    place: int,
    refs: Ints,
    known: int,
) -> tuple[int, int]:
    """Write what a state names; its own words have been written.

    Args:
        i: The arena.
        watch: Address of the state.
        rules, rule: The table, and which row.
        out: Takes the words.
        begin: Where its own words begin.
        place: From where on.
        refs: Takes the numbers of the sessions it refers to, each once.
        known: How many it holds.

    Returns:
        Where the words end, and how many sessions there are then.
    """
    width = rules[rule, at.NORMS_WIDTH]
    set_half(out, begin, at.STRATA, 0)
    set_half(out, begin, at.INDEX, 0)
    for which in range(2):
        label = at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
        releases = half(i, watch, label)
        if releases:
            set_half(out, begin, label, 1)
            place = copy_words(i, releases, at.RELEASES_WIDTH, out, place)
    if i[watch + at.CHANGE]:
        out[begin + at.CHANGE] = 1
        place = copy_words(i, i[watch + at.CHANGE], at.CHANGE_WIDTH, out, place)
    stratum = half(i, watch, at.STRATA)
    while stratum:
        first = place
        place = copy_words(i, stratum, stratum_width(rules, rule), out, place)
        set_half(out, first, at.NEXT, 0)
        for kept in (at.NEW, at.ANCHOR, at.TRIED):
            address = half(i, stratum, kept)
            if address:
                set_half(out, first, kept, 1)
                words = width + (at.P_NORMS if kept == at.TRIED else 0)
                place = copy_words(i, address, words, out, place)
        usual = half(i, stratum, at.LEVELS)
        if usual:
            set_half(out, first, at.LEVELS, 1)
            place = copy_words(i, usual, at.LEVELS_WIDTH, out, place)
        stratum = half(i, stratum, at.NEXT)
    count = rules[rule, at.FACETS]
    told = suspects_count(i, watch)
    if told:
        set_half(out, begin, at.SUSPECTS, 1)
        out[place] = told
        place += 1
    for which in range(told):
        suspect, of = entry(i, watch, which), suspect_width(count)
        ref = i[suspect + at.S_REF]
        number = _numbered(refs, known, ref)
        if number == known:
            refs[known] = ref
            known += 1
        place = copy_words(i, suspect, of, out, place)
        out[place - of + at.S_REF] = number
    waiting, queue = waiting_count(i, watch), half(i, watch, at.WAITING)
    if waiting:
        set_half(out, begin, at.WAITING, 1)
        out[place] = waiting
        place += 1
    for which in range(waiting):
        turn = (half(i, queue, at.Q_FIRST) + which) % at.WAITING_ROOM
        waits = queue + at.QUEUE + turn * waiting_width(count)
        place = copy_words(i, waits, waiting_width(count), out, place)
    season = half(i, watch, at.SEASON)
    if season > 0:
        set_half(out, begin, at.SEASON, 1)
        many = rules[rule, at.FACETS] * SEASON_WIDTH
        place = copy_words(i, season, many, out, place)
    return place, known


@compiled
def drift_is_sound(
    words: Ints, begin: int, place: int, end: int, rules: Table, rule: int, told: int
) -> bool:
    """Whether all that such a state counts is there, and no more.

    Args:
        words: What ``put_drift`` wrote, perhaps.
        begin: Where its own words begin.
        place: From where on.
        end: Where the words end.
        rules, rule: The table, and which row.
        told: How many sessions there are that it may refer to.
    """
    width = rules[rule, at.NORMS_WIDTH]
    strata = half(words, begin, at.STRATA_COUNT)
    if not 0 <= strata <= at.GIVEN_MOST:
        return False
    count = rules[rule, at.FACETS]
    if not 0 <= half(words, begin, at.TOLD_FACET) < count:
        return False
    for which in range(2):
        label = at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
        place += at.RELEASES_WIDTH if half(words, begin, label) else 0
    place += at.CHANGE_WIDTH if words[begin + at.CHANGE] else 0
    for _ in range(strata):
        if place + stratum_width(rules, rule) > end:
            return False
        stratum = place
        place += stratum_width(rules, rule)
        for kept in (at.NEW, at.ANCHOR, at.TRIED):
            if half(words, stratum, kept):
                place += width + (at.P_NORMS if kept == at.TRIED else 0)
        if half(words, stratum, at.LEVELS):
            place += at.LEVELS_WIDTH
    if half(words, begin, at.SUSPECTS):
        if place >= end or not 0 < words[place] <= at.MOST_SUSPECTS:
            return False
        first, of = place + 1, suspect_width(count)
        place = first + words[place] * of
        if place > end:
            return False
        for suspect in range(first, place, of):
            if not 0 <= words[suspect + at.S_REF] < told:
                return False
    if half(words, begin, at.WAITING):
        if place >= end or not 0 < words[place] <= at.WAITING_ROOM:
            return False
        place += 1 + words[place] * waiting_width(count)
    if half(words, begin, at.SEASON) > 0:
        place += count * SEASON_WIDTH
    return bool(place == end)


@compiled
def get_drift(
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    words: Ints,
    place: int,
    refs: Ints,
) -> None:
    """Read what ``put_drift`` wrote; the state has its own words. The arena has room."""
    width = rules[rule, at.NORMS_WIDTH]
    set_half(i, watch, at.STRATA, 0)
    set_half(i, watch, at.INDEX, 0)
    for which in range(2):
        label = at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
        if half(i, watch, label):
            releases = take(i, heads, at.RELEASES_WIDTH)
            set_half(i, watch, label, releases)
            for word in range(at.RELEASES_WIDTH):
                i[releases + word] = words[place + word]
            place += at.RELEASES_WIDTH
    if i[watch + at.CHANGE]:
        held = take(i, heads, at.CHANGE_WIDTH)
        i[watch + at.CHANGE] = held
        for word in range(at.CHANGE_WIDTH):
            i[held + word] = words[place + word]
        place += at.CHANGE_WIDTH
    last = 0
    for _ in range(half(i, watch, at.STRATA_COUNT)):
        stratum = take(i, heads, stratum_width(rules, rule))
        for word in range(stratum_width(rules, rule)):
            i[stratum + word] = words[place + word]
        place += stratum_width(rules, rule)
        set_half(i, stratum, at.NEXT, 0)
        for kept in (at.NEW, at.ANCHOR, at.TRIED):
            if half(i, stratum, kept):
                length = width + (at.P_NORMS if kept == at.TRIED else 0)
                address = take(i, heads, length)
                for word in range(length):
                    i[address + word] = words[place + word]
                set_half(i, stratum, kept, address)
                place += length
        if half(i, stratum, at.LEVELS):
            usual = take(i, heads, at.LEVELS_WIDTH)
            for word in range(at.LEVELS_WIDTH):
                i[usual + word] = words[place + word]
            set_half(i, stratum, at.LEVELS, usual)
            place += at.LEVELS_WIDTH
        if last:
            set_half(i, last, at.NEXT, stratum)
        else:
            set_half(i, watch, at.STRATA, stratum)
        last = stratum
    index_build(i, heads, watch)
    count = rules[rule, at.FACETS]
    if half(i, watch, at.SUSPECTS):
        told, of = words[place], suspect_width(count)
        place += 1
        room = FEW
        while room < told:
            room *= 2
        ring = ring_begin(i, heads, watch, count, room)
        set_half(i, ring, at.R_COUNT, told)
        for which in range(told):
            suspect = ring + at.RING + which * of
            for word in range(of):
                i[suspect + word] = words[place + word]
            i[suspect + at.S_REF] = refs[i[suspect + at.S_REF]]
            place += of
    if half(i, watch, at.WAITING):
        waiting = words[place]
        place += 1
        queue = take(i, heads, queue_width(count))
        set_half(i, watch, at.WAITING, queue)
        set_half(i, queue, at.Q_COUNT, waiting)
        for word in range(waiting * waiting_width(count)):
            i[queue + at.QUEUE + word] = words[place + word]
        place += waiting * waiting_width(count)
    if half(i, watch, at.SEASON) > 0:
        many = count * SEASON_WIDTH
        season = take(i, heads, many)
        set_half(i, watch, at.SEASON, season)
        for word in range(many):
            i[season + word] = words[place + word]
