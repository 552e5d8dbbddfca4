"""A session as one rule's sample: read, given its stratum, and scored."""

from __future__ import annotations

from math import isnan, nan

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.evened import make_even
from detectors.kernels.giving import stratum_width, take_back
from detectors.kernels.halves import half, pair, set_half
from detectors.kernels.index import index_add, index_drop, index_find
from detectors.kernels.norms import norm_begin, norm_score
from detectors.kernels.probation import let_go, note
from detectors.kernels.words import Floats, Grid, Ints, Table

OUTPUT_WEIGHT = 5.0


@compiled
def read(
    facets: Table, facet: int, values: Floats, scratch: Floats, place: int
) -> bool:
    """Read a facet of a session; its deviation is not known yet.

    Args:
        facets: The table.
        facet: Which row.
        values: The session's numbers, in the order of ``COLUMNS``.
        scratch: Takes number and weight.
        place: Of the facet among those of its rule.
    """
    reader = facets[facet, at.READER]
    value, weight, found = nan, 1.0, False
    number = values[facets[facet, at.READS]]
    if reader == at.PLAIN:
        value, found = number, number == number
    elif reader == at.POSITIVE:
        value, found = number, number > 0
    elif reader == at.RATE:
        calls = values[facets[facet, at.PER]]
        if calls > 0:
            value, weight = (number if number == number else 0.0), calls
            found = True
    elif reader == at.PER_TOKEN:
        output = values[at.OUTPUT]
        tokens = values[at.INPUT] + OUTPUT_WEIGHT * (output if output > 0 else 0.0)
        if tokens > 0 and number > 0:
            value, found = number / tokens, True
    else:
        calls = values[at.CALLS]
        if calls > 0 and number > 0:
            value, found = number / calls, True
    scratch[at.VALUES + place] = value if found else nan
    scratch[at.WEIGHTS + place] = weight
    scratch[at.DEVIATIONS + place] = nan
    return found


@compiled
def norms_begin(
    f: Floats, i: Ints, norms: int, rules: Table, rule: int, facets: Table
) -> None:
    """Begin the norms of a stratum: nothing is known."""
    first = rules[rule, at.FACET]
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        norm_begin(f, i, norms + facets[facet, at.NORM_AT], facets[facet, at.SCALE])


@compiled
def drop_stratum(i: Ints, heads: Ints, stratum: int, rules: Table, rule: int) -> None:
    """Take back a stratum and what it names."""
    width = rules[rule, at.NORMS_WIDTH]
    new, anchor = half(i, stratum, at.NEW), half(i, stratum, at.ANCHOR)
    if new:
        give(i, heads, new, width)
    if anchor:
        give(i, heads, anchor, width)
    let_go(i, heads, stratum, width)
    usual = half(i, stratum, at.LEVELS)
    if usual:
        give(i, heads, usual, at.LEVELS_WIDTH)
    give(i, heads, stratum, stratum_width(rules, rule))


