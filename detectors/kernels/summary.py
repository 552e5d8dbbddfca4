"""What a series was like before its count window: see ``detectors.normal.baseline``."""

from __future__ import annotations

from math import inf
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.histograms import (
    bin_of,
    histogram_add,
    histogram_free,
    histogram_quantile,
    histogram_remove,
)
from detectors.kernels.numbers import finite
from detectors.kernels.packed import run_get
from detectors.kernels.rulers import NO_SCALE, bounds, kept_within, there
from detectors.kernels.sums import SUM_WIDTH, sum_add, sum_of, sums_begin
from detectors.kernels.words import NAN, Floats, Grid, Ints, Table

WIDTH: Final = 0.02
"""Relative width of histogram bins."""

_TOTALS, _WEIGHTS, _SCALED, _SQUARES = (
    at.SUMS,
    at.SUMS + SUM_WIDTH,
    at.SUMS + 2 * SUM_WIDTH,
    at.SUMS + 3 * SUM_WIDTH,
)
_ALL_SUMS: Final = 4


@compiled
def summary_begin(f: Floats, i: Ints, summary: int) -> None:
    """Make the words those of a summary of nothing."""
    for word in range(summary, summary + at.SUMMARY_WIDTH):
        i[word] = 0
    f[summary + at.BOUND_LOW], f[summary + at.BOUND_HIGH] = -inf, inf
    f[summary + at.EXPECTED] = NAN


@compiled
def summary_free(i: Ints, heads: Ints, summary: int) -> None:
    """Give back what it holds, but not its own words."""
    while i[summary + at.FIRST_SLAB]:
        _drop_slab(i, heads, summary)
    histogram_free(i, heads, summary + at.COUNTS)


@compiled
def _drop_slab(i: Ints, heads: Ints, summary: int) -> None:
    slab = i[summary + at.FIRST_SLAB]
    i[summary + at.SUMMARISED] -= i[slab + at.SLAB_LEARNED]
    histogram_remove(i, heads, summary + at.COUNTS, slab + at.SLAB_COUNTS)
    i[summary + at.FIRST_SLAB] = i[slab + at.NEXT_SLAB]
    if slab == i[summary + at.LAST_SLAB]:
        i[summary + at.LAST_SLAB] = 0
    give(i, heads, slab, at.SLAB_WIDTH)


@compiled
def add_slab(
    f: Floats, i: Ints, heads: Ints, summary: int, judged: int, now_us: int
) -> int:
    """Begin a slab, and make it the last one."""
    slab = take(i, heads, at.SLAB_WIDTH)
    i[slab + at.SLAB_BEGAN_US] = i[slab + at.SLAB_ENDED_US] = now_us
    if judged == at.JUDGED_RANK:
        f[slab + at.SLAB_LOW], f[slab + at.SLAB_HIGH] = inf, -inf
    last = i[summary + at.LAST_SLAB]
    if last:
        i[last + at.NEXT_SLAB] = slab
    else:
        i[summary + at.FIRST_SLAB] = slab
    i[summary + at.LAST_SLAB] = slab
    return slab


