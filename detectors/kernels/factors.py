"""What the cost of a series' sessions is made of, before and since a change.

Sessions are summed up in chunks of ``SIZE``. A chunk that is full joins an
exponentially weighted mean: what is usual. What the sums mean, and what is read from
them, ``detectors.cost.decomposition`` says.

Models are positive integers, 0 for none. Sums are floats of half the width, two to a
word, in the order of the decomposition.
"""

from __future__ import annotations

from math import inf, log, log1p, sqrt
from typing import Final

from detectors.compiled import compiled
from detectors.cost.causes import LEARNED
from detectors.cost.decomposition import (
    CALLED,
    COSTS,
    LOOPED,
    NAMED,
    OUTPUT,
    SESSIONS,
    SQUARES,
    STRANGE,
    TOKENS,
    TOOLED,
    WIDTH,
    WRITTEN,
    Rise,
)
from detectors.kernels.arena import give, take
from detectors.kernels.halves import (
    half,
    half_float,
    halves,
    high,
    low,
    set_half,
    set_half_float,
)
from detectors.kernels.words import Floats, Ints
from detectors.metrics import COLUMN

SIZE: Final = 8
"""Sessions of a chunk."""

MEMORY: Final = 64
"""Chunks that what is usual reaches back."""

SUMS: Final = WIDTH // 2
"""Words of a chunk."""

USUAL, CHUNK = 0, SUMS
"""Where the sums begin: the mean of full chunks, the present one."""
CHUNKS: Final = 2 * WIDTH
"""Half: chunks in the mean, up to ``MEMORY``."""
MODEL: Final = CHUNKS + 1
"""Half: what sessions usually run on."""
NEWCOMER: Final = CHUNKS + 2
"""Half: the last other one."""
NOW: Final = CHUNKS + 3
"""Half: address of the sums of the last change, 0 before there was one."""
FACTORS_WIDTH: Final = (CHUNKS + 4) // 2

_ABSURD: Final = 1e30
_COST: Final = COLUMN["cost_usd"]
_LOOPS: Final = COLUMN["loop_count"]
_CALLS: Final = COLUMN["llm_calls"]
_TOOLS: Final = COLUMN["tool_calls"]
_INPUT: Final = COLUMN["input_tokens"]
_OUTPUT: Final = COLUMN["output_tokens"]


@compiled
def factors_begin_state(i: Ints, at: int) -> None:
    """Make the words those of a series that has seen nothing."""
    for word in range(at, at + FACTORS_WIDTH):
        i[word] = 0


@compiled
def _add(i: Ints, at: int, place: int, first: float, second: float) -> None:
    """Add to two sums side by side, of which the first has an even place."""
    word = at + (place >> 1)
    i[word] = halves(low(i[word]) + first, high(i[word]) + second)


@compiled
def _add_one(i: Ints, at: int, place: int, number: float) -> None:
    set_half_float(i, at, place, half_float(i, at, place) + number)


@compiled
def chunk_add(i: Ints, at: int, values: Floats) -> float:
    """Add a session's numbers, in the order of ``COLUMNS``; its weight, 0 for none."""
    cost: float = values[_COST]
    if cost != cost:
        return 0.0
    _add_one(i, at, SESSIONS, 1.0)
    if not 0.0 < cost < _ABSURD:
        return 0.0
    weight = sqrt(cost)
    part = weight * log(cost)
    _add(i, at, COSTS, weight, part)
    _add(i, at, SQUARES, part * part / weight, cost)
    loops: float = values[_LOOPS]
    if 0.0 < loops < inf:
        _add(i, at, LOOPED, weight, weight * log(loops))
    calls: float = values[_CALLS]
    if 0.0 < calls < inf:
        _add(i, at, CALLED, weight, weight * log(calls))
    written: float = OUTPUT * values[_OUTPUT]
    tokens: float = values[_INPUT] + written
    if 0.0 < tokens < inf:
        _add(i, at, TOKENS, weight, weight * log(tokens))
        _add_one(i, at, WRITTEN, weight * written / tokens)
    tools: float = values[_TOOLS]
    if 0.0 <= tools < inf:
        _add(i, at, TOOLED, weight, weight * log1p(tools))
    return weight


