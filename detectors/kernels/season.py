"""The profile of one number of a series, as words; see ``detectors.normal.season``.

How often an hour has been seen, and whether an alert was open the last time, are five
bits of a word.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.words import Floats, Ints
from detectors.normal.season import (
    BUCKETS,
    EARNED,
    FEWEST,
    HOURS,
    LEAST_VARIANCE,
    LEAST_WON,
    MEMORY,
    MOST_VISITS,
    MOST_WON,
    PART,
    RESTDAYS,
    SETTLED,
    SHRUNK,
    THURSDAY,
    TINY,
    VISITS,
    VISITS_REMEMBERED,
    WANDERS,
    WINSOR,
    WORKDAYS,
)

HOUR, COUNT, TOTAL, HELD = 0, 1, 2, 3
"""The visit under way: hour since 1970, sessions, their sum, whether an alert was
open."""
WON: Final = 4
USED: Final = 5
"""Integer."""
MOVED: Final = 6
"""How far the level has moved with the last session."""
SEEN, VARIANCE = 7, 8
"""Sessions, an integer, and their spread around the profile."""
VISITED, EXCESS = 9, 10
"""Visits, an integer, and by how much they spread more than by chance."""
LEFT, AFTER, TOGETHER = 11, 12, 13
"""What the profile left over of the last visit; means of its square, and of its product
with that of the visit before."""
KNOWN: Final = 14
"""Integers: twelve hours each."""
UNSURE: Final = 18
"""How much of what visits differ by is chance."""
MEANS: Final = 19
SEASON_WIDTH: Final = MEANS + BUCKETS

_BITS: Final = 5
_EACH: Final = 12
_WHOLE: Final = 31
_COUNT: Final = 15
_HELD: Final = 16


@compiled
def season_begin(f: Floats, i: Ints, at: int) -> None:
    """Make the words, all of them zero, those of a profile that has seen nothing."""
    i[at + HOUR] = -1
    f[at + UNSURE] = 1.0


@compiled
def _bucket(hour: int) -> int:
    bucket = hour % HOURS
    if (hour // HOURS + THURSDAY) % 7 >= WORKDAYS:
        bucket += HOURS
    return int(bucket)


@compiled
def _noted(i: Ints, at: int, bucket: int) -> int:
    """What is noted of an hour: its visits, and ``_HELD``."""
    return int(i[at + KNOWN + bucket // _EACH] >> (bucket % _EACH * _BITS)) & _WHOLE


@compiled
def _note(i: Ints, at: int, bucket: int, noted: int) -> None:
    word, shift = at + KNOWN + bucket // _EACH, bucket % _EACH * _BITS
    i[word] = (i[word] & ~(_WHOLE << shift)) | (noted << shift)


@compiled
def season_expects(f: Floats, i: Ints, at: int, hour: int) -> float:
    """How far above its level the number is expected in an hour; 0 if unknown."""
    bucket = _bucket(hour)
    known = _noted(i, at, bucket) & _COUNT
    mean: float = f[at + MEANS + bucket]
    if known < VISITS:
        other = (bucket + HOURS) % BUCKETS
        more = _noted(i, at, other) & _COUNT
        total = known + more
        if total < VISITS:
            return 0.0
        mean += (f[at + MEANS + other] - mean) * more / total
        known = total
    unsure: float = f[at + UNSURE]
    return mean * (known / (known + SHRUNK * unsure))


@compiled
def season_see(f: Floats, i: Ints, at: int, off: float, hour: int, held: bool) -> float:
    """Take a session in.

    Args:
        f: Words.
        i: Words.
        at: Where the profile begins.
        off: How far above the level its number lies, in its scale.
        hour: In which it ended, since 1970.
        held: Whether an alert is open.

    Returns:
        What is left of ``off`` by the profile, winsorised; 0 of a late session.
    """
    f[at + MOVED] = 0.0
    if hour < i[at + HOUR]:
        return 0.0
    if hour > i[at + HOUR]:
        if i[at + COUNT] >= FEWEST:
            _end(f, i, at)
            off -= f[at + MOVED]
        i[at + HOUR] = hour
        i[at + COUNT] = i[at + HELD] = 0
        f[at + TOTAL] = 0.0
    expected = season_expects(f, i, at, hour)
    left = off - expected
    variance: float = f[at + VARIANCE]
    if i[at + SEEN] >= SETTLED:
        reach = WINSOR * sqrt(max(variance, LEAST_VARIANCE))
        left = min(max(left, -reach), reach)
    i[at + SEEN] = seen = min(i[at + SEEN] + 1, MEMORY)
    part = 1 / seen
    f[at + VARIANCE] = (1 - part) * (variance + part * left * left)
    i[at + COUNT] += 1
    f[at + TOTAL] += expected + left
    if held:
        i[at + HELD] = 1
    return left


@compiled
def _end(f: Floats, i: Ints, at: int) -> None:
    """The visit is over: score it, then learn it."""
    hour, count, held = i[at + HOUR], i[at + COUNT], i[at + HELD] != 0
    bucket = _bucket(hour)
    noted = _noted(i, at, bucket)
    again, known = noted & _HELD, noted & _COUNT
    mark = _HELD if held else 0
    _note(i, at, bucket, known | mark)
    mean = f[at + TOTAL] / count
    chance = f[at + VARIANCE] / count
    expected = season_expects(f, i, at, hour)
    excess: float = f[at + EXCESS]
    if expected != 0.0 and not (held and i[at + USED]):
        _score(f, at, mean, expected, max(excess, 0.0) + chance)
    if held and not again:
        return
    i[at + VISITED] = visited = min(i[at + VISITED] + 1, VISITS_REMEMBERED)
    excess += (mean * mean - chance - excess) / visited
    f[at + EXCESS] = excess
    f[at + UNSURE] = chance / (max(excess, 0.0) + chance + TINY)
    known = min(known + 1, MOST_VISITS)
    _note(i, at, bucket, known | mark)
    f[at + MEANS + bucket] += (mean - f[at + MEANS + bucket]) / known
    total = weight = 0.0
    for each in range(BUCKETS):
        if _noted(i, at, each) & _COUNT:
            days = WORKDAYS if each < HOURS else RESTDAYS
            total += days * f[at + MEANS + each]
            weight += days
    f[at + MOVED] = moved = total / weight
    for each in range(BUCKETS):
        if _noted(i, at, each) & _COUNT:
            f[at + MEANS + each] -= moved


@compiled
def _score(f: Floats, at: int, mean: float, expected: float, variance: float) -> None:
    left = mean - expected
    gain = (mean * mean - left * left) / (2 * variance)
    if gain > 0 and f[at + AFTER] > 0:
        wander = min(max(f[at + TOGETHER] / f[at + AFTER], 0.0), WANDERS)
        gain *= (1 - wander) / (1 + wander)
    f[at + WON] = min(max(f[at + WON] + gain, LEAST_WON), MOST_WON)
    f[at + AFTER] += PART * (left * left - f[at + AFTER])
    f[at + TOGETHER] += PART * (left * f[at + LEFT] - f[at + TOGETHER])
    f[at + LEFT] = left


@compiled
def season_turns(f: Floats, i: Ints, at: int) -> bool:
    """Whether the profile has earned its use just now, or lost it."""
    return bool(f[at + WON] <= 0.0 if i[at + USED] else f[at + WON] > EARNED)
