"""What the rules share whose sessions compiled code may fold."""

from __future__ import annotations

from typing import Any

from detectors.kernels import layout
from detectors.kinds.plans import Plan
from detectors.kinds.watch import Watch
from detectors.life.lifecycle import Life
from detectors.state.store import Store
from detectors.transitions import State


class CompiledWatch(Watch):
    """A rule whose numbers are words in the partition's memory.

    Attributes:
        at: Address of its words; 0 if it has none after all.
    """

    __slots__ = ("at", "store")

    def __init__(self, plan: Plan, by: dict[str, str], store: Store, at: int) -> None:
        super().__init__(plan, by)
        self.store = store
        self.at = at

    @property
    def words_alone(self) -> bool:
        """Whether its words say all there is to say while nothing is wrong."""
        return True

    def settle(self) -> None:  # noqa: D102
        if self.at:
            self.store.settle(self.at, self.life.state)

    def wake(self, state: State) -> None:
        """Take up its alert's life as ``rest`` left it.

        Args:
            state: ``OK`` or ``INSUFFICIENT``.
        """
        begin = self.at + layout.SEQ
        seq, generation = self.store.arena.ints[begin : begin + 2].tolist()
        self.life = Life(state, generation=generation, seq=seq)

    def rest(self) -> None:
        """Write into its words what is left of its alert's life."""
        ints = self.store.arena.ints
        ints[self.at + layout.SEQ] = self.life.seq
        ints[self.at + layout.GENERATION] = self.life.generation

    def free(self) -> None:  # noqa: D102
        if self.at:
            self.store.give_watch(self.at, self.plan.row)

    def more(self) -> list[Any]:
        """What it knows beside its words, as plain values."""
        return []

    def load_more(self, state: list[Any]) -> None:
        """Take what ``more`` gave."""

    def dump(self) -> list[Any]:  # noqa: D102
        if not self.at:
            return []
        self.rest()
        words, told = self.store.pack(self.at, self.plan.row)
        return [words, told, self.more()]

    def load(self, state: list[Any]) -> None:  # noqa: D102
        if self.at and state:
            words, told, more = state
            self.store.unpack(self.at, self.plan.row, words, told)
            if more:
                self.load_more(more)
        self.settle()
