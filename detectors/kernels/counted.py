"""Windows of the last n samples: see ``detectors.kinds.counted``.

Samples are appended to a run whose last n are the window. While all is well a sample
costs little more than that: when the window was last worked out, it was also worked
out how much worse it can become before a limit is passed.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import TOP, give
from detectors.kernels.arming import count_arm, count_limit
from detectors.kernels.held import count_grow, count_pause, count_room, count_widen
from detectors.kernels.packed import FLOATS, run_fits, run_get, run_put
from detectors.kernels.summary import summary_learn
from detectors.kernels.words import Floats, Grid, Ints, Table

QUIET: Final = 0
WHOLLY: Final = 1
"""Nothing is done yet: there is no room."""
TO_SAY: Final = 2
"""The sample is at hand, and there is something to be said."""

MOST: Final = 4096
"""Room is made in compiled code for so many samples, and not for more."""

_WIDENED: Final = 4
"""Words that a sample of a window needs at most when all become wider."""


@compiled
def count_sample(
    f: Floats,
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule_floats: Grid,
    rule: int,
    values: Floats,
    now_us: int,
    scratch: Floats,
) -> int:
    """Take a session in; what is left to do.

    Args:
        f, i, heads: The arena; it has room.
        watch: Address of the window.
        rules, rule_floats, rule: The tables, and which row.
        values: The session's, in the order of ``COLUMNS``.
        now_us: The series' time.
        scratch: Takes sums.
    """
    sign, judged = rule_floats[rule, at.SIGN], rules[rule, at.JUDGED]
    column, size = rules[rule, at.COLUMN_AT], rules[rule, at.SIZE]
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
    held = i[watch + at.HELD]
    if held == i[watch + at.HELD_ROOM]:
        room = count_room(held, rules, rule)
        if room <= held or room > MOST:
            return WHOLLY
        count_grow(i, heads, watch, room, int(judged == at.JUDGED_RATE))
    packed = i[watch + at.PACKED]
    while not run_fits(value, packed, sign) or not run_fits(weight, packed, 1.0):
        packed -= 1
    if packed != i[watch + at.PACKED]:
        if heads[TOP] + _WIDENED * i[watch + at.HELD_ROOM] > len(i):
            return WHOLLY
        count_widen(f, i, heads, watch, sign, packed)
    signed, divided_by = i[watch + at.SIGNED], i[watch + at.DIVIDED_BY]
    run_put(f, i, signed, held, packed, sign, value)
    if i[watch + at.SKIPPED]:
        i[i[watch + at.SKIPPED] + held] = 0
    left = held - size
    held += 1
    i[watch + at.HELD] = held
    tidy = held >= i[watch + at.PAUSE]
    if judged == at.JUDGED_RATE:
        run_put(f, i, divided_by, held - 1, packed, 1.0, weight)
        above, below = f[watch + at.ABOVE] + value, f[watch + at.BELOW] + weight
        if left >= 0:
            above -= run_get(f, i, signed, left, packed, sign)
            below -= run_get(f, i, divided_by, left, packed, 1.0)
        f[watch + at.ABOVE], f[watch + at.BELOW] = above, below
        if not tidy and above / below <= f[watch + at.ENTER_NOW]:
            return QUIET
    elif judged == at.JUDGED_RANK:
        if value > f[watch + at.HARMLESS]:
            i[watch + at.CREDIT] -= 1
        elif not tidy:
            return QUIET
        if not tidy and i[watch + at.CREDIT] >= 0:
            return QUIET
    else:
        slack = f[watch + at.SLACK] - (value - f[watch + at.LEAST])
        f[watch + at.SLACK] = slack
        if slack >= 0.0 and held < i[watch + at.AHEAD]:
            return QUIET
    if tidy:
        count_tidy(f, i, heads, watch, rules, rule_floats, rule, now_us, scratch)
        count_limit(f, i, watch, rules, rule_floats, rule)
    if count_arm(f, i, watch, rules, rule_floats, rule, scratch):
        return QUIET
    return TO_SAY


@compiled
def _drop(f: Floats, i: Ints, piece: int, size: int, surplus: int, packed: int) -> None:
    """Let so many samples move up over those before them."""
    if packed == FLOATS:
        for place in range(piece, piece + size):
            i[place] = i[place + surplus]
        return
    for place in range(size):
        value = run_get(f, i, piece, place + surplus, packed, 1.0)
        run_put(f, i, piece, place, packed, 1.0, value)


@compiled
def count_tidy(
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
    """Learn and drop what has left the window; set the next pause."""
    held, size = i[watch + at.HELD], rules[rule, at.SIZE]
    surplus = held - size
    if surplus > 0:
        if rules[rule, at.BASED]:
            for turn in range(2):
                begin, skipped = 0, i[watch + at.SKIPPED]
                summary = watch + at.SUMMARY_AT
                if turn == 0:
                    # While an alert is open its samples may become the baseline.
                    summary = i[watch + at.SHIFT]
                    begin, skipped = i[watch + at.SHIFT_FIRST], 0
                    i[watch + at.SHIFT_FIRST] = max(0, begin - surplus)
                    if summary == 0 or begin >= surplus:
                        continue
                summary_learn(
                    f,
                    i,
                    heads,
                    summary,
                    rules,
                    rule_floats,
                    rule,
                    watch,
                    begin,
                    skipped,
                    surplus - begin,
                    now_us,
                    scratch,
                )
        marked = 0
        for word in (at.SIGNED, at.DIVIDED_BY, at.SKIPPED):
            piece = i[watch + word]
            if piece:
                packed = FLOATS if word == at.SKIPPED else i[watch + at.PACKED]
                _drop(f, i, piece, size, surplus, packed)
                if word == at.SKIPPED:
                    for place in range(piece, piece + size):
                        marked += i[place]
        if i[watch + at.SKIPPED] and not marked:
            give(i, heads, i[watch + at.SKIPPED], i[watch + at.HELD_ROOM])
            i[watch + at.SKIPPED] = 0
        i[watch + at.HELD] = size
    count_pause(i, watch, rules, rule)
