"""A shift: what the bets on a facet have won, read when they have won enough."""

from __future__ import annotations

from detectors.changes.change import REPLACED
from detectors.changes.seen import Seen
from detectors.kernels import bets, layout, moments, suspects
from detectors.kernels.norms import LEVEL
from detectors.kinds.drift_words import DriftWords
from detectors.normal.releases import newest
from detectors.normal.suspects import Suspect, attribution, suspects_since


def shift(rule: DriftWords, facet: int, now_us: int) -> Seen:
    """What there is to say of it.

    Args:
        rule: On the series.
        facet: Which shows it.
        now_us: The series' time.
    """
    store, arena = rule.store, rule.store.arena
    at, tail = rule.bets_at(facet)
    limit = float(store.tables.rule_floats[rule.plan.row, layout.ENOUGH])
    which = bets.bets_fires(arena.ints, at, tail, limit)
    low = bets.bets_begun(arena.ints, at, which)
    begun = moments.number_of(low, rule.number)
    first = suspects.first_since(arena.ints, rule.at, begun)
    new, old = suspects.levels(arena.floats, arena.ints, rule.at, first)
    since = suspects_since(store, rule.at, len(rule.facets), first)
    return Seen(
        facet,
        begun,
        moments.time_of(low, now_us),
        since,
        new,
        old,
        shift=suspects.mean_deviation(arena.ints, rule.at, first, facet),
        nats=bets.bets_won(arena.ints, at, which),
        limit=limit,
        borrowed=rule.borrowed,
        bet=which,
        blamed=_blamed(rule, since, facet, begun),
        season=_season(rule),
    )


def _blamed(
    rule: DriftWords, since: list[Suspect], facet: int, begun: int
) -> dict[str, str]:
    """What tells the sessions since from the others, or came with the first of them."""
    blamed = attribution(since, facet, rule.by)
    if "agent" in rule.by:
        for place, name in enumerate(REPLACED):
            releases = layout.RELEASES + place * layout.LABEL_WIDTH
            if name not in rule.by:
                label = newest(rule.store, rule.at, releases, begun, rule.number)
                if label:
                    blamed.setdefault(name, label)
    return blamed


def _season(rule: DriftWords) -> float | None:
    """What the hour makes of the level."""
    if not rule.store.scratch[layout.OFFSETS]:
        return None
    norm, _ = rule.norm
    level = float(rule.store.arena.floats[norm + LEVEL])
    return rule.raised(level) / level
