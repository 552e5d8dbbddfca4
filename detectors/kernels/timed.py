"""Windows of time: see ``detectors.spanned``.

While the clock stays within a step and all is well, a sample costs an addition and a
comparison.
"""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.counted import enter_from
from detectors.kernels.eras import eras_add, eras_refresh
from detectors.kernels.histograms import (
    bin_of,
    histogram_add,
    histogram_free,
    histogram_remove,
)
from detectors.kernels.steps import (
    STEPS,
    WIDTH,
    step_at,
    step_ends_us,
    step_free,
    step_of,
    step_passed,
    step_rank,
    step_shift,
)
from detectors.kernels.sums import SUM_WIDTH, sum_add, sum_of, sums_begin
from detectors.kernels.words import NAN, Floats, Grid, Ints, Table

QUIET, WHOLLY, TO_SAY, TO_PLACE = 0, 1, 2, 3
"""Nothing is left to do; all is; there is something to be said; a timer is set."""

FAR: Final = 1 << 62


@compiled
def timed_begin(i: Ints, watch: int) -> None:
    """Make the words those of an empty window."""
    i[watch + at.BEGIN_US] = i[watch + at.END_US] = -FAR


@compiled
def timed_free(i: Ints, heads: Ints, watch: int, rules: Table, rule: int) -> None:
    """Give back the steps."""
    while i[watch + at.FIRST_STEP]:
        step_free(i, heads, step_shift(i, watch + at.FIRST_STEP), rules, rule)
    histogram_free(i, heads, watch + at.INSIDE)


@compiled
def timed_samples(i: Ints, watch: int) -> int:
    """Samples inside the window."""
    step, samples = i[watch + at.STEP_AT], i[watch + at.REST_SAMPLES]
    return int(samples + (i[step + at.STEP_SAMPLES] >> 1)) if step else int(samples)


@compiled
def timed_enter(
    f: Floats, watch: int, rules: Table, rule_floats: Grid, rule: int
) -> float:
    """The mildest limit in force, signed; NaN if none is known."""
    expected = NAN
    if rules[rule, at.BASED]:
        expected = f[watch + at.ERAS_AT + at.ERAS_EXPECTED]
    return enter_from(
        expected,
        rule_floats[rule, at.SIGN],
        rule_floats[rule, at.ENTER],
        rule_floats[rule, at.RATIO],
        rule_floats[rule, at.DROP],
    )


@compiled
def timed_ready(i: Ints, watch: int, rules: Table, rule: int, samples: int) -> bool:
    """Whether there is enough in the window to judge it."""
    judged = rules[rule, at.JUDGED]
    if judged in (at.JUDGED_SUM, at.JUDGED_COUNT):
        return bool(i[watch + at.BEGUN] != 0)
    return bool(samples >= rules[rule, at.NEED])


@compiled
def timed_settle(
    f: Floats, i: Ints, watch: int, rules: Table, rule_floats: Grid, rule: int
) -> None:
    """Work out up to where there is nothing to be said."""
    samples = timed_samples(i, watch)
    ready = timed_ready(i, watch, rules, rule, samples)
    enter = timed_enter(f, watch, rules, rule_floats, rule)
    known = ready and enter == enter
    i[watch + at.MORE_AT] = FAR if ready else rules[rule, at.NEED]
    limit = -inf
    if i[watch + at.QUIET] == at.TOO_YOUNG:
        limit = -inf if known else inf
    elif i[watch + at.QUIET] == at.ALL_WELL and known:
        based = rules[rule, at.JUDGED] == at.JUDGED_RANK and rules[rule, at.BASED]
        limit = -inf if based else enter
    f[watch + at.ENTER_NOW] = limit


@compiled
def timed_advance(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    now_us: int,
    scratch: Floats,
) -> None:
    """Let leave what is no longer inside the window; ``timed_focus`` must follow."""
    passed, first = step_passed(now_us, rules[rule, at.SPAN_US]), watch + at.FIRST_STEP
    while i[first]:
        if i[i[first] + at.STEP_NUMBER] > passed - STEPS:
            break
        gone = step_shift(i, first)
        if rules[rule, at.BASED]:
            eras_add(f, i, heads, watch + at.ERAS_AT, gone, rules, rule)
        if rules[rule, at.JUDGED] == at.JUDGED_RANK:
            histogram_remove(i, heads, watch + at.INSIDE, gone + at.STEP_COUNTS)
        step_free(i, heads, gone, rules, rule)
    if rules[rule, at.BASED]:
        eras_refresh(
            f,
            i,
            heads,
            watch + at.ERAS_AT,
            passed,
            rules,
            rule_floats,
            rule,
            scratch,
        )


