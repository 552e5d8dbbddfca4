"""A new stratum begins with what its peers lend, as far as that is known here.

What peers lend hangs on the rule and on a few labels, so that it is asked for once in
Python and found in a table from then on: an open one, of rows that begin with the kind
of sessions they are for. Labels by which nothing is lent are one to it.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import take
from detectors.kernels.halves import half, set_half
from detectors.kernels.norms import norm_lent
from detectors.kernels.probation import LAST
from detectors.kernels.samples import score
from detectors.kernels.words import Floats, Grid, Ints, Table

OF_RULE, OF_AGENT, OF_TASK, OF_MODEL = 0, 1, 2, 3
"""The kind of sessions: one more than the rule, which is 0 in a row that is free, then
labels as ``kin`` names them."""
LENDS: Final = 4
"""Whether anything is lent."""
LENT: Final = 5
"""The norms of a stratum that begins with it."""

_SPREAD, _SHIFT = 0x9E3779B97F4A7C1, 20


@compiled
def kind(
    rules: Table, rule: int, agent: int, task: int, model: int, kin: Ints
) -> tuple[int, int, int, int]:
    """How the row begins of what is lent to sessions.

    Args:
        rules, rule: The table of rules, and which row.
        agent, task, model: The codes of their labels.
        kin: For each code the one that it is known by here.
    """
    # A series borrows from those without its first label, whatever that is.
    first = rules[rule, at.FIRST_OF]
    agent = 0 if first == at.FIRST_AGENT else kin[agent]
    task = 0 if first == at.FIRST_TASK else kin[task]
    return rule + 1, agent, task, kin[model]


@compiled
def lent_row(
    lent: Table, rules: Table, rule: int, agent: int, task: int, model: int, kin: Ints
) -> int:
    """The row of what is lent to sessions: that of their kind, else one that is free.

    Args:
        lent: The table; it has a row that is free, and a power of two of them.
        rules, rule, agent, task, model, kin: As ``kind`` has them.
    """
    of_rule, agent, task, model = kind(rules, rule, agent, task, model, kin)
    spread = ((of_rule * _SPREAD + agent) * _SPREAD + task) * _SPREAD + model
    row = ((spread * _SPREAD) >> _SHIFT) & (len(lent) - 1)
    while lent[row, OF_RULE] and not (
        lent[row, OF_RULE] == of_rule
        and lent[row, OF_AGENT] == agent
        and lent[row, OF_TASK] == task
        and lent[row, OF_MODEL] == model
    ):
        row = (row + 1) & (len(lent) - 1)
    return int(row)


@compiled
def begin_lent(
    i: Ints,
    heads: Ints,
    watch: int,
    rules: Table,
    rule: int,
    facets: Table,
    signs: Grid,
    scratch: Floats,
    places: Ints,
    odds_keys: Ints,
    odds: Grid,
    lent: Table,
    kin: Ints,
) -> bool:
    """Begin the stratum of the sample at hand; False if what is lent is not known.

    Args:
        i, heads: The arena; it has room.
        watch: The rule's state on the series.
        rules, facets: Tables of integers.
        rule: Which row of ``rules``.
        signs: The facets' floats.
        scratch, places: Hold the sample.
        odds_keys, odds: See ``kernels.beta_binomial``.
        lent, kin: As ``lent_row`` has them.
    """
    stratum = places[at.STRATUM]
    agent, task = places[at.OF_AGENT], places[at.OF_TASK]
    model = half(i, stratum, at.RUNS_ON)
    if rules[rule, at.NAMED]:
        return False
    if agent == 0 or task == 0 or (model == 0 and not rules[rule, at.TRACKED + 1]):
        # Of what has no name nothing is like it.
        return True
    row = lent_row(lent, rules, rule, agent, task, model, kin)
    if lent[row, OF_RULE] == 0:
        return False
    if lent[row, LENDS] == 0:
        return True
    norms, width = stratum + at.NORMS, rules[rule, at.NORMS_WIDTH]
    for word in range(width):
        i[norms + word] = lent[row, LENT + word]
    begun = i[watch + at.SAMPLES] - 1
    # What is new in an old series is judged where it is a series of its own.
    if begun < LAST and norm_lent(i, norms):
        tried = take(i, heads, at.P_NORMS + width)
        i[tried + at.P_BEGUN] = begun
        for word in range(width):
            i[tried + at.P_NORMS + word] = lent[row, LENT + word]
        set_half(i, stratum, at.TRIED, tried)
    score(i, stratum, rules, rule, facets, signs, scratch, odds_keys, odds)
    return True
