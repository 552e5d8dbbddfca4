"""What is normal for one number of a series: scored before it is learned.

A norm turns a session's number into a deviation: how far on the bad side it lies, in
standard deviations of what the series has shown so far, winsorised, in the scale of
its kind. Its memory is that of the last ``MEMORY`` samples, exponentially weighted; its
state is a few plain numbers, rounded as the words of ``kernels.norms`` hold them.
"""

from __future__ import annotations

from math import exp, log, sqrt
from struct import Struct
from typing import Any, Final

from detectors.metrics import Scale
from detectors.normal.beta_binomial import at_least, upper
from detectors.normal.tails import deviations
from detectors.numbers import finite, narrow
from detectors.peers.parents import Normal, Prior

MEMORY: Final = 2_000
"""Samples a norm remembers, the oldest with the least weight."""

FEWEST: Final = 8
"""Samples before anything is scored."""

OWN: Final = 20
"""Samples of its own before a series is judged."""

LENT: Final = 10
"""Samples that what is borrowed counts for, where it is asked how much is known."""

TURNED: Final = 200
"""Samples that what is known counts for where a season comes into use, or leaves it."""

_CASES: Final = 6.0
_WINSOR: Final = 3.0
_LOW, _HIGH = -3.0, 4.0
_LEAST_VARIANCE: Final = 0.01
_PRIOR: Final = 20.0
_SHARED: Final = 0.15
_TINY: Final = 1e-9
_NEGLIGIBLE: Final = 0.01
_ALIKE: Final = 0.05
"""Variance of logarithms: who is within a quarter of its peers is one of them, however
little these differ."""
_LEAST_RATE: Final = 0.002
_CALLS: Final = 5.0
_MOST_CALLS: Final = 1e6
_MOST: Final = 3e38
_SAYS: Final = 1e-9
_EDGE: Final = 5.0
"""Added to both ends of a score's 0 to 100, so that a full score is no outlier."""

_WORDS: Final = Struct("<dffffHHf")
_RATE_WORDS: Final = Struct("<dffffHHfff")
"""Level; mean and variance, or errors and calls; bias and its variance; samples, and those
that speak for the bias; those that are lent; what sessions of several calls vary."""


