"""How surprising a value is after the values before it.

Values are put into a few bins, and for each of several distances the channel counts
which bin followed which. The surprise is the mean of -ln P(bin now | bin then) over
the distances. A value that never followed what went before surprises the more, the
better that is known: a flat line where there was a rhythm, a peak at the wrong place.
The idea is that of context-based detectors such as CAD OSE (Smirnov 2016), with
counts in place of sets of contexts.
"""

from __future__ import annotations

from collections import deque
from math import log, log2
from typing import Any, Final

WARM: Final = 150
"""Samples that the bins are laid over."""

DISTANCES: Final = tuple(range(1, 24, 2))
"""Samples back; odd ones up to 23, so that many are spanned by few counts."""

NOVEL: Final = 0.001
"""What a pair never seen is counted as."""

OUTER: Final = 8
"""Bins on each side of the first values, each twice as wide as the one before."""

_FAR: Final = 1e300


class Context:
    """Surprise at one fineness of bins.

    Args:
        bins: Bins of even width over the range of the first 150 values.
    """

    __slots__ = ("_all", "_bins", "_low", "_pairs", "_past", "_seen", "_width")

    def __init__(self, bins: int) -> None:
        self._bins = bins
        self._all = bins + 2 * OUTER
        self._low = 0.0
        self._width = 0.0
        self._past: deque[int] = deque(maxlen=DISTANCES[-1])
        # How often a bin was followed at a distance, and by which.
        self._seen = [0] * (len(DISTANCES) * self._all)
        self._pairs: dict[int, int] = {}

    def begin(self, values: list[float]) -> None:
        """Lay the bins over the first values, and learn what followed what."""
        low, high = min(values), max(values)
        self._low = low
        self._width = (high - low) / self._bins or max(abs(high), 1e-9) * 1e-3
        for value in values:
            self.update(value)

    def bin(self, value: float) -> int:
        """The bin of a value; beyond the first values' range each is twice as wide."""
        place = max(-_FAR, min(_FAR, (value - self._low) / self._width))
        if place < 0:
            return OUTER - 1 - min(OUTER - 1, int(log2(1 - place)))
        if place < self._bins:
            return OUTER + int(place)
        beyond = min(OUTER - 1, int(log2(1 + place - self._bins)))
        return OUTER + self._bins + beyond

    def update(self, value: float) -> float:
        """The surprise at a value in nats, zero or more, then learn it."""
        now, past, every = self.bin(value), self._past, self._all
        seen, pairs = self._seen, self._pairs
        prior = NOVEL * self._bins
        reach = len(past)
        surprise, base = 1.0, 0
        for distance in DISTANCES:
            if distance > reach:
                break
            then = base + past[-distance]
            pair = then * every + now
            before = seen[then]
            count = pairs.get(pair, 0)
            if before:
                surprise *= (before + prior) / (count + NOVEL)
            seen[then] = before + 1
            pairs[pair] = count + 1
            base += every
        past.append(now)
        return max(0.0, log(surprise)) / len(DISTANCES)

    def dump(self) -> list[Any]:
        """As plain numbers; pairs never seen take no room.

        What came after a bin is not kept: it is the sum over its pairs.
        """
        pairs: list[int] = []
        for pair in sorted(self._pairs):
            pairs += (pair, self._pairs[pair])
        return [self._low, self._width, list(self._past), pairs]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._low, self._width, past, pairs = state
        self._past = deque(past, maxlen=DISTANCES[-1])
        self._pairs = dict(zip(pairs[::2], pairs[1::2], strict=True))
        self._seen = [0] * (len(DISTANCES) * self._all)
        for pair, count in self._pairs.items():
            self._seen[pair // self._all] += count
