"""A drift rule takes a sample: quietly, or as far as Python must go on."""

from __future__ import annotations

from math import isnan
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.bets import (
    bets_begun,
    bets_fires,
    bets_suspicion,
    bets_take,
    bets_won,
)
from detectors.kernels.creeps import UNSUSPICIOUS, creeps_bet, creeps_worst
from detectors.kernels.evened import raised
from detectors.kernels.factors import factors_learn
from detectors.kernels.halves import half, set_half
from detectors.kernels.holding import stand
from detectors.kernels.learning import learn_sample, look_back
from detectors.kernels.lending import begin_lent
from detectors.kernels.moments import moment, number_of
from detectors.kernels.norms import LEVEL, norm_judged, norm_lent, norm_ready
from detectors.kernels.probation import (
    SUSPICIOUS,
    keep_beside,
    ready,
    see,
    worst,
)
from detectors.kernels.samples import open_sample
from detectors.kernels.saying import say_well
from detectors.kernels.seasons import season_learn
from detectors.kernels.suspects import (
    clear,
    first_since,
    keep,
    levels,
    mean_deviation,
)
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.normal.season import BEGUN

DONE, WHOLLY, TO_EXPOSE, TO_TELL, TO_BEGIN, TO_STAND, TO_LEARN = range(7)
"""Nothing is left to do; all is; telling of a newcomer, perhaps, and what follows;
telling of a change; what a new stratum begins with, and all that follows; saying what
has become of a change; learning."""

GATE: Final = 0.1
PLAIN_GATE: Final = 0.25
"""How far the metric itself must be worse where only another facet shows a small
shift: less may be chance."""


@compiled
def sample_quietly(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    floats: Grid,
    rule: int,
    facets: Table,
    signs: Grid,
    values: Floats,
    labels: Ints,
    now_us: int,
    ref: int,
    scratch: Floats,
    places: Ints,
    odds_keys: Ints,
    odds: Grid,
    given: Table,
    given_floats: Grid,
    said: Table,
    lent: Table,
    kin: Ints,
) -> int:
    """Fold a session unless there is something to say.

    Args:
        f, i, heads: The arena.
        watch: The rule's state on the series.
        rules, floats: The table of rules.
        rule: Which row.
        facets, signs: The table of facets.
        values: The session's numbers.
        labels: The codes of its labels.
        now_us: The series' time.
        ref: By which the session's id and trace are found.
        scratch, places: Hold the sample, for who goes on.
        odds_keys, odds: See ``kernels.beta_binomial``.
        given, given_floats: Take what is said for others to borrow.
        said: Takes that the series can be judged from now on, and all is well.
        lent, kin: See ``kernels.lending``.

    Returns:
        How much is left to do.
    """
    quiet = i[watch + at.QUIET]
    holding = quiet == at.ALWAYS_ASK and i[watch + at.CHANGE] != 0
    if quiet == at.ALWAYS_ASK and not holding:
        return WHOLLY
    if not open_sample(
        f,
        i,
        heads,
        watch,
        rules,
        rule,
        facets,
        signs,
        values,
        labels,
        scratch,
        places,
        odds_keys,
        odds,
        given,
        given_floats,
    ):
        return DONE
    stratum = places[at.STRATUM]
    if half(i, stratum, at.BORN) == 0:
        if places[at.PEERS] and not begin_lent(
            i,
            heads,
            watch,
            rules,
            rule,
            facets,
            signs,
            scratch,
            places,
            odds_keys,
            odds,
            lent,
            kin,
        ):
            return TO_BEGIN
        set_half(i, stratum, at.BORN, 1)
    if holding:
        known = stand(
            f,
            i,
            heads,
            watch,
            rules,
            rule,
            facets,
            signs,
            now_us,
            ref,
            scratch,
            places,
        )
        return TO_STAND if known else TO_LEARN
    if half(i, stratum, at.TRIED):
        see(f, i, heads, watch, stratum, rules, rule, facets, signs, scratch)
    width = rules[rule, at.NORMS_WIDTH]
    look_back(i, heads, watch, width, scratch)
    first = rules[rule, at.FACET]
    norm = places[at.STRATUM] + at.NORMS + facets[first, at.NORM_AT]
    scale = facets[first, at.SCALE]
    judged = quiet == at.TOO_YOUNG and norm_judged(i, norm, scale)
    if judged or norm_lent(i, norm) > 0 or norm_ready(i, norm, scale):
        if bet(
            f,
            i,
            heads,
            watch,
            rules,
            floats,
            rule,
            facets,
            signs,
            now_us,
            ref,
            scratch,
            places,
        ):
            return TO_TELL
        tried = half(i, stratum, at.TRIED)
        if tried and weigh(
            f,
            i,
            heads,
            watch,
            tried,
            rules,
            floats,
            rule,
            facets,
            now_us,
            ref,
            scratch,
        ):
            return TO_EXPOSE
        if judged:
            series = places[at.OF_SERIES]
            say_well(i, watch, rule, series, ref, now_us, places, said)
    learn_sample(
        f,
        i,
        heads,
        watch,
        rules,
        floats,
        rule,
        facets,
        signs,
        scratch,
        places,
        given,
        given_floats,
    )
    factors = rules[rule, at.FACTORS]
    if factors:
        factors_learn(i, watch + factors, values, labels[at.MODEL_AT])
    if half(i, watch, at.SEASON) > 0 or i[watch + at.SAMPLES] % BEGUN == 0:
        season_learn(
            f,
            i,
            heads,
            watch,
            rules,
            rule,
            facets,
            scratch,
            places,
            False,
            now_us,
        )
    return DONE


