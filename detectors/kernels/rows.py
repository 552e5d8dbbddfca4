"""The state of a series' rules as one run of words, and back."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.eras import eras_free
from detectors.kernels.held import count_free
from detectors.kernels.inside import FAR, timed_free
from detectors.kernels.learning import drop_waiting
from detectors.kernels.samples import drop_stratum
from detectors.kernels.season import SEASON_WIDTH
from detectors.kernels.silence import silent_us
from detectors.kernels.suspects import clear, entry
from detectors.kernels.words import Floats, Ints, Table

MOST: Final = 1 << 13
"""Words that one rule's state needs no more than."""


@compiled
def _copy(i: Ints, begin: int, words: int, out: Ints, place: int) -> int:
    for word in range(words):
        out[place + word] = i[begin + word]
    return place + words


@compiled
def _numbered(refs: Ints, known: int, ref: int) -> int:
    """The place of a session among those known; the rules mostly name the same."""
    for which in range(known - 1, -1, -1):
        if refs[which] == ref:
            return int(which)
    return known


@compiled
def pack(
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    out: Ints,
    place: int,
    refs: Ints,
    known: int,
) -> tuple[int, int]:
    """Write a state without addresses.

    Args:
        i: The arena.
        watch: Address of the state.
        rules: The table.
        rule: Which row.
        out: Takes the words.
        place: From where on.
        refs: Takes the numbers of the sessions it refers to, each once.
        known: How many it holds.

    Returns:
        Where the words end, and how many sessions there are then.
    """
    begin, width = place, rules[rule, at.NORMS_WIDTH]
    place = _copy(i, watch, rules[rule, at.WATCH_WIDTH], out, place)
    if rules[rule, at.KIND] != at.DRIFT:
        return place, known
    for address in (at.STRATA, at.SUSPECTS, at.SUSPECTS_FIRST, at.WAITING):
        out[begin + address] = 0
    out[begin + at.SUSPECTS_ROOM] = out[begin + at.WAITING_FIRST] = 0
    stratum = i[watch + at.STRATA]
    while stratum:
        first = place
        place = _copy(i, stratum, at.NORMS + width, out, place)
        out[first + at.NEXT] = 0
        for kept in (at.NEW, at.ANCHOR, at.TRIED):
            address = i[stratum + kept]
            if address:
                out[first + kept] = 1
                words = width + (at.P_NORMS if kept == at.TRIED else 0)
                place = _copy(i, address, words, out, place)
        usual = i[stratum + at.LEVELS]
        if usual:
            out[first + at.LEVELS] = 1
            place = _copy(i, usual, at.LEVELS_WIDTH, out, place)
        stratum = i[stratum + at.NEXT]
    for which in range(i[watch + at.SUSPECTS_COUNT]):
        suspect = entry(i, watch, which)
        ref = i[suspect + at.S_REF]
        number = _numbered(refs, known, ref)
        if number == known:
            refs[known] = ref
            known += 1
        place = _copy(i, suspect, at.SUSPECT_WIDTH, out, place)
        out[place - at.SUSPECT_WIDTH + at.S_REF] = number
    for which in range(i[watch + at.WAITING_COUNT]):
        turn = (i[watch + at.WAITING_FIRST] + which) % at.WAITING_ROOM
        waits = i[watch + at.WAITING] + turn * at.WAITING_WIDTH
        place = _copy(i, waits, at.WAITING_WIDTH, out, place)
    season = i[watch + at.SEASON]
    if season > 0:
        out[begin + at.SEASON] = 1
        many = rules[rule, at.FACETS] * SEASON_WIDTH
        place = _copy(i, season, many, out, place)
    return place, known


