"""What is normal takes a sample in: at once, or after it has waited a while."""

from __future__ import annotations

from math import isnan
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.bets import bets_learn
from detectors.kernels.giving import give_normal, gives
from detectors.kernels.halves import half, set_half
from detectors.kernels.norms import norm_learn, norm_lent, norm_ready, norm_samples
from detectors.kernels.samples import known_stratum, norms_begin
from detectors.kernels.words import Floats, Grid, Ints, Table

YOUNG: Final = 1_000
"""Samples after which a series is known too well to be misled."""

PER_WAITING: Final = 16
"""Samples known for each that may wait."""

MEMORY: Final = 2_000
FEWEST: Final = 8
BACK_SLACK: Final = 0.5
BACK_ENOUGH: Final = 8.0


@compiled
def learn_sample(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    cautions: Grid,
    rule: int,
    facets: Table,
    signs: Grid,
    scratch: Floats,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> None:
    """Learn a healthy sample, or those that have waited long enough."""
    stratum = places[at.STRATUM]
    first = rules[rule, at.FACET]
    norm = stratum + at.NORMS + facets[first, at.NORM_AT]
    scale = facets[first, at.SCALE]
    lag = rules[rule, at.LAG]
    if lag == 0 or not norm_ready(i, norm, scale):
        absorb(
            f,
            i,
            watch,
            rules,
            cautions,
            rule,
            facets,
            signs,
            stratum,
            scratch,
            0,
            places,
            given,
            given_floats,
        )
        return
    _wait(i, heads, f, watch, scratch, places)
    # What is hardly known must follow; what is known well need not wait.
    samples = norm_samples(i, norm)
    most = min(lag, samples // PER_WAITING) if samples < YOUNG else 0
    for _ in range(min(2, i[watch + at.WAITING_COUNT] - most)):
        queue = i[watch + at.WAITING]
        entry = queue + i[watch + at.WAITING_FIRST] * at.WAITING_WIDTH
        found = known_stratum(i, watch, i[entry + at.W_AGENT], i[entry + at.W_TASK])
        if found:
            # Values, weights and deviations stand as they do in the scratch.
            absorb(
                f,
                i,
                watch,
                rules,
                cautions,
                rule,
                facets,
                signs,
                found,
                f,
                entry + at.W_VALUES,
                places,
                given,
                given_floats,
            )
        i[watch + at.WAITING_FIRST] = (
            i[watch + at.WAITING_FIRST] + 1
        ) % at.WAITING_ROOM
        i[watch + at.WAITING_COUNT] -= 1


@compiled
def _wait(
    i: Ints, heads: Ints, f: Floats, watch: int, scratch: Floats, places: Ints
) -> None:
    queue = i[watch + at.WAITING]
    if queue == 0:
        queue = take(i, heads, at.WAITING_ROOM * at.WAITING_WIDTH)
        i[watch + at.WAITING] = queue
        i[watch + at.WAITING_FIRST] = i[watch + at.WAITING_COUNT] = 0
    last = i[watch + at.WAITING_FIRST] + i[watch + at.WAITING_COUNT]
    entry = queue + (last % at.WAITING_ROOM) * at.WAITING_WIDTH
    i[entry + at.W_AGENT] = places[at.OF_AGENT]
    i[entry + at.W_TASK] = places[at.OF_TASK]
    for place in range(3 * at.MOST_FACETS):
        f[entry + at.W_VALUES + place] = scratch[place]
    i[watch + at.WAITING_COUNT] += 1


@compiled
def drop_waiting(i: Ints, heads: Ints, watch: int) -> None:
    """What waits to be learned is let go."""
    if i[watch + at.WAITING]:
        words = at.WAITING_ROOM * at.WAITING_WIDTH
        give(i, heads, i[watch + at.WAITING], words)
        i[watch + at.WAITING] = i[watch + at.WAITING_COUNT] = 0


@compiled
def absorb(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    cautions: Grid,
    rule: int,
    facets: Table,
    signs: Grid,
    stratum: int,
    sample: Floats,
    begin: int,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> None:
    """Take a sample into its stratum, and its deviations into the bets' prices.

    Args:
        f, i: The arena.
        watch: The rule's state on the series.
        rules, facets: Tables of integers.
        cautions: The rules' floats.
        rule: Which row of them.
        signs: The facets' floats.
        stratum: That of the sample.
        sample: Holds the sample's values, weights and deviations.
        begin: From where on.
        places: Where the sample at hand stands.
        given, given_floats: Take what the stratum says, where it is to say so.
    """
    first = rules[rule, at.FACET]
    learned = half(i, stratum, at.LEARNED) + 1
    set_half(i, stratum, at.LEARNED, learned)
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        value = sample[begin + at.VALUES + place]
        if isnan(value):
            continue
        scale = facets[facet, at.SCALE]
        norm = stratum + at.NORMS + facets[facet, at.NORM_AT]
        deviation = sample[begin + at.DEVIATIONS + place]
        weight = sample[begin + at.WEIGHTS + place]
        sign = signs[facet, at.FACET_SIGN]
        norm_learn(f, i, norm, value, weight, deviation, scale, sign)
        if not isnan(deviation) and norm_ready(i, norm, scale):
            bets_learn(
                f,
                i,
                watch + facets[facet, at.BETS_AT],
                deviation,
                facets[facet, at.TAIL] != 0,
                cautions[rule, at.CAUTION],
                rules[rule, at.SMALL],
            )
    lent = norm_lent(i, stratum + at.NORMS + facets[first, at.NORM_AT]) > 0
    if gives(learned, lent):
        give_normal(f, i, rules, rule, facets, stratum, places, given, given_floats)


@compiled
def learn_new(
    f: Floats,
    i: Ints,
    heads: Ints,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    scratch: Floats,
    places: Ints,
) -> None:
    """Learn a sample of a change, apart from what was normal before."""
    stratum = places[at.STRATUM]
    new = half(i, stratum, at.NEW)
    if new == 0:
        new = take(i, heads, rules[rule, at.NORMS_WIDTH])
        set_half(i, stratum, at.NEW, new)
        norms_begin(f, i, new, rules, rule, facets)
    first = rules[rule, at.FACET]
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        value = scratch[at.VALUES + place]
        if not isnan(value):
            norm_learn(
                f,
                i,
                new + facets[facet, at.NORM_AT],
                value,
                scratch[at.WEIGHTS + place],
                float("nan"),
                facets[facet, at.SCALE],
                signs[facet, at.FACET_SIGN],
            )


@compiled
def forget_new(i: Ints, heads: Ints, watch: int, width: int) -> None:
    """A change has ended: what it was like is let go."""
    stratum = i[watch + at.STRATA]
    while stratum:
        new = half(i, stratum, at.NEW)
        if new:
            give(i, heads, new, width)
            set_half(i, stratum, at.NEW, 0)
        stratum = half(i, stratum, at.NEXT)


@compiled
def forget_usual(i: Ints, stratum: int) -> None:
    """What is normal is another level now: its seasons are about that one."""
    usual = half(i, stratum, at.LEVELS)
    if usual:
        for word in range(usual, usual + at.LEVELS_WIDTH):
            i[word] = 0


@compiled
def renew(f: Floats, i: Ints, heads: Ints, watch: int, width: int) -> bool:
    """Take a change for normal; False if too little of it is known."""
    renewed = False
    stratum = i[watch + at.STRATA]
    while stratum:
        new, anchor = half(i, stratum, at.NEW), half(i, stratum, at.ANCHOR)
        if new and norm_samples(i, new) >= FEWEST:
            if anchor == 0:
                anchor = take(i, heads, width)
                set_half(i, stratum, at.ANCHOR, anchor)
            norms = stratum + at.NORMS
            for word in range(width):
                i[anchor + word] = i[norms + word]
                i[norms + word] = i[new + word]
            forget_usual(i, stratum)
            renewed = True
        stratum = half(i, stratum, at.NEXT)
    if renewed:
        f[watch + at.BACK] = 0.0
        i[watch + at.RENEWED] = i[watch + at.SAMPLES]
    return renewed


@compiled
def look_back(
    i: Ints, f: Floats, heads: Ints, watch: int, width: int, scratch: Floats
) -> None:
    """After a new normal: see whether the series goes back to the old one."""
    if i[watch + at.RENEWED] == at.NEVER:
        return
    deviation = scratch[at.DEVIATIONS + i[watch + at.TOLD_FACET]]
    if not isnan(deviation):
        gain = min(max(-deviation, -3.0), 3.0) - BACK_SLACK
        f[watch + at.BACK] = max(0.0, f[watch + at.BACK] + gain)
    gone_back = f[watch + at.BACK] > BACK_ENOUGH
    if gone_back or i[watch + at.SAMPLES] - i[watch + at.RENEWED] > MEMORY:
        i[watch + at.RENEWED] = at.NEVER
        stratum = i[watch + at.STRATA]
        while stratum:
            anchor = half(i, stratum, at.ANCHOR)
            if anchor:
                if gone_back:
                    for word in range(width):
                        i[stratum + at.NORMS + word] = i[anchor + word]
                    forget_usual(i, stratum)
                give(i, heads, anchor, width)
                set_half(i, stratum, at.ANCHOR, 0)
            stratum = half(i, stratum, at.NEXT)
