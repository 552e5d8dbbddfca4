"""A window of the last sessions, and what was before it, as words of a row and back.

What follows from the rest is not written but worked out again, and addresses are
given out anew.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.arming import count_settle
from detectors.kernels.factor_rows import (
    factors_end,
    factors_room,
    get_factors,
    put_factors,
)
from detectors.kernels.held import SPARE, count_grow, count_pause, count_room
from detectors.kernels.histograms import BINS
from detectors.kernels.runs import (
    bins_end,
    get_bins,
    get_run,
    put_bins,
    put_run,
    run_is_sound,
    run_packed,
)
from detectors.kernels.summary import add_slab, summary_conclude
from detectors.kernels.words import Floats, Grid, Ints, Table

KEPT, MARKS, SLABS = 3, 4, 5
"""How many samples, marks on them, and slabs follow the first three words."""
HEAD: Final = 6

_SLAB: Final = 9
"""Words of a slab without its bins."""
_MOST: Final = 1 << 40


@compiled
def counted_room(i: Ints, watch: int, rules: Table, rule: int) -> int:
    """Words that ``put_counted`` needs no more than."""
    words = HEAD + factors_room(rules, rule) + 2 + 3 * i[watch + at.HELD]
    if rules[rule, at.BASED]:
        words += summary_room(i, watch + at.SUMMARY_AT)
    return int(words)


@compiled
def put_counted(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    out: Ints,
    place: int,
) -> int:
    """Write the samples at hand, of a mere limit those in the window.

    Returns:
        Where the next word goes.
    """
    held = kept = i[watch + at.HELD]
    based = rules[rule, at.BASED]
    if not based:
        kept = min(held, rules[rule, at.SIZE])
    begin = place
    for word in range(3):
        out[begin + word] = i[watch + word]
    out[begin + KEPT], out[begin + MARKS], out[begin + SLABS] = kept, 0, 0
    place = put_factors(i, watch, rules, rule, out, begin + HEAD)
    signed, marks = i[watch + at.SIGNED], i[watch + at.SKIPPED]
    packed, sign, first = i[watch + at.PACKED], rule_floats[rule, at.SIGN], held - kept
    place = put_run(f, i, signed, first, kept, packed, sign, out, place)
    if rules[rule, at.JUDGED] == at.JUDGED_RATE:
        divided_by = i[watch + at.DIVIDED_BY]
        place = put_run(f, i, divided_by, first, kept, packed, 1.0, out, place)
    if not based:
        return place
    if marks:
        for position in range(kept):
            if i[marks + position]:
                out[place] = position
                place += 1
                out[begin + MARKS] += 1
    out[begin + SLABS], place = put_slabs(i, watch + at.SUMMARY_AT, out, place)
    return place


@compiled
def counted_is_sound(
    words: Ints, place: int, end: int, rules: Table, rule: int
) -> bool:
    """Whether words are such a window: all that it counts is there, and no more."""
    if place + HEAD > end:
        return False
    size = rules[rule, at.SIZE] + SPARE
    kept, marks = words[place + KEPT], words[place + MARKS]
    slabs = words[place + SLABS]
    place = factors_end(words, place + HEAD, end, rules, rule)
    rate = rules[rule, at.JUDGED] == at.JUDGED_RATE
    if place < 0 or not 0 <= kept <= size or not 0 <= marks <= kept:
        return False
    if place + (1 + kept) * (2 if rate else 1) + marks > end:
        return False
    for _ in range(2 if rate else 1):
        if not run_is_sound(words, place, kept):
            return False
        place += 1 + kept
    last = -1
    for word in range(place, place + marks):
        if not last < words[word] < kept:
            return False
        last = words[word]
    return slabs_end(words, place + marks, end, slabs, rules, rule) == end


@compiled
def get_counted(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    words: Ints,
    place: int,
    scratch: Floats,
) -> None:
    """Read what ``put_counted`` wrote into a window that is new; the arena has room.

    The rule may have had a baseline then, and none now, or the other way round.
    """
    based, sign = rules[rule, at.BASED], rule_floats[rule, at.SIGN]
    kept, marked = words[place + KEPT], words[place + MARKS]
    slabs = words[place + SLABS]
    for word in range(3):
        i[watch + word] = words[place + word]
    place = get_factors(i, heads, watch, rules, rule, words, place + HEAD)
    rate = rules[rule, at.JUDGED] == at.JUDGED_RATE
    early = 0 if based else max(0, kept - rules[rule, at.SIZE])
    held = kept - early
    packed = run_packed(words, place, kept)
    if rate:
        packed = min(packed, run_packed(words, place + 1 + kept, kept))
    i[watch + at.PACKED] = packed
    if held:
        room = count_room(0, rules, rule)
        while room < held:
            room = max(held, count_room(room, rules, rule))
        count_grow(i, heads, watch, room, int(rate))
    i[watch + at.HELD] = held
    signed = i[watch + at.SIGNED]
    place = get_run(f, i, signed, held, packed, early, sign, words, place)
    if rate:
        divided_by = i[watch + at.DIVIDED_BY]
        place = get_run(f, i, divided_by, held, packed, early, 1.0, words, place)
    if based:
        if marked:
            marks = take(i, heads, i[watch + at.HELD_ROOM])
            i[watch + at.SKIPPED] = marks
            for word in range(place, place + marked):
                i[marks + words[word]] = 1
        summary = watch + at.SUMMARY_AT
        judged = rules[rule, at.JUDGED]
        get_slabs(f, i, heads, summary, judged, words, place + marked, slabs)
        summary_conclude(f, i, summary, rules, rule, scratch)
    count_pause(i, watch, rules, rule)
    count_settle(f, i, watch, rules, rule_floats, rule, scratch)


@compiled
def summary_room(i: Ints, summary: int) -> int:
    """Words that ``put_slabs`` needs no more than."""
    words, slab = 0, i[summary + at.FIRST_SLAB]
    while slab:
        words += _SLAB + 2 * i[slab + at.SLAB_COUNTS + BINS]
        slab = i[slab + at.NEXT_SLAB]
    return int(words)


@compiled
def put_slabs(i: Ints, summary: int, out: Ints, place: int) -> tuple[int, int]:
    """Write what was learned; how many slabs, and where the next word goes."""
    slabs = last_us = 0
    slab = i[summary + at.FIRST_SLAB]
    while slab:
        began_us, ended_us = i[slab + at.SLAB_BEGAN_US], i[slab + at.SLAB_ENDED_US]
        out[place], out[place + 1] = began_us - last_us, ended_us - began_us
        out[place + 2] = i[slab + at.SLAB_LEARNED]
        for word in range(5):
            out[place + 3 + word] = i[slab + at.SPREAD_COUNT + word]
        place = put_bins(i, slab + at.SLAB_COUNTS, out, place + _SLAB - 1)
        last_us = ended_us
        slabs += 1
        slab = i[slab + at.NEXT_SLAB]
    return slabs, place


@compiled
def slabs_end(
    words: Ints, place: int, end: int, slabs: int, rules: Table, rule: int
) -> int:
    """Where so many slabs end; -1 if there are not as many."""
    for _ in range(slabs):
        if place + _SLAB > end:
            return -1
        learned = words[place + 2]
        if not 0 < learned < _MOST:
            return -1
        binned = rules[rule, at.BINNED]
        place = bins_end(words, place + _SLAB - 1, end, learned, binned)
        if place < 0:
            return -1
    return place if slabs >= 0 else -1


@compiled
def get_slabs(
    f: Floats,
    i: Ints,
    heads: Ints,
    summary: int,
    judged: int,
    words: Ints,
    place: int,
    slabs: int,
) -> None:
    """Read what ``put_slabs`` wrote into a summary of nothing; the arena has room."""
    last_us = 0
    for _ in range(slabs):
        began_us = last_us + words[place]
        slab = add_slab(f, i, heads, summary, judged, began_us)
        i[slab + at.SLAB_ENDED_US] = last_us = began_us + words[place + 1]
        i[slab + at.SLAB_LEARNED] = words[place + 2]
        for word in range(5):
            i[slab + at.SPREAD_COUNT + word] = words[place + 3 + word]
        counts = slab + at.SLAB_COUNTS
        place = get_bins(
            i, heads, counts, summary + at.COUNTS, words, place + _SLAB - 1
        )
        i[summary + at.SUMMARISED] += i[slab + at.SLAB_LEARNED]
