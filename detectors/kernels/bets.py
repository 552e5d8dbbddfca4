"""Evidence that a series has become worse: bets against its staying as it was.

Each bet wins on bad deviations and loses a little on all others, and is made fair by
what the series itself has shown: its stake is divided by its own mean over healthy
samples, estimated on the safe side. What a bet has won since its last low is then, in
nats, evidence of a change with a false-alarm rate of less than exp(-limit) a sample,
whatever the distribution (CUSUM of fair bets: Lorden 1971; e-detectors: Shin, Ramdas
and Rinaldo 2023).

Three bets are on a shift of all sessions, small to large (the slow and the fast
channel), two on a share of the sessions going far out.

All numbers of theirs are floats of half the width (``halves``): a session touches the
bets of many facets, and what that costs is the memory that has to be fetched.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels.halves import halves, high, high_int, low, mixed
from detectors.kernels.norms import MEMORY, TURNED
from detectors.kernels.stakes import stake
from detectors.kernels.words import Ints

SHIFTS: Final = (0.4, 0.8, 1.6)
"""Tilts, in deviations: the shift of the mean that each bet is best for."""

SHARES: Final = (0.03, 0.15)
"""Shares of sessions that go far out."""

EXTRA: Final = (0.0, 0.0, 2.5, 1.5, 1.5)
"""What a bet needs above the limit: a few extreme sessions in a row come by chance."""

BETS: Final = 5
TILTED: Final = 3
"""The first bets; the others are made only on facets with a tail."""

WON: Final = 0
"""Nats of the first two bets since their last lows; then those of the third, and beside
them, an integer, healthy samples: all there are up to ``MEMORY``."""
PRICES: Final = 2
"""Two words: of the three tilts, and of what a session far out pays."""
LEARNED: Final = 4
"""A word for each tilt: the mean of what it pays, and of the square of that."""
BEGUN: Final = 7
"""A word for each: the moment of its last low, once it has won something since."""
TILTED_WIDTH: Final = 10
"""Words of the bets on a facet without a tail; the others follow."""
FAR_WON, FAR_LEARNED, FAR_BEGUN = 10, 11, 12
BETS_WIDTH: Final = 14

_FLOOR, _CEILING = -2.5, 3.5
_PRIOR: Final = 20.0
_OVERSHOOT: Final = 3.0
_PATIENCE: Final = 16
_QUICK: Final = 64

# A change raises its own price as it is learned. Of the smaller tilts, which hardly know
# one shape of the deviations from another, no more than of normal ones is taken.
_NORMAL_MEANS: Final = tuple(exp(t * t / 2) for t in SHIFTS)
_NORMAL_SPREADS: Final = tuple(sqrt(exp(2 * t * t) - exp(t * t)) for t in SHIFTS)

_FIRST_MEANS: Final = (*(exp(t * t / 2) for t in SHIFTS), 1.5)
_FIRST_SQUARES: Final = (*(exp(2 * t * t) for t in SHIFTS), 20.0)


def width(tail: bool) -> int:
    """Words of the bets on a facet.

    >>> width(False), width(True)
    (10, 14)
    """
    return BETS_WIDTH if tail else TILTED_WIDTH


@compiled
def winsorised(deviation: float) -> float:
    """A deviation as the tilts see it."""
    return min(max(deviation, _FLOOR), _CEILING)


@compiled
def bets_begin(i: Ints, at: int, tail: bool, caution: float, small: int) -> None:
    """Make the words, all zero, those of bets that have seen nothing.

    Args:
        i: Words.
        at: Where the bets begin.
        tail: Whether to bet on sessions far out.
        caution: By how many standard errors the price of a bet is on the safe side.
        small: Of so many tilts no more is taken than of normal deviations.
    """
    for k in range(TILTED):
        i[at + LEARNED + k] = halves(_FIRST_MEANS[k], _FIRST_SQUARES[k])
    if tail:
        i[at + FAR_LEARNED] = halves(_FIRST_MEANS[TILTED], _FIRST_SQUARES[TILTED])
    _price(i, at, tail, caution, small)


@compiled
def _price(i: Ints, at: int, tail: bool, caution: float, small: int) -> None:
    """What is taken from each bet: its mean, on the safe side."""
    held = min(high_int(i[at + WON + 1]), MEMORY) + _PRIOR
    first = log(_safe(i[at + LEARNED], held, caution, small, 0))
    second = log(_safe(i[at + LEARNED + 1], held, caution, small, 1))
    third = log(_safe(i[at + LEARNED + 2], held, caution, small, 2))
    far = 1.0
    if tail:
        far = max(far, _dear(i[at + FAR_LEARNED], held, caution))
    i[at + PRICES] = halves(first, second)
    i[at + PRICES + 1] = halves(third, far)


@compiled
def _dear(learned: int, held: float, caution: float) -> float:
    mean = low(learned)
    variance = max(high(learned) - mean * mean, 0.0)
    return mean + caution * sqrt(variance / held)


@compiled
def _safe(learned: int, held: float, caution: float, small: int, tilt: int) -> float:
    price = _dear(learned, held, caution)
    if tilt < small:
        most = _NORMAL_MEANS[tilt] + caution * _NORMAL_SPREADS[tilt] / sqrt(held)
        price = min(price, most)
    return price


@compiled
def _share(won: float, share: float, odds: float) -> float:
    lift = 1 - share + share * odds
    # No logarithm is above this: where all is lost anyway, none is taken.
    if won + (lift - 1) <= 0.0:
        return 0.0
    return max(won + log(lift), 0.0)


@compiled
def _tilted(won: float, tilt: int, held: float, price: float) -> float:
    return max(won + (SHIFTS[tilt] * held - price), 0.0)


@compiled
def bets_take(
    i: Ints, at: int, deviation: float, margin: float, tail: bool, last: int
) -> float:
    """Take a sample in as evidence.

    Args:
        i: Words.
        at: Where the bets begin.
        deviation: How far it lies on the bad side; a number.
        margin: How far sessions may wander, in deviations, without being worse.
        tail: Whether to bet on sessions far out.
        last: Moment of the sample before; the low of what now begins to win.

    Returns:
        The most that any bet has won, in nats.
    """
    off = deviation - margin
    held = winsorised(off)
    prices, others = i[at + PRICES], i[at + PRICES + 1]
    before, third = i[at + WON], i[at + WON + 1]
    after = halves(
        _tilted(low(before), 0, held, low(prices)),
        _tilted(high(before), 1, held, high(prices)),
    )
    _begin_both(i, at + BEGUN, before, after, last)
    i[at + WON] = after
    most = max(low(after), high(after))
    after = mixed(_tilted(low(third), 2, held, low(others)), high_int(third))
    _begin(i, at + BEGUN + 2, low(third), low(after), last)
    i[at + WON + 1] = after
    most = max(most, low(after))
    if tail:
        odds = stake(off) / high(others)
        before = i[at + FAR_WON]
        after = halves(
            _share(low(before), SHARES[0], odds),
            _share(high(before), SHARES[1], odds),
        )
        _begin_both(i, at + FAR_BEGUN, before, after, last)
        i[at + FAR_WON] = after
        most = max(most, low(after), high(after))
    return most


@compiled
def _begin(i: Ints, begun: int, before: float, after: float, last: int) -> None:
    """Note the low of a bet that has just begun to win."""
    if before == 0.0 and after > 0.0:
        i[begun] = last


@compiled
def _begin_both(i: Ints, begun: int, before: int, after: int, last: int) -> None:
    _begin(i, begun, low(before), low(after), last)
    _begin(i, begun + 1, high(before), high(after), last)


@compiled
def bets_won(i: Ints, at: int, which: int) -> float:
    """What a bet has won since its last low, in nats."""
    if which < TILTED:
        word = i[at + WON + which // 2]
        return high(word) if which == 1 else low(word)
    return low(i[at + FAR_WON]) if which == TILTED else high(i[at + FAR_WON])


@compiled
def bets_begun(i: Ints, at: int, which: int) -> int:
    """The moment of a bet's last low; it has won something since."""
    begun = BEGUN if which < TILTED else FAR_BEGUN - TILTED
    return int(i[at + begun + which])