@compiled
def find_stratum(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    agent: int,
    task: int,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> int:
    """The stratum of the sample at hand.

    Where there are ``MOST_STRATA`` already the one not seen for long makes room; if
    all have been seen of late, the others share one.
    """
    number = i[watch + at.SAMPLES]
    stratum = known_stratum(i, watch, agent, task)
    if stratum == 0 and half(i, watch, at.STRATA_COUNT) >= at.MOST_STRATA:
        oldest = half(i, watch, at.STRATA)
        stratum = oldest
        while stratum:
            if half(i, stratum, at.SEEN) < half(i, oldest, at.SEEN):
                oldest = stratum
            stratum = half(i, stratum, at.NEXT)
        if number - half(i, oldest, at.SEEN) > at.LONG_UNSEEN:
            take_back(i, rules, rule, oldest, places, given, given_floats)
            _unlink(i, watch, oldest)
            drop_stratum(i, heads, oldest, rules, rule)
            note(f, i, watch, rules, rule, facets)
        else:
            agent = agent if rules[rule, at.BY_AGENT] else 0
            task = task if rules[rule, at.BY_TASK] else 0
            stratum = known_stratum(i, watch, agent, task)
    if stratum == 0:
        stratum = take(i, heads, stratum_width(rules, rule))
        set_half(i, stratum, at.NEXT, half(i, watch, at.STRATA))
        i[stratum + at.KEY] = pair(agent, task)
        set_half(i, watch, at.STRATA, stratum)
        set_half(i, watch, at.STRATA_COUNT, half(i, watch, at.STRATA_COUNT) + 1)
        index_add(i, heads, watch, stratum)
        norms_begin(f, i, stratum + at.NORMS, rules, rule, facets)
    set_half(i, stratum, at.SEEN, number)
    places[at.STRATUM] = stratum
    places[at.OF_AGENT] = agent
    places[at.OF_TASK] = task
    return int(stratum)


@compiled
def known_stratum(i: Ints, watch: int, agent: int, task: int) -> int:
    """The stratum of a key; 0 if there is none."""
    key = pair(agent, task)
    if half(i, watch, at.INDEX):
        return index_find(i, watch, key)
    stratum = half(i, watch, at.STRATA)
    while stratum:
        if i[stratum + at.KEY] == key:
            return int(stratum)
        stratum = half(i, stratum, at.NEXT)
    return 0


@compiled
def _unlink(i: Ints, watch: int, gone: int) -> None:
    index_drop(i, watch, gone)
    before, stratum = 0, half(i, watch, at.STRATA)
    while stratum != gone:
        before, stratum = stratum, half(i, stratum, at.NEXT)
    if before:
        set_half(i, before, at.NEXT, half(i, gone, at.NEXT))
    else:
        set_half(i, watch, at.STRATA, half(i, gone, at.NEXT))
    set_half(i, watch, at.STRATA_COUNT, half(i, watch, at.STRATA_COUNT) - 1)


@compiled
def open_sample(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    values: Floats,
    labels: Ints,
    scratch: Floats,
    places: Ints,
    odds_keys: Ints,
    odds: Grid,
    given: Table,
    given_floats: Grid,
) -> bool:
    """Count a sample, find its stratum and score it; False if it is none.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        rules, facets: Tables of integers; the sample is counted in the former.
        rule: Which row of ``rules``.
        signs: The facets' floats.
        values: The session's numbers.
        labels: The codes of its labels, as ``ATTRIBUTES`` has them.
        scratch, places: Take what was found.
        odds_keys, odds: See ``kernels.beta_binomial``.
        given, given_floats: Take what a stratum had said that makes room.
    """
    first, count = rules[rule, at.FACET], rules[rule, at.FACETS]
    if not read(facets, first, values, scratch, 0):
        return False
    number = i[watch + at.SAMPLES] + 1
    i[watch + at.SAMPLES] = number
    rules[rule, at.TAKEN] += 1
    for which in range(2):
        if rules[rule, at.TRACKED + which]:
            label = labels[at.VERSION_AT if which == 0 else at.MODEL_AT]
            place = at.RELEASES + which * at.LABEL_WIDTH
            see_release(i, heads, watch, place, label, number)
    stratum = find_stratum(
        f,
        i,
        heads,
        watch,
        rules,
        rule,
        facets,
        labels[at.AGENT_AT],
        labels[at.TASK_AT],
        places,
        given,
        given_floats,
    )
    set_half(i, stratum, at.RUNS_ON, labels[at.MODEL_AT])
    for place in range(1, count):
        read(facets, first + place, values, scratch, place)
    for place in range(count, at.MOST_FACETS):
        scratch[at.VALUES + place] = nan
    scratch[at.RAW], scratch[at.OFFSETS] = scratch[at.VALUES], 0.0
    if half(i, watch, at.SEASON) > 0:
        make_even(f, i, watch, rules, rule, facets, scratch, places)
    score(i, stratum, rules, rule, facets, signs, scratch, odds_keys, odds)
    return True


@compiled
def score(
    i: Ints,
    stratum: int,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    scratch: Floats,
    odds_keys: Ints,
    odds: Grid,
) -> None:
    """How far on the bad side the sample at hand lies, facet by facet."""
    first = rules[rule, at.FACET]
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        value = scratch[at.VALUES + place]
        if isnan(value):
            continue
        scratch[at.DEVIATIONS + place] = norm_score(
            i,
            stratum + at.NORMS + facets[facet, at.NORM_AT],
            value,
            scratch[at.WEIGHTS + place],
            facets[facet, at.SCALE],
            signs[facet, at.FACET_SIGN],
            odds_keys,
            odds,
        )


@compiled
def see_release(
    i: Ints, heads: Ints, watch: int, label_at: int, label: int, number: int
) -> None:
    """See a label that is replaced for good: has a new value come?

    The last ``REMEMBERED`` values are known, the oldest first.
    """
    first = half(i, watch, label_at + at.FIRST_LABEL)
    releases = half(i, watch, label_at + at.ALL_LABELS)
    if label == 0 or (label == first and releases == 0):
        return
    if first == 0:
        set_half(i, watch, label_at + at.FIRST_LABEL, label)
        return
    if releases == 0:
        releases = take(i, heads, at.RELEASES_WIDTH)
        set_half(i, watch, label_at + at.ALL_LABELS, releases)
        set_half(i, releases, at.KNOWN, first)
    last = at.KNOWN + at.REMEMBERED
    for place in range(at.KNOWN, last):
        if half(i, releases, place) == label:
            return
    set_half(i, releases, at.NEWEST, label)
    set_half(i, releases, at.SINCE, number)
    place = at.KNOWN
    while place < last and half(i, releases, place):
        place += 1
    if place == last:
        place -= 1
        for shift in range(at.KNOWN, place):
            set_half(i, releases, shift, half(i, releases, shift + 1))
    set_half(i, releases, place, label)
