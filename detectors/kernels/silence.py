"""Rules on silence that learn what is usual: a session is taken in, and when it is due."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arrivals import arrive
from detectors.kernels.missing import due, foreseen
from detectors.kernels.words import Floats, Ints, Table
from detectors.life.lifecycle import FAR

DONE, WHOLLY, TO_JUDGE, TO_PLACE = 0, 1, 2, 3
"""Nothing is left to do; all is; the state no longer fits what is known; the silence
since this session is due sooner than the series' timer stands."""


@compiled
def take_session(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    ended_us: int,
    now_us: int,
    order: int,
    series: int,
    scratch: Floats,
) -> int:
    """Take a session in unless there is something to say; how much is left to do.

    Args:
        f, i: The arena.
        watch: Address of the watch.
        rules: The table.
        rule: Which row.
        ended_us: When the session ended.
        now_us: The series' time.
        order: Number of the observation.
        series: Address of the series.
        scratch: Where what is usual is worked out.
    """
    quiet = i[watch + at.QUIET]
    if quiet == at.ALWAYS_ASK:
        return WHOLLY
    before_us = i[watch + at.SEEN_US]
    turned = arrive(f, i, watch, ended_us, False, scratch)
    if ended_us > before_us:
        i[watch + at.SEEN_ORDER] = order
        if ended_us < now_us:
            i[watch + at.SEEN_FLOOR_US] = now_us
    if not turned:
        return DONE
    most = f[watch + at.MISSING_MOST]
    if (most > 0) != (quiet == at.ALL_WELL):
        return TO_JUDGE
    due_us = FAR
    if most > 0:
        due_us = foreseen(f, i, watch, scratch)
    due_us = _told_at(i, watch, rules, rule, due_us)
    bound_us = i[series + at.BOUND_US]
    if due_us < bound_us or (
        due_us == bound_us and i[watch + at.SEEN_ORDER] < i[series + at.BOUND_ORDER]
    ):
        return TO_PLACE
    return DONE


@compiled
def silent_us(
    f: Floats, i: Ints, watch: int, rules: Table, rule: int, scratch: Floats
) -> int:
    """When the silence since the newest session is to be told; FAR if never."""
    return _told_at(i, watch, rules, rule, due(f, i, watch, scratch))


@compiled
def _told_at(i: Ints, watch: int, rules: Table, rule: int, due_us: int) -> int:
    """The same within what the rule says is the least and the most."""
    last_us = i[watch + at.SEEN_US]
    if last_us == -FAR:
        return FAR
    found = max(due_us, last_us + rules[rule, at.AT_LEAST_US])
    found = min(found, last_us + rules[rule, at.AT_MOST_US])
    return int(max(found, i[watch + at.SEEN_FLOOR_US]))
