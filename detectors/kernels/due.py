"""When a series has its next timer, and what of it runs without a word."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.inside import timed_samples, timed_value
from detectors.kernels.silence import silent_us
from detectors.kernels.steps import STEPS, step_ends_us
from detectors.kernels.timed import (
    timed_advance,
    timed_enter,
    timed_focus,
    timed_ready,
    timed_settle,
)
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.life.lifecycle import FAR

OTHERS: Final = -1
"""The timer is none of a window's."""
QUIETLY: Final = -2
"""It has run, and there was nothing to say."""


@compiled
def leaves_us(i: Ints, watch: int, rules: Table, rule: int) -> int:
    """When the first step of a window leaves; FAR if nothing hangs on it."""
    judged, first = rules[rule, at.JUDGED], i[watch + at.FIRST_STEP]
    summed = judged == at.JUDGED_SUM or judged == at.JUDGED_COUNT  # noqa: PLR1714
    if not summed or i[watch + at.BEGUN] == 0 or first == 0:
        return FAR
    leaves = -(i[first + at.STEP_NUMBER] + STEPS)
    return -step_ends_us(leaves, rules[rule, at.SPAN_US])


@compiled
def _silence_us(
    f: Floats,
    i: Ints,
    watch: int,
    rules: Table,
    rule: int,
    after_us: Ints,
    scratch: Floats,
) -> int:
    """When the silence that a rule looks for is to be told; FAR if it looks for none."""
    if rules[rule, at.KIND] == at.SILENCE:
        return silent_us(f, i, watch, rules, rule, scratch)
    if rules[rule, at.KIND] != at.ABSENCE or i[watch + at.SEEN_US] == -FAR:
        # Of what waits for samples none may have come.
        return FAR
    told_us = i[watch + at.SEEN_US] + after_us[rule]
    return int(max(told_us, i[watch + at.SEEN_FLOOR_US]))


@compiled
def due(
    f: Floats,
    i: Ints,
    series: int,
    count: int,
    rules: Table,
    first: int,
    after_us: Ints,
    retention_us: int,
    scratch: Floats,
) -> tuple[int, int]:
    """When a series with which all is well has its next timer, and who set it.

    Args:
        f, i: The arena.
        series: Its address.
        count: How many rules its group has.
        rules: The table.
        first: The first row of its group.
        after_us: For each rule on silence how long it may last.
        retention_us: How long a series is kept after its last session.
        scratch: Where what is usual is worked out.
    """
    due_us = max(i[series + at.LAST_US] + retention_us, i[series + at.FLOOR_US])
    order = i[series + at.ORDER]
    for position in range(count):
        watch, kind = (
            i[series + at.WATCHES + position],
            rules[first + position, at.KIND],
        )
        if not watch:
            continue
        if kind == at.TIMED:
            set_us, setter = leaves_us(i, watch, rules, first + position), 0
        else:
            rule, setter = first + position, 0
            set_us = _silence_us(f, i, watch, rules, rule, after_us, scratch)
            if set_us < FAR:
                setter = i[watch + at.SEEN_ORDER]
        if set_us < due_us or (set_us == due_us and setter < order):
            due_us, order = set_us, setter
    return due_us, order


@compiled
def place_all(
    f: Floats,
    i: Ints,
    series: Ints,
    counts: Ints,
    rules: Table,
    first_rules: Ints,
    after_us: Ints,
    retention_us: int,
    scratch: Floats,
) -> None:
    """Let series with which all is well stand where their next timer is.

    Args:
        f, i: The arena.
        series: Their addresses.
        counts: For each group how many rules it has.
        rules: The table.
        first_rules: For each group the row of its first rule.
        after_us: For each rule on silence how long it may last.
        retention_us: How long a series is kept after its last session.
        scratch: Where what is usual is worked out.
    """
    for which in range(len(series)):
        address = series[which]
        group = i[address + at.GROUP]
        count = counts[group] if group >= 0 else 0
        first = first_rules[group] if group >= 0 else 0
        due_us, order = due(
            f, i, address, count, rules, first, after_us, retention_us, scratch
        )
        i[address + at.BOUND_US] = due_us
        i[address + at.BOUND_ORDER] = order if due_us < FAR else 0


@compiled
def leave(
    f: Floats,
    i: Ints,
    heads: Ints,
    series: int,
    count: int,
    rules: Table,
    rule_floats: Grid,
    first: int,
    due_us: int,
    order: int,
    after_us: Ints,
    scratch: Floats,
) -> int:
    """Let leave what a window of time holds no longer, if that is what is due.

    Args:
        f, i, heads: The arena; it has room.
        series: Address of one with which all is well.
        count: How many rules its group has.
        rules, rule_floats: The tables.
        first: The first row of its group.
        due_us, order: The timer that is due.
        after_us: For each rule on silence how long it may last.
        scratch: Takes sums.

    Returns:
        ``QUIETLY``; ``OTHERS``; else the position of the rule, whose window has moved
        on and has something to say.
    """
    for position in range(count):
        watch, kind = (
            i[series + at.WATCHES + position],
            rules[first + position, at.KIND],
        )
        if watch and (kind == at.ABSENCE or kind == at.SILENCE):  # noqa: PLR1714
            # Of two at the same time the first rule's comes first.
            rule = first + position
            told_us = _silence_us(f, i, watch, rules, rule, after_us, scratch)
            if told_us == due_us and i[watch + at.SEEN_ORDER] == order:
                return OTHERS
        if not watch or kind != at.TIMED or order:
            continue
        rule = first + position
        if leaves_us(i, watch, rules, rule) != due_us:
            continue
        timed_advance(f, i, heads, watch, rules, rule_floats, rule, due_us, scratch)
        timed_focus(f, i, watch, rules, rule_floats, rule, due_us, scratch)
        samples = timed_samples(i, watch)
        if samples >= rules[rule, at.NEED]:
            i[watch + at.BEGUN] = 1
        enter = timed_enter(f, watch, rules, rule_floats, rule)
        if timed_ready(i, watch, rules, rule, samples) and enter == enter:
            calm = i[watch + at.QUIET] == at.ALL_WELL
            if calm:
                value = timed_value(f, i, watch, rules, rule_floats, rule)
                calm = value <= enter
        else:
            calm = i[watch + at.QUIET] == at.TOO_YOUNG
        if not calm:
            return position
        if samples >= i[watch + at.MORE_AT]:
            timed_settle(f, i, watch, rules, rule_floats, rule)
        return QUIETLY
    return OTHERS
