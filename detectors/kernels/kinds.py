"""What series say is normal for them, added up by the kind of sessions it is about."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.words import Grid, Ints, Table

SUMS: Final = 6
"""Of each facet: how many said something, and the sums of their means, of these squared,
of variances, levels and shapes."""

_MIX: Final = 0x1E3779B97F4A7C15
_LOW: Final = (1 << 32) - 1


@compiled
def _slot(kinds: Table, given: Table, row: int) -> int:
    """Where a kind of sessions stands, or is to stand."""
    mixed = 0
    for part in range(at.G_SIGN):
        mixed = ((mixed ^ given[row, part]) * _MIX) ^ ((mixed >> 32) & _LOW)
    last = len(kinds) - 1
    slot = (mixed ^ ((mixed >> 32) & _LOW)) & last
    while kinds[slot, at.G_SIGN]:
        same = True
        for part in range(at.G_SIGN):
            if kinds[slot, part] != given[row, part]:
                same = False
        if same:
            break
        slot = (slot + 1) & last
    return int(slot)


@compiled
def _open(kinds: Table, given: Table, row: int) -> tuple[int, int]:
    """Where a kind of sessions stands now, and whether it is new."""
    slot = _slot(kinds, given, row)
    if kinds[slot, at.G_SIGN]:
        return slot, 0
    for part in range(at.G_SIGN):
        kinds[slot, part] = given[row, part]
    kinds[slot, at.G_SIGN] = 1
    return slot, 1


@compiled
def add_up(given: Table, floats: Grid, kinds: Table, sums: Grid) -> int:
    """Add up what was given; how many kinds of sessions are new.

    Args:
        given, floats: See ``kernels.giving``.
        kinds: Takes the kinds, as ``given`` has them, each where its hash says; the
            sign of what is none is 0. A power of two, and twice as many as are needed.
        sums: Takes ``SUMS`` of each facet of each kind.
    """
    new, width = 0, floats.shape[1] // at.MOST_FACETS
    for row in range(len(given)):
        slot, more = _open(kinds, given, row)
        new += more
        for place in range(at.MOST_FACETS):
            of, to = place * width, place * SUMS
            mean, variance = floats[row, of], floats[row, of + 1]
            if variance > 0.0:
                sign = float(given[row, at.G_SIGN])
                sums[slot, to] += sign
                sums[slot, to + 1] += sign * mean
                sums[slot, to + 2] += sign * mean * mean
                sums[slot, to + 3] += sign * variance
                sums[slot, to + 4] += sign * floats[row, of + 2]
                sums[slot, to + 5] += sign * floats[row, of + 3]
    return new


@compiled
def move_up(kinds: Table, sums: Grid, into: Table, sums_into: Grid) -> None:
    """Go on with larger tables, which are empty."""
    for row in range(len(kinds)):
        if kinds[row, at.G_SIGN]:
            slot, _ = _open(into, kinds, row)
            for place in range(sums.shape[1]):
                sums_into[slot, place] = sums[row, place]


@compiled
def forget_agents(given: Table, agent_first: Ints) -> None:
    """No parent has the first label of a series: so there are fewer kinds.

    Args:
        given: See ``kernels.giving``.
        agent_first: For each rule whether that is the agent.
    """
    for row in range(len(given)):
        if agent_first[given[row, at.G_RULE]]:
            given[row, at.G_AGENT] = 0
