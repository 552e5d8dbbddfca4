"""Creeps: a series that becomes worse by so little a day that what is normal follows.

Sessions are held against the level of one to two weeks ago as well. What the bet on
them has won since its last low is evidence as that of the other bets is (``bets``),
and the price of its one small tilt is that of normal deviations: so small a tilt hardly
knows one shape from another. Of what was learned since then it is the mean alone that
counts: deviations are those of today, and the mean has moved by so many more.

Only what a series spends is watched so, in all and in tokens a call: what a provider or
a task does to it passes, what is added to a prompt stays. Prices do not creep; what they
are per token does where tokens become fewer, which is no harm.
"""

from __future__ import annotations

from math import exp, isnan, log, sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.halves import halves, high, low
from detectors.kernels.moments import number_of
from detectors.kernels.norms import (
    LEVEL,
    norm_mean,
    norm_move,
    norm_samples,
    norm_spread,
)
from detectors.kernels.numbers import finite
from detectors.kernels.scales import back, there
from detectors.kernels.suspects import first_since, levels
from detectors.kernels.words import Floats, Grid, Ints, Table

MARK_US: Final = 0
"""Integer: when a level was noted last, or none was yet; then the facets'."""

WON: Final = 0
"""Nats since the last low, and the price of the bet; 0 while nothing is noted."""
MEANS: Final = 1
"""The mean that sessions are held against, and the one that takes its place."""
BEGUN: Final = 2
"""The moment of that low, once something was won since."""
CREEP_WIDTH: Final = 3

FIRST_SAMPLES: Final = 200
FIRST_US: Final = 2 * 86_400 * 1_000_000
"""A level is known once it rests on so many samples, and days."""

PERIOD_US: Final = 7 * 86_400 * 1_000_000
"""A level is noted so often."""

TILT: Final = 0.2
"""In deviations: the shift of the mean that the bet is best for."""

METRIC_TOO: Final = 2.5
"""Nats that the metric itself must show where another facet shows the creep: dearer
tokens that are fewer are no rise in cost."""

UNSUSPICIOUS: Final = 3.0
"""Nats by which a creep is less suspicious than a change: it takes days, and the last
sessions are all that is kept."""

BACK_MORE: Final = 3.0
"""Nats that the way back must show beyond the usual: few sessions say little of so small
a shift, and what has not ended would be told again."""

_CAUTION: Final = 1.0
"""By how many standard errors the level may be wrong."""

_FLOOR, _CEILING = -2.5, 3.5
_OVERSHOOT: Final = 3.0
_MEAN: Final = exp(TILT**2 / 2)
_SPREAD: Final = sqrt(exp(2 * TILT**2) - exp(TILT**2))


@compiled
def creeps_bet(
    i: Ints,
    watch: int,
    rules: Table,
    floats: Grid,
    rule: int,
    facets: Table,
    signs: Grid,
    scratch: Floats,
    norms: int,
    now_us: int,
) -> float:
    """Take the sample at hand in as evidence of a creep.

    Args:
        i: The arena.
        watch: The rule's state on the series.
        rules, floats: The table of rules.
        rule: Which row.
        facets, signs: The table of facets.
        scratch: Holds the sample, scored.
        norms: Where the norms of its stratum begin.
        now_us: The series' time.

    Returns:
        The most evidence of a facet, in nats.
    """
    first, last = rules[rule, at.FACET], i[watch + at.LAST_BET]
    most = 0.0
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        words = watch + facets[facet, at.CREEP_AT]
        deviation = scratch[at.DEVIATIONS + place]
        won, price = low(i[words + WON]), high(i[words + WON])
        known = facets[facet, at.CREEPS_TOO] and price > 0.0
        if known and not isnan(deviation):
            norm = norms + facets[facet, at.NORM_AT]
            moved = norm_mean(i, norm) - low(i[words + MEANS])
            spread = norm_spread(i, norm, facets[facet, at.SCALE])
            off = deviation + signs[facet, at.FACET_SIGN] * moved / spread
            held = min(max(off, _FLOOR), _CEILING)
            # What the metric itself holds back must be able to fade.
            total = min(
                won + (TILT * held - price), floats[rule, at.ENOUGH] + _OVERSHOOT
            )
            i[words + WON] = halves(max(total, 0.0), price)
            before, won = won, low(i[words + WON])
            if before == 0.0 and won > 0.0:
                i[words + BEGUN] = last
        most = max(most, won)
    _note(i, watch, rules, rule, facets, norms, now_us)
    return most


