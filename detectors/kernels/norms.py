"""What is normal for one number of a series: scored before it is learned.

A norm turns a session's number into a deviation: how far on the bad side it lies, in
standard deviations of what the series has shown so far, winsorised, in the scale of
its kind. Its memory is that of the last ``MEMORY`` samples, exponentially weighted.

A norm of plain numbers is ``NORM_WIDTH`` words; one of rates, which pools errors among
calls and knows the spread of sessions, ``RATE_WIDTH``. What is shown to people is a float
of its own, all else two to a word (``halves``): a memory of ``MEMORY`` samples takes
steps of one in ``MEMORY`` at least, and seven digits are plenty of them.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.beta_binomial import tails
from detectors.kernels.halves import halves, high, low
from detectors.kernels.normal import deviations
from detectors.kernels.numbers import finite
from detectors.kernels.scales import RATE, SINGLE, back, there
from detectors.kernels.words import NAN, Floats, Ints

MEMORY: Final = 2_000
"""Samples a norm remembers, the oldest with the least weight."""

FEWEST: Final = 8
"""Samples before anything is scored."""

OWN: Final = 20
"""Samples of its own before a series is judged."""

LENT: Final = 10
"""Samples that what is borrowed counts for, where it is asked how much is known."""

LEVEL: Final = 0
"""Winsorised mean, in the number's own unit: a float of the whole width."""
MOMENTS: Final = 1
"""Mean and variance in the scale; of rates, errors and calls."""
BIAS: Final = 2
"""Of the deviations: their mean and variance."""
COUNTS: Final = 3
"""Samples learned so far, up to ``MEMORY``, and those that speak for the bias, 16 bits
each; in the high half those that the borrowed mean counts for, a float, 0 where nothing
was borrowed."""
NORM_WIDTH: Final = 4
SPREADS: Final = 4
"""Of rates with several calls a session: what sessions vary beyond chance, and what it is
held against."""
RATE_WIDTH: Final = 5

TURNED: Final = 200
"""Samples that what is known counts for where a season comes into use, or leaves it."""

_CASES: Final = 6.0
_WINSOR: Final = 3.0
_LOW, _HIGH = -3.0, 4.0
_LEAST_VARIANCE: Final = 0.01
_PRIOR: Final = 20
_TINY: Final = 1e-9
_NEGLIGIBLE: Final = 0.01
_LEAST_RATE: Final = 0.0005
_FIRST_CALLS: Final = 5.0
_MOST_CALLS: Final = 1e6
_MOST: Final = 3e38
"""About the largest float of half the width."""
_SAYS: Final = 1e-9
"""The least variance of a rate: where there is none nothing is said."""
_ALIKE: Final = 200.0
_FADE: Final = 1 - 1 / MEMORY
_COUNT, _COUNT_BITS = 0xFFFF, 16
_LENT_HALF: Final = ~0xFFFF_FFFF


def width(scale: int) -> int:
    """Words of a norm in a scale.

    >>> width(0), width(RATE), width(SINGLE)
    (4, 5, 4)
    """
    return RATE_WIDTH if scale == RATE else NORM_WIDTH


@compiled
def norm_begin(f: Floats, i: Ints, at: int, scale: int) -> None:
    """Make the words those of a norm that has learned nothing."""
    f[at + LEVEL] = 0.0
    i[at + MOMENTS] = halves(0.5, _FIRST_CALLS) if scale >= RATE else 0
    _begin_bias(i, at)
    i[at + COUNTS] = _PRIOR << _COUNT_BITS
    if scale == RATE:
        i[at + SPREADS] = 0


@compiled
def _begin_bias(i: Ints, at: int) -> None:
    i[at + BIAS] = halves(0.0, 1.0)
    i[at + COUNTS] = i[at + COUNTS] & ~(_COUNT << _COUNT_BITS) | _PRIOR << _COUNT_BITS


@compiled
def norm_samples(i: Ints, at: int) -> int:
    """Learned so far, up to ``MEMORY``."""
    return int(i[at + COUNTS] & _COUNT)


@compiled
def _count(i: Ints, at: int, samples: int) -> None:
    i[at + COUNTS] = i[at + COUNTS] & ~_COUNT | samples


@compiled
def norm_lent(i: Ints, at: int) -> float:
    """Samples that the borrowed mean counts for; 0 where nothing was borrowed."""
    return high(i[at + COUNTS])


@compiled
def norm_borrowed(i: Ints, at: int) -> float:
    """The share of what is expected that is borrowed still, 0 to 1."""
    lent = norm_lent(i, at)
    share = lent / _known(i, at) if lent else 0.0
    return share if share >= _NEGLIGIBLE else 0.0


@compiled
def norm_mean(i: Ints, at: int) -> float:
    """Mean in the scale; not of a rate."""
    return low(i[at + MOMENTS])


