"""Evidence that a series has become worse: bets against its staying as it was.

Each bet wins on bad deviations and loses a little on all others, and is made fair by
what the series itself has shown: its stake is divided by its own mean over healthy
samples, estimated on the safe side. What a bet has won since its last low is then, in
nats, evidence of a change with a false-alarm rate of less than exp(-limit) a sample,
whatever the distribution (CUSUM of fair bets: Lorden 1971; e-detectors: Shin, Ramdas
and Rinaldo 2023).

Three bets are on a shift of all sessions, small to large (the slow and the fast
channel), two on a share of the sessions going far out.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.norms import MEMORY, TURNED
from detectors.kernels.stakes import stake
from detectors.kernels.words import NAN, Floats, Ints

SHIFTS: Final = (0.4, 0.8, 1.6)
"""Tilts, in deviations: the shift of the mean that each bet is best for."""

SHARES: Final = (0.03, 0.15)
"""Shares of sessions that go far out."""

EXTRA: Final = (0.0, 0.0, 2.5, 1.5, 1.5)
"""What a bet needs above the limit: a few extreme sessions in a row come by chance."""

BETS: Final = 5
_TILTED: Final = 3

WON: Final = 0
"""Nats of each of five bets since its last low."""
BEGUN: Final = 5
"""Integers: for each bet the sample of that low; of the bet that holds, the sample
since which the series has been on its way back."""
BEGUN_US: Final = 10
"""Integers: and its time."""
HOLDING: Final = 15
"""Integer: the bet that fired; -1 while none has."""
SHIFT: Final = 16
"""Mean deviation since the change, while one holds."""
SINCE: Final = 17
"""Integer: samples since the change."""
RETURNED: Final = 18
FAR: Final = 19
"""While a share holds how large it is; while a shift does, the nats that the way back
must show beyond the usual."""
SEEN: Final = 20
"""Integer: healthy samples."""
MEANS, SQUARES, PRICES = 21, 25, 29
"""Four each: of the three tilts, and of what a session far out pays."""
BETS_WIDTH: Final = 33

_FLOOR, _CEILING = -2.5, 3.5
_PRIOR: Final = 20.0
_OVERSHOOT: Final = 3.0
_PATIENCE: Final = 16
_QUICK: Final = 64
_RECENT: Final = 60
_BACK: Final = 5.0
_BACK_SHARE: Final = 2.0
_BACK_PLAINLY: Final = 16.0
_BACK_SAMPLES: Final = 50
_LEAST_MEAN: Final = 1.0001

# A change raises its own price as it is learned. Of the smaller tilts, which hardly know
# one shape of the deviations from another, no more than of normal ones is taken.
_NORMAL_MEANS: Final = tuple(exp(t * t / 2) for t in SHIFTS)
_NORMAL_SPREADS: Final = tuple(sqrt(exp(2 * t * t) - exp(t * t)) for t in SHIFTS)

_FIRST_MEANS: Final = (*(exp(t * t / 2) for t in SHIFTS), 1.5)
_FIRST_SQUARES: Final = (*(exp(2 * t * t) for t in SHIFTS), 20.0)


@compiled
def _held(deviation: float) -> float:
    return min(max(deviation, _FLOOR), _CEILING)


@compiled
def bets_begin(
    f: Floats, i: Ints, at: int, caution: float, small: int, number: int, at_us: int
) -> None:
    """Make the words those of bets that have seen nothing.

    Args:
        f: Words.
        i: Words.
        at: Where the bets begin.
        caution: By how many standard errors the price of a bet is on the safe side.
        small: Of so many tilts no more is taken than of normal deviations.
        number: Of the last sample in its series.
        at_us: The series' time.
    """
    for word in range(at, at + BETS_WIDTH):
        f[word] = 0.0
    bets_release(f, i, at, number, at_us)
    for k in range(4):
        f[at + MEANS + k] = _FIRST_MEANS[k]
        f[at + SQUARES + k] = _FIRST_SQUARES[k]
    _price(f, i, at, caution, small)


@compiled
def _price(f: Floats, i: Ints, at: int, caution: float, small: int) -> None:
    """What is taken from each bet: its mean, on the safe side."""
    held = min(i[at + SEEN], MEMORY) + _PRIOR
    for k in range(4):
        mean: float = f[at + MEANS + k]
        variance = max(f[at + SQUARES + k] - mean * mean, 0.0)
        price = mean + caution * sqrt(variance / held)
        if k < small:
            most = _NORMAL_MEANS[k] + caution * _NORMAL_SPREADS[k] / sqrt(held)
            price = min(price, most)
        f[at + PRICES + k] = log(price) if k < _TILTED else max(1.0, price)


@compiled
def _share(won: float, share: float, odds: float) -> float:
    lift = 1 - share + share * odds
    # No logarithm is above this: where all is lost anyway, none is taken.
    if won + (lift - 1) <= 0.0:
        return 0.0
    return won + log(lift)


@compiled
def bets_try(
    f: Floats, at: int, deviation: float, margin: float, tail: bool, out: Floats
) -> float:
    """What each bet would have won with a sample; changes nothing.

    Args:
        f: Words.
        at: Where the bets begin.
        deviation: How far it lies on the bad side; a number.
        margin: How far sessions may wander, in deviations, without being worse.
        tail: Whether to bet on sessions far out.
        out: float64[5] or more. Takes what each bet would have won; 0 or less is a
            new low, NaN a bet that is not made.

    Returns:
        The most of them, in nats, and at least 0.
    """
    off = deviation - margin
    held = _held(off)
    most = 0.0
    for k in range(_TILTED):
        total: float = f[at + WON + k] + (SHIFTS[k] * held - f[at + PRICES + k])
        out[k] = total
        most = max(most, total)
    if tail:
        odds = stake(off) / f[at + PRICES + _TILTED]
        for k in range(2):
            total = _share(f[at + WON + _TILTED + k], SHARES[k], odds)
            out[_TILTED + k] = total
            most = max(most, total)
    else:
        out[_TILTED] = out[_TILTED + 1] = NAN
    return most


@compiled
def bets_take(
    f: Floats, i: Ints, at: int, out: Floats, number: int, at_us: int
) -> None:
    """Take a sample in as evidence.

    Args:
        f: Words.
        i: Words.
        at: Where the bets begin.
        out: What ``bets_try`` put there.
        number: Of the sample in its series.
        at_us: The series' time.
    """
    for k in range(_TILTED):
        _take(f, i, at + k, out[k], number, at_us)
    if out[_TILTED] == out[_TILTED]:  # NaN is no bet
        for k in range(_TILTED, BETS):
            _take(f, i, at + k, out[k], number, at_us)


@compiled
def _take(f: Floats, i: Ints, at: int, total: float, number: int, at_us: int) -> None:
    f[at + WON] = max(total, 0.0)
    if total <= 0.0:
        i[at + BEGUN] = number
        i[at + BEGUN_US] = at_us


@compiled
def bets_suspicion(f: Floats, at: int) -> float:
    """The most that any bet has won, in nats."""
    most: float = f[at + WON]
    for k in range(1, BETS):
        most = max(most, f[at + WON + k])
    return most


@compiled
def bets_fires(f: Floats, at: int, limit: float) -> int:
    """The bet with the most evidence beyond the limit; -1 if none is."""
    best = -1
    for k in range(BETS):
        needed = limit + EXTRA[k]
        if f[at + WON + k] > needed:
            # A gate may hold it back; what it holds back must be able to fade.
            f[at + WON + k] = min(f[at + WON + k], needed + _OVERSHOOT)
            if best < 0 or f[at + WON + k] > f[at + WON + best]:
                best = k
    return best


@compiled
def bets_hold(
    f: Floats,
    i: Ints,
    at: int,
    which: int,
    shift: float,
    samples: int,
    number: int,
    more: float = 0.0,
) -> None:
    """A change has been told: from now on wait for the way back.

    Args:
        f: Words.
        i: Words.
        at: Where the bets begin.
        which: The bet that fired.
        shift: Mean deviation since the change.
        samples: Since the change.
        number: Of the sample in its series.
        more: Nats that the way back must show beyond the usual.
    """
    i[at + HOLDING] = which
    i[at + BEGUN + which] = number
    f[at + SHIFT] = shift
    i[at + SINCE] = samples
    f[at + RETURNED] = 0.0
    f[at + FAR] = more if which < _TILTED else SHARES[-1]


@compiled
def bets_returned(
    f: Floats, i: Ints, at: int, deviation: float, margin: float, number: int
) -> bool:
    """Take a sample in while holding; whether the series is back to normal.

    Of a change that touches a share of the sessions, or comes in waves, a few healthy
    ones in a row say little, however much each says against a shift of all. So the way
    back must have lasted ``_BACK_SAMPLES`` samples, or be plain.

    Args:
        f: Words.
        i: Words.
        at: Where the bets begin.
        deviation: How far the sample lies on the bad side; a number.
        margin: How far sessions may wander, in deviations, without being worse.
        number: Of the sample in its series.
    """
    held = _held(deviation - margin)
    since = i[at + SINCE] + 1
    i[at + SINCE] = since
    shift: float = f[at + SHIFT]
    shift += (min(held, 3.0) - shift) / min(since, _RECENT)
    f[at + SHIFT] = shift
    if i[at + HOLDING] < _TILTED:
        tilt, price = SHIFTS[0], log(max(f[at + MEANS], _LEAST_MEAN))
        best = tilt * shift - price
        # Of a small shift a few sessions tell little: a larger tilt would hear the noise.
        for k in range(1, 1 if f[at + FAR] > 0.0 else _TILTED):
            cost = log(max(f[at + MEANS + k], _LEAST_MEAN))
            if SHIFTS[k] * shift - cost >= best:
                tilt, price = SHIFTS[k], cost
                best = tilt * shift - price
        gain, enough = tilt * held - price, _BACK + f[at + FAR]
    else:
        odds = stake(deviation - margin) / f[at + PRICES + _TILTED]
        hit = 1.0 if odds > 3 else 0.0
        far: float = f[at + FAR]
        far += (hit - far) / min(max(since, 20), _RECENT)
        f[at + FAR] = far
        share = min(max(far, 0.04), 0.5)
        gain, enough = log(1 - share + share * odds), _BACK_SHARE
    returned = max(0.0, f[at + RETURNED] - gain)
    f[at + RETURNED] = returned
    low = at + BEGUN + i[at + HOLDING]
    if returned == 0.0:
        i[low] = number
    lasted = number - i[low] >= _BACK_SAMPLES
    return bool(returned > enough and (lasted or returned > _BACK_PLAINLY))


@compiled
def bets_release(f: Floats, i: Ints, at: int, number: int, at_us: int) -> None:
    """Begin anew: nothing is won, nothing is held."""
    i[at + HOLDING] = -1
    for k in range(BETS):
        f[at + WON + k] = 0.0
        i[at + BEGUN + k] = number
        i[at + BEGUN_US + k] = at_us


@compiled
def bets_turn(f: Floats, i: Ints, at: int, number: int, at_us: int) -> None:
    """The deviations are others from now on: begin nearly anew."""
    bets_release(f, i, at, number, at_us)
    i[at + SEEN] = min(i[at + SEEN], TURNED)


@compiled
def bets_learn(
    f: Floats,
    i: Ints,
    at: int,
    deviation: float,
    tail: bool,
    caution: float,
    small: int,
) -> None:
    """Take a healthy sample into what the bets are priced by."""
    seen = i[at + SEEN] + 1
    i[at + SEEN] = seen
    part = 1 / (min(seen, MEMORY) + _PRIOR)
    # Each tilt is twice the one before: one power, and its square, and that one's.
    paid = exp(SHIFTS[0] * _held(deviation))
    for k in range(_TILTED):
        _mean(f, at, k, part, paid)
        paid = paid * paid
    if tail:
        _mean(f, at, _TILTED, part, stake(deviation))
    if seen <= _QUICK or seen % _PATIENCE == 0:
        _price(f, i, at, caution, small)


@compiled
def _mean(f: Floats, at: int, k: int, part: float, paid: float) -> None:
    mean: float = f[at + MEANS + k]
    square: float = f[at + SQUARES + k]
    f[at + MEANS + k] = mean + part * (paid - mean)
    f[at + SQUARES + k] = square + part * (paid * paid - square)
