"""Steps of a window of time, and what they hold; see ``detectors.normal.spans``."""

from __future__ import annotations

from math import inf
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.histograms import (
    HISTOGRAM_WIDTH,
    histogram_free,
    histogram_merge,
    histogram_quantile,
)
from detectors.kernels.words import Floats, Grid, Ints, Table

STEPS: Final = 60
WIDTH: Final = 0.015
"""Relative width of histogram bins: percentiles within 1 %."""


@compiled
def step_passed(at_us: int, span_us: int) -> int:
    """The last step that is over at a time; no product is too large."""
    return at_us // span_us * STEPS + at_us % span_us * STEPS // span_us


@compiled
def step_of(at_us: int, span_us: int) -> int:
    """The step that a time falls into."""
    return -step_passed(-at_us, span_us)


@compiled
def step_ends_us(number: int, span_us: int) -> int:
    """The last microsecond of a step."""
    return number // STEPS * span_us + number % STEPS * span_us // STEPS


@compiled
def step_new(
    f: Floats, i: Ints, heads: Ints, number: int, rules: Table, rule: int
) -> int:
    """A step that holds nothing, in no list."""
    step = take(i, heads, rules[rule, at.STEP_WIDTH])
    i[step + at.STEP_NUMBER] = number
    if rules[rule, at.JUDGED] == at.JUDGED_RANK:
        f[step + at.STEP_LOW], f[step + at.STEP_HIGH] = inf, -inf
    return step


@compiled
def step_free(i: Ints, heads: Ints, step: int, rules: Table, rule: int) -> None:
    """Give a step back."""
    if rules[rule, at.JUDGED] == at.JUDGED_RANK:
        histogram_free(i, heads, step + at.STEP_COUNTS)
    give(i, heads, step, rules[rule, at.STEP_WIDTH])


@compiled
def step_append(i: Ints, first: int, step: int) -> None:
    """Put a step behind all others.

    Args:
        i: The arena.
        first: Where the address of the first one is, and behind it that of the last.
        step: Address.
    """
    last = i[first + 1]
    if last:
        i[last + at.STEP_NEXT] = step
    else:
        i[first] = step
    i[first + 1] = step
    i[step + at.STEP_NEXT] = 0


@compiled
def step_shift(i: Ints, first: int) -> int:
    """Take out the first step; its address."""
    step = i[first]
    i[first] = i[step + at.STEP_NEXT]
    if i[first] == 0:
        i[first + 1] = 0
    return int(step)


@compiled
def step_at(
    f: Floats, i: Ints, heads: Ints, first: int, number: int, rules: Table, rule: int
) -> int:
    """The step of a number, made if there is none."""
    before, step = 0, i[first]
    last = i[first + 1]
    if last and i[last + at.STEP_NUMBER] <= number:
        before, step = last, 0
        if i[last + at.STEP_NUMBER] == number:
            return int(last)
    while step and i[step + at.STEP_NUMBER] < number:
        before, step = step, i[step + at.STEP_NEXT]
    if step and i[step + at.STEP_NUMBER] == number:
        return int(step)
    made = step_new(f, i, heads, number, rules, rule)
    if step == 0:
        step_append(i, first, made)
        return made
    i[made + at.STEP_NEXT] = step
    if before:
        i[before + at.STEP_NEXT] = made
    else:
        i[first] = made
    return made


@compiled
def step_join(
    f: Floats, i: Ints, heads: Ints, into: int, other: int, rules: Table, rule: int
) -> None:
    """Add to a step what fell into another one."""
    tainted = (i[into + at.STEP_SAMPLES] | i[other + at.STEP_SAMPLES]) & 1
    samples = (i[into + at.STEP_SAMPLES] >> 1) + (i[other + at.STEP_SAMPLES] >> 1)
    i[into + at.STEP_SAMPLES] = 2 * samples + tainted
    judged = rules[rule, at.JUDGED]
    if judged != at.JUDGED_RANK:
        f[into + at.STEP_TOTAL] += f[other + at.STEP_TOTAL]
        if judged == at.JUDGED_RATE:
            f[into + at.STEP_WEIGHT] += f[other + at.STEP_WEIGHT]
        return
    f[into + at.STEP_LOW] = min(f[into + at.STEP_LOW], f[other + at.STEP_LOW])
    f[into + at.STEP_HIGH] = max(f[into + at.STEP_HIGH], f[other + at.STEP_HIGH])
    i[into + at.STEP_BEYOND] += i[other + at.STEP_BEYOND]
    histogram_merge(i, heads, into + at.STEP_COUNTS, other + at.STEP_COUNTS)


@compiled
def step_rank(
    i: Ints,
    counts: int,
    samples: int,
    low: float,
    high: float,
    rules: Table,
    rule_floats: Grid,
    rule: int,
) -> float:
    """A percentile, signed.

    Args:
        i: The arena.
        counts: A histogram.
        samples: In it.
        low, high: The smallest and the largest sample, signed.
        rules, rule_floats, rule: The tables, and which row.
    """
    if not rules[rule, at.BINNED]:
        return low if rules[rule, at.PERCENT] == 0 else high
    value = rule_floats[rule, at.SIGN] * histogram_quantile(
        i,
        counts,
        samples,
        rules[rule, at.BASE_PERCENT],
        WIDTH,
        rules[rule, at.BINNED_WHOLE],
    )
    return float(max(low, min(high, value)))


WIDEST: Final = at.STEP_COUNTS + HISTOGRAM_WIDTH
"""Words of a step that keeps a histogram."""


def together(windows: int) -> int:
    """How many steps are kept as one, so that the whole stays small."""
    for most, steps in ((14, 3), (48, 10), (100, 20)):
        if windows <= most:
            return steps
    return STEPS