@compiled
def _note(
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    norms: int,
    now_us: int,
) -> None:
    """Note the level of today, once it is due."""
    mark, first = watch + rules[rule, at.CREEPS] + MARK_US, rules[rule, at.FACET]
    if i[mark] == 0:
        i[mark] = now_us
    known = high(i[watch + facets[first, at.CREEP_AT] + WON]) > 0.0
    enough = (
        known or norm_samples(i, norms + facets[first, at.NORM_AT]) >= FIRST_SAMPLES
    )
    if not enough or now_us - i[mark] < (PERIOD_US if known else FIRST_US):
        return
    i[mark] = now_us
    for facet in range(first, first + rules[rule, at.FACETS]):
        words = watch + facets[facet, at.CREEP_AT]
        norm = norms + facets[facet, at.NORM_AT]
        if high(i[words + WON]) > 0.0:
            i[words + MEANS] = halves(high(i[words + MEANS]), norm_mean(i, norm))
        elif norm_samples(i, norm) >= FIRST_SAMPLES:
            mean = norm_mean(i, norm)
            i[words + MEANS] = halves(mean, mean)
            unsure = _CAUTION * _SPREAD / sqrt(norm_samples(i, norm))
            i[words + WON] = halves(0.0, log(_MEAN + unsure))


@compiled
def creeps_worst(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    floats: Grid,
    rule: int,
    facets: Table,
    norms: int,
) -> int:
    """The facet with the most evidence of a creep; -1 where the metric shows none."""
    first = rules[rule, at.FACET]
    best, most = 0, 0.0
    for place in range(rules[rule, at.FACETS]):
        won = low(i[watch + facets[first + place, at.CREEP_AT] + WON])
        if won > most:
            best, most = place, won
    metric = watch + facets[first, at.CREEP_AT]
    begun = i[watch + facets[first + best, at.CREEP_AT] + BEGUN]
    since = first_since(i, watch, number_of(begun, i[watch + at.SAMPLES]))
    value, _ = levels(f, i, watch, since)
    old = creeps_level(f, i, metric, norms, facets[first, at.SCALE])
    if low(i[metric + WON]) > METRIC_TOO and floats[rule, at.SIGN] * (value - old) > 0:
        return int(best)
    return -1


@compiled
def creeps_level(f: Floats, i: Ints, words: int, norm: int, scale: int) -> float:
    """The level that a metric is held against, in its own unit."""
    step = low(i[words + MEANS]) - norm_mean(i, norm)
    return finite(back(there(f[norm + LEVEL], scale) + step, scale))


@compiled
def creeps_moved(
    i: Ints,
    watch: int,
    facets: Table,
    signs: Grid,
    facet: int,
    norms: int,
) -> float:
    """By how many deviations what is normal has become worse since then."""
    norm = norms + facets[facet, at.NORM_AT]
    moved = norm_mean(i, norm) - low(i[watch + facets[facet, at.CREEP_AT] + MEANS])
    spread = norm_spread(i, norm, facets[facet, at.SCALE])
    return float(signs[facet, at.FACET_SIGN] * moved / spread)


@compiled
def creeps_unlearn(
    f: Floats, i: Ints, watch: int, rules: Table, rule: int, facets: Table, norms: int
) -> None:
    """Take back what was learned of a creep: normal is what it was before."""
    first = rules[rule, at.FACET]
    for facet in range(first, first + rules[rule, at.FACETS]):
        words = watch + facets[facet, at.CREEP_AT]
        if high(i[words + WON]) > 0.0:
            norm = norms + facets[facet, at.NORM_AT]
            f[norm + LEVEL] = creeps_level(f, i, words, norm, facets[facet, at.SCALE])
            norm_move(i, norm, low(i[words + MEANS]))


@compiled
def creeps_release(
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    now_us: int,
    forget: bool,
) -> None:
    """Begin anew: nothing is won.

    Args:
        i: The arena.
        watch: The rule's state on the series.
        rules: The table of rules.
        rule: Which row.
        facets: The table of facets.
        now_us: The series' time.
        forget: Whether there is a new normal, so that no older level counts.
    """
    if rules[rule, at.CREEPS] == 0:
        return
    first = rules[rule, at.FACET]
    for facet in range(first, first + rules[rule, at.FACETS]):
        words = watch + facets[facet, at.CREEP_AT]
        i[words + WON] = 0 if forget else halves(0.0, high(i[words + WON]))
    if forget:
        i[watch + rules[rule, at.CREEPS] + MARK_US] = now_us