@compiled
def summary_learn(
    f: Floats,
    i: Ints,
    heads: Ints,
    summary: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    window: int,
    first: int,
    skipped: int,
    samples: int,
    now_us: int,
    scratch: Floats,
) -> None:
    """Add samples and form the expectation anew.

    Args:
        f, i, heads: The arena.
        summary: Address.
        rules, rule_floats, rule: The tables, and which row.
        window: Address of the window that holds them.
        first: Which of those at hand is the first.
        skipped: Address of marks on those that are left out; 0 if none is.
        samples: How many.
        now_us: The series' time.
        scratch: Takes sums.
    """
    sign, judged = rule_floats[rule, at.SIGN], rules[rule, at.JUDGED]
    # A few at a time may overfill a slab; many are spread over several.
    most = max(1, rules[rule, at.OVER_SAMPLES] // 16)
    longest_us = max(1, rules[rule, at.OVER_US] // 16)
    scale, binned = rules[rule, at.SPREADS], rules[rule, at.BINNED]
    low, high = f[summary + at.BOUND_LOW], f[summary + at.BOUND_HIGH]
    packed = i[window + at.PACKED]
    position = slab = filled = scaled_count = 0
    while True:
        while position < samples and skipped and i[skipped + position]:
            position += 1
        if slab and (position >= samples or filled == most):
            f[slab + at.SPREAD_TOTAL] += sum_of(scratch, _SCALED)
            f[slab + at.SPREAD_SQUARES] += sum_of(scratch, _SQUARES)
            i[slab + at.SPREAD_COUNT] += scaled_count
            if judged != at.JUDGED_RANK:
                f[slab + at.SLAB_TOTAL] += sum_of(scratch, _TOTALS)
                f[slab + at.SLAB_WEIGHT] += sum_of(scratch, _WEIGHTS)
            i[slab + at.SLAB_LEARNED] += filled
            i[summary + at.SUMMARISED] += filled
            slab = 0
        if position >= samples:
            break
        if slab == 0:
            slab = i[summary + at.LAST_SLAB]
            if (
                slab == 0
                or i[slab + at.SLAB_LEARNED] >= most
                or now_us >= i[slab + at.SLAB_BEGAN_US] + longest_us
            ):
                slab = add_slab(f, i, heads, summary, judged, now_us)
            i[slab + at.SLAB_ENDED_US] = now_us
            filled = scaled_count = 0
            sums_begin(scratch, at.SUMS, _ALL_SUMS)
        place = first + position
        value = sign * run_get(f, i, i[window + at.SIGNED], place, packed, sign)
        measured = value
        weight = kept = 0.0
        if judged == at.JUDGED_RATE:
            divided_by = i[window + at.DIVIDED_BY]
            measured = weight = run_get(f, i, divided_by, place, packed, 1.0)
        if scale != NO_SCALE:
            scaled = there(scale, measured)
            kept = kept_within(scale, measured, low, high)
            if judged == at.JUDGED_RATE:
                value *= kept / weight
            else:
                value = kept
            if scaled == scaled:
                scaled_count += 1
            else:
                scaled = 0.0
        else:
            scaled = 0.0
        for which in range(_ALL_SUMS):
            term = value
            if which == 1:
                term = kept
            elif which == 2:
                term = scaled
            elif which == 3:
                term = scaled * scaled
            sum_add(scratch, at.SUMS + which * SUM_WIDTH, term)
        if judged == at.JUDGED_RANK:
            f[slab + at.SLAB_LOW] = min(f[slab + at.SLAB_LOW], value)
            f[slab + at.SLAB_HIGH] = max(f[slab + at.SLAB_HIGH], value)
            if binned:
                key = bin_of(value, WIDTH, rules[rule, at.BINNED_WHOLE])
                for turn in range(2):
                    into = slab + at.SLAB_COUNTS if turn else summary + at.COUNTS
                    histogram_add(i, heads, into, key, 1)
        filled += 1
        position += 1
    summary_refresh(f, i, heads, summary, rules, rule, now_us, scratch)


@compiled
def summary_refresh(
    f: Floats,
    i: Ints,
    heads: Ints,
    summary: int,
    rules: Table,
    rule: int,
    now_us: int,
    scratch: Floats,
) -> None:
    """Drop what ``over`` no longer reaches, and form the expectation anew."""
    while i[summary + at.FIRST_SLAB]:
        slab = i[summary + at.FIRST_SLAB]
        rest = i[summary + at.SUMMARISED] - i[slab + at.SLAB_LEARNED]
        ended_us = i[slab + at.SLAB_ENDED_US]
        if (
            ended_us + rules[rule, at.OVER_US] > now_us
            and rest < rules[rule, at.OVER_SAMPLES]
        ):
            break
        _drop_slab(i, heads, summary)
    summary_conclude(f, i, summary, rules, rule, scratch)


@compiled
def summary_conclude(
    f: Floats, i: Ints, summary: int, rules: Table, rule: int, scratch: Floats
) -> None:
    """Work out what hangs on all slabs together."""
    level = summary_level(f, i, summary, rules, rule, scratch)
    enough = i[summary + at.SUMMARISED] >= rules[rule, at.BASE_NEED]
    f[summary + at.EXPECTED] = level if enough else NAN


@compiled
def summary_level(
    f: Floats, i: Ints, summary: int, rules: Table, rule: int, scratch: Floats
) -> float:
    """What the samples come to, however few; NaN if there are none. Sets the bounds."""
    judged, scale = rules[rule, at.JUDGED], rules[rule, at.SPREADS]
    ranked = judged == at.JUDGED_RANK
    slab, last = i[summary + at.FIRST_SLAB], i[summary + at.LAST_SLAB]
    lowest, highest, counted = inf, -inf, 0
    sums_begin(scratch, at.SUMS, _ALL_SUMS)
    while slab:
        counted += i[slab + at.SPREAD_COUNT]
        if ranked:
            lowest = min(lowest, f[slab + at.SLAB_LOW])
            highest = max(highest, f[slab + at.SLAB_HIGH])
        if slab != last:
            for which in range(_ALL_SUMS):
                word = at.SLAB_TOTAL
                if which == 1:
                    word = at.SLAB_WEIGHT
                elif which == 2:
                    word = at.SPREAD_TOTAL
                elif which == 3:
                    word = at.SPREAD_SQUARES
                if which >= 2 or not ranked:
                    sum_add(scratch, at.SUMS + which * SUM_WIDTH, f[slab + word])
        slab = i[slab + at.NEXT_SLAB]
    if last == 0:
        f[summary + at.BOUND_LOW], f[summary + at.BOUND_HIGH] = -inf, inf
        return NAN
    # A rounded sum, and the last slab's, which still grows.
    if scale != NO_SCALE:
        low, high = bounds(
            scale,
            counted,
            finite(sum_of(scratch, _SCALED) + f[last + at.SPREAD_TOTAL]),
            finite(sum_of(scratch, _SQUARES) + f[last + at.SPREAD_SQUARES]),
        )
        f[summary + at.BOUND_LOW], f[summary + at.BOUND_HIGH] = low, high
    learned = i[summary + at.SUMMARISED]
    if judged == at.JUDGED_COUNT:
        return float(rules[rule, at.SIZE])
    if ranked:
        if not rules[rule, at.BINNED]:
            return lowest if rules[rule, at.SMALLEST] else highest
        level = histogram_quantile(
            i,
            summary + at.COUNTS,
            learned,
            rules[rule, at.BASE_PERCENT],
            WIDTH,
            rules[rule, at.BINNED_WHOLE],
        )
        return max(lowest, min(highest, level))
    summed = finite(sum_of(scratch, _TOTALS) + f[last + at.SLAB_TOTAL])
    if judged == at.JUDGED_RATE:
        weight = finite(sum_of(scratch, _WEIGHTS) + f[last + at.SLAB_WEIGHT])
        return summed / weight if weight > 0.0 else NAN
    mean: float = summed / learned
    if judged == at.JUDGED_SUM:
        return finite(mean * rules[rule, at.SIZE])
    return mean
