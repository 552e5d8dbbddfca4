"""What a drift rule holds beside its own words, as words of a row and back."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.giving import stratum_width
from detectors.kernels.halves import half, set_half
from detectors.kernels.runs import copy_words
from detectors.kernels.season import SEASON_WIDTH
from detectors.kernels.suspects import entry
from detectors.kernels.words import Ints, Table


@compiled
def drift_room(i: Ints, watch: int, rules: Table, rule: int) -> int:
    """Words that ``put_drift`` needs no more than."""
    stratum = stratum_width(rules, rule) + 3 * rules[rule, at.NORMS_WIDTH]
    stratum += at.P_NORMS + at.LEVELS_WIDTH
    words = rules[rule, at.FACETS] * SEASON_WIDTH
    words += 2 * at.RELEASES_WIDTH + i[watch + at.STRATA_COUNT] * stratum
    words += i[watch + at.SUSPECTS_COUNT] * at.SUSPECT_WIDTH
    return int(words + i[watch + at.WAITING_COUNT] * at.WAITING_WIDTH)


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
    season = i[watch + at.SEASON]
    if season > 0:
        out[begin + at.SEASON] = 1
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
    strata, suspects = words[begin + at.STRATA_COUNT], words[begin + at.SUSPECTS_COUNT]
    waiting, facet = words[begin + at.WAITING_COUNT], words[begin + at.TOLD_FACET]
    if not 0 <= strata <= at.GIVEN_MOST or not 0 <= suspects <= at.MOST_SUSPECTS:
        return False
    if not 0 <= waiting <= at.WAITING_ROOM or not 0 <= facet < rules[rule, at.FACETS]:
        return False
    for which in range(2):
        label = begin + at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
        place += at.RELEASES_WIDTH if words[label] else 0
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
    for which in range(suspects):
        suspect = place + which * at.SUSPECT_WIDTH
        if suspect + at.SUSPECT_WIDTH > end:
            return False
        if not 0 <= words[suspect + at.S_REF] < told:
            return False
    place += suspects * at.SUSPECT_WIDTH + waiting * at.WAITING_WIDTH
    if words[begin + at.SEASON] > 0:
        place += rules[rule, at.FACETS] * SEASON_WIDTH
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
        place += waiting * at.WAITING_WIDTH
    if i[watch + at.SEASON] > 0:
        many = rules[rule, at.FACETS] * SEASON_WIDTH
        season = take(i, heads, many)
        i[watch + at.SEASON] = season
        for word in range(many):
            i[season + word] = words[place + word]
