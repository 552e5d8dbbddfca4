"""The factors of cost as words of a row, and back."""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.factors import FACTORS_WIDTH, NOW, SUMS
from detectors.kernels.halves import half, set_half
from detectors.kernels.runs import copy_words
from detectors.kernels.window_factors import (
    WINDOW_FACTORS_WIDTH,
    waiting_end,
    waiting_is_sound,
)
from detectors.kernels.words import Ints, Table


@compiled
def _words(rules: Table, rule: int) -> int:
    return WINDOW_FACTORS_WIDTH if rules[rule, at.KIND] >= at.COUNTED else FACTORS_WIDTH


@compiled
def factors_room(rules: Table, rule: int) -> int:
    """Words that ``put_factors`` needs no more than."""
    return _words(rules, rule) + SUMS if rules[rule, at.FACTORS] else 0


@compiled
def put_factors(
    i: Ints, watch: int, rules: Table, rule: int, out: Ints, place: int
) -> int:
    """Write the factors of a rule, if it has any; where the next word goes."""
    if not rules[rule, at.FACTORS]:
        return place
    factors, words = watch + rules[rule, at.FACTORS], _words(rules, rule)
    ends = waiting_end(i, factors) if rules[rule, at.KIND] >= at.COUNTED else words
    for word in range(words):
        out[place + word] = i[factors + word] if word < ends else 0
    now = half(i, factors, NOW)
    set_half(out, place, NOW, int(now != 0))
    if now:
        copy_words(i, now, SUMS, out, place + words)
        words += SUMS
    return place + words


@compiled
def factors_end(words: Ints, place: int, end: int, rules: Table, rule: int) -> int:
    """Where the factors of a rule end; -1 if they are not there."""
    if not rules[rule, at.FACTORS]:
        return place
    width = _words(rules, rule)
    if place + width > end or not 0 <= half(words, place, NOW) <= 1:
        return -1
    if rules[rule, at.KIND] >= at.COUNTED and not waiting_is_sound(
        words, place, rules[rule, at.CHUNKS_HELD]
    ):
        return -1
    place += width + half(words, place, NOW) * SUMS
    return place if place <= end else -1


@compiled
def get_factors(
    i: Ints, heads: Ints, watch: int, rules: Table, rule: int, words: Ints, place: int
) -> int:
    """Read what ``put_factors`` wrote; the arena has room. Where the next word is."""
    if not rules[rule, at.FACTORS]:
        return place
    factors, width = watch + rules[rule, at.FACTORS], _words(rules, rule)
    for word in range(width):
        i[factors + word] = words[place + word]
    place += width
    if half(i, factors, NOW):
        now = take(i, heads, SUMS)
        set_half(i, factors, NOW, now)
        for word in range(SUMS):
            i[now + word] = words[place + word]
        place += SUMS
    return place


@compiled
def free_factors(i: Ints, heads: Ints, watch: int, rules: Table, rule: int) -> None:
    """Give back what they hold, but not their own words."""
    if rules[rule, at.FACTORS]:
        factors = watch + rules[rule, at.FACTORS]
        now = half(i, factors, NOW)
        if now:
            give(i, heads, now, SUMS)
        set_half(i, factors, NOW, 0)
