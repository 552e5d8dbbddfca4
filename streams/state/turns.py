"""At which turns a checkpoint is written: seldom where it takes long.

With many series nearly all of them change between two checkpoints, and what these cost
hangs on how many there are rather than on the sessions. So while sessions come they may
take a small part of the time, and are skipped for a few turns if they would take more.
"""

from __future__ import annotations

from typing import Final

_PART: Final = 50
"""Taking rows is one part of the time in so many."""

MOST_SKIPPED: Final = 4
"""Turns in a row: what is not written has to be folded again after a crash."""


class Turns:
    """Counts turns; each may be one to write a checkpoint at.

    Args:
        every_s: Seconds between two of them.

    >>> turns = Turns(1.0)
    >>> turns.due(10), turns.took(0.05)
    (True, None)
    >>> turns.due(20), turns.due(30), turns.due(40)
    (False, False, True)
    """

    __slots__ = ("_every_s", "_observed", "_skip")

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._skip = 0
        self._observed = -1

    def due(self, observed: int) -> bool:
        """Whether to write at this turn.

        Args:
            observed: Observations folded so far: without new ones nothing is saved by
                waiting.
        """
        calm = observed == self._observed
        self._observed = observed
        if self._skip and not calm:
            self._skip -= 1
            return False
        return True

    def took(self, taking_s: float) -> None:
        """A checkpoint was written, and its rows were taken in so many seconds."""
        self._skip = min(int(_PART * taking_s / self._every_s), MOST_SKIPPED)
