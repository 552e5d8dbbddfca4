"""One stretch, one peak: a score counts only above all that came just before it.

An odd stretch goes on for many samples, and each of them would be an alarm. The wait
is 80 samples, or a twentieth of the series' life where that is longer: a series known
for long is not to be odd more often than a short one.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

SHORTEST: Final = 80
LONGEST: Final = 1_200
SHARE: Final = 20


class Peaks:
    """The falling edge of the last scores: each higher than all after it.

    >>> peaks = Peaks()
    >>> [peaks.update(score) for score in (1.0, 3.0, 2.0, 3.0, 4.0)]
    [1.0, 3.0, 0.0, 0.0, 4.0]
    """

    __slots__ = ("_age", "_edge")

    def __init__(self) -> None:
        self._age = 0
        self._edge: deque[tuple[int, float]] = deque()

    @property
    def wait(self) -> int:
        """Samples for which a peak keeps lower ones from counting."""
        return min(LONGEST, max(SHORTEST, self._age // SHARE))

    def update(self, score: float) -> float:
        """The score if it is above every one of the wait before it, else 0.0."""
        age, edge = self._age, self._edge
        oldest = age - self.wait
        while edge and edge[0][0] < oldest:
            edge.popleft()
        peak = score if not edge or score > edge[0][1] else 0.0
        while edge and edge[-1][1] <= score:
            edge.pop()
        # Nothing is below zero, so a zero keeps nothing from counting.
        if score > 0:
            edge.append((age, score))
        self._age = age + 1
        return peak

    def dump(self) -> list[Any]:
        """As plain numbers: at most two for each sample of the longest wait."""
        flat: list[float] = []
        for age, score in self._edge:
            flat += (age, score)
        return [self._age, flat]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._age, flat = state
        self._edge = deque(zip(flat[::2], flat[1::2], strict=True))
