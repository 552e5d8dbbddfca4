"""The factors of a series' cost, as words in the partition's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.cost.causes import LEARNED, STEPS
from detectors.cost.decomposition import COSTS, SESSIONS, Rise
from detectors.kernels import factors as words
from detectors.kernels import layout
from detectors.kernels import window_factors as waiting
from detectors.kernels.halves import half
from detectors.kernels.layout import MODEL_AT
from detectors.state.recent import Told
from detectors.state.stage import Stage
from detectors.state.store import Store


class Factors:
    """What the cost of sessions is made of, before and since a change.

    Args:
        store: The memory.
        at: Where in it the words begin.
    """

    __slots__ = ("_at", "_store")

    def __init__(self, store: Store, at: int) -> None:
        self._store, self._at = store, at

    def learn(self, stage: Stage) -> None:
        """Add the session at hand, seen while all is well."""
        arena = self._store.arena
        model = stage.codes[MODEL_AT]
        words.factors_learn(arena.ints, self._at, stage.row, model)

    def during(self, stage: Stage) -> None:
        """Add the session at hand, seen while it is not."""
        arena = self._store.arena
        model = stage.codes[MODEL_AT]
        arena.reserve()
        words.factors_during(arena.ints, arena.heads, self._at, stage.row, model)

    def add(self, told: Told) -> None:
        """Add a session that has been kept since the change began."""
        arena = self._store.arena
        model = self._store.labels.code(told.labels[MODEL_AT])
        row = np.array(told.values)
        arena.reserve()
        words.factors_during(arena.ints, arena.heads, self._at, row, model)

    def begin(self) -> None:
        """A change begins."""
        arena = self._store.arena
        words.factors_begin(arena.ints, arena.heads, self._at)

    def shares(self) -> dict[str, float]:
        """As ``Rise.shares``; empty as long as too little is known."""
        rise = self._rise()
        return {} if rise is None else rise.shares()

    def typical(self) -> dict[str, Any]:
        """As ``Rise.typical``, and in ``model`` both names if it has changed."""
        rise = self._rise()
        if rise is None:
            return {}
        found: dict[str, Any] = rise.typical()
        if rise.model_changed:
            ints, text = self._store.arena.ints, self._store.labels.text
            found["model"] = [
                text(half(ints, self._at, place))
                for place in (words.MODEL, words.NEWCOMER)
            ]
        return found

    def _rise(self) -> Rise | None:
        ints, at = self._store.arena.ints, self._at
        usual, now = words.sums_of(ints, at), words.during(ints, at)
        learned = half(ints, at, words.CHUNKS) * usual[SESSIONS]
        weighed = usual[COSTS] > 0.0 and now[COSTS] > 0.0
        if learned < LEARNED or not weighed:
            return None
        return Rise(usual, now, self._more(usual[SESSIONS]))

    def _more(self, usual: float) -> float:
        """How many times more sessions a window holds; 0 where that is no matter."""
        del usual
        return 0.0


class WindowFactors(Factors):
    """The same where a window is judged: what is in it is not usual yet.

    Args:
        store: The memory.
        row: Of the rule, in the tables.
        at: Where in the memory the words begin.
    """

    __slots__ = ("_held", "_memory", "_size")

    def __init__(self, store: Store, row: int, at: int) -> None:
        super().__init__(store, at)
        rules = store.tables.rules[row]
        self._held = int(rules[layout.CHUNKS_HELD])
        self._size = int(rules[layout.CHUNK_SIZE])
        self._memory = int(rules[layout.CHUNKS_KEPT])

    def learn(self, stage: Stage, step: int = 0) -> None:
        """Add the session at hand, seen while all is well.

        Args:
            stage: Which it is.
            step: Of time, where that makes chunks.
        """
        arena = self._store.arena
        waiting.window_learn(
            arena.ints,
            self._at,
            self._held,
            self._size,
            self._memory,
            stage.row,
            int(stage.codes[MODEL_AT]),
            step,
        )

    def begin(self) -> None:
        """The breach begins."""
        arena = self._store.arena
        arena.reserve()
        waiting.window_begin(arena.ints, arena.heads, self._at, self._held, self._size)

    def crowd(self, samples: int) -> None:
        """So many sessions are in the window."""
        word, ints = self._at + waiting.CROWD, self._store.arena.ints
        ints[word] = max(int(ints[word]), samples)

    def _more(self, usual: float) -> float:
        crowd = int(self._store.arena.ints[self._at + waiting.CROWD])
        return crowd / (STEPS * usual) if usual > 0.0 else 0.0
