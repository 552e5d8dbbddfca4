"""A block is folded into the arena, session by session, until Python is needed.

What is quiet is done here. For all else the fold stops where it stands, says why, and
goes on from there when it is called again.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.ahead import FURTHEST, NEAR, look_ahead
from detectors.kernels.arena import ROOM, TOP
from detectors.kernels.births import begin_watch
from detectors.kernels.counted import count_sample
from detectors.kernels.drift import DONE as QUIETLY
from detectors.kernels.drift import sample_quietly
from detectors.kernels.factors import factors_learn
from detectors.kernels.saying import say_well
from detectors.kernels.silence import take_session
from detectors.kernels.timed import TO_PLACE, timed_sample
from detectors.kernels.window_factors import window_learn
from detectors.kernels.words import Floats, Grid, Ints, Table

# Why a fold stops.
DONE: Final = 0
TIMERS: Final = 1
"""The clock has passed the time of a timer."""
STRANGE: Final = 2
"""A series that is not known here, or that already holds the block."""
OWN_TIMERS: Final = 3
"""The series' time has passed one of its timers."""
AWAKE: Final = 4
"""A session after a long silence."""
ASK: Final = 5
"""A rule has something to say, or is not compiled."""
FULL: Final = 6
"""The arena has to grow, or what series gave to be added up, or something to be said."""
PLACE: Final = 7
"""A rule is done with the session, and the series has an earlier timer than before."""
GIVEN_ENOUGH: Final = 64
"""Rows that one sample never gives more than."""

# Where it stands: the words of the cursor.
WHY: Final = 0
POSITION: Final = 1
"""Of the observation."""
SESSION: Final = 2
"""Position of the session; -1 before the first."""
STEP: Final = 3
"""How far the observation has come."""
BEGUN, COUNTED, WOKEN, TIMED = 0, 1, 2, 3
RULE: Final = 4
"""Which of the rules that take the session is next."""
LEFT: Final = 5
"""How much of the rule's sample is left to do."""
NOW_US: Final = 6
"""The series' time."""
SERIES: Final = 7
"""Its address."""
APPLIED: Final = 8
"""Highest source offset folded before this block."""
OWN_US: Final = 9
"""Time of the block's source."""
OTHERS_US: Final = 10
"""The smallest of the other sources' times."""
CLOCK_US: Final = 11
DUE_US: Final = 12
"""No timer is due before."""
ORDER: Final = 13
"""Of the last observation."""
JUDGED_FROM_US: Final = 14
IDLE_US: Final = 15
OFFSET: Final = 16
FOLD: Final = 17
"""Number of this fold."""
REF: Final = 18
"""Of the block's first session."""
DIRTY_COUNT: Final = 19
SESSIONS, OBSERVATIONS, DUPLICATES, REPEATS, LATE, TOO_OLD = 20, 21, 22, 23, 24, 25
TURNED_AWAY: Final = 26
"""Counted in this fold."""
WORDS: Final = 27

NO_PLACE: Final = -1
"""In place of the address of a series that is not let in."""