class Norm:
    """The norm of plain numbers: mean and spread in their scale.

    Attributes:
        samples: Learned so far, up to ``MEMORY``.
        level: Winsorised mean, in the number's own unit.
        lent: Samples that the borrowed mean counts for; 0 where nothing was borrowed.
    """

    __slots__ = (
        "_bias",
        "_bias_samples",
        "_bias_spread",
        "_mean",
        "_variance",
        "lent",
        "level",
        "samples",
        "scale",
        "sign",
    )

    def __init__(self, scale: Scale, sign: float) -> None:
        self.scale = scale
        self.sign = sign
        self.samples = 0.0
        self.level = 0.0
        self.lent = 0.0
        self._mean = 0.0
        self._variance = 0.0
        self._bias, self._bias_spread, self._bias_samples = 0.0, 1.0, _PRIOR

    def there(self, value: float) -> float:
        """A number's place in the scale; not of a rate."""
        if self.scale is Scale.LOG:
            return log(max(value, _TINY))
        if self.scale is Scale.SQRT:
            return 2 * sqrt(value + 0.375)
        return log((value + _EDGE) / (100 + _EDGE - value))

    def begin_from(self, prior: Prior) -> None:
        """Begin with what is normal for others, before the first sample."""
        normal, lent = prior
        if self.scale is Scale.LOG:
            lent = min(lent, normal.variance / _ALIKE)
        self.samples, self.lent = float(LENT), narrow(lent)
        self._mean, self._variance = narrow(normal.mean), narrow(normal.variance)
        self.level = normal.level

    def normal(self) -> Normal:
        """What is normal, for others to borrow."""
        variance = narrow(max(self._variance, _LEAST_VARIANCE))
        return Normal(self._mean, variance, narrow(min(self.level, _MOST)), 0.0)

    def off(self, value: float, _weight: float) -> float:
        """How far on the bad side a value lies, in standard deviations of sessions.

        Unlike ``score`` nothing is corrected: in the mean it is zero where the mean is
        right.
        """
        return self.sign * (self.there(value) - self._mean) / self.spread

    @property
    def borrowed(self) -> float:
        """The share of what is expected that is borrowed still, 0 to 1."""
        share = self.lent / self._known if self.lent else 0.0
        return share if share >= _NEGLIGIBLE else 0.0

    @property
    def _known(self) -> float:
        """Samples that the mean rests on."""
        return self.samples - LENT + self.lent if self.lent else self.samples

    def _unsure(self) -> float:
        """By how much a sample lies further out because the mean is not known."""
        if self.lent:
            # The mean of the peers is one of many: s2 + tau2 at first.
            return sqrt(1 + 1 / self._known)
        return 1 + 1 / self.samples

    def score(self, value: float, _weight: float) -> float | None:
        """How far on the bad side a value lies; None while too little is known."""
        if self.samples < FEWEST:
            return None
        spread = sqrt(max(self._variance, _LEAST_VARIANCE)) * self._unsure()
        raw = self.sign * (self.there(value) - self._mean) / spread
        return self._corrected(raw)

    def _corrected(self, raw: float) -> float | None:
        found = (raw - self._bias) / sqrt(self._bias_spread)
        # One infinite number leaves a norm that knows nothing.
        return found if found == found else None  # noqa: PLR0124 - NaN

    def learn(self, value: float, _weight: float, deviation: float | None) -> None:
        """Take a value in; the deviation it was scored with corrects later ones."""
        place = self.there(value)
        kept = value
        if self.samples >= FEWEST:
            reach = _WINSOR * sqrt(max(self._variance, _LEAST_VARIANCE))
            if not self._mean - reach <= place <= self._mean + reach:
                place = min(max(place, self._mean - reach), self._mean + reach)
                kept = self.back(place)
        self.samples = min(self.samples + 1, MEMORY)
        part, own = 1 / self.samples, 1 / self._known
        step = place - self._mean
        self._mean = narrow(self._mean + own * step)
        variance = (1 - part) * (self._variance + part * step * step)
        self._variance = narrow(variance)
        self.level = finite(self.level + own * (kept - self.level))
        if deviation is not None and (self.samples > OWN or not self.lent):
            self._correct(deviation)

    def back(self, place: float) -> float:
        """The number at a place in the scale."""
        if self.scale is Scale.LOG:
            return finite(exp(min(place, 700.0)))
        if self.scale is Scale.SQRT:
            half = max(0.0, place / 2)
            return max(0.0, half * half - 0.375)
        share = 1 / (1 + exp(-place))
        return (100 + 2 * _EDGE) * share - _EDGE

    def _correct(self, deviation: float) -> None:
        raw = self._bias + deviation * sqrt(self._bias_spread)
        raw = min(max(raw, _LOW), _HIGH)
        self._bias_samples = min(self._bias_samples + 1, MEMORY)
        part = 1 / self._bias_samples
        step = raw - self._bias
        self._bias = narrow(self._bias + part * step)
        spread = (1 - part) * (self._bias_spread + part * step * step)
        self._bias_spread = narrow(spread)

    @property
    def ready(self) -> bool:
        """Whether enough has been learned to bet on."""
        return self.samples >= OWN and self._telling

    @property
    def judged(self) -> bool:
        """Whether the sample at hand, not learned yet, is enough to be told of."""
        return self.samples + 1 >= OWN and (self.lent > 0 or self._telling)

    @property
    def _telling(self) -> bool:
        """Whether what has been learned tells how large the number may be."""
        return True

    @property
    def mean(self) -> float:
        """Mean in the scale."""
        return self._mean

    def turn(self, mean: float) -> None:
        """Begin nearly anew about another mean: the numbers are others from now on."""
        self.level = self.back(self.there(self.level) + (mean - self._mean))
        self._mean = narrow(mean)
        self.samples = min(self.samples, float(TURNED))
        self._bias, self._bias_spread, self._bias_samples = 0.0, 1.0, _PRIOR

    def usual(self) -> tuple[float, float]:
        """Two standard deviations to both sides, in the number's own unit."""
        reach = 2 * self.spread
        return self.back(self._mean - reach), self.back(self._mean + reach)

    @property
    def spread(self) -> float:
        """Standard deviation in the scale."""
        return sqrt(max(self._variance, _LEAST_VARIANCE))

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [
            self.samples,
            self.level,
            self._mean,
            self._variance,
            self._bias,
            self._bias_spread,
            self._bias_samples,
            self.lent,
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        (
            self.samples,
            self.level,
            self._mean,
            self._variance,
            self._bias,
            self._bias_spread,
            self._bias_samples,
            self.lent,
        ) = state

    @property
    def words(self) -> bytes:
        """As ``kernels.norms`` has it, in words of eight bytes, the lowest first."""
        return _WORDS.pack(
            self.level, self._mean, self._variance, *self._bias_words(), self.lent
        )

    def _bias_words(self) -> tuple[float, float, int, int]:
        counts = int(self.samples), int(self._bias_samples)
        return self._bias, self._bias_spread, *counts


class RateNorm(Norm):
    """The norm of rates: errors among calls, pooled, with the spread of sessions."""

    __slots__ = ("_calls", "_errors", "_excess", "_reference", "single")

    def __init__(self, sign: float, *, single: bool) -> None:
        super().__init__(Scale.RATE, sign)
        self.single = single
        self._errors, self._calls = 0.5, _CALLS
        self._excess = self._reference = 0.0

    def begin_from(self, prior: Prior) -> None:  # noqa: D102
        normal, sessions = prior
        rate = max(normal.mean, _LEAST_RATE)
        self.samples, self.lent = float(LENT), narrow(sessions)
        self._calls = narrow(normal.level * sessions)
        self._errors = narrow(rate * self._calls)
        self.level = rate if self.sign > 0 else 1 - rate
        if not self.single:
            even = rate * (1 - rate)
            known = LENT * normal.level * (normal.level - 1) * even
            more = _PRIOR * even
            self._reference = narrow(known)
            self._excess = narrow(normal.shape * (known + more) - _SHARED * more)

    def normal(self) -> Normal:  # noqa: D102
        rate, calls = self._errors / self._calls, 1.0
        if not self.single:
            begun = 0.0 if self.lent else _CALLS
            calls = (self._calls - begun) / self._known
            calls = min(max(calls, 1.0), _MOST_CALLS)
        shared = 0.0 if self.single else self._shared()
        variance = rate * (1 - rate) * ((1 + (calls - 1) * shared) / calls)
        numbers = rate, max(variance, _SAYS), calls, shared
        return Normal(*map(narrow, numbers))

    def score(self, value: float, weight: float) -> float | None:  # noqa: D102
        if self.samples < FEWEST:
            return None
        errors = value if self.sign > 0 else weight - value
        chance = upper(errors, weight, self._rate(), self._concentration())
        return self._corrected(deviations(chance))

    def off(self, value: float, weight: float) -> float:  # noqa: D102
        errors = value if self.sign > 0 else weight - value
        rate = self._rate()
        shared = 0.0 if self.single else self._shared()
        spread = weight * rate * (1 - rate) * (1 + (weight - 1) * shared)
        return (errors - weight * rate) / sqrt(spread)

    def chance(self, value: float, weight: float) -> float | None:
        """The exact probability of at least so many errors; None while unknown."""
        if not self.ready:
            return None
        errors = value if self.sign > 0 else weight - value
        return at_least(errors, weight, self._rate(), self._concentration())

    def _rate(self) -> float:
        return min(max(self._errors / self._calls, 0.0005), 0.9995)

    def _concentration(self) -> float:
        if self.single:
            return 200.0
        shared = self._shared()
        if self.lent:
            # Peers differ: the rate itself is as uncertain as its mean.
            shared += (1 - shared) / self._calls + shared / self._known
        return 1 / min(shared, 0.6) - 1

    def _shared(self) -> float:
        """How far the calls of a session go together."""
        rate = self._errors / self._calls
        prior = _PRIOR * rate * (1 - rate)
        shared = (self._excess + _SHARED * prior) / (self._reference + prior + _TINY)
        return min(max(shared, 0.002), 0.6)

    def learn(  # noqa: D102
        self, value: float, weight: float, deviation: float | None
    ) -> None:
        if weight > _MOST_CALLS:
            # It counts as one of a million calls: the square of more is not finite.
            value, weight = value * (_MOST_CALLS / weight), _MOST_CALLS
        errors = value if self.sign > 0 else weight - value
        errors = min(max(errors, -_MOST_CALLS), _MOST_CALLS)
        fade = 1 - 1 / MEMORY if self.samples >= MEMORY else 1.0
        if not self.single and weight > 1:
            rate = self._errors / self._calls
            even = rate * (1 - rate)
            off = errors - weight * rate
            self._excess = narrow((self._excess + (off * off - weight * even)) * fade)
            known = self._reference + weight * (weight - 1) * even
            self._reference = narrow(known * fade)
        self.samples = min(self.samples + 1, MEMORY)
        self._errors = narrow(self._errors * fade + errors)
        self._calls = narrow(self._calls * fade + weight)
        share = self._errors / self._calls
        self.level = share if self.sign > 0 else 1 - share
        if deviation is not None and (self.samples > OWN or not self.lent):
            self._correct(deviation)

    @property
    def _telling(self) -> bool:
        # A share of which a few cases are known may as well be twice as large.
        return self._errors >= _CASES

    def usual(self) -> tuple[float, float]:  # noqa: D102
        return max(0.0, self.level - 2 * self.spread), self.level + 2 * self.spread

    @property
    def spread(self) -> float:
        """Standard deviation of one call's outcome."""
        rate = self._rate()
        return sqrt(rate * (1 - rate))

    def dump(self) -> list[Any]:  # noqa: D102
        return [
            *super().dump(),
            self._errors,
            self._calls,
            self._excess,
            self._reference,
        ]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        super().load(state[:8])
        self._errors, self._calls, self._excess, self._reference = state[8:]

    @property
    def words(self) -> bytes:  # noqa: D102
        told = self.level, self._errors, self._calls, *self._bias_words(), self.lent
        if self.single:
            return _WORDS.pack(*told)
        return _RATE_WORDS.pack(*told, self._excess, self._reference)
