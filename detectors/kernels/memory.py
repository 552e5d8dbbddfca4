"""Which marks are among the last so many: a queue, and a table that counts its marks."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels.words import Ints

FIRST, COUNT = 0, 1
"""Of the queue: where its oldest mark is, and how many it holds."""

_HASH: Final = 0x1E3779B97F4A7C15


@compiled
def _home(mark: int, room: int) -> int:
    return ((mark ^ (mark >> 29)) * _HASH >> 20) & (room - 1)


@compiled
def add(
    marks: Ints, ends: Ints, queue: Ints, table: Ints, counts: Ints, doubles: Ints
) -> int:
    """Remember marks; how many of them had been seen.

    Args:
        marks: In their order.
        ends: Of the queue.
        queue: As many as are remembered.
        table: The marks remembered, each once; a power of two, twice as many or more.
        counts: How often each stands in the queue; 0 where there is none.
        doubles: Takes for each mark whether it had been seen.
    """
    capacity, room, seen = len(queue), len(table), 0
    for at in range(len(marks)):
        mark = marks[at]
        place = _home(mark, room)
        while counts[place] and table[place] != mark:
            place = (place + 1) & (room - 1)
        doubles[at] = 1 if counts[place] else 0
        seen += doubles[at]
        table[place] = mark
        counts[place] += 1
        if ends[COUNT] == capacity:
            oldest = queue[ends[FIRST]]
            queue[ends[FIRST]] = mark
            ends[FIRST] = (ends[FIRST] + 1) % capacity
            _forget(oldest, table, counts)
        else:
            queue[(ends[FIRST] + ends[COUNT]) % capacity] = mark
            ends[COUNT] += 1
    return seen


@compiled
def _forget(mark: int, table: Ints, counts: Ints) -> None:
    room = len(table)
    place = _home(mark, room)
    while table[place] != mark or counts[place] == 0:
        place = (place + 1) & (room - 1)
    counts[place] -= 1
    if counts[place]:
        return
    # Those behind it move up, so that no search ends too early.
    hole, following = place, (place + 1) & (room - 1)
    while counts[following]:
        home = _home(table[following], room)
        if ((following - home) & (room - 1)) >= ((following - hole) & (room - 1)):
            table[hole], counts[hole] = table[following], counts[following]
            counts[following] = 0
            hole = following
        following = (following + 1) & (room - 1)
