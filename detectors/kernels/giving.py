"""When a series says what is normal for it, for others to borrow."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.halves import half, high, low, set_half
from detectors.kernels.norms import norm_normal, norm_ready
from detectors.kernels.words import Floats, Grid, Ints, Table

FIRST: Final = 20
LENT: Final = 80
MOST: Final = 1_280


@compiled
def gives(samples: int, lent: bool) -> bool:
    """Whether it is to say so now.

    At counts of its own, further and further apart, so that what it says hangs on
    nothing else; the first time later where much of it is borrowed itself.

    Args:
        samples: That it has learned.
        lent: Whether it began with something borrowed.

    >>> [count for count in range(200) if gives(count, False)]
    [20, 40, 80, 160]
    """
    if samples >= MOST:
        return samples % MOST == 0
    first = LENT if lent else FIRST
    times = samples // first
    return times > 0 and samples % first == 0 and times & (times - 1) == 0


@compiled
def given_at(rules: Table, rule: int) -> int:
    """Where in a stratum stands what it said last."""
    return int(at.NORMS + rules[rule, at.NORMS_WIDTH])


@compiled
def stratum_width(rules: Table, rule: int) -> int:
    """Words of a stratum."""
    return given_at(rules, rule) + int(rules[rule, at.FACETS]) * at.GIVEN_WIDTH


@compiled
def give_normal(
    f: Floats,
    i: Ints,
    rules: Table,
    rule: int,
    facets: Table,
    stratum: int,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> None:
    """Say what is normal for a stratum now, in place of what it said before.

    Args:
        f, i: The arena.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
        stratum: Its address.
        places: Where the sample at hand stands.
        given, given_floats: Take what is said.
    """
    take_back(i, rules, rule, stratum, places, given, given_floats)
    set_half(i, stratum, at.GIVEN_MODEL, half(i, stratum, at.RUNS_ON))
    first = rules[rule, at.FACET]
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        norm = stratum + at.NORMS + facets[facet, at.NORM_AT]
        to = stratum + given_at(rules, rule) + place * at.GIVEN_WIDTH
        if norm_ready(i, norm, facets[facet, at.SCALE]):
            norm_normal(f, i, norm, facets[facet, at.SCALE], to)
        else:
            for word in range(to, to + at.GIVEN_WIDTH):
                i[word] = 0
    _note(i, rules, rule, stratum, 1, places, given, given_floats)


@compiled
def take_back(
    i: Ints,
    rules: Table,
    rule: int,
    stratum: int,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> None:
    """What a stratum has said is no longer so."""
    _note(i, rules, rule, stratum, -1, places, given, given_floats)


@compiled
def _note(
    i: Ints,
    rules: Table,
    rule: int,
    stratum: int,
    sign: int,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> None:
    says, facets = False, rules[rule, at.FACETS]
    said = stratum + given_at(rules, rule)
    for place in range(facets):
        if high(i[said + place * at.GIVEN_WIDTH]) > 0.0:
            says = True
    if not says:
        return
    row = places[at.GIVEN_COUNT]
    places[at.GIVEN_COUNT] = row + 1
    given[row, at.G_RULE] = rule
    given[row, at.G_AGENT] = half(i, stratum, at.KEY_AGENT)
    given[row, at.G_TASK] = half(i, stratum, at.KEY_TASK)
    given[row, at.G_MODEL] = half(i, stratum, at.GIVEN_MODEL)
    named = rules[rule, at.NAMED] == at.OTHERS_TOO
    given[row, at.G_SERIES] = places[at.OF_SERIES] if named else -1
    given[row, at.G_SIGN] = sign
    for place in range(at.MOST_FACETS * at.GIVEN_FLOATS):
        given_floats[row, place] = 0.0
    for word in range(facets * at.GIVEN_WIDTH):
        given_floats[row, 2 * word] = low(i[said + word])
        given_floats[row, 2 * word + 1] = high(i[said + word])


@compiled
def all_given(
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    sign: int,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> None:
    """Say again, or take back, what all strata of a rule on a series have said.

    Args:
        i: The arena.
        watch: The rule's state on the series.
        rules: The table.
        rule: Which row.
        sign: 1 or -1.
        places: Where the sample at hand stands.
        given, given_floats: Take what is said; they have room for ``GIVEN_MOST`` rows.
    """
    stratum = half(i, watch, at.STRATA)
    while stratum:
        _note(i, rules, rule, stratum, sign, places, given, given_floats)
        stratum = half(i, stratum, at.NEXT)


@compiled
def given_of(
    i: Ints,
    series: Ints,
    counts: Ints,
    rules: Table,
    first_rules: Ints,
    places: Ints,
    given: Table,
    given_floats: Grid,
) -> int:
    """Say again what series have said; how many of them there was room for.

    Args:
        i: The arena.
        series: Their addresses.
        counts: For each group how many rules it has.
        rules: The table.
        first_rules: For each group the row of its first rule.
        places: Where the sample at hand stands.
        given, given_floats: Take what is said.
    """
    for done in range(len(series)):
        at_series = series[done]
        group = i[at_series + at.GROUP]
        if group < 0:
            continue
        places[at.OF_SERIES] = i[at_series + at.NUMBER]
        full = places[at.GIVEN_COUNT] + counts[group] * at.GIVEN_MOST > len(given)
        if full and done:
            return int(done)
        for position in range(counts[group]):
            watch, rule = i[at_series + at.WATCHES + position], first_rules[group]
            if watch and rules[rule + position, at.KIND] == at.DRIFT:
                all_given(
                    i,
                    watch,
                    rules,
                    rule + position,
                    1,
                    places,
                    given,
                    given_floats,
                )
    return len(series)
