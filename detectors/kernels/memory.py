"""Which marks are among the last so many: a queue, and a table that counts its marks.

A mark and its count lie side by side, so that to look one up is to wait for one line of
memory.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels.fetching import fetch
from detectors.kernels.words import Ints, Table

FIRST, COUNT = 0, 1
"""Of the queue: where its oldest mark is, and how many it holds."""

MARK, TIMES = 0, 1
"""Of a row of the table."""

_AHEAD: Final = 8
"""Marks: what they will need is asked for while these are looked up."""

_HASH: Final = 0x1E3779B97F4A7C15


@compiled
def _home(mark: int, room: int) -> int:
    return ((mark ^ (mark >> 29)) * _HASH >> 20) & (room - 1)


@compiled
def add(marks: Ints, ends: Ints, queue: Ints, table: Table, doubles: Ints) -> int:
    """Remember marks; how many of them had been seen.

    Args:
        marks: In their order.
        ends: Of the queue.
        queue: As many as are remembered.
        table: The marks remembered, each once, and how often each stands in the queue, 0
            where there is none; a power of two of rows, twice as many or more.
        doubles: Takes for each mark whether it had been seen.
    """
    capacity, room, seen = len(queue), len(table), 0
    for at in range(len(marks)):
        if at + _AHEAD < len(marks):
            fetch(table, 2 * _home(marks[at + _AHEAD], room))
            leaves = queue[(ends[FIRST] + _AHEAD) % capacity]
            fetch(table, 2 * _home(leaves, room))
        mark = marks[at]
        place = _home(mark, room)
        while table[place, TIMES] and table[place, MARK] != mark:
            place = (place + 1) & (room - 1)
        doubles[at] = 1 if table[place, TIMES] else 0
        seen += doubles[at]
        table[place, MARK] = mark
        table[place, TIMES] += 1
        if ends[COUNT] == capacity:
            oldest = queue[ends[FIRST]]
            queue[ends[FIRST]] = mark
            ends[FIRST] = (ends[FIRST] + 1) % capacity
            _forget(oldest, table)
        else:
            queue[(ends[FIRST] + ends[COUNT]) % capacity] = mark
            ends[COUNT] += 1
    return seen


@compiled
def _forget(mark: int, table: Table) -> None:
    room = len(table)
    place = _home(mark, room)
    while table[place, MARK] != mark or table[place, TIMES] == 0:
        place = (place + 1) & (room - 1)
    table[place, TIMES] -= 1
    if table[place, TIMES]:
        return
    # Those behind it move up, so that no search ends too early.
    hole, following = place, (place + 1) & (room - 1)
    while table[following, TIMES]:
        home = _home(table[following, MARK], room)
        if ((following - home) & (room - 1)) >= ((following - hole) & (room - 1)):
            table[hole, MARK] = table[following, MARK]
            table[hole, TIMES] = table[following, TIMES]
            table[following, TIMES] = 0
            hole = following
        following = (following + 1) & (room - 1)
