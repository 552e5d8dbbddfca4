"""The profiles of a drift rule on a series: begun, taught, and turned to.

Each facet has its own. Sessions of one stratum are held against its own level, so that
all of them teach one profile.
"""

from __future__ import annotations

from math import isnan

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.bets import bets_turn
from detectors.kernels.creeps import creeps_release
from detectors.kernels.halves import half, set_half
from detectors.kernels.learning import drop_waiting
from detectors.kernels.moments import moment
from detectors.kernels.norms import (
    FEWEST,
    TURNED,
    norm_mean,
    norm_samples,
    norm_turn,
)
from detectors.kernels.scales import RATE, there
from detectors.kernels.season import (
    MOVED,
    SEASON_WIDTH,
    USED,
    season_begin,
    season_see,
    season_turns,
)
from detectors.kernels.words import Floats, Ints, Table
from detectors.normal.season import BEGUN, HOUR_US, LEAST_HOURS, MEMORY, OFTEN


@compiled
def season_learn(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    scratch: Floats,
    places: Ints,
    held: bool,
    now_us: int,
) -> None:
    """Teach the sample at hand to the profiles, or see whether there are to be any.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
        scratch, places: Hold the sample.
        held: Whether an alert is open.
        now_us: The series' time.
    """
    if half(i, watch, at.SEASON) <= 0:
        if i[watch + at.SAMPLES] % BEGUN == 0:
            _begin(f, i, heads, watch, rules, rule, facets, now_us // HOUR_US)
        return
    first, hour = rules[rule, at.FACET], places[at.ENDED_US] // HOUR_US
    stratum = places[at.STRATUM]
    if half(i, stratum, at.LEVELS) == 0:
        set_half(i, stratum, at.LEVELS, take(i, heads, at.LEVELS_WIDTH))
    for place in range(rules[rule, at.FACETS]):
        usual = half(i, stratum, at.LEVELS) + 2 * place
        norm = stratum + at.NORMS + facets[first + place, at.NORM_AT]
        level, sessions = f[usual], i[usual + 1]
        if sessions == 0:
            level = norm_mean(i, norm)
            sessions = min(norm_samples(i, norm), TURNED)
        value = scratch[at.RAW + place]
        if isnan(value) or sessions < FEWEST:
            continue
        season = half(i, watch, at.SEASON) + place * SEASON_WIDTH
        off = there(value, facets[first + place, at.SCALE]) - level
        left = season_see(f, i, season, off, hour, held)
        if not held:
            sessions = min(sessions + 1, MEMORY)
            level += left / sessions
        f[usual], i[usual + 1] = level, sessions
        if f[season + MOVED] != 0.0:
            _move(f, i, watch, place, f[season + MOVED])
        if not held and season_turns(f, i, season):
            i[season + USED] = 1 - i[season + USED]
            _turn(f, i, heads, watch, rules, rule, facets, place, now_us)


@compiled
def _begin(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    hour: int,
) -> None:
    """A series with many sessions may have a season."""
    first, count = rules[rule, at.FACET], rules[rule, at.FACETS]
    if hour <= 0 or facets[first, at.SCALE] >= RATE:
        return
    begun = half(i, watch, at.SEASON)
    if begun == 0:
        set_half(i, watch, at.SEASON, -hour)
        return
    hours = hour + begun
    if hours >= LEAST_HOURS and i[watch + at.SAMPLES] >= hours * OFTEN:
        season = take(i, heads, count * SEASON_WIDTH)
        set_half(i, watch, at.SEASON, season)
        for place in range(count):
            season_begin(f, i, season + place * SEASON_WIDTH)


@compiled
def _move(f: Floats, i: Ints, watch: int, place: int, moved: float) -> None:
    """What all hours have in common belongs to the levels."""
    stratum = half(i, watch, at.STRATA)
    while stratum:
        usual = half(i, stratum, at.LEVELS)
        if usual and i[usual + 2 * place + 1]:
            f[usual + 2 * place] += moved
        stratum = half(i, stratum, at.NEXT)


@compiled
def _turn(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    place: int,
    now_us: int,
) -> None:
    """A profile comes into use, or goes out of it: what is normal begins anew."""
    facet, width = rules[rule, at.FACET] + place, rules[rule, at.NORMS_WIDTH]
    drop_waiting(i, heads, watch, rules[rule, at.FACETS])
    set_half(i, watch, at.RENEWED, at.NEVER)
    stratum = half(i, watch, at.STRATA)
    while stratum:
        anchor = half(i, stratum, at.ANCHOR)
        if anchor:
            give(i, heads, anchor, width)
            set_half(i, stratum, at.ANCHOR, 0)
        usual = half(i, stratum, at.LEVELS)
        if usual and i[usual + 2 * place + 1]:
            norm = stratum + at.NORMS + facets[facet, at.NORM_AT]
            norm_turn(f, i, norm, f[usual + 2 * place], facets[facet, at.SCALE])
        stratum = half(i, stratum, at.NEXT)
    bets = watch + facets[facet, at.BETS_AT]
    bets_turn(i, bets, facets[facet, at.TAIL] != 0)
    i[watch + at.LAST_BET] = moment(i[watch + at.SAMPLES], now_us)
    creeps_release(i, watch, rules, rule, facets, now_us, True)
