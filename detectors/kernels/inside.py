"""What is inside a window of time, and what it comes to."""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.histograms import bin_of, histogram_add, histogram_free
from detectors.kernels.steps import WIDTH, step_free, step_rank, step_shift
from detectors.kernels.sums import SUM_WIDTH, sum_add, sum_of, sums_begin
from detectors.kernels.words import Floats, Grid, Ints, Table

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