@compiled
def timed_focus(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    now_us: int,
    scratch: Floats,
) -> None:
    """Make the step that the clock is in the current one, if it holds anything."""
    span_us, judged = rules[rule, at.SPAN_US], rules[rule, at.JUDGED]
    number, last = step_of(now_us, span_us), i[watch + at.LAST_STEP]
    if last and i[last + at.STEP_NUMBER] == number:
        i[watch + at.STEP_AT] = last
        i[watch + at.BEGIN_US] = step_ends_us(number - 1, span_us)
        i[watch + at.END_US] = step_ends_us(number, span_us)
    else:
        i[watch + at.STEP_AT] = 0
        i[watch + at.BEGIN_US] = i[watch + at.END_US] = -FAR
    timed_rest(f, i, watch, judged, scratch)
    timed_settle(f, i, watch, rules, rule_floats, rule)


@compiled
def timed_rest(f: Floats, i: Ints, watch: int, judged: int, scratch: Floats) -> None:
    """Add up all steps but the current one; sums are correctly rounded."""
    step, current = i[watch + at.FIRST_STEP], i[watch + at.STEP_AT]
    samples = beyond = 0
    sums_begin(scratch, at.SUMS, 2)
    while step:
        if step != current:
            samples += i[step + at.STEP_SAMPLES] >> 1
            if judged == at.JUDGED_RANK:
                beyond += i[step + at.STEP_BEYOND]
            else:
                for which in range(2 if judged == at.JUDGED_RATE else 1):
                    term = f[step + at.STEP_TOTAL + which]
                    sum_add(scratch, at.SUMS + which * SUM_WIDTH, term)
        step = i[step + at.STEP_NEXT]
    i[watch + at.REST_SAMPLES], i[watch + at.REST_BEYOND] = samples, beyond
    f[watch + at.REST_TOTAL] = sum_of(scratch, at.SUMS)
    f[watch + at.REST_WEIGHT] = float(samples)
    if judged == at.JUDGED_RATE:
        f[watch + at.REST_WEIGHT] = sum_of(scratch, at.SUMS + SUM_WIDTH)


@compiled
def timed_value(
    f: Floats, i: Ints, watch: int, rules: Table, rule_floats: Grid, rule: int
) -> float:
    """The exact signed value of the window."""
    step, judged = i[watch + at.STEP_AT], rules[rule, at.JUDGED]
    samples = timed_samples(i, watch)
    if judged == at.JUDGED_RANK:
        beyond = i[watch + at.REST_BEYOND]
        if step:
            beyond += i[step + at.STEP_BEYOND]
        return _rank(f, i, watch, rules, rule_floats, rule, samples, beyond)
    total, weight = f[watch + at.REST_TOTAL], f[watch + at.REST_WEIGHT]
    if step:
        total = f[step + at.STEP_TOTAL] + total
    if judged in (at.JUDGED_SUM, at.JUDGED_COUNT):
        return float(total)
    if judged == at.JUDGED_MEAN:
        return float(total / samples)
    if step:
        weight = f[step + at.STEP_WEIGHT] + weight
    return float(total / weight)


@compiled
def _rank(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    samples: int,
    beyond: int,
) -> float:
    low, high, step = inf, -inf, i[watch + at.FIRST_STEP]
    while step:
        low = min(low, f[step + at.STEP_LOW])
        high = max(high, f[step + at.STEP_HIGH])
        step = i[step + at.STEP_NEXT]
    inside = watch + at.INSIDE
    value = step_rank(i, inside, samples, low, high, rules, rule_floats, rule)
    limit, percent = rule_floats[rule, at.ENTER], rules[rule, at.PERCENT]
    # How many samples lie beyond the limit is known exactly: a sketch's error must not
    # tell otherwise.
    if limit == limit:
        if 100 * beyond <= (samples - 1) * (100 - percent):
            return float(min(value, limit))
        if (samples - 1) * percent // 100 >= samples - beyond:
            return float(max(value, np.nextafter(limit, inf)))
    return value