@compiled
def norm_move(i: Ints, at: int, mean: float) -> None:
    """Take another mean; not of a rate."""
    i[at + MOMENTS] = halves(mean, high(i[at + MOMENTS]))


@compiled
def norm_score(
    i: Ints,
    at: int,
    value: float,
    weight: float,
    scale: int,
    sign: float,
    keys: Ints,
    values: Floats,
) -> float:
    """How far on the bad side a value lies; NaN while too little is known.

    Args:
        i: Words.
        at: Where the norm begins.
        value: The session's number.
        weight: Of a rate, its number of calls.
        scale: Of the number.
        sign: 1.0, or -1.0 where lower values are worse.
        keys: Of the table of ``tails``.
        values: Of the table of ``tails``.
    """
    samples = norm_samples(i, at)
    if samples < FEWEST:
        return NAN
    if scale >= RATE:
        errors = value if sign > 0 else weight - value
        chance, _ = tails(
            errors, weight, _rate(i, at), _concentration(i, at, scale), keys, values
        )
        raw = deviations(chance)
    else:
        unsure = 1 + 1 / samples
        if norm_lent(i, at) > 0:
            # The mean of the peers is one of many: s2 + tau2 at first.
            unsure = sqrt(1 + 1 / _known(i, at))
        spread = norm_spread(i, at, scale) * unsure
        raw = sign * (there(value, scale) - norm_mean(i, at)) / spread
    bias = i[at + BIAS]
    return (raw - low(bias)) / sqrt(high(bias))


@compiled
def norm_off(
    i: Ints, at: int, value: float, weight: float, scale: int, sign: float
) -> float:
    """How far on the bad side a value lies, in standard deviations of sessions.

    Unlike ``norm_score``, zero in the mean where the mean is right.
    """
    if scale < RATE:
        off = there(value, scale) - norm_mean(i, at)
        return sign * off / norm_spread(i, at, scale)
    errors = value if sign > 0 else weight - value
    rate = _rate(i, at)
    shared = 0.0 if scale == SINGLE else _shared(i, at)
    spread = weight * rate * (1 - rate) * (1 + (weight - 1) * shared)
    return (errors - weight * rate) / sqrt(spread)


@compiled
def norm_learn(
    f: Floats,
    i: Ints,
    at: int,
    value: float,
    weight: float,
    deviation: float,
    scale: int,
    sign: float,
) -> None:
    """Take a value in; the deviation it was scored with, if any, corrects later ones."""
    if scale >= RATE:
        _learn_rate(f, i, at, value, weight, scale, sign)
    else:
        _learn_plain(f, i, at, value, scale)
    if deviation == deviation and (
        norm_samples(i, at) > OWN or norm_lent(i, at) == 0.0
    ):
        _correct(i, at, deviation)


@compiled
def norm_turn(f: Floats, i: Ints, at: int, mean: float, scale: int) -> None:
    """Begin nearly anew about another mean: the numbers are others from now on."""
    moved = mean - norm_mean(i, at)
    f[at + LEVEL] = back(there(f[at + LEVEL], scale) + moved, scale)
    norm_move(i, at, mean)
    _count(i, at, min(norm_samples(i, at), TURNED))
    _begin_bias(i, at)


@compiled
def _known(i: Ints, at: int) -> float:
    """Samples that the mean rests on."""
    samples, lent = norm_samples(i, at), norm_lent(i, at)
    return samples - LENT + lent if lent else float(samples)


@compiled
def _learn_plain(f: Floats, i: Ints, at: int, value: float, scale: int) -> None:
    place = there(value, scale)
    kept = value
    mean, variance = low(i[at + MOMENTS]), high(i[at + MOMENTS])
    if norm_samples(i, at) >= FEWEST:
        reach = _WINSOR * sqrt(max(variance, _LEAST_VARIANCE))
        if not mean - reach <= place <= mean + reach:
            place = min(max(place, mean - reach), mean + reach)
            kept = back(place, scale)
    samples = min(norm_samples(i, at) + 1, MEMORY)
    _count(i, at, samples)
    part, own = 1 / samples, 1 / _known(i, at)
    step = place - mean
    level: float = f[at + LEVEL]
    f[at + LEVEL] = finite(level + own * (kept - level))
    i[at + MOMENTS] = halves(
        mean + own * step, (1 - part) * (variance + part * step * step)
    )


