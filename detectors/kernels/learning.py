"""What is normal takes a sample in: at once, or after it has waited a while."""

from __future__ import annotations

from math import isnan
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.bets import bets_learn
from detectors.kernels.giving import give_normal, gives
from detectors.kernels.halves import (
    half,
    half_float,
    high_int,
    low_int,
    pair,
    set_half,
    set_half_float,
)
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
    samples = norm_samples(i, norm)
    # What is hardly known must follow; what is known well need not wait.
    most = min(lag, samples // PER_WAITING) if samples < YOUNG else 0
    none = most == 0 and half(i, watch, at.WAITING) == 0
    if none or not norm_ready(i, norm, scale):
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
    count = rules[rule, at.FACETS]
    queue = _wait(f, i, heads, watch, count, scratch, places)
    for _ in range(min(2, half(i, queue, at.Q_COUNT) - most)):
        oldest = half(i, queue, at.Q_FIRST)
        entry = queue + at.QUEUE + oldest * waiting_width(count)
        key = i[entry + at.W_KEY]
        found = known_stratum(i, watch, low_int(key), high_int(key))
        if found:
            for place in range(count):
                facet = entry + at.W_FACETS + place * at.W_FACET
                for which in range(at.W_FACET):
                    to = at.WAITED + which * at.MOST_FACETS + place
                    scratch[to] = f[facet + which]
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
                scratch,
                at.WAITED,
                places,
                given,
                given_floats,
            )
        set_half(i, queue, at.Q_FIRST, (oldest + 1) % at.WAITING_ROOM)
        set_half(i, queue, at.Q_COUNT, half(i, queue, at.Q_COUNT) - 1)
    if half(i, queue, at.Q_COUNT) == 0:
        drop_waiting(i, heads, watch, count)


@compiled
def waiting_width(count: int) -> int:
    """Words of a sample that waits, of so many facets."""
    return at.W_FACETS + count * at.W_FACET


@compiled
def queue_width(count: int) -> int:
    """Words of the queue of them."""
    return at.QUEUE + at.WAITING_ROOM * waiting_width(count)


@compiled
def waiting_count(i: Ints, watch: int) -> int:
    """How many samples wait."""
    queue = half(i, watch, at.WAITING)
    return half(i, queue, at.Q_COUNT) if queue else 0


@compiled
def _wait(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    count: int,
    scratch: Floats,
    places: Ints,
) -> int:
    """Let the sample at hand wait; where the queue is."""
    queue = half(i, watch, at.WAITING)
    if queue == 0:
        queue = take(i, heads, queue_width(count))
        set_half(i, watch, at.WAITING, queue)
    known = half(i, queue, at.Q_COUNT)
    last = (half(i, queue, at.Q_FIRST) + known) % at.WAITING_ROOM
    entry = queue + at.QUEUE + last * waiting_width(count)
    i[entry + at.W_KEY] = pair(places[at.OF_AGENT], places[at.OF_TASK])
    for place in range(count):
        facet = entry + at.W_FACETS + place * at.W_FACET
        for which in range(at.W_FACET):
            f[facet + which] = scratch[which * at.MOST_FACETS + place]
    set_half(i, queue, at.Q_COUNT, known + 1)
    return queue


@compiled
def drop_waiting(i: Ints, heads: Ints, watch: int, count: int) -> None:
    """What waits to be learned is let go; ``count``: of facets."""
    queue = half(i, watch, at.WAITING)
    if queue:
        give(i, heads, queue, queue_width(count))
        set_half(i, watch, at.WAITING, 0)


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
    stratum = half(i, watch, at.STRATA)
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
def renew(i: Ints, heads: Ints, watch: int, width: int) -> bool:
    """Take a change for normal; False if too little of it is known."""
    renewed = False
    stratum = half(i, watch, at.STRATA)
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
        set_half_float(i, watch, at.BACK, 0.0)
        set_half(i, watch, at.RENEWED, i[watch + at.SAMPLES])
    return renewed


@compiled
def look_back(i: Ints, heads: Ints, watch: int, width: int, scratch: Floats) -> None:
    """After a new normal: see whether the series goes back to the old one."""
    renewed = half(i, watch, at.RENEWED)
    if renewed == at.NEVER:
        return
    deviation = scratch[at.DEVIATIONS + half(i, watch, at.TOLD_FACET)]
    if not isnan(deviation):
        gain = min(max(-deviation, -3.0), 3.0) - BACK_SLACK
        back = max(0.0, half_float(i, watch, at.BACK) + gain)
        set_half_float(i, watch, at.BACK, back)
    gone_back = half_float(i, watch, at.BACK) > BACK_ENOUGH
    if gone_back or i[watch + at.SAMPLES] - renewed > MEMORY:
        set_half(i, watch, at.RENEWED, at.NEVER)
        stratum = half(i, watch, at.STRATA)
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
