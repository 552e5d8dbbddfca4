"""The blast radius: how far what broke together reaches, and what it has in common.

A label's value is a common cause if the series that broke share it and the healthy ones
of the rule do not, beyond what chance would give: by the tail of the hypergeometric
distribution, as in Fisher's exact test (Fisher 1922, J. R. Stat. Soc. 85, 87-94).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import lgamma, log
from typing import Final, NamedTuple

from alerts.headcount import Headcounts
from alerts.reach import Blast
from detectors.transitions import Transition

FEWEST: Final = 3
"""Fewer series than these need no summary."""

_MOST: Final = 0.9
"""Of those that broke so many must share a common cause."""

_CHANCE: Final = 0.01
"""So rarely, over all labels, a common cause is named where there is none."""


class _Cause(NamedTuple):
    log_chance: float
    label: str
    value: str
    broken: int
    healthy: int


def blast(lines: Sequence[Transition], headcounts: Headcounts) -> Blast | None:
    """How far alerts reach that fire together; None if they are few.

    Args:
        lines: Of those that fire, one each.
        headcounts: Of all series.
    """
    if len({tuple(sorted(line.labels.items())) for line in lines}) < FEWEST:
        return None
    rules = Counter(line.rule for line in lines)
    rule = min(rules, key=lambda name: (-rules[name], name))
    mine = [line for line in lines if line.rule == rule]
    series = headcounts.series(rule)
    causes, sought = _causes(mine, rule, headcounts)
    shared = {cause.label: cause.value for cause in causes}
    firing, of = len(mine), series
    if causes:
        found = causes[0]
        firing = headcounts.firing_with(rule, found.label, found.value)
        of = headcounts.carrying(rule, found.label, found.value)
    told_apart = [label for label in headcounts.labels(rule) if label not in shared]
    return Blast(
        rule=rule,
        rules=len(rules),
        firing=firing,
        series=of or None,
        counted=told_apart[0] if len(told_apart) == 1 else "",
        shared=shared,
        broken=len(mine),
        sharing=causes[0].broken if causes else 0,
        attributed=_attributed(lines),
        healthy=max(0, series - headcounts.firing(rule)) if series else None,
        since=min(line.began or line.time for line in lines),
        at_least=not headcounts.is_whole(rule),
        sought=sought,
    )


def _causes(
    lines: Sequence[Transition], rule: str, headcounts: Headcounts
) -> tuple[list[_Cause], bool]:
    """The values that set the broken apart most, all of which do so equally.

    And whether all that they share could be looked at.
    """
    broken = len(lines)
    healthy = headcounts.series(rule) - headcounts.firing(rule)
    if healthy <= 0:
        return [], True
    labels = list(headcounts.labels(rule))
    found, sought = [], True
    for label in labels:
        values = Counter(line.labels.get(label, "") for line in lines)
        value, sharing = min(values.items(), key=lambda item: (-item[1], item[0]))
        if not value or sharing < _MOST * broken:
            continue
        carrying = headcounts.carrying(rule, label, value)
        if not carrying or not headcounts.is_counted(rule, label, value):
            sought = False
            continue
        too = min(healthy, carrying - headcounts.firing_with(rule, label, value))
        log_chance = _log_tail(sharing, broken, too, healthy)
        found.append(_Cause(log_chance, label, value, sharing, too))
    best = min(found, default=None)
    if best is None or best.log_chance > log(_CHANCE / len(labels)):
        return [], sought
    return [cause for cause in found if cause[3:] == best[3:]], sought


def _log_tail(sharing: int, broken: int, too: int, healthy: int) -> float:
    """Log of the chance that so many or more of the broken share what so many share.

    Args:
        sharing: Of the broken.
        broken: All of them.
        too: Of the healthy, that share it.
        healthy: All of them.
    """
    sharers, everyone = sharing + too, broken + healthy
    first = (
        _log_choose(sharers, sharing)
        + _log_choose(everyone - sharers, broken - sharing)
        - _log_choose(everyone, broken)
    )
    total = term = 1.0
    for count in range(sharing, min(broken, sharers)):
        up = (sharers - count) * (broken - count)
        down = (count + 1) * (everyone - sharers - broken + count + 1)
        term *= up / down
        total += term
        if term < 1e-12 * total:
            break
    return first + log(total)


def _log_choose(all_of: int, some: int) -> float:
    return lgamma(all_of + 1) - lgamma(some + 1) - lgamma(all_of - some + 1)


def _attributed(lines: Sequence[Transition]) -> dict[str, str]:
    """What explains nearly all of them though their series do not carry it."""
    found = Counter(item for line in lines for item in line.attribution.items())
    return {
        label: value
        for (label, value), count in sorted(found.items())
        if count >= _MOST * len(lines)
    }
