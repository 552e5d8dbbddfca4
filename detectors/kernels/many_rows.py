"""Many series at once as words of rows, and back."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.row_heads import (
    H_END,
    H_FLOOR_US,
    H_LAST_US,
    H_OFFSET,
    H_ORDER,
    H_SEQ_FLOOR,
    H_TOLD,
    H_WORDS,
)
from detectors.kernels.rows import (
    pack_series,
    series_arena_room,
    series_room,
    unpack_series,
)
from detectors.kernels.sound import are_sound
from detectors.kernels.squeezing import spread, squeeze, squeezed_room
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.life.lifecycle import FAR

P_BEGIN, P_END, P_REFS = 0, 1, 2
"""Of each row written: its first byte, the one behind it, how many sessions it names."""
PACKED_INTS: Final = 3

DONE: Final = 0
DAMAGED: Final = 1
WIDER: Final = 2
"""The words of the next row do not fit."""
FULL: Final = 3
"""The arena has no room for it."""


@compiled
def pack_many(
    f: Floats,
    i: Ints,
    series: Ints,
    begin: int,
    counts: Ints,
    rules: Table,
    rule_floats: Grid,
    first_rules: Ints,
    words: Ints,
    out: Ints,
    refs: Ints,
    packed: Table,
) -> int:
    """Write the words of series as bytes, their count in four bytes before them.

    Args:
        f, i: The arena.
        series: Their addresses; all is well with them.
        begin: The first to write.
        counts: For each group how many rules it has.
        rules, rule_floats: The tables.
        first_rules: For each group the row of its first rule.
        words: Takes the words of one.
        out: Takes the bytes of all.
        refs: Takes the numbers of the sessions they refer to.
        packed: Takes a row for each.

    Returns:
        Behind the last one written: there may be no room for the next.
    """
    place = known = 0
    for which in range(begin, len(series)):
        group = i[series[which] + at.GROUP]
        count = counts[group] if group >= 0 else 0
        first = first_rules[group] if group >= 0 else 0
        room = series_room(i, series[which], count, rules, first)
        if room > len(words) or place + 1 + squeezed_room(room) > len(out):
            return which
        if known + count * at.MOST_SUSPECTS > len(refs):
            return which
        length, more = pack_series(
            f,
            i,
            series[which],
            count,
            rules,
            rule_floats,
            first,
            words,
            refs[known:],
        )
        known += more
        out[place] = length << 32
        size = squeeze(words, length, out, place + 1)
        packed[which, P_BEGIN] = 8 * place + 4
        packed[which, P_END] = 8 * (place + 1) + size
        packed[which, P_REFS] = more
        place += 2 + size // 8
    return len(series)


@compiled
def unpack_many(
    f: Floats,
    i: Ints,
    heads: Ints,
    data: Ints,
    rows: Table,
    groups: Ints,
    begin: int,
    number: int,
    counts: Ints,
    rules: Table,
    rule_floats: Grid,
    first_rules: Ints,
    facets: Table,
    words: Ints,
    refs: Ints,
    known: int,
    scratch: Floats,
    addresses: Ints,
) -> tuple[int, int, int]:
    """Make series of rows.

    Args:
        f, i, heads: The arena.
        data: The bytes of the rows, and some more.
        rows: Their heads; see ``kernels.row_heads``.
        groups: The number of each row's group.
        begin: The first row to read.
        number: Of the first row's series; the others follow.
        counts: For each group how many rules it has.
        rules, rule_floats, facets: The tables.
        first_rules: For each group the row of its first rule.
        words: Takes the words of one.
        refs: For each session that rows refer to its number here, in their order.
        known: How many of them were before the first row to read.
        scratch: Takes sums.
        addresses: Takes those of the series.

    Returns:
        The row it stopped at; the ``known`` of it; and why.
    """
    for row in range(begin, len(groups)):
        place, end = rows[row, H_WORDS], rows[row, H_END]
        told, group = rows[row, H_TOLD], groups[row]
        if end - place < 4:
            return row, known, DAMAGED
        count = 0
        for byte in range(4):
            octet = data[(place + byte) >> 3] >> (8 * ((place + byte) & 7))
            count |= (octet & 255) << (8 * byte)
        if count > 2 * (end - place - 4):
            return row, known, DAMAGED
        if count > len(words):
            return row, known, WIDER
        if not spread(data, place + 4, end, count, words):
            return row, known, DAMAGED
        some, first = words[:count], first_rules[group]
        if not are_sound(some, counts[group], rules, first, told):
            return row, known, DAMAGED
        if heads[0] + series_arena_room(count, counts[group]) > len(i):
            return row, known, FULL
        series = take(i, heads, at.WATCHES + counts[group])
        addresses[row] = series
        i[series + at.NUMBER] = number + row
        i[series + at.GROUP] = group
        i[series + at.LAST_US] = rows[row, H_LAST_US]
        i[series + at.FLOOR_US] = rows[row, H_FLOOR_US]
        i[series + at.ORDER] = rows[row, H_ORDER]
        i[series + at.LAST_OFFSET] = rows[row, H_OFFSET]
        i[series + at.SEQ_FLOOR] = rows[row, H_SEQ_FLOOR]
        i[series + at.IN_BLOCK] = -1
        i[series + at.BOUND_US] = FAR
        unpack_series(
            f,
            i,
            heads,
            series,
            rules,
            rule_floats,
            first,
            some,
            refs[known:],
            facets,
            scratch,
        )
        known += told
    return len(groups), known, DONE
