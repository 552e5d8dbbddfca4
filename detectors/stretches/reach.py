"""How far a value lies outside everything seen lately.

The plainest question to a series, and the strongest single one: is this further out
than any of the last 4,000? What lies outside is told in ranges, so that the answer
does not depend on the unit.
"""

from __future__ import annotations

from typing import Any, Final

BLOCK: Final = 250
"""Samples kept as one lowest and one highest."""

BLOCKS: Final = 16

FURTHEST: Final = 1e9
"""More ranges than this outside are told as this many."""


class Reach:
    """The lowest and the highest of about 4,000 samples, in blocks.

    >>> reach = Reach()
    >>> [round(reach.update(value), 3) for value in (10.0, 20.0, 15.0, 25.0)]
    [0.0, 1000.0, 0.0, 0.5]
    """

    __slots__ = ("_filled", "_high", "_highs", "_low", "_lows")

    def __init__(self) -> None:
        self._lows: list[float] = []
        self._highs: list[float] = []
        self._filled = BLOCK
        self._low = 0.0
        self._high = 0.0

    def update(self, value: float) -> float:
        """How far outside a value is, in ranges, then count it in.

        Args:
            value: In the unit of the series, finite.

        Returns:
            0.0 inside, 1.0 for a whole range beyond an end. While the range is zero,
            a thousandth of the value stands for it.
        """
        if not self._lows:
            self._low = self._high = value
        low, high = self._low, self._high
        outside = 0.0
        if value > high or value < low:
            width = high - low or abs(high) * 1e-3 + 1e-12
            outside = min(FURTHEST, max(value - high, low - value) / width)
            self._low, self._high = min(low, value), max(high, value)
        self._keep(value)
        return outside

    def _keep(self, value: float) -> None:
        lows, highs = self._lows, self._highs
        if self._filled < BLOCK:
            self._filled += 1
            lows[-1] = min(lows[-1], value)
            highs[-1] = max(highs[-1], value)
            return
        lows.append(value)
        highs.append(value)
        self._filled = 1
        if len(lows) > BLOCKS:
            del lows[0], highs[0]
            self._low, self._high = min(lows), max(highs)

    def dump(self) -> list[Any]:
        """As plain numbers: at most 16 pairs, and three more."""
        ends = [self._low, self._high]
        return [self._filled, ends, list(self._lows), list(self._highs)]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._filled, ends, lows, highs = state
        self._low, self._high = ends
        self._lows, self._highs = list(lows), list(highs)
