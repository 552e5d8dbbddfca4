"""What is normal for one number of a series: scored before it is learned.

A norm turns a session's number into a deviation: how far on the bad side it lies, in
standard deviations of what the series has shown so far, winsorised, in the scale of
its kind. Its memory is that of the last ``MEMORY`` samples, exponentially weighted.

A norm of plain numbers is ``NORM_WIDTH`` words, all floats; one of rates, which pools
errors among calls and knows the spread of sessions, ``RATE_WIDTH``.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.beta_binomial import tails
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

SAMPLES: Final = 0
"""Learned so far, up to ``MEMORY``."""
LEVEL: Final = 1
"""Winsorised mean, in the number's own unit."""
MEAN, VARIANCE = 2, 3
BIAS, BIAS_SPREAD, BIAS_SAMPLES = 4, 5, 6
LENT_SAMPLES: Final = 7
"""That the borrowed mean counts for; 0 where nothing was borrowed."""
NORM_WIDTH: Final = 8
ERRORS, CALLS, EXCESS, REFERENCE = 8, 9, 10, 11
RATE_WIDTH: Final = 12

TURNED: Final = 200
"""Samples that what is known counts for where a season comes into use, or leaves it."""

_CASES: Final = 6.0
_WINSOR: Final = 3.0
_LOW, _HIGH = -3.0, 4.0
_LEAST_VARIANCE: Final = 0.01
_PRIOR: Final = 20.0
_TINY: Final = 1e-9
_LEAST_RATE: Final = 0.0005
_FIRST_CALLS: Final = 5.0
_MOST_CALLS: Final = 1e6
_ALIKE: Final = 200.0
_FADE: Final = 1 - 1 / MEMORY


def width(scale: int) -> int:
    """Words of a norm in a scale.

    >>> width(0), width(RATE)
    (8, 12)
    """
    return RATE_WIDTH if scale >= RATE else NORM_WIDTH


@compiled
def norm_begin(f: Floats, at: int, scale: int) -> None:
    """Make the words those of a norm that has learned nothing."""
    for word in range(at, at + NORM_WIDTH):
        f[word] = 0.0
    f[at + BIAS_SPREAD] = 1.0
    f[at + BIAS_SAMPLES] = _PRIOR
    if scale >= RATE:
        f[at + ERRORS] = 0.5
        f[at + CALLS] = 5.0
        f[at + EXCESS] = f[at + REFERENCE] = 0.0


