"""Kinds of sessions, and what series said is normal for each, added up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.kernels import kinds as kernel
from detectors.kernels import layout
from detectors.kernels.words import Grid, Ints, Table

_FIRST = 1 << 10


class Kinds:
    """What many series said, by the kind of sessions that it is about.

    Args:
        agent_first: For each rule whether no parent of its series has an agent.
    """

    __slots__ = ("_agent_first", "_kinds", "_known", "_sums")

    def __init__(self, agent_first: Sequence[bool]) -> None:
        self._agent_first: Ints = np.array(agent_first, np.int64)
        self._known = 0
        self._make(_FIRST)

    def _make(self, room: int) -> None:
        self._kinds: Table = np.zeros((room, layout.GIVEN_INTS), np.int64)
        self._sums: Grid = np.zeros((room, layout.MOST_FACETS * kernel.SUMS))

    def add(self, given: Table, floats: Grid) -> None:
        """Add what series said; see ``kernels.giving``. What they are is changed."""
        room = len(self._kinds)
        while 2 * (self._known + len(given)) > room:
            room *= 2
        if room > len(self._kinds):
            kinds, sums = self._kinds, self._sums
            self._make(room)
            kernel.move_up(kinds, sums, self._kinds, self._sums)
        kernel.forget_agents(given, self._agent_first)
        self._known += kernel.add_up(given, floats, self._kinds, self._sums)

    def take(self) -> tuple[list[tuple[int, ...]], Grid]:
        """Each kind, up to ``layout.G_SERIES``; for each facet of each its sums."""
        found = np.flatnonzero(self._kinds[:, layout.G_SIGN])
        kinds = self._kinds[found, : layout.G_SIGN].tolist()
        return list(map(tuple, kinds)), self._sums[found].reshape(-1, kernel.SUMS)
