"""The state of a drift rule as one run of words, and back."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.suspects import entry
from detectors.kernels.words import Ints, Table

MOST: int = 1 << 13
"""Words that no state needs more than."""


@compiled
def _copy(i: Ints, begin: int, words: int, out: Ints, place: int) -> int:
    for word in range(words):
        out[place + word] = i[begin + word]
    return place + words


@compiled
def pack(
    i: Ints, watch: int, rules: Table, rule: int, out: Ints, refs: Ints
) -> tuple[int, int]:
    """Write a state without addresses.

    Args:
        i: The arena.
        watch: Address of the state.
        rules: The table.
        rule: Which row.
        out: Takes the words.
        refs: Takes the numbers of the sessions it refers to, each once.

    Returns:
        How many words, and how many sessions.
    """
    width = rules[rule, at.NORMS_WIDTH]
    place = _copy(i, watch, rules[rule, at.WATCH_WIDTH], out, 0)
    for address in (at.STRATA, at.SUSPECTS, at.SUSPECTS_FIRST, at.WAITING):
        out[address] = 0
    out[at.SUSPECTS_ROOM] = out[at.WAITING_FIRST] = 0
    stratum = i[watch + at.STRATA]
    while stratum:
        begin = place
        place = _copy(i, stratum, at.NORMS + width, out, place)
        out[begin + at.NEXT] = 0
        for kept in (at.NEW, at.ANCHOR):
            address = i[stratum + kept]
            if address:
                out[begin + kept] = 1
                place = _copy(i, address, width, out, place)
        stratum = i[stratum + at.NEXT]
    told = i[watch + at.SUSPECTS_COUNT]
    for which in range(told):
        suspect = entry(i, watch, which)
        refs[which] = i[suspect + at.S_REF]
        place = _copy(i, suspect, at.SUSPECT_WIDTH, out, place)
        out[place - at.SUSPECT_WIDTH + at.S_REF] = which
    for which in range(i[watch + at.WAITING_COUNT]):
        turn = (i[watch + at.WAITING_FIRST] + which) % at.WAITING_ROOM
        waits = i[watch + at.WAITING] + turn * at.WAITING_WIDTH
        place = _copy(i, waits, at.WAITING_WIDTH, out, place)
    return place, told


@compiled
def unpack(
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    words: Ints,
    refs: Ints,
) -> None:
    """Read a state back into a watch that has none.

    Args:
        i, heads: The arena; it has room.
        watch: Address of the watch.
        rules: The table.
        rule: Which row.
        words: What ``pack`` wrote.
        refs: For each session it refers to its number here.
    """
    width = rules[rule, at.NORMS_WIDTH]
    place = rules[rule, at.WATCH_WIDTH]
    for word in range(place):
        i[watch + word] = words[word]
    last = 0
    for _ in range(i[watch + at.STRATA_COUNT]):
        stratum = take(i, heads, at.NORMS + width)
        for word in range(at.NORMS + width):
            i[stratum + word] = words[place + word]
        place += at.NORMS + width
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
def referred(i: Ints, watch: int, out: Ints, count: int) -> int:
    """Add the numbers of the sessions a drift rule refers to; how many there are then."""
    for which in range(i[watch + at.SUSPECTS_COUNT]):
        out[count] = i[entry(i, watch, which) + at.S_REF]
        count += 1
    return count