@compiled
def norm_score(
    f: Floats,
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
        f: Words.
        at: Where the norm begins.
        value: The session's number.
        weight: Of a rate, its number of calls.
        scale: Of the number.
        sign: 1.0, or -1.0 where lower values are worse.
        keys: Of the table of ``tails``.
        values: Of the table of ``tails``.
    """
    samples: float = f[at + SAMPLES]
    if samples < FEWEST:
        return NAN
    if scale >= RATE:
        errors = value if sign > 0 else weight - value
        chance, _ = tails(
            errors, weight, _rate(f, at), _concentration(f, at, scale), keys, values
        )
        raw = deviations(chance)
    else:
        unsure = 1 + 1 / samples
        if f[at + LENT_SAMPLES] > 0:
            # The mean of the peers is one of many: s2 + tau2 at first.
            unsure = sqrt(1 + 1 / _known(f, at))
        spread = norm_spread(f, at, scale) * unsure
        raw = sign * (there(value, scale) - f[at + MEAN]) / spread
    deviation: float = (raw - f[at + BIAS]) / sqrt(f[at + BIAS_SPREAD])
    return deviation


@compiled
def norm_off(
    f: Floats, at: int, value: float, weight: float, scale: int, sign: float
) -> float:
    """How far on the bad side a value lies, in standard deviations of sessions.

    Unlike ``norm_score``, zero in the mean where the mean is right.
    """
    if scale < RATE:
        off: float = there(value, scale) - f[at + MEAN]
        return sign * off / norm_spread(f, at, scale)
    errors = value if sign > 0 else weight - value
    rate = _rate(f, at)
    shared = 0.0 if scale == SINGLE else _shared(f, at)
    spread = weight * rate * (1 - rate) * (1 + (weight - 1) * shared)
    return (errors - weight * rate) / sqrt(spread)


@compiled
def norm_learn(
    f: Floats,
    at: int,
    value: float,
    weight: float,
    deviation: float,
    scale: int,
    sign: float,
) -> None:
    """Take a value in; the deviation it was scored with, if any, corrects later ones."""
    if scale >= RATE:
        _learn_rate(f, at, value, weight, scale, sign)
    else:
        _learn_plain(f, at, value, scale)
    if deviation == deviation and (f[at + SAMPLES] > OWN or not f[at + LENT_SAMPLES]):
        _correct(f, at, deviation)


@compiled
def norm_turn(f: Floats, at: int, mean: float, scale: int) -> None:
    """Begin nearly anew about another mean: the numbers are others from now on."""
    moved = mean - f[at + MEAN]
    f[at + LEVEL] = back(there(f[at + LEVEL], scale) + moved, scale)
    f[at + MEAN] = mean
    f[at + SAMPLES] = min(f[at + SAMPLES], float(TURNED))
    f[at + BIAS], f[at + BIAS_SPREAD], f[at + BIAS_SAMPLES] = 0.0, 1.0, _PRIOR


@compiled
def _known(f: Floats, at: int) -> float:
    """Samples that the mean rests on."""
    samples: float = f[at + SAMPLES]
    lent: float = f[at + LENT_SAMPLES]
    return samples - LENT + lent if lent else samples


@compiled
def _learn_plain(f: Floats, at: int, value: float, scale: int) -> None:
    place = there(value, scale)
    kept = value
    mean: float = f[at + MEAN]
    variance: float = f[at + VARIANCE]
    if f[at + SAMPLES] >= FEWEST:
        reach = _WINSOR * sqrt(max(variance, _LEAST_VARIANCE))
        if not mean - reach <= place <= mean + reach:
            place = min(max(place, mean - reach), mean + reach)
            kept = back(place, scale)
    samples = min(f[at + SAMPLES] + 1, float(MEMORY))
    part = 1 / samples
    step = place - mean
    level: float = f[at + LEVEL]
    f[at + SAMPLES] = samples
    own = 1 / _known(f, at)
    f[at + LEVEL] = finite(level + own * (kept - level))
    f[at + MEAN] = mean + own * step
    f[at + VARIANCE] = (1 - part) * (variance + part * step * step)


@compiled
def _learn_rate(
    f: Floats, at: int, value: float, weight: float, scale: int, sign: float
) -> None:
    errors = value if sign > 0 else weight - value
    fade = _FADE if f[at + SAMPLES] >= MEMORY else 1.0
    if scale != SINGLE and weight > 1:
        rate = f[at + ERRORS] / f[at + CALLS]
        even = rate * (1 - rate)
        off = errors - weight * rate
        f[at + EXCESS] = (f[at + EXCESS] + (off * off - weight * even)) * fade
        known = f[at + REFERENCE] + weight * (weight - 1) * even
        f[at + REFERENCE] = known * fade
    f[at + SAMPLES] = min(f[at + SAMPLES] + 1, float(MEMORY))
    f[at + ERRORS] = f[at + ERRORS] * fade + errors
    f[at + CALLS] = f[at + CALLS] * fade + weight
    share = f[at + ERRORS] / f[at + CALLS]
    f[at + LEVEL] = share if sign > 0 else 1 - share


@compiled
def _correct(f: Floats, at: int, deviation: float) -> None:
    bias: float = f[at + BIAS]
    spread: float = f[at + BIAS_SPREAD]
    raw = min(max(bias + deviation * sqrt(spread), _LOW), _HIGH)
    samples = min(f[at + BIAS_SAMPLES] + 1, float(MEMORY))
    part = 1 / samples
    step = raw - bias
    f[at + BIAS_SAMPLES] = samples
    f[at + BIAS] = bias + part * step
    f[at + BIAS_SPREAD] = (1 - part) * (spread + part * step * step)


@compiled
def _rate(f: Floats, at: int) -> float:
    share: float = f[at + ERRORS] / f[at + CALLS]
    return min(max(share, _LEAST_RATE), 1 - _LEAST_RATE)


@compiled
def _shared(f: Floats, at: int) -> float:
    """How far the calls of a session go together."""
    rate: float = f[at + ERRORS] / f[at + CALLS]
    prior = _PRIOR * rate * (1 - rate)
    excess: float = f[at + EXCESS] + 0.15 * prior
    shared: float = excess / (f[at + REFERENCE] + prior + _TINY)
    return min(max(shared, 0.002), 0.6)


@compiled
def _concentration(f: Floats, at: int, scale: int) -> float:
    if scale == SINGLE:
        return _ALIKE
    shared = _shared(f, at)
    if f[at + LENT_SAMPLES] > 0:
        # Peers differ: the rate itself is as uncertain as its mean.
        shared += (1 - shared) / f[at + CALLS] + shared / _known(f, at)
    return 1 / min(shared, 0.6) - 1.0


@compiled
def norm_ready(f: Floats, at: int, scale: int) -> bool:
    """Whether enough has been learned to bet on."""
    return bool(f[at + SAMPLES] >= OWN and _telling(f, at, scale))


@compiled
def norm_judged(f: Floats, at: int, scale: int) -> bool:
    """Whether the sample at hand, not learned yet, is enough to be told of."""
    known = f[at + LENT_SAMPLES] > 0 or _telling(f, at, scale)
    return bool(known and f[at + SAMPLES] + 1 >= OWN)


@compiled
def _telling(f: Floats, at: int, scale: int) -> bool:
    """Whether what has been learned tells how large the number may be."""
    # A share of which a few cases are known may as well be twice as large.
    return bool(scale < RATE or f[at + ERRORS] >= _CASES)


@compiled
def norm_spread(f: Floats, at: int, scale: int) -> float:
    """Standard deviation in the scale; of a rate, that of one call's outcome."""
    if scale >= RATE:
        rate = _rate(f, at)
        return sqrt(rate * (1 - rate))
    return sqrt(max(f[at + VARIANCE], _LEAST_VARIANCE))


@compiled
def norm_normal(f: Floats, at: int, scale: int, out: Floats, place: int) -> None:
    """What is normal, for others to borrow: four floats, see ``parents.Normal``."""
    if scale < RATE:
        out[place] = f[at + MEAN]
        out[place + 1] = max(f[at + VARIANCE], _LEAST_VARIANCE)
        out[place + 2] = f[at + LEVEL]
        out[place + 3] = 0.0
        return
    rate = f[at + ERRORS] / f[at + CALLS]
    calls, shared = 1.0, 0.0
    if scale != SINGLE:
        begun = 0.0 if f[at + LENT_SAMPLES] > 0 else _FIRST_CALLS
        calls = (f[at + CALLS] - begun) / _known(f, at)
        calls = min(max(calls, 1.0), _MOST_CALLS)
        shared = _shared(f, at)
    out[place] = rate
    out[place + 1] = rate * (1 - rate) * ((1 + (calls - 1) * shared) / calls)
    out[place + 2] = calls
    out[place + 3] = shared
