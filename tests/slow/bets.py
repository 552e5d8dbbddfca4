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
from typing import Any, Final

from detectors.kernels.stakes import CELLS, CUBICS, HIGH, LEAST, LOW, MOST
from detectors.normal.norms import MEMORY, TURNED
from tests.slow.halves import Moment, half

SHIFTS: Final = (0.4, 0.8, 1.6)
"""Tilts, in deviations: the shift of the mean that each bet is best for."""

SHARES: Final = (0.03, 0.15)
"""Shares of sessions that go far out."""

EXTRA: Final = (0.0, 0.0, 2.5, 1.5, 1.5)
"""What a bet needs above the limit: a few extreme sessions in a row come by chance."""

_BETS: Final = len(SHIFTS) + len(SHARES)
_FLOOR, _CEILING = -2.5, 3.5
_PRIOR: Final = 20.0
_CUBICS: Final[tuple[tuple[float, ...], ...]] = tuple(
    tuple(row) for row in CUBICS.tolist()
)
_OVERSHOOT: Final = 3.0
_PATIENCE: Final = 16
_QUICK: Final = 64
_RECENT: Final = 60
_BACK: Final = 5.0
_BACK_SHARE: Final = 2.0
_BACK_PLAINLY: Final = 16.0
_BACK_SAMPLES: Final = 50


def _stake(deviation: float) -> float:
    """What a session far out pays: a power of its probability, off the cubics."""
    if not deviation > LOW:
        return LEAST
    if deviation >= HIGH:
        return MOST
    place = (deviation - LOW) * CELLS
    cell = int(place)
    part = place - cell
    first, second, third, fourth = _CUBICS[cell]
    return min(first + part * (second + part * (third + part * fourth)), MOST)


