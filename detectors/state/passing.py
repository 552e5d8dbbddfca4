"""What time alone does to a series that is nothing but words."""

from __future__ import annotations

from detectors.kernels import due as kernel
from detectors.kernels.refresh import refresh as refresh_words
from detectors.kernels.words import Ints
from detectors.kinds.plans import Group
from detectors.state.store import Store


def due(store: Store, series: int, group: Group, retention_us: int) -> tuple[int, int]:
    """See ``kernels.due``."""
    tables = store.tables
    due_us, order = kernel.due(
        store.arena.floats,
        store.arena.ints,
        series,
        len(group.plans),
        tables.rules,
        int(tables.first_rules[group.number]),
        tables.after_us,
        retention_us,
        store.scratch,
    )
    return int(due_us), int(order)


def place_all(store: Store, series: Ints, counts: Ints, retention_us: int) -> None:
    """See ``kernels.due``."""
    tables = store.tables
    kernel.place_all(
        store.arena.floats,
        store.arena.ints,
        series,
        counts,
        tables.rules,
        tables.first_rules,
        tables.after_us,
        retention_us,
        store.scratch,
    )


def leave(store: Store, series: int, group: Group, due_us: int, order: int) -> int:
    """See ``kernels.due``."""
    store.arena.reserve()
    tables, arena = store.tables, store.arena
    return int(
        kernel.leave(
            arena.floats,
            arena.ints,
            arena.heads,
            series,
            len(group.plans),
            tables.rules,
            tables.rule_floats,
            int(tables.first_rules[group.number]),
            due_us,
            order,
            tables.after_us,
            store.scratch,
        )
    )


def refresh(store: Store, series: int, group: Group, now_us: int) -> None:
    """See ``kernels.refresh``."""
    tables, arena = store.tables, store.arena
    refresh_words(
        arena.floats,
        arena.ints,
        arena.heads,
        series,
        len(group.plans),
        tables.rules,
        tables.rule_floats,
        int(tables.first_rules[group.number]),
        now_us,
        store.scratch,
    )
