"""What the next observations will need is fetched while this one is folded.

With thousands of series their words lie in main memory, and what one session touches of
them is a hundred lines of 64 bytes: waiting for each took longer than the arithmetic.
So five observations ahead the words of a series are asked for, then where it has many
rules the words that name the states of those that take the session, then these states,
then the indexes of their strata, and then the stratum that the session is of.
"""

# What numba calls with types of its own has no better names for them.
# ruff: noqa: ANN401

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.halves import half
from detectors.kernels.index import index_width
from detectors.kernels.samples import known_stratum
from detectors.kernels.words import Ints, Table

NEAR: Final = 1 << 18
"""An arena of so few words is at hand in any case."""

FURTHEST: Final = 5
"""Observations."""

_LINE: Final = 8
"""Words."""

_BIT32, _EVERYWHERE = ir.IntType(32), 3


@intrinsic  # type: ignore[untyped-decorator]
def _fetch(_typing: Any, words: Any, _place: Any) -> Any:
    """Ask for the line of a word; nothing else happens, whatever the place."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = arrayobj.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(array.data, [args[1]]), cgutils.voidptr_t)
        kind = ir.FunctionType(
            ir.VoidType(), [cgutils.voidptr_t, _BIT32, _BIT32, _BIT32]
        )
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # To be written, kept in all caches, data.
        options = [_BIT32(number) for number in (1, _EVERYWHERE, 1)]
        builder.call(fetch, [pointer, *options])
        return context.get_dummy_value()

    return types.void(words, types.intp), generate


@compiled
def _fetch_all(i: Ints, begin: int, words: int) -> None:
    for place in range(begin, begin + words, _LINE):
        _fetch(i, place)


@compiled
def look_ahead(
    i: Ints,
    position: int,
    labels: Table,
    observed: Ints,
    found: Ints,
    series: Ints,
    masks: Ints,
    taken_from: Table,
    taken: Ints,
    rules: Table,
    first_rules: Ints,
) -> None:
    """Ask for what the observations after one will need.

    Args:
        i: The arena.
        position: Of the observation; ``FURTHEST`` more follow it.
        labels, observed, found, series, masks, taken_from, taken, rules, first_rules:
            As ``fold`` has them.
    """
    _fetch_all(i, found[series[position + FURTHEST]], at.WATCHES + _LINE)
    for ahead in range(FURTHEST - 1, 0, -1):
        coming, mask = found[series[position + ahead]], masks[position + ahead]
        group = i[coming + at.GROUP]
        if coming <= 0 or group < 0:
            continue
        for which in range(taken_from[mask, group], taken_from[mask, group + 1]):
            rule = first_rules[group] + taken[which]
            if ahead == FURTHEST - 1:
                if taken[which] >= _LINE:
                    _fetch(i, coming + at.WATCHES + taken[which])
                continue
            watch = i[coming + at.WATCHES + taken[which]]
            if not watch:
                continue
            if ahead == FURTHEST - 2:
                _fetch_all(i, watch, rules[rule, at.WATCH_WIDTH])
            elif rules[rule, at.KIND] == at.DRIFT:
                if ahead > 1:
                    _fetch_all(i, half(i, watch, at.INDEX), index_width(i, watch))
                    continue
                session = observed[position + ahead]
                agent, task = labels[session, at.AGENT_AT], labels[session, at.TASK_AT]
                stratum = known_stratum(i, watch, agent, task)
                _fetch_all(i, stratum, at.NORMS + rules[rule, at.NORMS_WIDTH])