@compiled
def weigh(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    tried: int,
    rules: Table,
    floats: Grid,
    rule: int,
    facets: Table,
    now_us: int,
    ref: int,
    scratch: Floats,
) -> bool:
    """Keep a newcomer's sample if it is suspicious; whether there may be much to tell."""
    _, nats = worst(f, i, tried, rules, rule, facets)
    if not nats > SUSPICIOUS:
        return False
    count = rules[rule, at.FACETS]
    suspicion = 0.0
    for place in range(count):
        facet = rules[rule, at.FACET] + place
        bets, tail = watch + facets[facet, at.BETS_AT], facets[facet, at.TAIL] != 0
        suspicion = max(suspicion, bets_suspicion(i, bets, tail))
    if not suspicion > SUSPICIOUS:
        keep_beside(f, i, heads, watch, tried, count, now_us, ref, scratch)
    return bool(ready(i, tried) and nats > floats[rule, at.DOUBT])


@compiled
def bet(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    floats: Grid,
    rule: int,
    facets: Table,
    signs: Grid,
    now_us: int,
    ref: int,
    scratch: Floats,
    places: Ints,
) -> bool:
    """Take the sample at hand in as evidence; whether there is a change to tell of.

    Which facet shows it stands in ``places``.
    """
    first, count = rules[rule, at.FACET], rules[rule, at.FACETS]
    last, norms = i[watch + at.LAST_BET], places[at.STRATUM] + at.NORMS
    suspicion = 0.0
    for place in range(count):
        facet = first + place
        bets, tail = watch + facets[facet, at.BETS_AT], facets[facet, at.TAIL] != 0
        deviation = scratch[at.DEVIATIONS + place]
        norm = norms + facets[facet, at.NORM_AT]
        if not isnan(deviation) and norm_ready(i, norm, facets[facet, at.SCALE]):
            margin = signs[facet, at.MARGIN]
            nats = bets_take(i, bets, deviation, margin, tail, last)
        else:
            nats = bets_suspicion(i, bets, tail)
        suspicion = max(suspicion, nats)
    creeping = 0.0
    if rules[rule, at.CREEPS]:
        creeping = creeps_bet(
            i, watch, rules, floats, rule, facets, signs, scratch, norms, now_us
        )
    i[watch + at.LAST_BET] = moment(i[watch + at.SAMPLES], now_us)
    if not max(suspicion, creeping - UNSUSPICIOUS) > SUSPICIOUS:
        if not half(i, watch, at.DOUBTED):
            clear(i, heads, watch)
        return False
    level = f[norms + facets[first, at.NORM_AT] + LEVEL]
    level = raised(level, facets[first, at.SCALE], scratch)
    keep(f, i, heads, watch, count, now_us, ref, level, scratch)
    found = -1
    if suspicion > floats[rule, at.ENOUGH]:
        found = firing(f, i, watch, rules, floats, rule, facets)
    if found < 0 and creeping > floats[rule, at.ENOUGH]:
        found = creeps_worst(f, i, watch, rules, floats, rule, facets, norms)
        found = found + at.MOST_FACETS if found >= 0 else -1
    places[at.FIRING] = found
    return bool(found >= 0)


@compiled
def firing(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    floats: Grid,
    rule: int,
    facets: Table,
) -> int:
    """The facet with the most evidence of a change for the worse; -1 if none has."""
    first = rules[rule, at.FACET]
    best, most = -1, 0.0
    for place in range(rules[rule, at.FACETS]):
        facet = first + place
        bets, tail = watch + facets[facet, at.BETS_AT], facets[facet, at.TAIL] != 0
        which = bets_fires(i, bets, tail, floats[rule, at.ENOUGH])
        if which < 0 or bets_won(i, bets, which) <= most:
            continue
        begun = number_of(bets_begun(i, bets, which), i[watch + at.SAMPLES])
        since = first_since(i, watch, begun)
        value, expected = levels(f, i, watch, since)
        gate = PLAIN_GATE if place and which == 0 else GATE
        if (
            mean_deviation(i, watch, since, 0) > gate
            and mean_deviation(i, watch, since, place) > GATE
            and floats[rule, at.SIGN] * (value - expected) > 0
        ):
            best, most = place, bets_won(i, bets, which)
    return best
