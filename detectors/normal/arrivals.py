"""What a series has learned of the times of its own sessions, in a partition's memory."""

from __future__ import annotations

from detectors.kernels import arrivals, layout, missing
from detectors.state.store import Store


class Arrivals:
    """See ``kernels.arrivals`` and ``kernels.missing``, which do the work.

    Args:
        store: The partition's memory.
        at: Address of the words.

    >>> from detectors.kernels.missing import HOUR_US
    >>> store, monday_us = Store(()), 4 * 24 * HOUR_US
    >>> known = Arrivals(store, store.arena.take(layout.SILENCE_WIDTH))
    >>> known.begin(monday_us)
    >>> for minute in range(5, 3 * 1440, 5):
    ...     _ = known.take(monday_us + minute * 60_000_000)
    >>> (known.due_us() - known.last_us) // 60_000_000
    16
    """

    __slots__ = ("at", "store")

    def __init__(self, store: Store, at: int) -> None:
        self.store = store
        self.at = at

    @property
    def last_us(self) -> int:
        """When the newest session ended."""
        return int(self.store.arena.ints[self.at + layout.SEEN_US])

    @property
    def known(self) -> bool:
        """Whether silences can be told."""
        return bool(self.store.arena.floats[self.at + layout.MISSING_MOST] > 0)

    def begin(self, at_us: int) -> None:
        """Know nothing but that there was a session."""
        arena = self.store.arena
        arrivals.begin(arena.floats, arena.ints, self.at, at_us)

    def take(self, at_us: int, *, told: bool = False) -> bool:
        """Take a session in; see ``kernels.arrivals.arrive``."""
        store, arena = self.store, self.store.arena
        return arrivals.arrive(
            arena.floats, arena.ints, self.at, at_us, told, store.scratch
        )

    def remember_told(self) -> None:
        """A silence that was told is over: the next one has to be longer."""
        store, arena = self.store, self.store.arena
        arrivals.remember_told(arena.floats, arena.ints, self.at, store.scratch)

    def expected(self, until_us: int) -> float:
        """Sessions that should have come between the newest one and a time."""
        store, arena = self.store, self.store.arena
        return missing.expected(
            arena.floats, arena.ints, self.at, until_us, store.scratch
        )

    def due_us(self) -> int:
        """When the silence since the newest session is to be told; FAR if never."""
        store, arena = self.store, self.store.arena
        return int(missing.due(arena.floats, arena.ints, self.at, store.scratch))