@compiled
def _learn_rate(
    f: Floats, i: Ints, at: int, value: float, weight: float, scale: int, sign: float
) -> None:
    if weight > _MOST_CALLS:
        # It counts as one of a million calls: the square of more is not finite.
        value, weight = value * (_MOST_CALLS / weight), _MOST_CALLS
    errors = value if sign > 0 else weight - value
    errors = min(max(errors, -_MOST_CALLS), _MOST_CALLS)
    fade = _FADE if norm_samples(i, at) >= MEMORY else 1.0
    known, calls = low(i[at + MOMENTS]), high(i[at + MOMENTS])
    if scale != SINGLE and weight > 1:
        rate = known / calls
        even = rate * (1 - rate)
        off = errors - weight * rate
        excess, reference = low(i[at + SPREADS]), high(i[at + SPREADS])
        i[at + SPREADS] = halves(
            (excess + (off * off - weight * even)) * fade,
            (reference + weight * (weight - 1) * even) * fade,
        )
    _count(i, at, min(norm_samples(i, at) + 1, MEMORY))
    i[at + MOMENTS] = halves(known * fade + errors, calls * fade + weight)
    share = low(i[at + MOMENTS]) / high(i[at + MOMENTS])
    f[at + LEVEL] = share if sign > 0 else 1 - share


@compiled
def _correct(i: Ints, at: int, deviation: float) -> None:
    bias, spread = low(i[at + BIAS]), high(i[at + BIAS])
    raw = min(max(bias + deviation * sqrt(spread), _LOW), _HIGH)
    counts = i[at + COUNTS]
    samples = min((counts >> _COUNT_BITS & _COUNT) + 1, MEMORY)
    part = 1 / samples
    step = raw - bias
    i[at + COUNTS] = counts & ~(_COUNT << _COUNT_BITS) | samples << _COUNT_BITS
    i[at + BIAS] = halves(
        bias + part * step, (1 - part) * (spread + part * step * step)
    )


@compiled
def _share(i: Ints, at: int) -> float:
    """Errors among calls."""
    return low(i[at + MOMENTS]) / high(i[at + MOMENTS])


@compiled
def _rate(i: Ints, at: int) -> float:
    return min(max(_share(i, at), _LEAST_RATE), 1 - _LEAST_RATE)


@compiled
def _shared(i: Ints, at: int) -> float:
    """How far the calls of a session go together."""
    rate = _share(i, at)
    prior = _PRIOR * rate * (1 - rate)
    excess = low(i[at + SPREADS]) + 0.15 * prior
    shared = excess / (high(i[at + SPREADS]) + prior + _TINY)
    return min(max(shared, 0.002), 0.6)


@compiled
def _concentration(i: Ints, at: int, scale: int) -> float:
    if scale == SINGLE:
        return _ALIKE
    shared = _shared(i, at)
    if norm_lent(i, at) > 0:
        # Peers differ: the rate itself is as uncertain as its mean.
        shared += (1 - shared) / high(i[at + MOMENTS]) + shared / _known(i, at)
    return 1 / min(shared, 0.6) - 1.0


@compiled
def norm_ready(i: Ints, at: int, scale: int) -> bool:
    """Whether enough has been learned to bet on."""
    return bool(norm_samples(i, at) >= OWN and _telling(i, at, scale))


@compiled
def norm_judged(i: Ints, at: int, scale: int) -> bool:
    """Whether the sample at hand, not learned yet, is enough to be told of."""
    known = norm_lent(i, at) > 0 or _telling(i, at, scale)
    return bool(known and norm_samples(i, at) + 1 >= OWN)


@compiled
def _telling(i: Ints, at: int, scale: int) -> bool:
    """Whether what has been learned tells how large the number may be."""
    # A share of which a few cases are known may as well be twice as large.
    return bool(scale < RATE or low(i[at + MOMENTS]) >= _CASES)


@compiled
def norm_spread(i: Ints, at: int, scale: int) -> float:
    """Standard deviation in the scale; of a rate, that of one call's outcome."""
    if scale >= RATE:
        rate = _rate(i, at)
        return sqrt(rate * (1 - rate))
    return sqrt(max(high(i[at + MOMENTS]), _LEAST_VARIANCE))


@compiled
def norm_normal(f: Floats, i: Ints, at: int, scale: int, to: int) -> None:
    """Write what is normal, for others to borrow: ``parents.Normal`` in two words."""
    if scale < RATE:
        variance = max(high(i[at + MOMENTS]), _LEAST_VARIANCE)
        i[to] = halves(norm_mean(i, at), variance)
        i[to + 1] = halves(min(f[at + LEVEL], _MOST), 0.0)
        return
    rate = _share(i, at)
    calls, shared = 1.0, 0.0
    if scale != SINGLE:
        begun = 0.0 if norm_lent(i, at) > 0 else _FIRST_CALLS
        calls = (high(i[at + MOMENTS]) - begun) / _known(i, at)
        calls = min(max(calls, 1.0), _MOST_CALLS)
        shared = _shared(i, at)
    variance = rate * (1 - rate) * ((1 + (calls - 1) * shared) / calls)
    i[to] = halves(rate, max(variance, _SAYS))
    i[to + 1] = halves(calls, shared)
