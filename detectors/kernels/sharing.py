"""What series say is normal for them is added to their parents, and what has moved.

A parent is a line, which says of what rule and facet it is and by which labels, and the
codes of these labels. Parents lie in a table one behind the other and are found by an
open index.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.words import Floats, Grid, Ints, Table
from detectors.peers.parents import LEAST_VARIANCE, MOVED

# A line.
L_PLACE: Final = 0
"""Of the facet within its rule."""
L_AGENT, L_TASK, L_MODEL = 1, 2, 3
"""Whether its parents carry the label."""
LINE_INTS: Final = 4

# A parent: integers.
P_LINE, P_AGENT, P_TASK, P_MODEL = 0, 1, 2, 3
P_MOVED: Final = 4
"""Whether it is among those that have moved."""
PARENT_INTS: Final = 5

# And floats: its sums, as ``Sums`` has them, then those that were told last.
SERIES, MEAN, SQUARE, VARIANCE, LEVEL, SHAPE = range(6)
TOLD: Final = 6
PARENT_FLOATS: Final = 12

# How many there are.
KNOWN, MOVED_COUNT, TOLD_COUNT = 0, 1, 2
COUNTS: Final = 3

_SPREAD, _SHIFT = 0x9E3779B97F4A7C1, 20
_HALF: Final = 0.5


@compiled
def _place(
    index: Ints, parents: Table, line: int, agent: int, task: int, model: int
) -> int:
    """Where in the index a parent stands, or would."""
    spread = ((line * _SPREAD + agent) * _SPREAD + task) * _SPREAD + model
    place = ((spread * _SPREAD) >> _SHIFT) & (len(index) - 1)
    while index[place]:
        parent = index[place] - 1
        if (
            parents[parent, P_LINE] == line
            and parents[parent, P_AGENT] == agent
            and parents[parent, P_TASK] == task
            and parents[parent, P_MODEL] == model
        ):
            break
        place = (place + 1) & (len(index) - 1)
    return int(place)


@compiled
def share(
    given: Table,
    floats: Grid,
    begin: int,
    lines: Table,
    first_lines: Ints,
    index: Ints,
    parents: Table,
    sums: Grid,
    moved: Ints,
    counts: Ints,
) -> int:
    """Add what was given to parents; how many rows were, while there was room.

    Args:
        given, floats: See ``kernels.layout``; rows of a series' own labels are left out.
        begin: The first row that has not been added.
        lines: See above; for each rule its own, one behind the other.
        first_lines: For each rule where they begin; the next one's is where they end.
        index: For each parent one more than its row, at a place that its key gives.
        parents, sums: The table.
        moved: Takes the rows of parents whose sums have changed.
        counts: See above.
    """
    for row in range(begin, len(given)):
        rule, sign = given[row, at.G_RULE], float(given[row, at.G_SIGN])
        if given[row, at.G_SERIES] >= 0:
            continue
        if counts[KNOWN] + first_lines[rule + 1] - first_lines[rule] > len(parents):
            return row
        for line in range(first_lines[rule], first_lines[rule + 1]):
            said = lines[line, L_PLACE] * at.GIVEN_FLOATS
            mean, variance = floats[row, said], floats[row, said + 1]
            carried = lines[line, L_MODEL]
            if not variance > 0.0 or (carried and given[row, at.G_MODEL] == 0):
                continue
            agent = given[row, at.G_AGENT] if lines[line, L_AGENT] else 0
            task = given[row, at.G_TASK] if lines[line, L_TASK] else 0
            model = given[row, at.G_MODEL] if carried else 0
            place = _place(index, parents, line, agent, task, model)
            parent = index[place] - 1
            if parent < 0:
                parent = counts[KNOWN]
                counts[KNOWN] += 1
                index[place] = parent + 1
                parents[parent, P_LINE], parents[parent, P_AGENT] = line, agent
                parents[parent, P_TASK], parents[parent, P_MODEL] = task, model
                parents[parent, P_MOVED] = 0
                for word in range(PARENT_FLOATS):
                    sums[parent, word] = 0.0
            sums[parent, SERIES] += sign
            sums[parent, MEAN] += sign * mean
            sums[parent, SQUARE] += sign * (mean * mean)
            sums[parent, VARIANCE] += sign * variance
            sums[parent, LEVEL] += sign * floats[row, said + 2]
            sums[parent, SHAPE] += sign * floats[row, said + 3]
            if sums[parent, SERIES] < _HALF:
                # No series are nothing, whatever rounding left.
                for word in range(TOLD):
                    sums[parent, word] = 0.0
            if parents[parent, P_MOVED] == 0:
                parents[parent, P_MOVED] = 1
                moved[counts[MOVED_COUNT]] = parent
                counts[MOVED_COUNT] += 1
    return len(given)


@compiled
def settle(
    parents: Table, sums: Grid, index: Ints, moved: Ints, counts: Ints, to: Ints
) -> None:
    """Let go of parents of which nothing is left, and find the others anew.

    Args:
        parents, sums, moved, counts: As ``share`` has them.
        index: An empty one, at least twice as long as there are parents.
        to: Takes for each parent its row from now on.
    """
    kept = 0
    for parent in range(counts[KNOWN]):
        if not (sums[parent, SERIES] or sums[parent, TOLD] or parents[parent, P_MOVED]):
            continue
        for word in range(PARENT_INTS):
            parents[kept, word] = parents[parent, word]
        for word in range(PARENT_FLOATS):
            sums[kept, word] = sums[parent, word]
        place = _place(
            index,
            parents,
            parents[kept, P_LINE],
            parents[kept, P_AGENT],
            parents[kept, P_TASK],
            parents[kept, P_MODEL],
        )
        index[place] = kept + 1
        to[parent] = kept
        kept += 1
    counts[KNOWN] = kept
    for which in range(counts[MOVED_COUNT]):
        moved[which] = to[moved[which]]


@compiled
def _between(sums: Floats) -> float:
    """Variance of the means of the series."""
    if sums[SERIES] < 2:
        return 0.0
    spread = sums[SQUARE] - sums[MEAN] * sums[MEAN] / sums[SERIES]
    return float(max(spread, 0.0) / (sums[SERIES] - 1))


@compiled
def _has_moved(sums: Floats) -> bool:
    """Whether the difference to what was told would show in what is borrowed."""
    told = sums[TOLD:]
    if sums[SERIES] != told[SERIES]:
        return True
    if not sums[SERIES]:
        return False
    within = max(sums[VARIANCE] / sums[SERIES], LEAST_VARIANCE)
    return bool(
        abs(sums[MEAN] - told[MEAN]) / sums[SERIES] > MOVED * sqrt(within)
        or abs(sums[VARIANCE] - told[VARIANCE]) > MOVED * sums[VARIANCE]
        or abs(_between(sums) - _between(told)) > MOVED * within
    )


@compiled
def take_news(
    parents: Table, sums: Grid, moved: Ints, counts: Ints, most: int, news: Ints
) -> int:
    """Find what has moved noticeably since it was told, and take it for told.

    Args:
        parents, sums, counts: See above.
        moved: The rows of parents whose sums have changed; they are taken from it.
        most: So many parents are told of.
        news: Takes the rows of those to tell.

    Returns:
        How many these are.
    """
    found = 0
    for which in range(counts[MOVED_COUNT]):
        parent = moved[which]
        parents[parent, P_MOVED] = 0
        if not _has_moved(sums[parent]):
            continue
        if not sums[parent, SERIES]:
            counts[TOLD_COUNT] -= 1
        elif not sums[parent, TOLD]:
            if counts[TOLD_COUNT] >= most:
                continue
            counts[TOLD_COUNT] += 1
        for word in range(TOLD):
            sums[parent, TOLD + word] = sums[parent, word]
        news[found] = parent
        found += 1
    counts[MOVED_COUNT] = 0
    return found
