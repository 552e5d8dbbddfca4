"""A sample as it would be in an hour like all others, where a season is known."""

from __future__ import annotations

from math import isnan

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.halves import half
from detectors.kernels.scales import back, there
from detectors.kernels.season import SEASON_WIDTH, USED, season_expects
from detectors.kernels.words import Floats, Ints, Table
from detectors.normal.season import HOUR_US


@compiled
def make_even(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    scratch: Floats,
    places: Ints,
) -> None:
    """Take from the sample at hand what its hour adds to it, facet by facet.

    Args:
        f, i: The arena.
        watch: The rule's state on the series.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
        scratch: Holds the sample; takes what it was, and what was taken from it.
        places: Hold when it ended.
    """
    first, hour = rules[rule, at.FACET], places[at.ENDED_US] // HOUR_US
    for place in range(rules[rule, at.FACETS]):
        season = half(i, watch, at.SEASON) + place * SEASON_WIDTH
        value = scratch[at.VALUES + place]
        off = 0.0
        if not isnan(value) and i[season + USED]:
            off = season_expects(f, i, season, hour)
        scratch[at.RAW + place] = value
        scratch[at.OFFSETS + place] = off
        if off != 0.0:
            scale = facets[first + place, at.SCALE]
            scratch[at.VALUES + place] = back(there(value, scale) - off, scale)


@compiled
def raised(level: float, scale: int, scratch: Floats) -> float:
    """What is expected of the metric in the hour of the sample at hand."""
    off = scratch[at.OFFSETS]
    return back(there(level, scale) + off, scale) if off != 0.0 else level
