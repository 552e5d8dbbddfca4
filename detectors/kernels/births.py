"""The first words of a rule's state on a series."""

from __future__ import annotations

from math import inf

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.bets import bets_begin
from detectors.kernels.eras import eras_begin
from detectors.kernels.factors import factors_begin_state
from detectors.kernels.halves import set_half
from detectors.kernels.inside import timed_begin
from detectors.kernels.packed import QUARTERS
from detectors.kernels.summary import summary_begin
from detectors.kernels.window_factors import WHOLE
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.life.lifecycle import FAR


@compiled
def begin_watch(
    f: Floats,
    i: Ints,
    heads: Ints,
    rules: Table,
    floats: Grid,
    rule: int,
    facets: Table,
) -> int:
    """The address of a new state of a rule; 0 if it has none here.

    Args:
        f, i, heads: The arena; it has room.
        rules, floats: The table of rules.
        rule: Which row.
        facets: The table of facets.
    """
    kind = rules[rule, at.KIND]
    if kind == at.PYTHON:
        return 0
    watch = take(i, heads, rules[rule, at.WATCH_WIDTH])
    i[watch + at.QUIET] = at.TOO_YOUNG
    if kind == at.ABSENCE or kind == at.SILENCE:  # noqa: PLR1714
        i[watch + at.SEEN_US] = i[watch + at.SEEN_FLOOR_US] = -FAR
    elif kind == at.DRIFT:
        set_half(i, watch, at.RENEWED, at.NEVER)
        first = rules[rule, at.FACET]
        for facet in range(first, first + rules[rule, at.FACETS]):
            bets, tail = watch + facets[facet, at.BETS_AT], facets[facet, at.TAIL] != 0
            caution, small = floats[rule, at.CAUTION], rules[rule, at.SMALL]
            bets_begin(i, bets, tail, caution, small)
    elif kind == at.COUNTED:
        i[watch + at.PAUSE] = rules[rule, at.NEED]
        i[watch + at.PACKED] = QUARTERS
        # Nothing is to be said before there is enough to judge.
        f[watch + at.ENTER_NOW] = inf
        if rules[rule, at.JUDGED] != at.JUDGED_RATE:
            f[watch + at.SLACK] = inf
            if rules[rule, at.JUDGED] != at.JUDGED_RANK:
                i[watch + at.AHEAD] = rules[rule, at.NEED]
        if rules[rule, at.BASED]:
            summary_begin(f, i, watch + at.SUMMARY_AT)
    elif kind == at.TIMED:
        timed_begin(i, watch)
        i[watch + at.MORE_AT] = rules[rule, at.NEED]
        f[watch + at.ENTER_NOW] = inf
        if rules[rule, at.BASED]:
            eras_begin(f, i, watch + at.ERAS_AT)
    else:
        f[watch + at.LIMIT] = -inf
    if rules[rule, at.FACTORS]:
        factors_begin_state(i, watch + rules[rule, at.FACTORS])
        if kind >= at.COUNTED:
            whole = watch + rules[rule, at.FACTORS] + WHOLE
            i[whole] = int(rules[rule, at.CHUNK_SIZE] > 0)
    return watch