@compiled
def factors_add(i: Ints, at: int, chunk: int, values: Floats, model: int) -> None:
    """Add a session's numbers to the chunk at an address."""
    weight = chunk_add(i, chunk, values)
    if model == 0 or weight == 0.0:
        return
    _add_one(i, chunk, NAMED, weight)
    usual = half(i, at, MODEL)
    if usual == 0:
        set_half(i, at, MODEL, model)
    elif usual != model:
        set_half(i, at, NEWCOMER, model)
        _add_one(i, chunk, STRANGE, weight)


@compiled
def factors_learn(i: Ints, at: int, values: Floats, model: int) -> None:
    """Add a session seen while all is well.

    Args:
        i: Words.
        at: Where the factors begin.
        values: Its numbers in the order of ``COLUMNS``; without a cost it is none.
        model: What it ran on.
    """
    factors_add(i, at, at + CHUNK, values, model)
    if half_float(i, at + CHUNK, SESSIONS) == SIZE:
        chunks_join(i, at, at + CHUNK, MEMORY)
        if chunks_swap(i, at):
            strangers_swap(i, at)
        for word in range(at + CHUNK, at + CHUNK + SUMS):
            i[word] = 0


@compiled
def chunks_join(i: Ints, at: int, chunk: int, memory: int) -> None:
    """A full chunk joins the mean of so many."""
    chunks = min(half(i, at, CHUNKS) + 1, memory)
    set_half(i, at, CHUNKS, chunks)
    part = 1.0 / chunks
    for word in range(SUMS):
        first, second = low(i[at + word]), high(i[at + word])
        own = i[chunk + word]
        i[at + word] = halves(
            first + (low(own) - first) * part, second + (high(own) - second) * part
        )


@compiled
def chunks_swap(i: Ints, at: int) -> bool:
    """Whether most of what is usual runs on the other model by now: it is the usual one."""
    if not 2.0 * half_float(i, at, STRANGE) > half_float(i, at, NAMED):
        return False
    model = half(i, at, MODEL)
    set_half(i, at, MODEL, half(i, at, NEWCOMER))
    set_half(i, at, NEWCOMER, model)
    return True


@compiled
def strangers_swap(i: Ints, chunk: int) -> None:
    """The other sessions of a chunk are those on another model from now on."""
    strange = half_float(i, chunk, NAMED) - half_float(i, chunk, STRANGE)
    set_half_float(i, chunk, STRANGE, strange)


@compiled
def factors_during(i: Ints, heads: Ints, at: int, values: Floats, model: int) -> None:
    """Add a session seen while it is not; the arena has room."""
    if half(i, at, NOW) == 0:
        set_half(i, at, NOW, take(i, heads, SUMS))
    factors_add(i, at, half(i, at, NOW), values, model)


@compiled
def factors_begin(i: Ints, heads: Ints, at: int) -> None:
    """A change begins: what there was of the last one is let go."""
    if half(i, at, NOW):
        give(i, heads, half(i, at, NOW), SUMS)
        set_half(i, at, NOW, 0)


def sums_of(i: Ints, chunk: int) -> list[float]:
    """The sums of a chunk."""
    return [float(half_float(i, chunk, place)) for place in range(WIDTH)]


def during(i: Ints, at: int) -> list[float]:
    """The sums of the last change, zero without one."""
    begin = half(i, at, NOW)
    return sums_of(i, begin) if begin else [0.0] * WIDTH


def shares(i: Ints, at: int) -> dict[str, float]:
    """As ``Rise.shares``; empty as long as too little is known."""
    usual, now = sums_of(i, at), during(i, at)
    learned = half(i, at, CHUNKS) * usual[SESSIONS]
    known = learned >= LEARNED and usual[COSTS] > 0.0 and now[COSTS] > 0.0
    return Rise(usual, now).shares() if known else {}
