"""What the next observations will need is fetched while this one is folded.

With thousands of series their words lie in main memory, and what one session touches of
them is a hundred lines of 64 bytes: waiting for each took longer than the arithmetic.
So five observations ahead the words of a series are asked for, then where it has many
rules the words that name the states of those that take the session, then these states,
then the indexes of their strata, and then the stratum that the session is of.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.fetching import fetch
from detectors.kernels.halves import half
from detectors.kernels.index import index_width
from detectors.kernels.samples import known_stratum
from detectors.kernels.words import Ints, Table

NEAR: Final = 1 << 18
"""An arena of so few words is at hand in any case."""

FURTHEST: Final = 5
"""Observations."""

_LINE: Final = 8
"""Words."""


@compiled
def _fetch_all(i: Ints, begin: int, words: int) -> None:
    for place in range(begin, begin + words, _LINE):
        fetch(i, place)


@compiled
def look_ahead(
    i: Ints,
    position: int,
    labels: Table,
    observed: Ints,
    found: Ints,
    series: Ints,
    masks: Ints,
    taken_from: Table,
    taken: Ints,
    rules: Table,
    first_rules: Ints,
) -> None:
    """Ask for what the observations after one will need.

    Args:
        i: The arena.
        position: Of the observation; ``FURTHEST`` more follow it.
        labels, observed, found, series, masks, taken_from, taken, rules, first_rules:
            As ``fold`` has them.
    """
    _fetch_all(i, found[series[position + FURTHEST]], at.WATCHES + _LINE)
    for ahead in range(FURTHEST - 1, 0, -1):
        coming, mask = found[series[position + ahead]], masks[position + ahead]
        group = i[coming + at.GROUP]
        if coming <= 0 or group < 0:
            continue
        for which in range(taken_from[mask, group], taken_from[mask, group + 1]):
            rule = first_rules[group] + taken[which]
            if ahead == FURTHEST - 1:
                if taken[which] >= _LINE:
                    fetch(i, coming + at.WATCHES + taken[which])
                continue
            watch = i[coming + at.WATCHES + taken[which]]
            if not watch:
                continue
            if ahead == FURTHEST - 2:
                _fetch_all(i, watch, rules[rule, at.WATCH_WIDTH])
            elif rules[rule, at.KIND] == at.DRIFT:
                if ahead > 1:
                    _fetch_all(i, half(i, watch, at.INDEX), index_width(i, watch))
                    continue
                session = observed[position + ahead]
                agent, task = labels[session, at.AGENT_AT], labels[session, at.TASK_AT]
                stratum = known_stratum(i, watch, agent, task)
                _fetch_all(i, stratum, at.NORMS + rules[rule, at.NORMS_WIDTH])
