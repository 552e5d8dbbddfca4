"""How many sessions are missing, and when their silence is no chance.

A rate that few sessions speak for is discounted. Where the posterior of a rate is
Gamma(S, S / r), no session comes in a time t with probability (1 + r t / S) ** -S: what a
certain rate says at x sessions is said at S (exp(x / S) - 1). A Saturday or Sunday that
has never been seen is held against its own sessions alone.
"""

from __future__ import annotations

from math import expm1
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.week import AROUND, DAY, WEEK, day_of, part_of, rate, work_out
from detectors.kernels.words import Floats, Ints
from detectors.life.lifecycle import FAR

HOUR_US: Final = 3_600_000_000

FORGET: Final = 8 * WEEK
"""After so many hours without a session it begins anew."""
_AHEAD: Final = 4 * WEEK
"""No silence is foreseen further ahead, in hours."""
_MOST_DOUBT: Final = 500.0


@compiled
def work_out_usual(f: Floats, i: Ints, watch: int, scratch: Floats) -> None:
    """What is usual, from the hours that are over."""
    work_out(
        f,
        watch + at.BY_HOUR,
        watch + at.BY_PART,
        i[watch + at.FIRST_HOUR],
        i[watch + at.HOUR_US] // HOUR_US,
        scratch,
    )


@compiled
def _sure(f: Floats, i: Ints, watch: int, hour: int, scratch: Floats) -> float:
    """Sessions that speak for the rate of an hour; 0 where nothing is expected."""
    known: float = scratch[at.WEIGHTS_OF_PARTS + part_of(hour)]
    if known == 0 and hour // DAY != i[watch + at.HOUR_US] // HOUR_US // DAY:
        return 0.0
    known += f[watch + at.OF_LATE]
    if known == 0:
        return 0.0
    backing = f[watch + at.BY_HOUR + day_of(hour)] + AROUND
    return float(1 / (1 / backing + 1 / known))


@compiled
def come_by(f: Floats, i: Ints, watch: int, until_us: int, scratch: Floats) -> float:
    """Sessions that should have come since the newest one; what is usual is in scratch."""
    found, at_us = 0.0, i[watch + at.SEEN_US]
    first = i[watch + at.HOUR_US] // HOUR_US
    for hour in range(first, min(until_us // HOUR_US, first + FORGET) + 1):
        end_us = min(until_us, (hour + 1) * HOUR_US)
        if _sure(f, i, watch, hour, scratch) > 0:
            found += rate(scratch, hour) * (end_us - at_us) / HOUR_US
        at_us = end_us
    return float(found * f[watch + at.BUSY])


@compiled
def expected(f: Floats, i: Ints, watch: int, until_us: int, scratch: Floats) -> float:
    """Sessions that should have come between the newest one and a time."""
    work_out_usual(f, i, watch, scratch)
    return come_by(f, i, watch, until_us, scratch)


@compiled
def foreseen(f: Floats, i: Ints, watch: int, scratch: Floats) -> int:
    """When the silence since the newest session is to be told; FAR if never.

    What is usual stands in scratch.
    """
    most, level = f[watch + at.MISSING_MOST], f[watch + at.BUSY]
    if most == 0 or level == 0:
        return FAR
    need, at_us = most / level, i[watch + at.SEEN_US]
    first = i[watch + at.HOUR_US] // HOUR_US
    for hour in range(first, first + _AHEAD):
        sure = _sure(f, i, watch, hour, scratch)
        end_us = (hour + 1) * HOUR_US
        if sure > 0:
            doubt = min(most / sure, _MOST_DOUBT)
            usual = rate(scratch, hour) * doubt / expm1(doubt)
            come = usual * (end_us - at_us) / HOUR_US
            if come >= need:
                return int(at_us + int(need / usual * HOUR_US) + 1)
            need -= come
        at_us = end_us
    return FAR


@compiled
def due(f: Floats, i: Ints, watch: int, scratch: Floats) -> int:
    """The same where nothing has been worked out yet."""
    if f[watch + at.MISSING_MOST] == 0:
        return FAR
    work_out_usual(f, i, watch, scratch)
    return foreseen(f, i, watch, scratch)