@compiled
def bets_suspicion(i: Ints, at: int, tail: bool) -> float:
    """The most that any bet has won, in nats."""
    most = max(low(i[at + WON]), high(i[at + WON]), low(i[at + WON + 1]))
    if tail:
        most = max(most, low(i[at + FAR_WON]), high(i[at + FAR_WON]))
    return most


@compiled
def bets_fires(i: Ints, at: int, tail: bool, limit: float) -> int:
    """The bet with the most evidence beyond the limit; -1 if none is."""
    best = -1
    for k in range(BETS if tail else TILTED):
        needed = limit + EXTRA[k]
        if bets_won(i, at, k) > needed:
            # A gate may hold it back; what it holds back must be able to fade.
            _fade(i, at, k, needed + _OVERSHOOT)
            if best < 0 or bets_won(i, at, k) > bets_won(i, at, best):
                best = k
    return best


@compiled
def _fade(i: Ints, at: int, which: int, most: float) -> None:
    """Let a bet have won no more than so much."""
    won = min(bets_won(i, at, which), most)
    word = at + (FAR_WON if which >= TILTED else WON + which // 2)
    if which == 2:
        i[word] = mixed(won, high_int(i[word]))
    elif which in (0, TILTED):
        i[word] = halves(won, high(i[word]))
    else:
        i[word] = halves(low(i[word]), won)


@compiled
def bets_release(i: Ints, at: int, tail: bool) -> None:
    """Begin anew: nothing is won."""
    i[at + WON] = 0
    i[at + WON + 1] = mixed(0.0, high_int(i[at + WON + 1]))
    if tail:
        i[at + FAR_WON] = 0


@compiled
def bets_turn(i: Ints, at: int, tail: bool) -> None:
    """The deviations are others from now on: begin nearly anew."""
    bets_release(i, at, tail)
    i[at + WON + 1] = mixed(0.0, min(high_int(i[at + WON + 1]), TURNED))


@compiled
def bets_learn(
    i: Ints, at: int, deviation: float, tail: bool, caution: float, small: int
) -> None:
    """Take a healthy sample into what the bets are priced by."""
    third = i[at + WON + 1]
    seen = high_int(third) + 1
    if seen >= MEMORY + _PATIENCE:
        # Of more no more is asked than when to set prices.
        seen -= _PATIENCE
    i[at + WON + 1] = mixed(low(third), seen)
    part = 1 / (min(seen, MEMORY) + _PRIOR)
    # Each tilt is twice the one before: one power, and its square, and that one's.
    paid = exp(SHIFTS[0] * winsorised(deviation))
    for k in range(TILTED):
        _mean(i, at + LEARNED + k, part, paid)
        paid = paid * paid
    if tail:
        _mean(i, at + FAR_LEARNED, part, stake(deviation))
    if seen <= _QUICK or seen % _PATIENCE == 0:
        _price(i, at, tail, caution, small)


@compiled
def _mean(i: Ints, at: int, part: float, paid: float) -> None:
    mean, square = low(i[at]), high(i[at])
    i[at] = halves(mean + part * (paid - mean), square + part * (paid * paid - square))
