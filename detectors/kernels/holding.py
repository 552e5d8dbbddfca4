"""A change has been told of: until it ends, what is compiled of its sessions.

What is known of it is a piece of the arena that there is only as long as it is held.
"""

from __future__ import annotations

from math import isnan, log
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.bets import (
    LEARNED,
    PRICES,
    SHARES,
    SHIFTS,
    TILTED,
    bets_release,
    winsorised,
)
from detectors.kernels.evened import raised
from detectors.kernels.halves import half, high, low
from detectors.kernels.learning import learn_new
from detectors.kernels.moments import moment
from detectors.kernels.norms import LEVEL, norm_lent, norm_ready
from detectors.kernels.seasons import season_learn
from detectors.kernels.stakes import stake
from detectors.kernels.suspects import first_since, keep, levels
from detectors.kernels.words import Floats, Grid, Ints, Table

_RECENT: Final = 60
_BACK: Final = 5.0
_BACK_SHARE: Final = 2.0
_BACK_PLAINLY: Final = 16.0
_BACK_SAMPLES: Final = 50
_LEAST_MEAN: Final = 1.0001


@compiled
def hold(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    which: int,
    shift: float,
    samples: int,
    more: float = 0.0,
) -> None:
    """A change has been told, on a facet: from now on wait for the way back.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series; holds nothing.
        which: The bet that fired.
        shift: Mean deviation since the change.
        samples: Since the change.
        more: Nats that the way back must show beyond the usual.
    """
    held = take(i, heads, at.CHANGE_WIDTH)
    i[watch + at.CHANGE] = held
    i[held + at.C_BET] = which
    i[held + at.C_LOW] = i[watch + at.SAMPLES]
    i[held + at.C_SINCE] = samples
    f[held + at.C_SHIFT] = shift
    f[held + at.C_FAR] = more if which < TILTED else SHARES[-1]


@compiled
def let_go(i: Ints, heads: Ints, watch: int) -> None:
    """Nothing is held any more."""
    if i[watch + at.CHANGE]:
        give(i, heads, i[watch + at.CHANGE], at.CHANGE_WIDTH)
        i[watch + at.CHANGE] = 0


@compiled
def stand(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    now_us: int,
    ref: int,
    scratch: Floats,
    places: Ints,
) -> bool:
    """Hold the sample at hand against the way back; False if its like is not known.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series; a change is held.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
        signs: The facets' floats.
        now_us: The series' time.
        ref: By which the session is found.
        scratch, places: Hold the sample.
    """
    first, norms = rules[rule, at.FACET], places[at.STRATUM] + at.NORMS
    norm = norms + facets[first, at.NORM_AT]
    if not (norm_lent(i, norm) > 0 or norm_ready(i, norm, facets[first, at.SCALE])):
        return False
    level = raised(f[norm + LEVEL], facets[first, at.SCALE], scratch)
    keep(f, i, heads, watch, rules[rule, at.FACETS], now_us, ref, level, scratch)
    place = half(i, watch, at.TOLD_FACET)
    deviation = scratch[at.DEVIATIONS + place]
    if not isnan(deviation):
        bets = watch + facets[first + place, at.BETS_AT]
        margin = signs[first + place, at.MARGIN]
        if returned(f, i, watch, bets, deviation, margin):
            bets_release(i, bets, facets[first + place, at.TAIL] != 0)
            i[watch + at.LAST_BET] = moment(i[watch + at.SAMPLES], now_us)
            let_go(i, heads, watch)
    return True


@compiled
def returned(
    f: Floats, i: Ints, watch: int, bets: int, deviation: float, margin: float
) -> bool:
    """Take the sample at hand in; whether the series is back to normal.

    Of a change that touches a share of the sessions, or comes in waves, a few healthy
    ones in a row say little, however much each says against a shift of all. So the way
    back must have lasted ``_BACK_SAMPLES`` samples, or be plain.

    Args:
        f, i: The arena.
        watch: The rule's state on the series; a change is held.
        bets: Where the bets on its facet begin.
        deviation: How far the sample lies on the bad side; a number.
        margin: How far sessions may wander, in deviations, without being worse.
    """
    held, number = i[watch + at.CHANGE], i[watch + at.SAMPLES]
    off = winsorised(deviation - margin)
    since = i[held + at.C_SINCE] + 1
    i[held + at.C_SINCE] = since
    shift: float = f[held + at.C_SHIFT]
    shift += (min(off, 3.0) - shift) / min(since, _RECENT)
    f[held + at.C_SHIFT] = shift
    far: float = f[held + at.C_FAR]
    if i[held + at.C_BET] < TILTED:
        tilt, price = SHIFTS[0], log(max(low(i[bets + LEARNED]), _LEAST_MEAN))
        best = tilt * shift - price
        # Of a small shift a few sessions tell little: a larger tilt would hear the noise.
        for k in range(1, 1 if far > 0.0 else TILTED):
            cost = log(max(low(i[bets + LEARNED + k]), _LEAST_MEAN))
            if SHIFTS[k] * shift - cost >= best:
                tilt, price = SHIFTS[k], cost
                best = tilt * shift - price
        gain, enough = tilt * off - price, _BACK + far
    else:
        odds = stake(deviation - margin) / high(i[bets + PRICES + 1])
        hit = 1.0 if odds > 3 else 0.0
        far += (hit - far) / min(max(since, 20), _RECENT)
        f[held + at.C_FAR] = far
        share = min(max(far, 0.04), 0.5)
        gain, enough = log(1 - share + share * odds), _BACK_SHARE
    back = max(0.0, f[held + at.C_RETURNED] - gain)
    f[held + at.C_RETURNED] = back
    if back == 0.0:
        i[held + at.C_LOW] = number
    lasted = number - i[held + at.C_LOW] >= _BACK_SAMPLES
    return bool(back > enough and (lasted or back > _BACK_PLAINLY))


@compiled
def level_since(f: Floats, i: Ints, watch: int, number: int) -> float:
    """What the suspects after a sample were like together."""
    level, _ = levels(f, i, watch, first_since(i, watch, number))
    return level


@compiled
def learn_held(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    now_us: int,
    scratch: Floats,
    places: Ints,
) -> None:
    """Learn the sample at hand, apart from what was normal; see ``stand``."""
    learn_new(f, i, heads, rules, rule, facets, signs, scratch, places)
    season_learn(f, i, heads, watch, rules, rule, facets, scratch, places, True, now_us)
