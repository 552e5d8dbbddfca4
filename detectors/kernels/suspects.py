"""The sessions of a change that may be under way: the last 64 since evidence rose."""

from __future__ import annotations

from math import isnan
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.halves import (
    half,
    half_float,
    high_int,
    low,
    mixed,
    set_half,
    set_half_float,
)
from detectors.kernels.words import Floats, Ints, Table

FEW: Final = 4


@compiled
def keep(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    facets: int,
    at_us: int,
    ref: int,
    level: float,
    scratch: Floats,
) -> None:
    """Keep the sample at hand; the oldest makes room.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        facets: How many it has.
        at_us: The series' time.
        ref: By which its session's id and trace are found.
        level: What was expected of it in its hour, per unit of weight.
        scratch: Holds the sample.
    """
    ring = half(i, watch, at.SUSPECTS)
    if ring == 0:
        ring = ring_begin(i, heads, watch, facets, FEW)
    count, room = half(i, ring, at.R_COUNT), half(i, ring, at.R_ROOM)
    if count == room and room < at.MOST_SUSPECTS:
        ring = _widen(i, heads, watch, ring, facets)
        room = half(i, ring, at.R_ROOM)
    if count == room:
        set_half(i, ring, at.R_FIRST, (half(i, ring, at.R_FIRST) + 1) % room)
        count -= 1
    set_half(i, ring, at.R_COUNT, count + 1)
    suspect = entry(i, watch, count)
    i[suspect + at.S_AT_US] = at_us
    i[suspect + at.S_REF] = ref
    f[suspect + at.S_VALUE] = scratch[at.RAW]
    f[suspect + at.S_LEVEL] = level
    i[suspect + at.S_SAMPLE] = mixed(scratch[at.WEIGHTS], i[watch + at.SAMPLES])
    for place in range(facets):
        deviation = scratch[at.DEVIATIONS + place]
        set_half_float(i, suspect + at.S_DEVIATIONS, place, deviation)


@compiled
def suspect_width(facets: int) -> int:
    """Words of a suspect of so many facets."""
    return at.S_DEVIATIONS + (facets + 1) // 2


@compiled
def ring_begin(i: Ints, heads: Ints, watch: int, facets: int, room: int) -> int:
    """The address of a new ring that holds nothing; the arena has room."""
    width = suspect_width(facets)
    ring = take(i, heads, at.RING + room * width)
    set_half(i, watch, at.SUSPECTS, ring)
    set_half(i, ring, at.R_ROOM, room)
    set_half(i, ring, at.R_WIDTH, width)
    return ring


@compiled
def _widen(i: Ints, heads: Ints, watch: int, known: int, facets: int) -> int:
    room, width = half(i, known, at.R_ROOM), half(i, known, at.R_WIDTH)
    wide = ring_begin(i, heads, watch, facets, 2 * room)
    # A ring is widened before it has ever gone round: its first entry is the oldest.
    for word in range(at.RING, at.RING + room * width):
        i[wide + word] = i[known + word]
    set_half(i, wide, at.R_COUNT, room)
    give(i, heads, known, at.RING + room * width)
    return wide


@compiled
def clear(i: Ints, heads: Ints, watch: int) -> None:
    """Let go of all."""
    ring = half(i, watch, at.SUSPECTS)
    if ring:
        words = half(i, ring, at.R_ROOM) * half(i, ring, at.R_WIDTH)
        give(i, heads, ring, at.RING + words)
        set_half(i, watch, at.SUSPECTS, 0)


@compiled
def suspects_count(i: Ints, watch: int) -> int:
    """How many there are."""
    ring = half(i, watch, at.SUSPECTS)
    return half(i, ring, at.R_COUNT) if ring else 0


@compiled
def first_since(i: Ints, watch: int, number: int) -> int:
    """Which suspect is the first after a sample; the last one if none is."""
    count = suspects_count(i, watch)
    for which in range(count):
        if high_int(i[entry(i, watch, which) + at.S_SAMPLE]) > number:
            return int(which)
    return int(max(count - 1, 0))


@compiled
def entry(i: Ints, watch: int, which: int) -> int:
    """The address of a suspect, the oldest first."""
    ring = half(i, watch, at.SUSPECTS)
    place = (half(i, ring, at.R_FIRST) + which) % half(i, ring, at.R_ROOM)
    return ring + at.RING + place * half(i, ring, at.R_WIDTH)


@compiled
def levels(f: Floats, i: Ints, watch: int, first: int) -> tuple[float, float]:
    """What the suspects from one on were like together, and what was expected."""
    weight = total = expected = 0.0
    for which in range(first, suspects_count(i, watch)):
        suspect = entry(i, watch, which)
        own = low(i[suspect + at.S_SAMPLE])
        weight += own
        total += f[suspect + at.S_VALUE]
        expected += f[suspect + at.S_LEVEL] * own
    return total / weight, expected / weight


@compiled
def mean_deviation(i: Ints, watch: int, first: int, facet: int) -> float:
    """How far they lie on the bad side; each counts for 3 at most."""
    total, count = 0.0, 0
    for which in range(first, suspects_count(i, watch)):
        suspect = entry(i, watch, which)
        deviation = half_float(i, suspect + at.S_DEVIATIONS, facet)
        if not isnan(deviation):
            total += min(max(deviation, -3.0), 3.0)
            count += 1
    return total / count if count else 0.0


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
                told = suspects_count(i, watch)
                if known + told > len(out):
                    return False
                for which in range(told):
                    out[known] = i[entry(i, watch, which) + at.S_REF]
                    known += 1
        progress[0] += 1
        progress[1] = known
    return True
