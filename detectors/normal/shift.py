"""The samples since an alert over a count window began to fire.

Those that have left the window are in a summary, the rest are still at hand: so the
whole has a fixed size, however long the alert is open.
"""

from __future__ import annotations

from typing import Any

from detectors.kernels import layout
from detectors.kinds.plans import Plan
from detectors.normal.baseline import Summary
from detectors.state.store import Store


class Shift:
    """What may become the baseline.

    Args:
        store: The memory.
        plan: The rule.
        watch: Address of the window's words.
        first: Position, among the samples at hand, of the first one since then.

    Attributes:
        summary: Of the samples since firing began that have left the window.
    """

    __slots__ = ("_store", "_watch", "summary")

    def __init__(self, store: Store, plan: Plan, watch: int, first: int) -> None:
        self._store, self._watch = store, watch
        self.summary = Summary(store, plan, store.arena.take(layout.SUMMARY_WIDTH))
        self.summary.begin()
        words = store.arena.ints
        words[watch + layout.SHIFT] = self.summary.at
        words[watch + layout.SHIFT_FIRST] = first

    @property
    def first(self) -> int:
        """Position, among the samples at hand, of the first one since then."""
        return int(self._store.arena.ints[self._watch + layout.SHIFT_FIRST])

    def free(self) -> None:
        """The alert is no longer open."""
        self.summary.free()
        self.let_go()

    def let_go(self) -> None:
        """The same, where what the summary holds is another's by now."""
        arena = self._store.arena
        arena.give(self.summary.at, layout.SUMMARY_WIDTH)
        arena.ints[self._watch + layout.SHIFT] = 0

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [self.first, self.summary.dump()]
