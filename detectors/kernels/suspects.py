"""The sessions of a change that may be under way: the last 64 since evidence rose."""

from __future__ import annotations

from math import isnan
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.words import Floats, Ints, Table

FEW: Final = 4


@compiled
def keep(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    at_us: int,
    ref: int,
    level: float,
    scratch: Floats,
) -> None:
    """Keep the sample at hand; the oldest makes room.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        at_us: The series' time.
        ref: By which its session's id and trace are found.
        level: What was expected of it in its hour, per unit of weight.
        scratch: Holds the sample.
    """
    count = i[watch + at.SUSPECTS_COUNT]
    room = i[watch + at.SUSPECTS_ROOM]
    if i[watch + at.SUSPECTS] == 0:
        room = FEW
        i[watch + at.SUSPECTS] = take(i, heads, room * at.SUSPECT_WIDTH)
        i[watch + at.SUSPECTS_ROOM] = room
        i[watch + at.SUSPECTS_FIRST] = 0
    elif count == room and room < at.MOST_SUSPECTS:
        room = _widen(i, heads, watch)
    if count == room:
        i[watch + at.SUSPECTS_FIRST] = (i[watch + at.SUSPECTS_FIRST] + 1) % room
        count -= 1
    last = (i[watch + at.SUSPECTS_FIRST] + count) % room
    i[watch + at.SUSPECTS_COUNT] = count + 1
    suspect = i[watch + at.SUSPECTS] + last * at.SUSPECT_WIDTH
    i[suspect + at.S_NUMBER] = i[watch + at.SAMPLES]
    i[suspect + at.S_AT_US] = at_us
    i[suspect + at.S_REF] = ref
    f[suspect + at.S_VALUE] = scratch[at.RAW]
    f[suspect + at.S_WEIGHT] = scratch[at.WEIGHTS]
    f[suspect + at.S_LEVEL] = level
    for place in range(at.MOST_FACETS):
        f[suspect + at.S_DEVIATIONS + place] = scratch[at.DEVIATIONS + place]


@compiled
def _widen(i: Ints, heads: Ints, watch: int) -> int:
    known, room = i[watch + at.SUSPECTS], i[watch + at.SUSPECTS_ROOM]
    wide = take(i, heads, 4 * room * at.SUSPECT_WIDTH)
    # A ring is widened before it has ever gone round: its first entry is the oldest.
    for word in range(room * at.SUSPECT_WIDTH):
        i[wide + word] = i[known + word]
    give(i, heads, known, room * at.SUSPECT_WIDTH)
    i[watch + at.SUSPECTS] = wide
    i[watch + at.SUSPECTS_ROOM] = 4 * room
    return int(4 * room)


@compiled
def clear(i: Ints, heads: Ints, watch: int) -> None:
    """Let go of all."""
    if i[watch + at.SUSPECTS]:
        give(
            i,
            heads,
            i[watch + at.SUSPECTS],
            i[watch + at.SUSPECTS_ROOM] * at.SUSPECT_WIDTH,
        )
        i[watch + at.SUSPECTS] = i[watch + at.SUSPECTS_COUNT] = 0
        i[watch + at.SUSPECTS_ROOM] = i[watch + at.SUSPECTS_FIRST] = 0


@compiled
def first_since(i: Ints, watch: int, number: int) -> int:
    """Which suspect is the first after a sample; the last one if none is."""
    count = i[watch + at.SUSPECTS_COUNT]
    for which in range(count):
        if i[entry(i, watch, which) + at.S_NUMBER] > number:
            return int(which)
    return int(max(count - 1, 0))


@compiled
def entry(i: Ints, watch: int, which: int) -> int:
    """The address of a suspect, the oldest first."""
    place = (i[watch + at.SUSPECTS_FIRST] + which) % i[watch + at.SUSPECTS_ROOM]
    return int(i[watch + at.SUSPECTS] + place * at.SUSPECT_WIDTH)


@compiled
def levels(f: Floats, i: Ints, watch: int, first: int) -> tuple[float, float]:
    """What the suspects from one on were like together, and what was expected."""
    weight = total = expected = 0.0
    for which in range(first, i[watch + at.SUSPECTS_COUNT]):
        suspect = entry(i, watch, which)
        weight += f[suspect + at.S_WEIGHT]
        total += f[suspect + at.S_VALUE]
        expected += f[suspect + at.S_LEVEL] * f[suspect + at.S_WEIGHT]
    return total / weight, expected / weight


@compiled
def mean_deviation(f: Floats, i: Ints, watch: int, first: int, facet: int) -> float:
    """How far they lie on the bad side; each counts for 3 at most."""
    total, count = 0.0, 0
    for which in range(first, i[watch + at.SUSPECTS_COUNT]):
        suspect = entry(i, watch, which)
        deviation = f[suspect + at.S_DEVIATIONS + facet]
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
                told = i[watch + at.SUSPECTS_COUNT]
                if known + told > len(out):
                    return False
                for which in range(told):
                    out[known] = i[entry(i, watch, which) + at.S_REF]
                    known += 1
        progress[0] += 1
        progress[1] = known
    return True
