"""Whether words that a row holds are states of rules, before anything follows them.

Compiled code does not ask whether an index lies within an array: what a row counts, and
what it names by its place, has to be there.
"""

from __future__ import annotations

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.counted_rows import counted_is_sound
from detectors.kernels.drift_rows import drift_is_sound
from detectors.kernels.factor_rows import factors_end
from detectors.kernels.timed_rows import timed_is_sound
from detectors.kernels.words import Ints, Table


@compiled
def is_sound(
    words: Ints, place: int, length: int, rules: Table, rule: int, told: int
) -> bool:
    """Whether words are a state of a rule, as far as what they name lies within them.

    Args:
        words: What ``pack`` wrote, perhaps.
        place: From where on.
        length: How many.
        rules: The table.
        rule: Which row.
        told: How many sessions there are that it may refer to.
    """
    begin, end = place, place + length
    if length < 0 or end > len(words):
        return False
    if rules[rule, at.KIND] == at.COUNTED:
        return counted_is_sound(words, begin, end, rules, rule)
    if rules[rule, at.KIND] == at.TIMED:
        return timed_is_sound(words, begin, end, rules, rule)
    place += rules[rule, at.FACTORS] or rules[rule, at.WATCH_WIDTH]
    if place > end:
        return False
    place = factors_end(words, place, end, rules, rule)
    if place < 0:
        return False
    if rules[rule, at.KIND] == at.DRIFT:
        return drift_is_sound(words, begin, place, end, rules, rule, told)
    return bool(place == end)


@compiled
def are_sound(words: Ints, count: int, rules: Table, first: int, told: int) -> bool:
    """Whether words are the states of a series; see ``pack_series``.

    Args:
        words: All of them.
        count: How many rules its group has.
        rules: The table.
        first: The first row of its group.
        told: How many sessions there are that they may refer to.
    """
    place, before = 0, -1
    while place < len(words):
        if place + 2 > len(words):
            return False
        position, length = words[place], words[place + 1]
        if not before < position < count:
            return False
        if not is_sound(words, place + 2, length, rules, first + position, told):
            return False
        before = position
        place += 2 + length
    return True
