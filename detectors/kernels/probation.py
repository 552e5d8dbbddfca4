"""Probation: the first sessions of a new series, held against its peers.

A series that is bad from its first session on has no better past to be compared with;
only its peers tell. Their mean differs from series to series as well, so what counts is
how far the mean of its own sessions lies from theirs, in standard deviations of both
together, ``z = mean / sqrt(1 / k + 1 / n)``, with n sessions of its own and k of lent
ones (the posterior predictive of a normal mean: Gelman and others, Bayesian Data
Analysis, 2.5). Its evidence is z * z / 2 nats.

A stratum on probation names a piece of the arena with what was lent and the sums so far.
"""

from __future__ import annotations

from math import isnan, nan, sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give
from detectors.kernels.halves import half, set_half
from detectors.kernels.norms import LEVEL, norm_lent, norm_off
from detectors.kernels.suspects import keep
from detectors.kernels.words import Floats, Grid, Ints, Table

FIRST: Final = 10
"""Sessions of its own before anything is told of a series."""

LAST: Final = 60
"""Sessions of its own after which it stands alone."""

SUSPICIOUS: Final = 2.0
"""Nats from which on the sessions of a change that may be under way are kept."""

_FAR: Final = 5.0


@compiled
def see(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    stratum: int,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    scratch: Floats,
) -> None:
    """Take the sample at hand in; after the last one the stratum stands alone.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        stratum: That of the sample, on probation.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
        signs: The facets' floats.
        scratch: Holds the sample; takes how far it lies from its peers.
    """
    tried, first = half(i, stratum, at.TRIED), rules[rule, at.FACET]
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        norm = tried + at.P_NORMS + facets[facet, at.NORM_AT]
        value = scratch[at.VALUES + place]
        off = nan
        if not isnan(value) and norm_lent(i, norm):
            off = norm_off(
                i,
                norm,
                value,
                scratch[at.WEIGHTS + place],
                facets[facet, at.SCALE],
                signs[facet, at.FACET_SIGN],
            )
            f[tried + at.P_TOTALS + place] += min(max(off, -_FAR), _FAR)
            i[tried + at.P_COUNTS + place] += 1
        scratch[at.OFFS + place] = off
    if i[tried + at.P_COUNTS] >= LAST:
        let_go(i, heads, stratum, rules[rule, at.NORMS_WIDTH])
    note(f, i, watch, rules, rule, facets)


@compiled
def let_go(i: Ints, heads: Ints, stratum: int, width: int) -> None:
    """A stratum stands alone from now on."""
    tried = half(i, stratum, at.TRIED)
    if tried:
        give(i, heads, tried, at.P_NORMS + width)
        set_half(i, stratum, at.TRIED, 0)


@compiled
def worst(
    f: Floats, i: Ints, tried: int, rules: Table, rule: int, facets: Table
) -> tuple[int, float]:
    """The facet with the most evidence that a stratum is bad, and it in nats."""
    best, most = 0, 0.0
    first = rules[rule, at.FACET]
    for place in range(rules[rule, at.FACETS]):
        norm = tried + at.P_NORMS + facets[first + place, at.NORM_AT]
        total, lent = f[tried + at.P_TOTALS + place], norm_lent(i, norm)
        if total > 0 and lent:
            count = i[tried + at.P_COUNTS + place]
            z = total / count / sqrt(1 / lent + 1 / count)
            if z * z / 2 > most:
                best, most = place, z * z / 2
    return best, most


@compiled
def note(
    f: Floats, i: Ints, watch: int, rules: Table, rule: int, facets: Table
) -> None:
    """Say whether suspects are kept though no bet has won anything."""
    doubted = 0
    stratum = half(i, watch, at.STRATA)
    while stratum:
        tried = half(i, stratum, at.TRIED)
        if tried:
            _, nats = worst(f, i, tried, rules, rule, facets)
            if nats > SUSPICIOUS:
                doubted = 1
        stratum = half(i, stratum, at.NEXT)
    set_half(i, watch, at.DOUBTED, doubted)


@compiled
def keep_beside(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    tried: int,
    count: int,
    now_us: int,
    ref: int,
    scratch: Floats,
) -> None:
    """Keep the sample at hand as its peers see it.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        tried: What was lent, and the sums so far.
        count: Of facets.
        now_us: The series' time.
        ref: By which the session is found.
        scratch: Holds the sample, and how far it lies from its peers.
    """
    _swap(scratch, count)
    level = f[tried + at.P_NORMS + LEVEL]
    keep(f, i, heads, watch, count, now_us, ref, level, scratch)
    _swap(scratch, count)


@compiled
def _swap(scratch: Floats, count: int) -> None:
    for place in range(count):
        off = scratch[at.OFFS + place]
        scratch[at.OFFS + place] = scratch[at.DEVIATIONS + place]
        scratch[at.DEVIATIONS + place] = off


@compiled
def ready(i: Ints, tried: int) -> bool:
    """Whether enough sessions have been seen to tell of a stratum."""
    return bool(i[tried + at.P_COUNTS] >= FIRST)


@compiled
def restart(
    f: Floats, i: Ints, watch: int, rules: Table, rule: int, number: int
) -> None:
    """Begin again after a sample, with what was lent: what was bad has been told.

    Args:
        f, i: The arena.
        watch: The rule's state on the series.
        rules: The table.
        rule: Which row.
        number: Of the sample.
    """
    stratum = half(i, watch, at.STRATA)
    while stratum:
        tried = half(i, stratum, at.TRIED)
        if tried:
            i[tried + at.P_BEGUN] = number
            for place in range(at.MOST_FACETS):
                f[tried + at.P_TOTALS + place] = 0.0
                i[tried + at.P_COUNTS + place] = 0
            for word in range(rules[rule, at.NORMS_WIDTH]):
                i[stratum + at.NORMS + word] = i[tried + at.P_NORMS + word]
        stratum = half(i, stratum, at.NEXT)
    set_half(i, watch, at.DOUBTED, 0)