class Bets:
    """The evidence on one facet of a series.

    Args:
        margin: How far sessions may wander, in deviations, without being worse.
        caution: By how many standard errors the price of a bet is on the safe side.
        tail: Whether to bet on sessions far out.
        small: Of so many tilts no more is taken than of normal deviations.

    Attributes:
        won: Nats of each bet since its last low.
        begun_at: For each bet the moment of that low, once it has won something.
        holding: The bet that fired; -1 while none has.
        shift: Mean deviation since the change, while one holds.
    """

    __slots__ = (
        "_far",
        "_low",
        "_means",
        "_prices",
        "_returned",
        "_seen",
        "_since",
        "_squares",
        "begun_at",
        "caution",
        "holding",
        "margin",
        "shift",
        "small",
        "tail",
        "won",
    )

    def __init__(
        self, margin: float, caution: float, *, tail: bool, small: int = 1
    ) -> None:
        self.margin = margin
        self.caution = caution
        self.small = small
        self.tail = tail
        self.won = [0.0] * _BETS
        self.begun_at: list[Moment] = [(0, 0)] * _BETS
        self.holding = -1
        self.shift = 0.0
        self._low = 0
        self._since = 0
        self._returned = 0.0
        self._far = 0.0
        self._seen = 0
        self._means = [half(each) for each in (*(exp(t * t / 2) for t in SHIFTS), 1.5)]
        self._squares = [half(each) for each in (*(exp(2 * t * t) for t in SHIFTS), 20)]
        self._prices: list[float] = []
        self._price()

    @property
    def suspicion(self) -> float:
        """The most that any bet has won, in nats."""
        return max(self.won)

    def _price(self) -> None:
        """What is taken from each bet: its mean, on the safe side."""
        held = min(self._seen, MEMORY) + _PRIOR
        prices = [
            mean + self.caution * sqrt(max(square - mean * mean, 0.0) / held)
            for mean, square in zip(self._means, self._squares, strict=True)
        ]
        for at, tilt in enumerate(SHIFTS[: self.small]):
            spread = sqrt(exp(2 * tilt * tilt) - exp(tilt * tilt))
            most = exp(tilt * tilt / 2) + self.caution * spread / sqrt(held)
            prices[at] = min(prices[at], most)
        self._prices = [half(log(price)) for price in prices[:-1]]
        self._prices.append(half(max(1.0, prices[-1])) if self.tail else 1.0)

    def _totals(self, deviation: float) -> list[float]:
        """What each bet would have won; a new low is 0 or less."""
        held = min(max(deviation - self.margin, _FLOOR), _CEILING)
        won, prices = self.won, self._prices
        totals = [won[at] + (t * held - prices[at]) for at, t in enumerate(SHIFTS)]
        if self.tail:
            odds = _stake(deviation - self.margin) / prices[-1]
            for at, share in enumerate(SHARES, len(SHIFTS)):
                lift = 1 - share + share * odds
                # No logarithm is above this: where all is lost anyway, none is taken.
                lost = won[at] + (lift - 1) <= 0.0
                totals.append(0.0 if lost else won[at] + log(lift))
        return totals

    def bet(self, deviation: float, last: Moment) -> None:
        """Take a sample in as evidence.

        Args:
            deviation: How far it lies on the bad side.
            last: The sample before.
        """
        won, begun_at = self.won, self.begun_at
        for at, total in enumerate(self._totals(deviation)):
            before, won[at] = won[at], half(max(total, 0.0))
            if before == 0.0 and won[at] > 0.0:
                begun_at[at] = last

    def fires(self, limit: float) -> int:
        """The bet with the most evidence beyond the limit; -1 if none is."""
        best = -1
        won = self.won
        for at, extra in enumerate(EXTRA):
            needed = limit + extra
            if won[at] > needed:
                # A gate may hold it back; what it holds back must be able to fade.
                won[at] = half(min(won[at], needed + _OVERSHOOT))
                if best < 0 or won[at] > won[best]:
                    best = at
        return best

    def hold(
        self, which: int, shift: float, samples: int, number: int, more: float = 0.0
    ) -> None:
        """A change has been told: from now on wait for the way back."""
        self.holding = which
        self._low = number
        self.shift = shift
        self._since = samples
        self._returned = 0.0
        self._far = more if which < len(SHIFTS) else SHARES[-1]

    def returned(self, deviation: float, number: int) -> bool:
        """Take a sample in while holding; whether the series is back to normal."""
        off = deviation - self.margin
        held = min(max(off, _FLOOR), _CEILING)
        self._since += 1
        self.shift += (min(held, 3.0) - self.shift) / min(self._since, _RECENT)
        if self.holding < len(SHIFTS):
            tilts = [
                (t * self.shift - log(max(mean, 1.0001)), t, mean)
                for t, mean in zip(SHIFTS, self._means, strict=False)
            ]
            if self._far > 0.0:
                tilts = tilts[:1]
            _, tilt, mean = max(tilts)
            gain = tilt * held - log(max(mean, 1.0001))
            enough = _BACK + self._far
        else:
            odds = _stake(off) / self._prices[-1]
            hit = 1.0 if odds > 3 else 0.0
            self._far += (hit - self._far) / min(max(self._since, 20), _RECENT)
            share = min(max(self._far, 0.04), 0.5)
            gain, enough = log(1 - share + share * odds), _BACK_SHARE
        self._returned = max(0.0, self._returned - gain)
        if self._returned == 0:
            self._low = number
        lasted = number - self._low >= _BACK_SAMPLES
        plain = self._returned > _BACK_PLAINLY
        return self._returned > enough and (lasted or plain)

    def release(self) -> None:
        """Begin anew: nothing is won, nothing is held."""
        self.holding = -1
        self.won = [0.0] * _BETS

    def turn(self) -> None:
        """The deviations are others from now on: begin nearly anew."""
        self.release()
        self._seen = min(self._seen, TURNED)

    def learn(self, deviation: float) -> None:
        """Take a healthy sample into what the bets are priced by."""
        self._seen += 1
        if self._seen >= MEMORY + _PATIENCE:
            self._seen -= _PATIENCE
        part = 1 / (min(self._seen, MEMORY) + _PRIOR)
        held = min(max(deviation, _FLOOR), _CEILING)
        # Each tilt is twice the one before: one power, and its square, and that one's.
        paid = exp(SHIFTS[0] * held)
        for at in range(len(SHIFTS)):
            self._learn(at, part, paid)
            paid *= paid
        if self.tail:
            self._learn(-1, part, _stake(deviation))
        if self._seen <= _QUICK or self._seen % _PATIENCE == 0:
            self._price()

    def _learn(self, at: int, part: float, paid: float) -> None:
        mean, square = self._means[at], self._squares[at]
        self._means[at] = half(mean + part * (paid - mean))
        self._squares[at] = half(square + part * (paid * paid - square))

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [
            self.won,
            [list(begun) for begun in self.begun_at],
            self.holding,
            self._low,
            self.shift,
            self._since,
            self._returned,
            self._far,
            self._seen,
            self._means,
            self._squares,
            self._prices,
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        (
            self.won,
            begun_at,
            self.holding,
            self._low,
            self.shift,
            self._since,
            self._returned,
            self._far,
            self._seen,
            self._means,
            self._squares,
            self._prices,
        ) = state
        self.begun_at = [(number, at_us) for number, at_us in begun_at]
