"""The channel for odd stretches: how far out, how still, and how out of place.

Views of one series are added up, with no weights learned from labels: how far values,
and means of 40 of them, lie outside their range; how far the series is stiller than
ever; how rare the surprise at a value is after the values before it; and, counting
0.6, how rare it is that surprise lasts. The sum counts only at its peaks.

False stretches per 20,000 healthy samples after the first 750, in series of 3,000 and
of 20,000 samples, at three limits:

                                          0.40        0.46        0.50
    logarithms of a lognormal             3.9  2.3    0.6  0.4    0.0  0.3
    gamma-Poisson counts, square roots    4.4  2.5    2.4  1.3    0.9  0.6
    autoregressive, coefficient 0.9       5.0  1.0    0.6  0.1    0.0  0.0
    a wave with noise; a random walk      0.3  0.3    0.0  0.0    0.0  0.0
    quality in whole points               2.7  2.8    2.7  2.1    1.5  1.4
    a lognormal itself, sigma 0.6         7.4  4.0    4.2  2.4    2.1  1.0
"""

from __future__ import annotations

from collections import deque
from math import fsum
from typing import Any, Final

from detectors.stretches.context import WARM, Context
from detectors.stretches.lasting import Lasting
from detectors.stretches.peaks import Peaks
from detectors.stretches.reach import Reach
from detectors.stretches.stillness import Stillness
from detectors.stretches.tail import Tail

SMOOTHED: Final = 40
"""Samples in the short mean that shows a level."""

FINENESS: Final = (4, 8, 16)
"""Bins of the contexts; surprises at the three are averaged."""

HALFWAY: Final = 0.2
"""Ranges outside, summed over the views, that say half of what the range can say."""

DECADES: Final = 10.0
"""How many powers of ten of rarity the range can say, and where the score is 0.5."""

LAST: Final = 0.6
"""What lasting surprise counts next to surprise, which it repeats in part."""

LIMIT: Final = 0.46
"""The score from which a sample is taken for an odd stretch."""

SETTLED: Final = 750
"""Samples of a series before its scores are to be trusted."""

_LARGEST: Final = 1e300


class Stretches:
    """Scores each sample of one series against all before it; one pass.

    >>> from math import sin
    >>> channel = Stretches()
    >>> usual = [channel.update(5.0 + sin(n / 7), n) for n in range(2_000)]
    >>> max(usual[SETTLED:]) < LIMIT
    True
    >>> channel.update(50.0, 2_000) > LIMIT
    True
    """

    __slots__ = (
        "_contexts",
        "_first",
        "_lasting",
        "_level",
        "_odd",
        "_odd_for_long",
        "_peaks",
        "_recent",
        "_still",
        "_value",
    )

    def __init__(self) -> None:
        self._first: list[float] | None = []
        self._recent: deque[float] = deque(maxlen=SMOOTHED)
        self._value = Reach()
        self._level = Reach()
        self._still = Stillness()
        self._contexts = [Context(bins) for bins in FINENESS]
        self._lasting = Lasting()
        self._odd = Tail()
        self._odd_for_long = Tail()
        self._peaks = Peaks()

    @property
    def wait(self) -> int:
        """Samples for which a peak keeps lower scores at 0.0."""
        return self._peaks.wait

    def update(self, value: float, at_us: int) -> float:  # noqa: ARG002 - see Args
        """How odd a sample is, then learn it.

        Args:
            value: In the unit of the series, better in its metric's scale; finite.
            at_us: When, in microseconds. Samples are taken in the order they come:
                the time itself says nothing yet.

        Returns:
            0.0 for all but peaks; else s / (10 + s), s being powers of ten of rarity.
        """
        value = max(-_LARGEST, min(_LARGEST, value))
        recent = self._recent
        recent.append(value)
        mean = fsum(recent) / len(recent)
        outside = self._value.update(value) + self._level.update(mean)
        outside += self._still.update(recent, mean)
        rarity = DECADES * outside / (outside + HALFWAY) + self._surprise(value)
        peak = self._peaks.update(rarity)
        return peak / (DECADES + peak)

    def _surprise(self, value: float) -> float:
        """Powers of ten of rarity; 0.0 in the first 150 samples."""
        first = self._first
        if first is None:
            nats = sum([context.update(value) for context in self._contexts])
            nats /= len(FINENESS)
            lasting = self._odd_for_long.update(self._lasting.update(nats))
            return self._odd.update(nats) + LAST * lasting
        first.append(value)
        if len(first) == WARM:
            for context in self._contexts:
                context.begin(first)
            self._odd.skip(WARM)
            self._odd_for_long.skip(WARM)
            self._first = None
        return 0.0

    def dump(self) -> list[Any]:
        """As plain numbers; of a size that is bounded whatever the series' age."""
        return [
            self._first,
            list(self._recent),
            self._value.dump(),
            self._level.dump(),
            self._still.dump(),
            [context.dump() for context in self._contexts],
            self._lasting.dump(),
            self._odd.dump(),
            self._odd_for_long.dump(),
            self._peaks.dump(),
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        first, recent, value, level, still, contexts, *rest = state
        lasting, odd, odd_for_long, peaks = rest
        self._first = None if first is None else list(first)
        self._recent = deque(recent, maxlen=SMOOTHED)
        self._value.load(value)
        self._level.load(level)
        self._still.load(still)
        for context, dumped in zip(self._contexts, contexts, strict=True):
            context.load(dumped)
        self._lasting.load(lasting)
        self._odd.load(odd)
        self._odd_for_long.load(odd_for_long)
        self._peaks.load(peaks)
