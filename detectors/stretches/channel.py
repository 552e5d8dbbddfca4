"""The channel for odd stretches: how far out, and how out of place.

Two views of a series are added up, with no weights learned from labels: how far
values, and means of 40 of them, lie outside their range; and how rare the surprise
at a value is after the values before it. The sum counts only at its peaks.
"""

from __future__ import annotations

from collections import deque
from math import fsum
from typing import Any, Final

from detectors.stretches.context import WARM, Context
from detectors.stretches.peaks import Peaks
from detectors.stretches.reach import Reach
from detectors.stretches.tail import Tail

SMOOTHED: Final = 40
"""Samples in the short mean that shows a level."""

FINENESS: Final = (4, 8, 16)
"""Bins of the contexts; surprises at the three are averaged."""

HALFWAY: Final = 0.1
"""Ranges outside that count half of all there is to say about the range."""

DECADES: Final = 10.0
"""How many powers of ten of rarity the range can say, and where the score is 0.5."""

_LARGEST: Final = 1e300


class Stretches:
    """Scores each sample of one series against all before it; one pass.

    >>> from math import sin
    >>> channel = Stretches()
    >>> wave = [5.0 + sin(number / 7) for number in range(2_000)]
    >>> max(channel.update(value, 0) for value in wave[1_000:]) < 0.5
    True
    >>> channel.update(50.0, 0) > 0.5
    True
    """

    __slots__ = (
        "_contexts",
        "_first",
        "_level",
        "_peaks",
        "_recent",
        "_tail",
        "_value",
    )

    def __init__(self) -> None:
        self._first: list[float] | None = []
        self._recent: deque[float] = deque(maxlen=SMOOTHED)
        self._value = Reach()
        self._level = Reach()
        self._contexts = [Context(bins) for bins in FINENESS]
        self._tail = Tail()
        self._peaks = Peaks()

    @property
    def wait(self) -> int:
        """Samples for which a peak keeps lower scores at 0.0."""
        return self._peaks.wait

    def update(self, value: float, at_us: int) -> float:  # noqa: ARG002 - see Args
        """How odd a sample is, then learn it.

        Args:
            value: In the unit of the series; finite.
            at_us: When, in microseconds. Samples are taken in the order they come,
                as evenly as they come: the time itself says nothing yet.

        Returns:
            0.0 for all but peaks; else s / (10 + s), s being powers of ten of rarity.
        """
        value = max(-_LARGEST, min(_LARGEST, value))
        recent = self._recent
        recent.append(value)
        outside = self._value.update(value)
        outside += self._level.update(fsum(recent) / len(recent))
        outside /= 2
        odd = DECADES * outside / (outside + HALFWAY) + self._surprise(value)
        peak = self._peaks.update(odd)
        return peak / (DECADES + peak)

    def _surprise(self, value: float) -> float:
        """Powers of ten of rarity; 0.0 in the first 150 samples."""
        first = self._first
        if first is None:
            nats = sum([context.update(value) for context in self._contexts])
            return self._tail.update(nats / len(FINENESS))
        first.append(value)
        if len(first) == WARM:
            for context in self._contexts:
                context.begin(first)
            self._tail.skip(WARM)
            self._first = None
        return 0.0

    def dump(self) -> list[Any]:
        """As plain numbers; of a size that does not grow with the series' age."""
        return [
            self._first,
            list(self._recent),
            self._value.dump(),
            self._level.dump(),
            [context.dump() for context in self._contexts],
            self._tail.dump(),
            self._peaks.dump(),
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        first, recent, value, level, contexts, tail, peaks = state
        self._first = None if first is None else list(first)
        self._recent = deque(recent, maxlen=SMOOTHED)
        self._value.load(value)
        self._level.load(level)
        for context, dumped in zip(self._contexts, contexts, strict=True):
            context.load(dumped)
        self._tail.load(tail)
        self._peaks.load(peaks)