@compiled
def timed_put(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    step: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    value: float,
    weight: float,
) -> None:
    """Add a sample to a step."""
    judged = rules[rule, at.JUDGED]
    i[watch + at.TOUCHED] = step
    i[step + at.STEP_SAMPLES] += 2
    if judged == at.JUDGED_RATE:
        f[step + at.STEP_WEIGHT] += weight
    if judged != at.JUDGED_RANK:
        f[step + at.STEP_TOTAL] += value
        return
    f[step + at.STEP_LOW] = min(f[step + at.STEP_LOW], value)
    f[step + at.STEP_HIGH] = max(f[step + at.STEP_HIGH], value)
    if value > rule_floats[rule, at.ENTER]:  # not beyond NaN
        i[step + at.STEP_BEYOND] += 1
    if rules[rule, at.BINNED]:
        unsigned = rule_floats[rule, at.SIGN] * value
        key = bin_of(unsigned, WIDTH, rules[rule, at.BINNED_WHOLE])
        for turn in range(2):
            into = step + at.STEP_COUNTS if turn else watch + at.INSIDE
            histogram_add(i, heads, into, key, 1)


@compiled
def timed_sample(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    values: Floats,
    ended_us: int,
    now_us: int,
    scratch: Floats,
) -> int:
    """Take a session in; what is left to do.

    Args:
        f, i, heads: The arena; it has room.
        watch: Address of the window.
        rules, rule_floats, rule: The tables, and which row.
        values: The session's, in the order of ``COLUMNS``.
        ended_us: When it ended.
        now_us: The series' time.
        scratch: Takes sums.
    """
    sign, judged = rule_floats[rule, at.SIGN], rules[rule, at.JUDGED]
    column, span_us = rules[rule, at.COLUMN_AT], rules[rule, at.SPAN_US]
    value = sign if column < 0 else values[column] * sign
    weight = 1.0
    if judged == at.JUDGED_RATE:
        weight = values[rules[rule, at.OVER]]
        if not weight > 0.0:
            return QUIET
        if value != value:
            value = 0.0 * sign
    elif value != value:
        return QUIET
    if judged == at.JUDGED_COUNT:
        value = sign
    stays = i[watch + at.BEGIN_US] < ended_us and now_us < i[watch + at.END_US]
    step = i[watch + at.STEP_AT]
    if not stays:
        number = step_of(ended_us, span_us)
        if number + STEPS <= step_passed(now_us, span_us):
            return QUIET
        eras = watch + at.ERAS_AT
        early = False
        if rules[rule, at.BASED]:
            born = i[eras + at.ERAS_BORN]
            early = born == at.NEVER_BORN or number < born
        # Time has moved: what has left is the past before the first sample is told.
        for turn in range(2):
            if turn == 1 and not early:
                break
            if turn == 1:
                i[eras + at.ERAS_BORN] = number
            timed_advance(f, i, heads, watch, rules, rule_floats, rule, now_us, scratch)
        step = step_at(f, i, heads, watch + at.FIRST_STEP, number, rules, rule)
    timed_put(f, i, heads, watch, step, rules, rule_floats, rule, value, weight)
    if not stays:
        timed_focus(f, i, watch, rules, rule_floats, rule, now_us, scratch)
    samples = timed_samples(i, watch)
    limit, needed = f[watch + at.ENTER_NOW], rules[rule, at.NEED]
    summed = judged in (at.JUDGED_SUM, at.JUDGED_COUNT)
    if samples < i[watch + at.MORE_AT] and limit > -inf:
        calm = limit == inf
        if not calm and judged == at.JUDGED_RANK:
            beyond = i[watch + at.REST_BEYOND]
            if i[watch + at.STEP_AT]:
                beyond += i[i[watch + at.STEP_AT] + at.STEP_BEYOND]
            spare = 100 - rules[rule, at.PERCENT]
            calm = 100 * beyond <= (samples - 1) * spare
        elif not calm:
            calm = timed_value(f, i, watch, rules, rule_floats, rule) <= limit
        if calm:
            begins = not stays and step == i[watch + at.FIRST_STEP]
            return TO_PLACE if summed and begins else QUIET
    if samples >= needed:
        i[watch + at.BEGUN] = 1
    ready = timed_ready(i, watch, rules, rule, samples)
    enter = timed_enter(f, watch, rules, rule_floats, rule)
    if ready and enter == enter:
        calm = i[watch + at.QUIET] == at.ALL_WELL
        if calm:
            calm = timed_value(f, i, watch, rules, rule_floats, rule) <= enter
    else:
        calm = i[watch + at.QUIET] == at.TOO_YOUNG
    if not calm:
        return TO_SAY
    if samples >= i[watch + at.MORE_AT]:
        timed_settle(f, i, watch, rules, rule_floats, rule)
    return TO_PLACE if summed else QUIET
