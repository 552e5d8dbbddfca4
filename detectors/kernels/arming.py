"""How much worse a window of the last sessions may become before there is a word to say."""

from __future__ import annotations

from math import inf
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.limits import enter_from
from detectors.kernels.packed import run_get
from detectors.kernels.sums import SUM_WIDTH, sum_add, sum_of, sums_begin
from detectors.kernels.words import NAN, Floats, Grid, Ints, Table

_MARGIN: Final = 1e-9
"""Running sums this near to a limit, relatively, are worked out exactly."""


@compiled
def count_settle(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    scratch: Floats,
) -> None:
    """The life, or what is known, has changed: look at the window anew."""
    count_limit(f, i, watch, rules, rule_floats, rule)
    count_arm(f, i, watch, rules, rule_floats, rule, scratch)


@compiled
def count_limit(
    f: Floats, i: Ints, watch: int, rules: Table, rule_floats: Grid, rule: int
) -> None:
    """Work out up to where there is nothing to be said."""
    expected = NAN
    if rules[rule, at.BASED]:
        expected = f[watch + at.SUMMARY_AT + at.EXPECTED]
    enter = enter_from(
        expected,
        rule_floats[rule, at.SIGN],
        rule_floats[rule, at.ENTER],
        rule_floats[rule, at.RATIO],
        rule_floats[rule, at.DROP],
    )
    ready = enter == enter and i[watch + at.HELD] >= rules[rule, at.NEED]
    limit = -inf
    if i[watch + at.QUIET] == at.ALL_WELL:
        limit = enter if ready else -inf
    elif i[watch + at.QUIET] == at.TOO_YOUNG:
        limit = -inf if ready else inf
    f[watch + at.ENTER_NOW] = limit


@compiled
def count_arm(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    scratch: Floats,
) -> bool:
    """Look at the window; whether there is nothing to be said of it.

    Works out how much worse it can become before there is.
    """
    limit, judged = f[watch + at.ENTER_NOW], rules[rule, at.JUDGED]
    held, size = i[watch + at.HELD], rules[rule, at.SIZE]
    begin, end = max(0, held - size), held
    signed, packed = i[watch + at.SIGNED], i[watch + at.PACKED]
    sign = rule_floats[rule, at.SIGN]
    endless = abs(limit) == inf
    if judged == at.JUDGED_RANK:
        f[watch + at.HARMLESS] = limit
        i[watch + at.CREDIT] = 0
        if endless:
            return bool(limit == inf)
        return _arm_rank(f, i, watch, rules, rule, sign)
    if judged != at.JUDGED_RATE:
        f[watch + at.LEAST] = 0.0
        i[watch + at.AHEAD] = i[watch + at.PAUSE]
        f[watch + at.SLACK] = limit if endless else -inf
        if endless:
            return bool(limit == inf)
        if judged == at.JUDGED_COUNT:
            return bool(sign * (end - begin) <= limit)
    sums_begin(scratch, at.SUMS, 2)
    least = inf
    divided_by = i[watch + at.DIVIDED_BY]
    rate = judged == at.JUDGED_RATE
    for place in range(begin, end):
        value = run_get(f, i, signed, place, packed, sign)
        least = min(least, value)
        for which in range(2 if rate else 1):
            term = value
            if which:
                term = run_get(f, i, divided_by, place, packed, 1.0)
            sum_add(scratch, at.SUMS + which * SUM_WIDTH, term)
    summed = sum_of(scratch, at.SUMS)
    if rate:
        f[watch + at.ABOVE] = summed
        f[watch + at.BELOW] = sum_of(scratch, at.SUMS + SUM_WIDTH)
        if endless:
            return bool(limit == inf)
        return bool(f[watch + at.ABOVE] / f[watch + at.BELOW] <= limit)
    length = end - begin
    most = limit
    value = summed
    if judged == at.JUDGED_MEAN:
        most, value = limit * length, summed / length
    f[watch + at.SLACK] = most - summed - _MARGIN * (abs(most) + abs(summed))
    if held >= size:
        # What leaves until then is in the window now.
        f[watch + at.LEAST] = least
        i[watch + at.AHEAD] = min(i[watch + at.PAUSE], held + size)
    else:
        # Nothing leaves, and a mean may grow with the number of samples.
        f[watch + at.LEAST] = 0.0 if judged == at.JUDGED_SUM else limit
        i[watch + at.AHEAD] = min(i[watch + at.PAUSE], size)
    return bool(value <= limit)


@compiled
def _arm_rank(
    f: Floats, i: Ints, watch: int, rules: Table, rule: int, sign: float
) -> bool:
    """The same for a percentile: what counts is how many lie beyond the limit."""
    limit, percent = f[watch + at.ENTER_NOW], rules[rule, at.PERCENT]
    held, size = i[watch + at.HELD], rules[rule, at.SIZE]
    length = min(held, size)
    beyond, low, high = 0, -inf, inf
    signed, packed = i[watch + at.SIGNED], i[watch + at.PACKED]
    for place in range(held - length, held):
        value = run_get(f, i, signed, place, packed, sign)
        if value > limit:
            beyond += 1
            high = min(high, value)
        else:
            low = max(low, value)
    # A growing window bears no fewer beyond its limit than it does now.
    credit = (max(1, length) - 1) * (100 - percent) // 100 - beyond
    i[watch + at.CREDIT] = credit
    if credit >= 0:
        return True
    # It hangs on the samples next to the limit: each one counts.
    f[watch + at.HARMLESS] = -inf
    rest = (length - 1) * percent % 100
    if credit < -1 or rest == 0:
        return False
    return bool(low + (high - low) * (rest / 100) <= limit)
