"""After a long silence: baselines of the last sessions look at their age."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arming import count_settle
from detectors.kernels.held import count_pause
from detectors.kernels.summary import summary_refresh
from detectors.kernels.words import Floats, Grid, Ints, Table


@compiled
def refresh(
    f: Floats,
    i: Ints,
    heads: Ints,
    series: int,
    count: int,
    rules: Table,
    rule_floats: Grid,
    first: int,
    now_us: int,
    scratch: Floats,
) -> None:
    """Drop what the baselines of a series no longer reach.

    Args:
        f, i, heads: The arena.
        series: Its address.
        count: How many rules its group has.
        rules, rule_floats: The tables.
        first: The first row of its group.
        now_us: The series' time.
        scratch: Takes sums.
    """
    for position in range(count):
        watch, rule = i[series + at.WATCHES + position], first + position
        if not watch or rules[rule, at.KIND] != at.COUNTED or not rules[rule, at.BASED]:
            continue
        summary = watch + at.SUMMARY_AT
        summary_refresh(f, i, heads, summary, rules, rule, now_us, scratch)
        count_pause(i, watch, rules, rule)
        count_settle(f, i, watch, rules, rule_floats, rule, scratch)
