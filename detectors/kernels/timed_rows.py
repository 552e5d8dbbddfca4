"""A window of time, and what was before it, as words of a row and back."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.factor_rows import (
    factors_end,
    factors_room,
    get_factors,
    put_factors,
)
from detectors.kernels.histograms import BINS, PIECE, bin_count, bin_key, bin_value
from detectors.kernels.inside import FAR, timed_rest
from detectors.kernels.runs import bins_end, get_bins, put_bins
from detectors.kernels.steps import (
    STEPS,
    WIDTH,
    step_append,
    step_ends_us,
    step_new,
)
from detectors.kernels.timed import timed_focus, timed_settle
from detectors.kernels.words import Floats, Grid, Ints, Table

BEGUN, LIMIT, FOCUSED = 3, 4, 5
"""As in the watch; the mildest limit, by which samples are counted; whether the clock
is in the last step."""
SPANS, ERAS = 6, 7
"""How many steps there are, and how many eras."""
TOGETHER: Final = 8
"""How many steps are kept as one era, 0 without a baseline; then its other words."""
HEAD: Final = 16
_WORDS: Final = HEAD - TOGETHER - 1

_STEP: Final = 6
"""Words of a step at most, without its bins."""
_MOST: Final = 1 << 40


@compiled
def _floats(judged: int) -> int:
    """Sums, or bounds, of a step."""
    return 2 if judged == at.JUDGED_RANK or judged == at.JUDGED_RATE else 1  # noqa: PLR1714


@compiled
def timed_room(i: Ints, watch: int, rules: Table, rule: int) -> int:
    """Words that ``put_timed`` needs no more than."""
    words = HEAD + factors_room(rules, rule)
    ranked = rules[rule, at.JUDGED] == at.JUDGED_RANK
    for turn in range(2 if rules[rule, at.BASED] else 1):
        step = i[watch + (at.ERAS_AT + at.FIRST_ERA if turn else at.FIRST_STEP)]
        while step:
            words += _STEP
            if ranked:
                words += 2 * i[step + at.STEP_COUNTS + BINS]
            step = i[step + at.STEP_NEXT]
    return int(words)


@compiled
def put_timed(
    i: Ints, watch: int, rules: Table, rule: int, out: Ints, place: int
) -> int:
    """Write the steps that hold anything; where the next word goes."""
    begin = place
    for word in range(3):
        out[begin + word] = i[watch + word]
    for word in range(3, HEAD):
        out[begin + word] = 0
    out[begin + BEGUN] = i[watch + at.BEGUN]
    out[begin + LIMIT] = rules[rule, at.ENTER_WORD]
    out[begin + FOCUSED] = int(i[watch + at.STEP_AT] != 0)
    place = put_factors(i, watch, rules, rule, out, begin + HEAD)
    judged = rules[rule, at.JUDGED]
    first = watch + at.FIRST_STEP
    out[begin + SPANS], place = _put_steps(i, first, judged, out, place)
    if rules[rule, at.BASED]:
        eras = watch + at.ERAS_AT
        out[begin + TOGETHER] = rules[rule, at.ERA_STEPS]
        for word in range(_WORDS):
            out[begin + TOGETHER + 1 + word] = i[eras + at.ERAS_BORN + word]
        first = eras + at.FIRST_ERA
        out[begin + ERAS], place = _put_steps(i, first, judged, out, place)
    return place


@compiled
def _put_steps(
    i: Ints, first: int, judged: int, out: Ints, place: int
) -> tuple[int, int]:
    steps = last = 0
    step, floats = i[first], _floats(judged)
    while step:
        out[place] = i[step + at.STEP_NUMBER] - last
        out[place + 1] = i[step + at.STEP_SAMPLES]
        for word in range(floats):
            out[place + 2 + word] = i[step + at.STEP_TOTAL + word]
        place += 2 + floats
        if judged == at.JUDGED_RANK:
            out[place] = i[step + at.STEP_BEYOND]
            place = put_bins(i, step + at.STEP_COUNTS, out, place + 1)
        last = i[step + at.STEP_NUMBER]
        steps += 1
        step = i[step + at.STEP_NEXT]
    return steps, place


@compiled
def timed_is_sound(words: Ints, place: int, end: int, rules: Table, rule: int) -> bool:
    """Whether words are such a window: all that it counts is there, and no more."""
    begin = place
    if begin + HEAD > end:
        return False
    place = factors_end(words, begin + HEAD, end, rules, rule)
    if place < 0:
        return False
    focused = words[begin + FOCUSED]
    if not 0 <= focused <= min(1, words[begin + SPANS]):
        return False
    for turn in range(2):
        steps = words[begin + (ERAS if turn else SPANS)]
        place = _steps_end(words, place, end, steps, rules, rule)
        if place < 0:
            return False
    return bool(place == end)


@compiled
def _steps_end(
    words: Ints, place: int, end: int, steps: int, rules: Table, rule: int
) -> int:
    """Where so many steps end; -1 if there are not as many."""
    judged, number = rules[rule, at.JUDGED], 0
    ranked = judged == at.JUDGED_RANK
    least = 2 + _floats(judged) + (2 if ranked else 0)
    farthest = FAR // rules[rule, at.SPAN_US] * STEPS
    for which in range(steps):
        if place + least > end:
            return -1
        apart, samples = words[place], words[place + 1] >> 1
        if not -farthest < apart < farthest or not 0 < samples < _MOST:
            return -1
        number += apart
        if (which and apart <= 0) or not -farthest < number < farthest:
            return -1
        place += 2 + _floats(judged)
        if ranked:
            if not 0 <= words[place] <= samples:
                return -1
            place = bins_end(words, place + 1, end, samples, rules[rule, at.BINNED])
            if place < 0:
                return -1
    return place if steps >= 0 else -1


@compiled
def get_timed(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    words: Ints,
    place: int,
    scratch: Floats,
) -> None:
    """Read what ``put_timed`` wrote into a window that is new; the arena has room.

    The rule may have had another limit then, or none, or a baseline that reached
    otherwise far back: eras of another length are let go.
    """
    begin = place
    for word in range(3):
        i[watch + word] = words[begin + word]
    i[watch + at.BEGUN] = int(words[begin + BEGUN] != 0)
    place = get_factors(i, heads, watch, rules, rule, words, begin + HEAD)
    first, steps = watch + at.FIRST_STEP, words[begin + SPANS]
    recount = words[begin + LIMIT] != rules[rule, at.ENTER_WORD]
    place = _get_steps(
        f, i, heads, first, watch + at.INSIDE, rules, rule, words, place, steps
    )
    if rules[rule, at.JUDGED] == at.JUDGED_RANK and recount:
        step = i[first]
        while step:
            high = f[step + at.STEP_HIGH]
            i[step + at.STEP_BEYOND] = _beyond(i, step, high, rules, rule_floats, rule)
            step = i[step + at.STEP_NEXT]
    if rules[rule, at.BASED] and words[begin + TOGETHER]:
        eras = watch + at.ERAS_AT
        for word in range(_WORDS):
            i[eras + at.ERAS_BORN + word] = words[begin + TOGETHER + 1 + word]
        if i[eras + at.FORMED_WHOLE] > rules[rule, at.WINDOWS]:
            i[eras + at.FORMED] = i[eras + at.FORMED_WHOLE] = at.NEVER_BORN
        if words[begin + TOGETHER] == rules[rule, at.ERA_STEPS]:
            first = eras + at.FIRST_ERA
            count = words[begin + ERAS]
            _get_steps(f, i, heads, first, 0, rules, rule, words, place, count)
    span_us = rules[rule, at.SPAN_US]
    if words[begin + FOCUSED]:
        number = i[i[watch + at.LAST_STEP] + at.STEP_NUMBER]
        now_us = step_ends_us(number, span_us)
        timed_focus(f, i, watch, rules, rule_floats, rule, now_us, scratch)
    else:
        timed_rest(f, i, watch, rules[rule, at.JUDGED], scratch)
        timed_settle(f, i, watch, rules, rule_floats, rule)


@compiled
def _get_steps(
    f: Floats,
    i: Ints,
    heads: Ints,
    first: int,
    whole: int,
    rules: Table,
    rule: int,
    words: Ints,
    place: int,
    steps: int,
) -> int:
    """Read steps into an empty list, their histograms into that of the whole as well.

    Returns:
        Where the next word is.
    """
    judged, number = rules[rule, at.JUDGED], 0
    floats = _floats(judged)
    for _ in range(steps):
        number += words[place]
        step = step_new(f, i, heads, number, rules, rule)
        i[step + at.STEP_SAMPLES] = words[place + 1]
        for word in range(floats):
            i[step + at.STEP_TOTAL + word] = words[place + 2 + word]
        place += 2 + floats
        if judged == at.JUDGED_RANK:
            i[step + at.STEP_BEYOND] = words[place]
            counts = step + at.STEP_COUNTS
            place = get_bins(i, heads, counts, whole, words, place + 1)
        step_append(i, first, step)
    return place


@compiled
def _beyond(
    i: Ints, step: int, high: float, rules: Table, rule_floats: Grid, rule: int
) -> int:
    """Roughly how many samples of a step lie beyond a limit that has changed."""
    limit, sign = rule_floats[rule, at.ENTER], rule_floats[rule, at.SIGN]
    if not rules[rule, at.BINNED]:
        return int(high > limit)
    beyond = 0
    piece = i[step + at.STEP_COUNTS + PIECE]
    for word in range(piece, piece + i[step + at.STEP_COUNTS + BINS]):
        whole = rules[rule, at.BINNED_WHOLE]
        if sign * bin_value(bin_key(i[word]), 0.5, WIDTH, whole) > limit:
            beyond += bin_count(i[word])
    return beyond
