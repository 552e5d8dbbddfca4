"""What a series was like before its time window (S30's whole windows).

Steps that leave the current window are kept here, a few of them together, as far
back as ``over`` reaches. The expectation is the mean of the aggregate over the whole
windows among them; one that holds a sample not to be learned is left out. The
arithmetic is compiled (``kernels.eras``).

Once a new level is accepted, windows count from the shift on. Until two of them are
whole, the level that was accepted stands in for their mean.
"""

from __future__ import annotations

from typing import Any

from detectors.kernels import eras, layout
from detectors.kernels.steps import STEPS
from detectors.kinds.plans import Plan
from detectors.life.evidence import known
from detectors.normal.spans import Steps
from detectors.state.store import Store
from detectors.transitions import rfc3339


class Eras:
    """The steps before the current window, a few of them together.

    Args:
        store: The memory.
        plan: The rule.
        at: Where in it the words begin.
    """

    __slots__ = ("_plan", "_store", "at", "steps", "windows")

    def __init__(self, store: Store, plan: Plan, at: int) -> None:
        self._store, self._plan, self.at = store, plan, at
        rules = store.tables.rules
        self.windows = int(rules[plan.row, layout.WINDOWS])
        self.steps = int(rules[plan.row, layout.ERA_STEPS])

    def _get(self, word: int) -> int | None:
        value = int(self._store.arena.ints[self.at + word])
        return None if value == layout.NEVER_BORN else value

    def _float(self, word: int) -> float | None:
        value = float(self._store.arena.floats[self.at + word])
        return value if value == value else None  # noqa: PLR0124 - NaN

    @property
    def expected(self) -> float | None:
        """The mean over whole windows; None while there are fewer than two."""
        return self._float(layout.ERAS_EXPECTED)

    @property
    def _eras(self) -> Steps:
        return Steps(self._store, self._plan, self.at + layout.FIRST_ERA)

    def accept(self, began: int, level: float, passed: int) -> None:
        """Let the past begin with a shift: what came after it is learned.

        Args:
            began: The step in which it did, or with which the current window begins
                if that is earlier.
            level: Of the current window, in the metric's unit.
            passed: The last step that is over.
        """
        store, arena = self._store, self._store.arena
        arena.reserve()
        # Steps are kept a few together: those that stand with one before it are lost.
        last = -(-(began - 1) // self.steps)
        ints, floats = arena.ints, arena.floats
        ints[self.at + layout.FLOOR] = last * self.steps
        self._eras.clear(last)
        floats[self.at + layout.STAND_IN] = level
        ints[self.at + layout.STAND_STEP] = passed
        ints[self.at + layout.FORMED] = layout.NEVER_BORN
        eras.eras_refresh(
            floats,
            ints,
            arena.heads,
            self.at,
            passed,
            store.tables.rules,
            store.tables.rule_floats,
            self._plan.row,
            store.scratch,
        )

    def evidence(self) -> dict[str, Any]:
        """The whole windows behind the expectation, for people."""
        store, arena = self._store, self._store.arena
        arena.reserve()
        found, _, least, most = eras.eras_windows(
            arena.floats,
            arena.ints,
            arena.heads,
            self.at,
            store.tables.rules,
            store.tables.rule_floats,
            self._plan.row,
            store.scratch,
        )
        told: dict[str, Any] = {
            "baseline_windows": found,
            "baseline_windows_most": self.windows,
        }
        newest, whole = self._get(layout.FORMED), self._get(layout.FORMED_WHOLE)
        if found and newest is not None and whole is not None:
            first = newest - STEPS // self.steps * whole
            began_us = first * self.steps * self._plan.span_us // STEPS
            told["baseline_since"] = rfc3339(began_us)
            told["baseline_min"], told["baseline_max"] = least, most
        return known(told)
