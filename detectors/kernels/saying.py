"""That a series can be judged from now on, and all is well, is noted to be told."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.words import Ints, Table


@compiled
def say_well(
    i: Ints,
    watch: int,
    rule: int,
    number: int,
    ref: int,
    now_us: int,
    places: Ints,
    said: Table,
) -> None:
    """Note that a rule judges a series from this session on.

    Args:
        i: The arena.
        watch: The rule's state on the series.
        rule: Its row in the table.
        number: Of the series.
        ref: By which the session is found.
        now_us: The series' time.
        places: Counts what is noted.
        said: Takes it; there is room.
    """
    i[watch + at.QUIET] = at.ALL_WELL
    row = places[at.SAID_COUNT]
    places[at.SAID_COUNT] = row + 1
    said[row, at.A_RULE], said[row, at.A_WATCH] = rule, watch
    said[row, at.A_SERIES] = number
    said[row, at.A_REF], said[row, at.A_NOW_US] = ref, now_us
