"""Histograms with bins of even relative width: percentiles in a fixed size.

A value above zero falls into bin floor(ln(value) / width), so that a percentile is
right within half a width, whatever the scale (DDSketch, Masson et al. 2019). Small
whole numbers have bins of their own where a metric counts things.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, floor, log
from typing import Any, Final, NamedTuple

_ZERO: Final = -(1 << 20)
_WHOLE: Final = 64
_LARGEST: Final = 700.0


class Bins(NamedTuple):
    """How values are put into bins.

    Attributes:
        width: Relative width of a bin.
        whole: Whether values are whole numbers; those below 64 stay exact.
    """

    width: float
    whole: bool = False

    def key(self, value: float) -> int:
        """The bin of a value of zero or more."""
        if self.whole and value < _WHOLE:
            return int(value)
        if value <= 0:
            return _ZERO
        if not self.whole:
            return floor(log(value) / self.width)
        return _WHOLE + floor(log(value / _WHOLE) / self.width)

    def value(self, key: int, share: float) -> float:
        """The value that lies a share, 0 to 1, of the way through a bin."""
        if key == _ZERO:
            return 0.0
        if not self.whole:
            return exp(min(_LARGEST, (key + share) * self.width))
        if key < _WHOLE:
            return float(key)
        return _WHOLE * exp(min(_LARGEST, (key - _WHOLE + share) * self.width))

    def keys(self, values: Iterable[float]) -> list[int]:
        """The bins of values."""
        key, width = self.key, self.width
        if self.whole:
            return [int(v) if v < _WHOLE else key(v) for v in values]
        return [floor(log(v) / width) if v > 0 else _ZERO for v in values]

    def quantile(self, counts: Mapping[int, int], percent: int) -> float:
        """The percentile of what was counted, at least one value.

        >>> Bins(0.02, whole=True).quantile({1: 1, 2: 1, 3: 1, 10: 1}, 50)
        2.5
        """
        samples = 0
        for count in counts.values():
            samples += count
        rank, rest = divmod((samples - 1) * percent, 100)
        keys = sorted(counts)
        # Percentiles of interest are mostly near an end: begin at the nearer one.
        if 2 * rank < samples:
            position, before = 0, 0
            while before + counts[keys[position]] <= rank:
                before += counts[keys[position]]
                position += 1
        else:
            position, before = len(keys) - 1, samples - counts[keys[-1]]
            while before > rank:
                position -= 1
                before -= counts[keys[position]]
        inside = counts[keys[position]]
        low = self.value(keys[position], (rank - before + 0.5) / inside)
        if not rest:
            return low
        if rank + 1 < before + inside:
            high = self.value(keys[position], (rank + 1 - before + 0.5) / inside)
        else:
            high = self.value(keys[position + 1], 0.5 / counts[keys[position + 1]])
        return low + (high - low) * (rest / 100)


def merge(into: dict[int, int], other: Mapping[int, int]) -> None:
    """Add one histogram to another."""
    for key, count in other.items():
        into[key] = into.get(key, 0) + count


def remove(out_of: dict[int, int], other: Mapping[int, int]) -> None:
    """Take away a histogram that was merged before."""
    for key, count in other.items():
        left = out_of[key] - count
        if left:
            out_of[key] = left
        else:
            del out_of[key]


def flatten(counts: Mapping[int, int]) -> list[int]:
    """A histogram as small numbers: distances between bins, and counts."""
    flat: list[int] = []
    last = 0
    for key in sorted(counts):
        flat += (key - last, counts[key])
        last = key
    return flat


def unflatten(flat: list[Any]) -> dict[int, int]:
    """The inverse of ``flatten``."""
    counts: dict[int, int] = {}
    key = 0
    for position in range(0, len(flat), 2):
        key += flat[position]
        counts[key] = flat[position + 1]
    return counts
