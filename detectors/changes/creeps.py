"""A creep: a rise so slow that what is normal has followed it, and must go back."""

from __future__ import annotations

from detectors.changes.seen import Seen
from detectors.kernels import creeps, halves, layout, learning, moments, suspects
from detectors.kernels.norms import LEVEL
from detectors.kinds.drift_words import DriftWords
from detectors.normal.suspects import levels, mean_deviation, suspects_since


def creep(rule: DriftWords, facet: int, now_us: int) -> Seen:
    """What there is to say of it; what is normal goes back to what it was before.

    Args:
        rule: On the series.
        facet: Which shows it.
        now_us: The series' time.
    """
    store, arena, tables = rule.store, rule.store.arena, rule.store.tables
    row = rule.plan.row
    place = int(tables.rules[row, layout.FACET]) + facet
    words = rule.at + int(tables.facets[place, layout.CREEP_AT])
    norms = int(store.places[layout.STRATUM]) + layout.NORMS
    low = int(arena.ints[words + creeps.BEGUN])
    begun = moments.number_of(low, rule.number)
    first = suspects.first_since(arena.ints, rule.at, begun)
    since = suspects_since(store, rule.at, len(rule.facets), first)
    moved = creeps.creeps_moved(
        arena.ints,
        rule.at,
        tables.facets,
        tables.facet_floats,
        place,
        norms,
    )
    creeps.creeps_unlearn(
        arena.floats, arena.ints, rule.at, tables.rules, row, tables.facets, norms
    )
    learning.forget_usual(arena.ints, norms - layout.NORMS)
    return Seen(
        facet,
        begun,
        moments.time_of(low, now_us),
        since,
        new=levels(since)[0],
        old=float(arena.floats[norms + LEVEL]),
        shift=moved + mean_deviation(since, facet),
        nats=halves.low(arena.ints[words + creeps.WON]),
        limit=float(tables.rule_floats[row, layout.ENOUGH]),
        borrowed=rule.borrowed,
        more=creeps.BACK_MORE,
    )