@compiled
def fold(
    cursor: Ints,
    f: Floats,
    i: Ints,
    heads: Ints,
    dirty: Ints,
    rules: Table,
    rule_floats: Grid,
    facets: Table,
    facet_floats: Grid,
    first_rules: Ints,
    taken_from: Table,
    taken: Ints,
    offsets: Ints,
    clocks_us: Ints,
    ended_at_us: Ints,
    values: Grid,
    labels: Table,
    observed: Ints,
    series: Ints,
    masks: Ints,
    doubles: Ints,
    found: Ints,
    scratch: Floats,
    places: Ints,
    odds_keys: Ints,
    odds: Grid,
    given: Table,
    given_floats: Grid,
    said: Table,
    lent: Table,
    kin: Ints,
) -> int:
    """Fold a block from where the cursor stands; why it stops.

    Args:
        cursor: See above; moved.
        f, i, heads: The arena.
        dirty: Takes the numbers of the series that change.
        rules, rule_floats, facets, facet_floats: Tables.
        first_rules: For each group the first row of its rules.
        taken_from: For each mask and group where ``taken`` begins for it; the next
            group's is where it ends.
        taken: Positions of rules within their group.
        offsets, clocks_us, ended_at_us, values: As in ``Batch``.
        labels: For each session the codes of its labels.
        observed, series: As in ``Batch``.
        masks: For each observation its row in ``taken_from``.
        doubles: For each observation whether it has been seen; empty if none has.
        found: For each key the address of its series, 0 if it is strange, ``NO_PLACE``
            if it is known to find none.
        scratch, places: Hold the sample at hand.
        odds_keys, odds: See ``kernels.beta_binomial``.
        given, given_floats: Take what series say for others to borrow.
        said: Takes which series can be judged from now on, and are well.
        lent, kin: See ``kernels.lending``.
    """
    position, session = cursor[POSITION], cursor[SESSION]
    step, applied = cursor[STEP], cursor[APPLIED]
    clock_us, order = cursor[CLOCK_US], cursor[ORDER]
    judged_from_us, number = cursor[JUDGED_FROM_US], cursor[FOLD]
    last, sessions = len(observed), len(offsets)
    why = DONE
    while True:
        target = observed[position] if position < last else sessions - 1
        while session < target:
            session += 1
            moved_us = clocks_us[session]
            if moved_us > cursor[OWN_US]:
                cursor[OWN_US] = moved_us
                moved_us = min(moved_us, cursor[OTHERS_US])
                clock_us = max(clock_us, moved_us)
            if offsets[session] <= applied:
                cursor[REPEATS] += 1
                continue
            cursor[SESSIONS] += 1
            if ended_at_us[session] < clock_us:
                cursor[LATE] += 1
            if ended_at_us[session] < judged_from_us:
                cursor[TOO_OLD] += 1
            if cursor[DUE_US] < clock_us:
                why = TIMERS
                break
        if why or position >= last:
            break
        if step == BEGUN:
            if offsets[session] <= applied:
                position += 1
                continue
            order += 1
            if len(doubles) and doubles[position]:
                cursor[DUPLICATES] += 1
                position += 1
                continue
            cursor[OBSERVATIONS] += 1
            step = COUNTED
            if heads[TOP] > NEAR and position + FURTHEST < last:
                look_ahead(
                    i,
                    position,
                    labels,
                    observed,
                    found,
                    series,
                    masks,
                    taken_from,
                    taken,
                    rules,
                    first_rules,
                )
        at_series = found[series[position]]
        ended_us = ended_at_us[session]
        if step == COUNTED:
            if at_series == 0:
                why = STRANGE
                break
            if at_series == NO_PLACE:
                cursor[TURNED_AWAY] += 1
                position += 1
                step = BEGUN
                continue
            if i[at_series + at.IN_BLOCK] != number:
                if i[at_series + at.LAST_OFFSET] >= cursor[OFFSET]:
                    position += 1
                    step = BEGUN
                    continue
                let_in(cursor, i, dirty, at_series)
            last_us = i[at_series + at.LAST_US]
            now_us = max(clock_us, ended_us, last_us)
            cursor[NOW_US] = now_us
            if i[at_series + at.BOUND_US] < now_us:
                why = OWN_TIMERS
                break
            step = WOKEN
            if ended_us - last_us > cursor[IDLE_US]:
                why = AWAKE
                break
        now_us = cursor[NOW_US]
        if step == WOKEN:
            if ended_us > i[at_series + at.LAST_US]:
                i[at_series + at.LAST_US] = ended_us
                i[at_series + at.ORDER] = order
                if ended_us < now_us:
                    i[at_series + at.FLOOR_US] = now_us
            step = TIMED
            cursor[RULE] = 0
        group, mask = i[at_series + at.GROUP], masks[position]
        if group < 0:
            position += 1
            step = BEGUN
            continue
        old = ended_us < judged_from_us
        begin, end = taken_from[mask, group], taken_from[mask, group + 1]
        for which in range(begin + cursor[RULE], end):
            rule = first_rules[group] + taken[which]
            kind = rules[rule, at.KIND]
            watch = i[at_series + at.WATCHES + taken[which]]
            left = QUIETLY
            if kind != at.PYTHON and (
                watch == 0
                or kind >= at.DRIFT
                or (kind <= at.EACH_RATE and i[watch + at.QUIET] == at.TOO_YOUNG)
            ):
                if (
                    heads[TOP] + ROOM > len(i)
                    or places[at.GIVEN_COUNT] + GIVEN_ENOUGH > len(given)
                    or places[at.SAID_COUNT] == len(said)
                ):
                    why = FULL
                    cursor[RULE] = which - begin
                    break
                if watch == 0 and not rules[rule, at.LASTING]:
                    watch = begin_watch(f, i, heads, rules, rule_floats, rule, facets)
                    i[watch + at.SEQ] = i[at_series + at.SEQ_FLOOR]
                    i[at_series + at.WATCHES + taken[which]] = watch
            if (watch == 0 and kind != at.PYTHON) or (
                kind >= at.COUNTED
                and rules[rule, at.FACTORS]
                and i[watch + at.QUIET] == at.ALWAYS_ASK
            ):
                left = 1
            elif kind == at.COUNTED:
                left = count_sample(
                    f,
                    i,
                    heads,
                    watch,
                    rules,
                    rule_floats,
                    rule,
                    values[session],
                    now_us,
                    scratch,
                )
            elif kind == at.TIMED:
                left = timed_sample(
                    f,
                    i,
                    heads,
                    watch,
                    rules,
                    rule_floats,
                    rule,
                    values[session],
                    ended_us,
                    now_us,
                    scratch,
                )
            elif kind == at.DRIFT:
                places[at.OF_SERIES] = i[at_series + at.NUMBER]
                places[at.ENDED_US] = ended_us
                left = sample_quietly(
                    f,
                    i,
                    heads,
                    watch,
                    rules,
                    rule_floats,
                    rule,
                    facets,
                    facet_floats,
                    values[session],
                    labels[session],
                    now_us,
                    cursor[REF] + session,
                    scratch,
                    places,
                    odds_keys,
                    odds,
                    given,
                    given_floats,
                    said,
                    lent,
                    kin,
                )
            elif kind == at.EACH:
                if not old:
                    value = values[session, rules[rule, at.COLUMN_AT]]
                    value *= rule_floats[rule, at.SIGN]
                    if value > f[watch + at.LIMIT] and not begin_well(
                        f,
                        i,
                        watch,
                        rule_floats,
                        rule,
                        value,
                        at_series,
                        cursor[REF] + session,
                        now_us,
                        places,
                        said,
                    ):
                        left = 1
                    elif rules[rule, at.FACTORS] and value <= f[watch + at.LIMIT]:
                        factors_learn(
                            i,
                            watch + rules[rule, at.FACTORS],
                            values[session],
                            labels[session, at.MODEL_AT],
                        )
            elif kind == at.EACH_RATE:
                calls = values[session, rules[rule, at.OVER]]
                if not old and calls > 0:
                    errors = values[session, rules[rule, at.COLUMN_AT]]
                    value = errors / calls if errors == errors else 0.0
                    value *= rule_floats[rule, at.SIGN]
                    if value > f[watch + at.LIMIT] and not begin_well(
                        f,
                        i,
                        watch,
                        rule_floats,
                        rule,
                        value,
                        at_series,
                        cursor[REF] + session,
                        now_us,
                        places,
                        said,
                    ):
                        left = 1
            elif kind == at.ABSENCE:
                column, over = rules[rule, at.COLUMN_AT], rules[rule, at.OVER]
                value = 1.0
                if over >= 0:
                    value = values[session, over]
                elif column >= 0:
                    value = values[session, column]
                sampled = value > 0.0 if over >= 0 else value == value
                if sampled and ended_us > i[watch + at.SEEN_US]:
                    i[watch + at.SEEN_US] = ended_us
                    i[watch + at.SEEN_ORDER] = order
                    if ended_us < now_us:
                        i[watch + at.SEEN_FLOOR_US] = now_us
                if sampled and i[watch + at.QUIET] != at.ALL_WELL:
                    left = 1
            elif kind == at.SILENCE:
                left = take_session(
                    f,
                    i,
                    watch,
                    rules,
                    rule,
                    ended_us,
                    now_us,
                    order,
                    at_series,
                    scratch,
                )
            else:
                left = 1
            if kind >= at.COUNTED and left != 1 and rules[rule, at.FACTORS]:
                window_learn(
                    i,
                    watch + rules[rule, at.FACTORS],
                    rules[rule, at.CHUNKS_HELD],
                    rules[rule, at.CHUNK_SIZE],
                    rules[rule, at.CHUNKS_KEPT],
                    values[session],
                    labels[session, at.MODEL_AT],
                    now_us // max(1, rules[rule, at.SPAN_US] // 4),
                )
            if left == TO_PLACE and kind == at.TIMED:
                why = PLACE
                cursor[RULE] = which + 1 - begin
                break
            if left:
                why = ASK
                cursor[RULE] = which - begin
                cursor[LEFT] = left
                cursor[SERIES] = at_series
                break
        if why:
            break
        position += 1
        step = BEGUN
    cursor[WHY] = why
    cursor[POSITION], cursor[SESSION] = position, session
    cursor[STEP], cursor[CLOCK_US], cursor[ORDER] = step, clock_us, order
    return why