@compiled
def pack_series(
    i: Ints, series: int, count: int, rules: Table, first: int, out: Ints, refs: Ints
) -> tuple[int, int]:
    """Write all states of a series, each behind its rule's position and its length.

    Args:
        i: The arena.
        series: Its address.
        count: How many rules its group has.
        rules: The table.
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
                i, watch, rules, first + position, out, place + 2, refs, known
            )
            out[begin] = position
            out[begin + 1] = place - begin - 2
    return place, known


@compiled
def is_sound(
    words: Ints, place: int, length: int, rules: Table, rule: int, told: int
) -> bool:
    """Whether words are a state of a rule, as far as what they name lies within them.

    Args:
        words: What ``pack`` wrote, perhaps.
        place: From where on.
        length: How many.
        rules: The table.
        rule: Which row.
        told: How many sessions there are that it may refer to.
    """
    end, width = place + length, rules[rule, at.NORMS_WIDTH]
    begin = place
    place += rules[rule, at.WATCH_WIDTH]
    if length < 0 or place > end or end > len(words):
        return False
    if rules[rule, at.KIND] != at.DRIFT:
        return bool(place == end)
    strata, suspects = words[begin + at.STRATA_COUNT], words[begin + at.SUSPECTS_COUNT]
    waiting, facet = words[begin + at.WAITING_COUNT], words[begin + at.TOLD_FACET]
    if not 0 <= strata <= at.GIVEN_MOST or not 0 <= suspects <= at.MOST_SUSPECTS:
        return False
    if not 0 <= waiting <= at.WAITING_ROOM or not 0 <= facet < rules[rule, at.FACETS]:
        return False
    for _ in range(strata):
        if place + at.NORMS + width > end:
            return False
        kept = (words[place + at.NEW] != 0) + (words[place + at.ANCHOR] != 0)
        tried = at.P_NORMS + width if words[place + at.TRIED] != 0 else 0
        usual = at.LEVELS_WIDTH if words[place + at.LEVELS] != 0 else 0
        place += at.NORMS + width + kept * width + tried + usual
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
def are_sound(words: Ints, count: int, rules: Table, first: int, told: int) -> bool:
    """Whether words are the states of a series; see ``pack_series``.

    Args:
        words: All of them.
        count: How many rules its group has.
        rules: The table.
        first: The first row of its group.
        told: How many sessions there are that they may refer to.
    """
    place, before = 0, -1
    while place < len(words):
        if place + 2 > len(words):
            return False
        position, length = words[place], words[place + 1]
        if not before < position < count:
            return False
        if not is_sound(words, place + 2, length, rules, first + position, told):
            return False
        before = position
        place += 2 + length
    return True


@compiled
def unpack(
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    words: Ints,
    place: int,
    refs: Ints,
) -> None:
    """Read a state back into a watch that has none.

    Args:
        i, heads: The arena; it has room.
        watch: Address of the watch.
        rules: The table.
        rule: Which row.
        words: What ``pack`` wrote.
        place: From where on.
        refs: For each session they refer to its number here.
    """
    width = rules[rule, at.NORMS_WIDTH]
    for word in range(rules[rule, at.WATCH_WIDTH]):
        i[watch + word] = words[place + word]
    if rules[rule, at.KIND] != at.DRIFT:
        return
    seasons = words[place + at.SEASON] > 0
    if seasons:
        i[watch + at.SEASON] = 0
    for address in (at.STRATA, at.SUSPECTS, at.SUSPECTS_FIRST, at.WAITING):
        i[watch + address] = 0
    i[watch + at.SUSPECTS_ROOM] = i[watch + at.WAITING_FIRST] = 0
    place += rules[rule, at.WATCH_WIDTH]
    last = 0
    for _ in range(i[watch + at.STRATA_COUNT]):
        stratum = take(i, heads, at.NORMS + width)
        for word in range(at.NORMS + width):
            i[stratum + word] = words[place + word]
        place += at.NORMS + width
        i[stratum + at.NEXT] = 0
        for kept in (at.NEW, at.ANCHOR, at.TRIED):
            if i[stratum + kept]:
                length = width + (at.P_NORMS if kept == at.TRIED else 0)
                address = take(i, heads, length)
                for word in range(length):
                    i[address + word] = words[place + word]
                i[stratum + kept] = address
                place += length
        if i[stratum + at.LEVELS]:
            usual = take(i, heads, at.LEVELS_WIDTH)
            for word in range(at.LEVELS_WIDTH):
                i[usual + word] = words[place + word]
            i[stratum + at.LEVELS] = usual
            place += at.LEVELS_WIDTH
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
        place += waiting * at.WAITING_WIDTH
    if seasons:
        many = rules[rule, at.FACETS] * SEASON_WIDTH
        i[watch + at.SEASON] = season = take(i, heads, many)
        for word in range(many):
            i[season + word] = words[place + word]


@compiled
def unpack_series(
    i: Ints,
    heads: Ints,
    series: int,
    rules: Table,
    first: int,
    words: Ints,
    refs: Ints,
) -> bool:
    """Read back what ``pack_series`` wrote; False if the arena has no room.

    What was read by then is in the series, and to be freed with it.
    """
    place = 0
    while place < len(words):
        position, length = words[place], words[place + 1]
        rule = first + position
        if heads[0] + 2 * length + 4 * MOST > len(i):
            return False
        watch = take(i, heads, rules[rule, at.WATCH_WIDTH])
        i[series + at.WATCHES + position] = watch
        unpack(i, heads, watch, rules, rule, words, place + 2, refs)
        place += 2 + length
    return True


@compiled
def free_watch(i: Ints, heads: Ints, watch: int, rules: Table, rule: int) -> None:
    """Give back all that a state holds."""
    if rules[rule, at.KIND] == at.DRIFT:
        clear(i, heads, watch)
        drop_waiting(i, heads, watch)
        if i[watch + at.SEASON] > 0:
            many = rules[rule, at.FACETS] * SEASON_WIDTH
            give(i, heads, i[watch + at.SEASON], many)
        stratum = i[watch + at.STRATA]
        while stratum:
            following = i[stratum + at.NEXT]
            drop_stratum(i, heads, stratum, rules[rule, at.NORMS_WIDTH])
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


@compiled
def due(
    f: Floats,
    i: Ints,
    series: int,
    count: int,
    rules: Table,
    first: int,
    after_us: Ints,
    retention_us: int,
    scratch: Floats,
) -> tuple[int, int]:
    """When a series with which all is well has its next timer, and who set it.

    Args:
        f, i: The arena.
        series: Its address.
        count: How many rules its group has.
        rules: The table.
        first: The first row of its group.
        after_us: For each rule on silence how long it may last.
        retention_us: How long a series is kept after its last session.
        scratch: Where what is usual is worked out.
    """
    due_us = max(i[series + at.LAST_US] + retention_us, i[series + at.FLOOR_US])
    order = i[series + at.ORDER]
    for position in range(count):
        watch, kind = (
            i[series + at.WATCHES + position],
            rules[first + position, at.KIND],
        )
        if not watch or (kind != at.ABSENCE and kind != at.SILENCE):  # noqa: PLR1714
            continue
        if kind == at.ABSENCE:
            if i[watch + at.SEEN_US] == -FAR:
                # Of what waits for samples none has come.
                continue
            told_us = max(
                i[watch + at.SEEN_US] + after_us[first + position],
                i[watch + at.SEEN_FLOOR_US],
            )
        else:
            told_us = silent_us(f, i, watch, rules, first + position, scratch)
        seen_order = i[watch + at.SEEN_ORDER]
        if told_us < due_us or (told_us == due_us and seen_order < order):
            due_us, order = told_us, seen_order
    return due_us, order
