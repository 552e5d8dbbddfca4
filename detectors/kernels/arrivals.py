"""How often a series hears of sessions.

What an hour usually brings is learned by ``week``. A gap is measured in the sessions
that should have come in it, and how large a measure may be says ``gaps``. Everything is
worked out when the first session of an hour comes, and holds for that hour: until then
a session costs a few additions.
"""

from __future__ import annotations

from math import exp
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.gaps import passed_rarely
from detectors.kernels.missing import FORGET, HOUR_US, come_by, work_out_usual
from detectors.kernels.week import (
    DAY,
    FADE_DAY,
    FADE_WEEK,
    PART,
    added,
    day_of,
    day_rate,
    faded,
    part_of,
    part_rate,
    part_visits,
    rate,
)
from detectors.kernels.words import Floats, Ints
from detectors.life.lifecycle import FAR

LEAST_HOURS: Final = 2 * DAY
LEAST_SESSIONS: Final = 15.0

_USUAL: Final = 20.0
"""Sessions for which it stands in that today is as usual."""
_RECENT: Final = 100.0
"""Sessions after which today's are forgotten."""
_SURGE: Final = 2.0
_SURGE_LEAST: Final = 10.0
"""An hour counts for no more than so many times the usual, and so many sessions."""

_GAPS_MEMORY: Final = 3_000.0

_RAISED: Final = 0.5
"""What a silence that was told adds to the factor on the limit, until it fades."""
_LEARNED: Final = 0.25
"""What a part of the week keeps of its factor after it was told silent as a whole."""


@compiled
def begin(f: Floats, i: Ints, watch: int, at_us: int) -> None:
    """Know nothing but that there was a session."""
    hour = at_us // HOUR_US
    i[watch + at.SEEN_US] = at_us
    for word in range(watch + at.HOUR_US, watch + at.SILENCE_WIDTH):
        f[word] = 0.0
    i[watch + at.HOUR_US] = hour * HOUR_US
    i[watch + at.FIRST_HOUR] = hour + 1
    f[watch + at.BUSY] = 1.0


