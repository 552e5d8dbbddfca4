"""A change has been told of: until it ends, what is compiled of its sessions."""

from __future__ import annotations

from math import isnan

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.bets import HOLDING, bets_release, bets_returned
from detectors.kernels.evened import raised
from detectors.kernels.norms import LEVEL, norm_lent, norm_ready
from detectors.kernels.suspects import keep
from detectors.kernels.words import Floats, Grid, Ints, Table


@compiled
def holds(i: Ints, watch: int, rules: Table, rule: int, facets: Table) -> bool:
    """Whether a change has been seen and has not ended.

    Args:
        i: The arena.
        watch: The rule's state on the series.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
    """
    first = rules[rule, at.FACET]
    for facet in range(first, first + rules[rule, at.FACETS]):
        if i[watch + facets[facet, at.BETS_AT] + HOLDING] >= 0:
            return True
    return False


@compiled
def stand(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    now_us: int,
    ref: int,
    scratch: Floats,
    places: Ints,
) -> bool:
    """Hold the sample at hand against the way back; False if its like is not known.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
        signs: The facets' floats.
        now_us: The series' time.
        ref: By which the session is found.
        scratch, places: Hold the sample.
    """
    first, norms = rules[rule, at.FACET], places[at.STRATUM] + at.NORMS
    norm = norms + facets[first, at.NORM_AT]
    if not (norm_lent(i, norm) > 0 or norm_ready(i, norm, facets[first, at.SCALE])):
        return False
    level = raised(f[norm + LEVEL], facets[first, at.SCALE], scratch)
    keep(f, i, heads, watch, rules[rule, at.FACETS], now_us, ref, level, scratch)
    number = i[watch + at.SAMPLES]
    for place in range(rules[rule, at.FACETS]):
        bets = watch + facets[first + place, at.BETS_AT]
        deviation = scratch[at.DEVIATIONS + place]
        if i[bets + HOLDING] < 0 or isnan(deviation):
            continue
        margin = signs[first + place, at.MARGIN]
        if bets_returned(f, i, bets, deviation, margin, number):
            bets_release(f, i, bets, number, now_us)
    return True
