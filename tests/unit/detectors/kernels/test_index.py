"""The strata of a series by their labels."""

from __future__ import annotations

from random import Random

import numpy as np

from detectors.kernels import layout as at
from detectors.kernels.arena import HEADS, STEP, TOP, give, take
from detectors.kernels.halves import half, pair, set_half
from detectors.kernels.index import (
    index_add,
    index_build,
    index_drop,
    index_find,
    index_free,
)
from detectors.kernels.samples import known_stratum
from detectors.kernels.words import arena

WIDTH = 8
MOST = at.MOST_STRATA + 1


def test_each_is_found_by_its_labels_however_they_come_and_go() -> None:
    """As in the list; and all that the index took is given back in the end."""
    _, i = arena(1 << 14)
    heads = np.zeros(HEADS, np.int64)
    heads[TOP] = STEP
    watch = take(i, heads, at.BETS)
    draw, known = Random(5), dict[int, int]()  # noqa: S311 - no secret

    def add(task: int) -> None:
        stratum = take(i, heads, WIDTH)
        i[stratum + at.KEY] = pair(7, task)
        set_half(i, stratum, at.NEXT, half(i, watch, at.STRATA))
        set_half(i, watch, at.STRATA, stratum)
        known[task] = stratum
        set_half(i, watch, at.STRATA_COUNT, len(known))
        index_add(i, heads, watch, stratum)

    def look() -> None:
        for task in range(120):
            assert known_stratum(i, watch, 7, task) == known.get(task, 0)
            assert known_stratum(i, watch, 8, task) == 0

    for task in range(MOST):
        add(task)
        look()
    for task in range(MOST, 120):
        # One makes room for each that comes.
        gone = draw.choice(list(known))
        stratum = known.pop(gone)
        index_drop(i, watch, stratum)
        _unlink(i, watch, stratum)
        set_half(i, watch, at.STRATA_COUNT, len(known))
        give(i, heads, stratum, WIDTH)
        add(task)
    look()
    found = half(i, watch, at.INDEX)
    index_free(i, heads, watch)
    assert index_find(i, watch, pair(7, 119)) == 0
    index_build(i, heads, watch)
    assert half(i, watch, at.INDEX) == found
    look()


def _unlink(i: np.ndarray, watch: int, gone: int) -> None:
    before, stratum = 0, half(i, watch, at.STRATA)
    while stratum != gone:
        before, stratum = stratum, half(i, stratum, at.NEXT)
    if before:
        set_half(i, before, at.NEXT, half(i, gone, at.NEXT))
    else:
        set_half(i, watch, at.STRATA, half(i, gone, at.NEXT))