@compiled
def arrive(
    f: Floats, i: Ints, watch: int, at_us: int, told: bool, scratch: Floats
) -> bool:
    """Take a session in; one of an hour that is over says nothing.

    Args:
        f, i: The arena.
        watch: Address of the words; ``SEEN_US`` is that of the newest session.
        at_us: When it ended.
        told: The silence before it was told: that is no usual gap.
        scratch: Where what is usual is worked out.

    Returns:
        Whether it is the first of its hour, and what is known has changed; then
        what is usual from now on stands in scratch.
    """
    last_us = i[watch + at.SEEN_US]
    if last_us == -FAR:
        begin(f, i, watch, at_us)
        return True
    hour_us = i[watch + at.HOUR_US]
    usual = f[watch + at.USUAL]
    if at_us < hour_us + HOUR_US:
        if at_us >= hour_us:
            f[watch + at.COUNT] += 1.0
        gap_us = at_us - last_us
        if gap_us > 0:
            if usual > 0.0 and not told:
                _measure(f, watch, usual * gap_us / HOUR_US)
            i[watch + at.SEEN_US] = at_us
        return False
    if at_us // HOUR_US - hour_us // HOUR_US > FORGET:
        begin(f, i, watch, at_us)
        return True
    work_out_usual(f, i, watch, scratch)
    if usual > 0.0 and not told:
        _measure(f, watch, come_by(f, i, watch, at_us, scratch))
    _turn(f, i, watch, at_us // HOUR_US, told, scratch)
    i[watch + at.SEEN_US] = at_us
    f[watch + at.COUNT] = 1.0
    return True


@compiled
def _measure(f: Floats, watch: int, sessions: float) -> None:
    f[watch + at.GAPS] += 1.0
    f[watch + at.GAPS_TOTAL] += sessions
    f[watch + at.GAPS_SQUARES] += sessions * sessions


@compiled
def _turn(
    f: Floats, i: Ints, watch: int, until: int, told: bool, scratch: Floats
) -> None:
    """Learn the hours that are over."""
    fade = exp(-f[watch + at.COUNT] / _GAPS_MEMORY)
    f[watch + at.GAPS] *= fade
    f[watch + at.GAPS_TOTAL] *= fade
    f[watch + at.GAPS_SQUARES] *= fade
    hour = i[watch + at.HOUR_US] // HOUR_US
    _learn(f, i, watch, hour, f[watch + at.COUNT], False, scratch)
    for later in range(hour + 1, until):
        _learn(f, i, watch, later, 0.0, told, scratch)
    i[watch + at.HOUR_US] = until * HOUR_US
    work_out_usual(f, i, watch, scratch)
    _judge(f, i, watch, scratch)


@compiled
def _learn(
    f: Floats,
    i: Ints,
    watch: int,
    hour: int,
    count: float,
    silent: bool,
    scratch: Floats,
) -> None:
    if hour < i[watch + at.FIRST_HOUR]:
        return
    day, part = day_of(hour), part_of(hour)
    expected = rate(scratch, hour)
    _enter(f, i, watch, hour, scratch)
    if not silent:
        fade = exp(-expected / _RECENT)
        f[watch + at.OF_LATE] = f[watch + at.OF_LATE] * fade + count
        f[watch + at.USUAL_OF_LATE] = f[watch + at.USUAL_OF_LATE] * fade + expected
    if f[watch + at.MISSING_MOST] > 0:
        # A surge is not how busy it usually is.
        count = min(count, _SURGE * expected + _SURGE_LEAST)
    # A silence that was told is not what the hour of the day usually brings.
    shown = scratch[at.RATES + day] if silent else count
    f[watch + at.BY_HOUR + day] = FADE_DAY * f[watch + at.BY_HOUR + day] + shown
    f[watch + at.PART_COUNT] += expected if silent else count
    if silent:
        f[watch + at.PART_SILENT] += 1.0
    if day % PART == PART - 1:
        if hour - PART + 1 >= i[watch + at.FIRST_HOUR]:
            _learn_part(f, i, watch, part, hour, scratch)
        f[watch + at.PART_COUNT] = f[watch + at.PART_SILENT] = 0.0
    if day == DAY - 1:
        f[watch + at.TIMES_TOLD] *= FADE_DAY


@compiled
def _enter(f: Floats, i: Ints, watch: int, hour: int, scratch: Floats) -> None:
    """A day that is its own measure says nothing of other days."""
    if day_of(hour) == 0:
        apart = scratch[at.WEIGHTS_OF_PARTS + part_of(hour)] == 0
        if apart or i[watch + at.APART]:
            f[watch + at.OF_LATE] = f[watch + at.USUAL_OF_LATE] = 0.0
        i[watch + at.APART] = int(apart)


@compiled
def _learn_part(
    f: Floats, i: Ints, watch: int, part: int, hour: int, scratch: Floats
) -> None:
    place = watch + at.BY_PART + part
    kept = FADE_WEEK * f[place] + f[watch + at.PART_COUNT]
    if f[watch + at.PART_SILENT] == PART:
        # Silent from end to end, it may be so for good.
        visits = part_visits(part, i[watch + at.FIRST_HOUR], hour - PART + 1) + 1
        daily = scratch[at.FACTORS_OF_PARTS + part] * part_rate(scratch, part)
        kept = _LEARNED * daily * faded(visits, FADE_WEEK)
    f[place] = kept


@compiled
def remember_told(f: Floats, i: Ints, watch: int, scratch: Floats) -> None:
    """A silence that was told is over: the next one has to be longer."""
    f[watch + at.TIMES_TOLD] += 1.0
    work_out_usual(f, i, watch, scratch)
    _judge(f, i, watch, scratch)


@compiled
def _judge(f: Floats, i: Ints, watch: int, scratch: Floats) -> None:
    """Work out rate, level and limit for the hour that has begun."""
    hour = i[watch + at.HOUR_US] // HOUR_US
    _enter(f, i, watch, hour, scratch)
    held = min(scratch[at.WEIGHTS_OF_PARTS + part_of(hour)], _USUAL)
    f[watch + at.BUSY] = 1.0
    if f[watch + at.USUAL_OF_LATE] > 0:
        seen = (held + f[watch + at.OF_LATE]) / (held + f[watch + at.USUAL_OF_LATE])
        f[watch + at.BUSY] = min(1.0, seen)
    f[watch + at.USUAL] = f[watch + at.MISSING_MOST] = 0.0
    age = hour - i[watch + at.FIRST_HOUR]
    if age >= DAY and held:
        f[watch + at.USUAL] = rate(scratch, hour) * f[watch + at.BUSY]
    if age >= LEAST_HOURS and added(f, watch + at.BY_HOUR, DAY) >= LEAST_SESSIONS:
        rare = passed_rarely(
            f[watch + at.GAPS],
            f[watch + at.GAPS_TOTAL],
            f[watch + at.GAPS_SQUARES],
            day_rate(scratch),
        )
        f[watch + at.MISSING_MOST] = rare * (1 + _RAISED * f[watch + at.TIMES_TOLD])
