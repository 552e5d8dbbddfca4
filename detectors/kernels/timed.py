"""Windows of time: see ``detectors.kinds.spanned``.

While the clock stays within a step and all is well, a sample costs an addition and a
comparison.
"""

from __future__ import annotations

from math import inf

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.eras import eras_add, eras_refresh
from detectors.kernels.histograms import (
    histogram_remove,
)
from detectors.kernels.inside import (
    FAR,
    timed_put,
    timed_rest,
    timed_samples,
    timed_value,
)
from detectors.kernels.limits import enter_from
from detectors.kernels.steps import (
    STEPS,
    step_at,
    step_ends_us,
    step_free,
    step_of,
    step_passed,
    step_shift,
)
from detectors.kernels.words import NAN, Floats, Grid, Ints, Table

QUIET, WHOLLY, TO_SAY, TO_PLACE = 0, 1, 2, 3
"""Nothing is left to do; all is; there is something to be said; a timer is set."""


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