@compiled
def let_in(cursor: Ints, i: Ints, dirty: Ints, series: int) -> None:
    """A series changes in this block."""
    i[series + at.IN_BLOCK] = cursor[FOLD]
    i[series + at.LAST_OFFSET] = cursor[OFFSET]
    if i[series + at.DIRTY] == 0:
        i[series + at.DIRTY] = 1
        dirty[cursor[DIRTY_COUNT]] = i[series + at.NUMBER]
        cursor[DIRTY_COUNT] += 1


@compiled
def begin_well(
    f: Floats,
    i: Ints,
    watch: int,
    rule_floats: Grid,
    rule: int,
    value: float,
    at_series: int,
    ref: int,
    now_us: int,
    places: Ints,
    said: Table,
) -> bool:
    """The first session that a threshold judges; False if there is more to say of it.

    Args:
        f, i: The arena.
        watch: The rule's state on the series.
        rule_floats, rule: The table, and which row.
        value: The session's, signed.
        at_series: Address of the series.
        ref: By which the session is found.
        now_us: The series' time.
        places: Where the sample at hand stands.
        said: Takes that the series can be judged from now on, and all is well.
    """
    if i[watch + at.QUIET] != at.TOO_YOUNG or not value <= rule_floats[rule, at.LEAVE]:
        return False
    f[watch + at.LIMIT] = rule_floats[rule, at.ENTER]
    say_well(i, watch, rule, i[at_series + at.NUMBER], ref, now_us, places, said)
    return True
