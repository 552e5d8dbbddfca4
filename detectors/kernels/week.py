"""How many sessions an hour usually brings, by hour of the day and part of the week.

An hour's rate is that of its hour of the day times the factor of its part of the week,
a quarter of a day. That is 24 and 28 numbers where every hour of the week would be 168,
and a week is known after two days. Visits fade with a memory of four weeks. Hours are
counted since 1970, days are UTC's.

What is usual is worked out into scratch: sessions in each hour of the day on an average
day of the week, then the factor of each part of the week, then the sessions that speak
for each part: none for a Saturday or Sunday that has not been seen yet, for it may be
a day of rest.
"""

from __future__ import annotations

from math import pow as power
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.words import Floats

DAY: Final = at.HOURS_OF_DAY
WEEK: Final = 168
PART: Final = 6
"""Hours in a part of the week."""
PARTS: Final = at.PARTS_OF_WEEK

_THURSDAY: Final = 72
"""Hours from a Monday to the day on which counting begins."""
_WORKDAYS: Final = 5 * DAY // PART

FADE_DAY: Final = 0.965
FADE_WEEK: Final = FADE_DAY**7

AROUND: Final = 6.0
"""Sessions for which the hours before and after stand in."""
_ALIKE: Final = 10.0
"""Sessions for which it stands in that weekdays are alike."""
_SPARE: Final = 0.5
"""Sessions added to a part of the week, so that none is impossible."""


@compiled
def day_of(hour: int) -> int:
    """Hour of the day of an hour since 1970."""
    return hour % DAY


@compiled
def part_of(hour: int) -> int:
    """Part of the week of an hour since 1970.

    >>> part_of(0), part_of(96)
    (12, 0)
    """
    return (hour + _THURSDAY) % WEEK // PART


@compiled
def faded(visits: int, fade: float) -> float:
    """So many visits, each counted ``fade`` times the one after it."""
    return (1 - power(fade, float(visits))) / (1 - fade) if visits > 0 else 0.0


@compiled
def part_visits(part: int, begun: int, hour: int) -> int:
    """How often a part has been seen from end to end, from one hour to another."""
    first = begun + (part * PART - begun - _THURSDAY) % WEEK
    return int(max(0, (hour - PART - first) // WEEK + 1))


@compiled
def rate(scratch: Floats, hour: int) -> float:
    """Sessions that an hour usually brings, once ``work_out`` has been called."""
    usual: float = scratch[at.RATES + day_of(hour)]
    factor: float = scratch[at.FACTORS_OF_PARTS + part_of(hour)]
    return usual * factor


@compiled
def day_rate(scratch: Floats) -> float:
    """Sessions of a usual day."""
    return added(scratch, at.RATES, DAY)


@compiled
def part_rate(scratch: Floats, part: int) -> float:
    """Sessions of a part of the week, were it as busy as others."""
    return added(scratch, at.RATES + part * PART % DAY, PART)


@compiled
def added(numbers: Floats, first: int, count: int) -> float:
    """The sum, added up in order."""
    total = 0.0
    for place in range(first, first + count):
        total += numbers[place]
    return total


@compiled
def work_out(
    f: Floats, hours: int, parts: int, begun: int, hour: int, scratch: Floats
) -> None:
    """Work out what is usual.

    Args:
        f: The arena.
        hours: Where sessions by hour of the day are, faded by ``FADE_DAY``: 24.
        parts: And by part of the week, faded by ``FADE_WEEK``: 28.
        begun: First hour that was counted.
        hour: First that is not over.
        scratch: Takes what was found.
    """
    before, known = -1, 0.0
    for day in range(DAY):
        visits = (hour - 1 - begun - (day - begun) % DAY) // DAY + 1
        if visits != before:
            # Of the hours of a day some have been seen once more than the others.
            before, known = visits, faded(visits, FADE_DAY)
        scratch[at.SHOWN + day] = known
        scratch[at.AS_SEEN + day] = f[hours + day] / known if known else 0.0
    for day in range(DAY):
        around = (
            scratch[at.AS_SEEN + (day - 1) % DAY]
            + 2 * scratch[at.AS_SEEN + day]
            + scratch[at.AS_SEEN + (day + 1) % DAY]
        ) / 4
        found = 0.0
        if around:
            found = (f[hours + day] + AROUND) / (
                scratch[at.SHOWN + day] + AROUND / around
            )
        scratch[at.RATES + day] = found
    before, known = -1, 0.0
    for part in range(PARTS):
        visits = part_visits(part, begun, hour)
        if visits != before:
            before, known = visits, faded(visits, FADE_WEEK)
        sessions = f[parts + part]
        factor, weight = 1.0, 0.0 if part >= _WORKDAYS else _ALIKE
        if visits:
            expected = known * part_rate(scratch, part)
            factor = (sessions + _SPARE) / (expected + _SPARE)
            weight = sessions + _SPARE
        scratch[at.FACTORS_OF_PARTS + part] = factor
        scratch[at.WEIGHTS_OF_PARTS + part] = weight
