"""What a series was like before its time window: see ``detectors.normal.eras``."""

from __future__ import annotations

from math import inf
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.histograms import histogram_free, histogram_merge
from detectors.kernels.numbers import finite
from detectors.kernels.steps import (
    STEPS,
    step_at,
    step_free,
    step_join,
    step_rank,
    step_shift,
)
from detectors.kernels.sums import SUM_WIDTH, sum_add, sum_of, sums_begin
from detectors.kernels.words import NAN, Floats, Grid, Ints, Table

FEWEST: Final = 2
"""Whole windows that make an expectation."""

_ALL: Final = at.SUMS
_ONE: Final = at.SUMS + SUM_WIDTH


@compiled
def eras_begin(f: Floats, i: Ints, eras: int) -> None:
    """Make the words those of a past that is not known."""
    for word in range(eras, eras + at.ERAS_WIDTH):
        i[word] = 0
    i[eras + at.ERAS_BORN] = i[eras + at.FLOOR] = at.NEVER_BORN
    i[eras + at.FORMED] = i[eras + at.FORMED_WHOLE] = at.NEVER_BORN
    f[eras + at.STAND_IN] = f[eras + at.ERAS_EXPECTED] = NAN


@compiled
def eras_free(i: Ints, heads: Ints, eras: int, rules: Table, rule: int) -> None:
    """Give back what it holds, but not its own words."""
    while i[eras + at.FIRST_ERA]:
        step_free(i, heads, step_shift(i, eras + at.FIRST_ERA), rules, rule)
    histogram_free(i, heads, eras + at.TOGETHER)


@compiled
def eras_add(
    f: Floats, i: Ints, heads: Ints, eras: int, step: int, rules: Table, rule: int
) -> None:
    """Keep a step that has left the current window."""
    number = -(-i[step + at.STEP_NUMBER] // rules[rule, at.ERA_STEPS])
    era = step_at(f, i, heads, eras + at.FIRST_ERA, number, rules, rule)
    step_join(f, i, heads, era, step, rules, rule)


@compiled
def eras_refresh(
    f: Floats,
    i: Ints,
    heads: Ints,
    eras: int,
    passed: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    scratch: Floats,
) -> None:
    """Form the expectation anew; ``passed`` is the last step that is over."""
    steps, windows = rules[rule, at.ERA_STEPS], rules[rule, at.WINDOWS]
    newest = (passed - STEPS) // steps
    born = passed if i[eras + at.ERAS_BORN] == at.NEVER_BORN else i[eras + at.ERAS_BORN]
    born = max(i[eras + at.FLOOR], born)
    whole = min(windows, (passed - born) // STEPS - 1)
    if newest == i[eras + at.FORMED] and whole == i[eras + at.FORMED_WHOLE]:
        return
    i[eras + at.FORMED], i[eras + at.FORMED_WHOLE] = newest, whole
    oldest = newest - STEPS // steps * windows
    while i[eras + at.FIRST_ERA]:
        if i[i[eras + at.FIRST_ERA] + at.STEP_NUMBER] > oldest:
            break
        step_free(i, heads, step_shift(i, eras + at.FIRST_ERA), rules, rule)
    found, mean, _, _ = eras_windows(
        f, i, heads, eras, rules, rule_floats, rule, scratch
    )
    if found >= FEWEST:
        f[eras + at.ERAS_EXPECTED] = mean
        f[eras + at.STAND_IN] = NAN
        return
    # The level that was accepted, as long as ``over`` reaches back to it.
    if passed - i[eras + at.STAND_STEP] > windows * STEPS:
        f[eras + at.STAND_IN] = NAN
    f[eras + at.ERAS_EXPECTED] = f[eras + at.STAND_IN]


@compiled
def eras_windows(
    f: Floats,
    i: Ints,
    heads: Ints,
    eras: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    scratch: Floats,
) -> tuple[int, float, float, float]:
    """How many whole windows there are; the mean, least and most of their aggregates.

    One that holds what must not be learned is none. Those that were formed last.
    """
    sign, judged = rule_floats[rule, at.SIGN], rules[rule, at.JUDGED]
    summed = judged in (at.JUDGED_SUM, at.JUDGED_COUNT)
    each = STEPS // rules[rule, at.ERA_STEPS]
    newest, whole = i[eras + at.FORMED], max(0, i[eras + at.FORMED_WHOLE])
    found, least, most = 0, inf, -inf
    sums_begin(scratch, _ALL, 1)
    era, window = i[eras + at.FIRST_ERA], whole
    while era and i[era + at.STEP_NUMBER] <= newest - each * whole:
        era = i[era + at.STEP_NEXT]
    while window > 0:
        end = newest - each * (window - 1)
        samples, tainted, low, high = 0, 0, inf, -inf
        total = weight = 0.0
        sums_begin(scratch, _ONE, 1)
        while era and i[era + at.STEP_NUMBER] <= end:
            samples += i[era + at.STEP_SAMPLES] >> 1
            tainted |= i[era + at.STEP_SAMPLES] & 1
            if judged == at.JUDGED_RANK:
                low = min(low, f[era + at.STEP_LOW])
                high = max(high, f[era + at.STEP_HIGH])
                histogram_merge(i, heads, eras + at.TOGETHER, era + at.STEP_COUNTS)
            else:
                total += f[era + at.STEP_TOTAL]
                if judged == at.JUDGED_RATE:
                    weight += f[era + at.STEP_WEIGHT]
                if summed:
                    sum_add(scratch, _ONE, f[era + at.STEP_TOTAL])
            era = i[era + at.STEP_NEXT]
        window -= 1
        if not tainted and (samples or summed):
            if summed:
                value = sum_of(scratch, _ONE)
            elif judged == at.JUDGED_RANK:
                value = step_rank(
                    i,
                    eras + at.TOGETHER,
                    samples,
                    low,
                    high,
                    rules,
                    rule_floats,
                    rule,
                )
            else:
                value = total / (weight if judged == at.JUDGED_RATE else samples)
            value = sign * value + 0.0
            found += 1
            least, most = min(least, value), max(most, value)
            sum_add(scratch, _ALL, value)
        if judged == at.JUDGED_RANK:
            histogram_free(i, heads, eras + at.TOGETHER)
    mean = finite(sum_of(scratch, _ALL) / found) if found else NAN
    return found, mean, least, most
