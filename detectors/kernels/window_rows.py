"""What windows hold, and what was before them, as bytes and back."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.held import count_grow, count_room
from detectors.kernels.histograms import (
    BINS,
    PIECE,
    bin_count,
    bin_key,
    histogram_add,
)
from detectors.kernels.octets import (
    LONGEST,
    Octets,
    get_int,
    get_run,
    get_word,
    put_int,
    put_run,
    put_word,
)
from detectors.kernels.steps import step_append, step_new
from detectors.kernels.summary import add_slab
from detectors.kernels.words import Floats, Grid, Ints, Table


@compiled
def counted_room(i: Ints, watch: int) -> int:
    """Bytes that ``put_counted`` never needs more than."""
    return int(LONGEST * (4 + 3 * i[watch + at.HELD]))


@compiled
def put_counted(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    out: Octets,
) -> int:
    """Write the samples at hand, of a mere limit those in the window; how many bytes."""
    held, kept = i[watch + at.HELD], i[watch + at.HELD]
    if not rules[rule, at.BASED]:
        kept = min(held, rules[rule, at.SIZE])
    place = put_int(out, 0, kept)
    signed, marks = i[watch + at.SIGNED] + held - kept, i[watch + at.SKIPPED]
    place = put_run(f, i, signed, kept, rule_floats[rule, at.SIGN], out, place)
    rate = rules[rule, at.JUDGED] == at.JUDGED_RATE
    divided_by = i[watch + at.DIVIDED_BY] + held - kept
    place = put_run(f, i, divided_by, kept if rate else 0, 1.0, out, place)
    if marks and rules[rule, at.BASED]:
        for position in range(kept):
            if i[marks + position]:
                place = put_int(out, place, position)
    return place


@compiled
def get_counted(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    data: Octets,
) -> None:
    """Read what ``put_counted`` wrote into a window that is new; the arena has room."""
    kept, place = get_int(data, 0)
    rate = rules[rule, at.JUDGED] == at.JUDGED_RATE
    room = max(kept, count_room(i, watch, rules, rule))
    while room < kept:
        room *= 2
    count_grow(i, heads, watch, room, int(rate))
    i[watch + at.HELD] = kept
    sign = rule_floats[rule, at.SIGN]
    place = get_run(f, i, i[watch + at.SIGNED], kept, sign, data, place)
    divided_by = i[watch + at.DIVIDED_BY]
    place = get_run(f, i, divided_by, kept if rate else 0, 1.0, data, place)
    if place < len(data) and rules[rule, at.BASED]:
        marks = take(i, heads, room)
        i[watch + at.SKIPPED] = marks
        while place < len(data):
            position, place = get_int(data, place)
            i[marks + position] = 1


@compiled
def _put_floats(i: Ints, begin: int, count: int, out: Octets, place: int) -> int:
    """Write a few words, of which many are zero."""
    mask_at, mask = place, 0
    place += 1
    for word in range(count):
        if i[begin + word]:
            mask |= 1 << word
            place = put_word(out, place, i[begin + word])
    out[mask_at] = mask
    return place


@compiled
def _get_floats(i: Ints, begin: int, count: int, data: Octets, place: int) -> int:
    mask = int(data[place])
    place += 1
    for word in range(count):
        if mask >> word & 1:
            i[begin + word], place = get_word(data, place)
    return place


@compiled
def _put_bins(i: Ints, counts: int, out: Octets, place: int) -> int:
    bins, piece, last = i[counts + BINS], i[counts + PIECE], 0
    place = put_int(out, place, bins)
    for word in range(piece, piece + bins):
        key = bin_key(i[word])
        place = put_int(out, place, key - last)
        place = put_int(out, place, bin_count(i[word]))
        last = key
    return place


@compiled
def _get_bins(
    i: Ints, heads: Ints, counts: int, whole: int, data: Octets, place: int
) -> int:
    """Read a histogram, and add it to that of the whole."""
    bins, place = get_int(data, place)
    key = 0
    for _ in range(bins):
        distance, place = get_int(data, place)
        count, place = get_int(data, place)
        key += distance
        for turn in range(2):
            into = counts if turn else whole
            if into:
                histogram_add(i, heads, into, key, count)
    return place


@compiled
def summary_room(i: Ints, summary: int) -> int:
    """Bytes that ``put_summary`` never needs more than."""
    numbers, slab = 2, i[summary + at.FIRST_SLAB]
    while slab:
        numbers += 10 + 2 * i[slab + at.SLAB_COUNTS + BINS]
        slab = i[slab + at.NEXT_SLAB]
    return int(LONGEST * numbers)


@compiled
def put_summary(i: Ints, summary: int, out: Octets) -> int:
    """Write the slabs; how many bytes."""
    place = last_us = 0
    slab = i[summary + at.FIRST_SLAB]
    while slab:
        began_us, ended_us = i[slab + at.SLAB_BEGAN_US], i[slab + at.SLAB_ENDED_US]
        place = put_int(out, place, began_us - last_us)
        place = put_int(out, place, ended_us - began_us)
        place = put_int(out, place, i[slab + at.SLAB_LEARNED])
        place = put_int(out, place, i[slab + at.SPREAD_COUNT])
        place = _put_floats(i, slab + at.SPREAD_TOTAL, 4, out, place)
        place = _put_bins(i, slab + at.SLAB_COUNTS, out, place)
        last_us = ended_us
        slab = i[slab + at.NEXT_SLAB]
    return place


@compiled
def get_summary(
    f: Floats,
    i: Ints,
    heads: Ints,
    summary: int,
    judged: int,
    data: Octets,
) -> None:
    """Read what ``put_summary`` wrote into a summary of nothing; the arena has room."""
    place = last_us = 0
    while place < len(data):
        began_us, place = get_int(data, place)
        lasted_us, place = get_int(data, place)
        began_us += last_us
        slab = add_slab(f, i, heads, summary, judged, began_us)
        i[slab + at.SLAB_ENDED_US] = last_us = began_us + lasted_us
        i[slab + at.SLAB_LEARNED], place = get_int(data, place)
        i[slab + at.SPREAD_COUNT], place = get_int(data, place)
        for word in range(slab + at.SPREAD_TOTAL, slab + at.SPREAD_TOTAL + 4):
            i[word] = 0
        place = _get_floats(i, slab + at.SPREAD_TOTAL, 4, data, place)
        place = _get_bins(
            i, heads, slab + at.SLAB_COUNTS, summary + at.COUNTS, data, place
        )
        i[summary + at.SUMMARISED] += i[slab + at.SLAB_LEARNED]


@compiled
def steps_room(i: Ints, first: int, rules: Table, rule: int) -> int:
    """Bytes that ``put_steps`` never needs more than."""
    numbers, step = 2, i[first]
    while step:
        numbers += 6
        if rules[rule, at.JUDGED] == at.JUDGED_RANK:
            numbers += 2 * i[step + at.STEP_COUNTS + BINS]
        step = i[step + at.STEP_NEXT]
    return int(LONGEST * numbers)


@compiled
def put_steps(i: Ints, first: int, rules: Table, rule: int, out: Octets) -> int:
    """Write steps, or eras; how many bytes."""
    judged, step = rules[rule, at.JUDGED], i[first]
    ranked = judged == at.JUDGED_RANK
    floats = 2 if ranked or judged == at.JUDGED_RATE else 1
    place = last = 0
    while step:
        place = put_int(out, place, i[step + at.STEP_NUMBER] - last)
        place = put_int(out, place, i[step + at.STEP_SAMPLES])
        place = _put_floats(i, step + at.STEP_TOTAL, floats, out, place)
        if ranked:
            place = put_int(out, place, i[step + at.STEP_BEYOND])
            place = _put_bins(i, step + at.STEP_COUNTS, out, place)
        last = i[step + at.STEP_NUMBER]
        step = i[step + at.STEP_NEXT]
    return place


@compiled
def get_steps(
    f: Floats,
    i: Ints,
    heads: Ints,
    first: int,
    whole: int,
    rules: Table,
    rule: int,
    data: Octets,
) -> None:
    """Read what ``put_steps`` wrote into an empty list; the arena has room.

    Args:
        f, i, heads: The arena.
        first: Where the address of the first one goes.
        whole: A histogram that theirs are added to; 0 for none.
        rules, rule: The table, and which row.
        data: The bytes.
    """
    judged = rules[rule, at.JUDGED]
    ranked = judged == at.JUDGED_RANK
    floats = 2 if ranked or judged == at.JUDGED_RATE else 1
    place = number = 0
    while place < len(data):
        distance, place = get_int(data, place)
        number += distance
        step = step_new(f, i, heads, number, rules, rule)
        i[step + at.STEP_SAMPLES], place = get_int(data, place)
        for word in range(step + at.STEP_TOTAL, step + at.STEP_TOTAL + floats):
            i[word] = 0
        place = _get_floats(i, step + at.STEP_TOTAL, floats, data, place)
        if ranked:
            i[step + at.STEP_BEYOND], place = get_int(data, place)
            place = _get_bins(i, heads, step + at.STEP_COUNTS, whole, data, place)
        step_append(i, first, step)
