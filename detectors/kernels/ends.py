"""The words of a rule's state are given back."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give
from detectors.kernels.eras import eras_free
from detectors.kernels.factor_rows import free_factors
from detectors.kernels.halves import half, set_half
from detectors.kernels.held import count_free
from detectors.kernels.holding import let_go
from detectors.kernels.index import index_free
from detectors.kernels.inside import timed_free
from detectors.kernels.learning import drop_waiting
from detectors.kernels.samples import drop_stratum
from detectors.kernels.season import SEASON_WIDTH
from detectors.kernels.suspects import clear
from detectors.kernels.words import Ints, Table


@compiled
def free_watch(i: Ints, heads: Ints, watch: int, rules: Table, rule: int) -> None:
    """Give back all that a state holds."""
    free_factors(i, heads, watch, rules, rule)
    if rules[rule, at.KIND] == at.DRIFT:
        for which in range(2):
            place = at.RELEASES + which * at.LABEL_WIDTH + at.ALL_LABELS
            releases = half(i, watch, place)
            if releases:
                give(i, heads, releases, at.RELEASES_WIDTH)
                set_half(i, watch, place, 0)
        let_go(i, heads, watch)
        clear(i, heads, watch)
        drop_waiting(i, heads, watch, rules[rule, at.FACETS])
        index_free(i, heads, watch)
        if half(i, watch, at.SEASON) > 0:
            many = rules[rule, at.FACETS] * SEASON_WIDTH
            give(i, heads, half(i, watch, at.SEASON), many)
        stratum = half(i, watch, at.STRATA)
        while stratum:
            following = half(i, stratum, at.NEXT)
            drop_stratum(i, heads, stratum, rules, rule)
            stratum = following
    elif rules[rule, at.KIND] == at.COUNTED:
        count_free(i, heads, watch, rules, rule)
    elif rules[rule, at.KIND] == at.TIMED:
        timed_free(i, heads, watch, rules, rule)
        if rules[rule, at.BASED]:
            eras_free(i, heads, watch + at.ERAS_AT, rules, rule)
    give(i, heads, watch, rules[rule, at.WATCH_WIDTH])
