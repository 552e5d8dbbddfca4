"""The factors of a series' cost, as words in the partition's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.causes import LEARNED
from detectors.decomposition import COSTS, SESSIONS, WIDTH, Rise
from detectors.kernels import factors as words
from detectors.kernels.layout import MODEL_AT
from detectors.recent import Told
from detectors.stage import Stage
from detectors.store import Store


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
        words.factors_learn(arena.floats, arena.ints, self._at, stage.row, model)

    def during(self, stage: Stage) -> None:
        """Add the session at hand, seen while it is not."""
        arena = self._store.arena
        model = stage.codes[MODEL_AT]
        words.factors_during(arena.floats, arena.ints, self._at, stage.row, model)

    def add(self, told: Told) -> None:
        """Add a session that has been kept since the change began."""
        arena = self._store.arena
        model = self._store.labels.code(told.labels[MODEL_AT])
        row = np.array(told.values)
        words.factors_during(arena.floats, arena.ints, self._at, row, model)

    def begin(self) -> None:
        """A change begins."""
        words.factors_begin(self._store.arena.floats, self._at)

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
            known = self._store.arena.ints[self._at + words.MODEL :][:2]
            found["model"] = [self._store.labels.text(code) for code in known.tolist()]
        return found

    def _rise(self) -> Rise | None:
        arena, at = self._store.arena, self._at
        usual, now = (
            arena.floats[at + part : at + part + WIDTH].tolist()
            for part in (words.USUAL, words.NOW)
        )
        learned = float(arena.ints[at + words.CHUNKS]) * usual[SESSIONS]
        weighed = usual[COSTS] > 0.0 and now[COSTS] > 0.0
        return Rise(usual, now) if learned >= LEARNED and weighed else None
