"""What the cost of a series' sessions is made of, before and since a change.

Sessions are summed up in chunks of ``SIZE``. A chunk that is full joins an
exponentially weighted mean: what is usual. What the sums mean, and what is read from
them, ``detectors.cost.decomposition`` says.

Models are positive integers, 0 for none.
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
    WEIGHTS,
    WIDTH,
    WRITTEN,
    Rise,
)
from detectors.kernels.arena import give, take
from detectors.kernels.words import Floats, Ints
from detectors.metrics import COLUMN

SIZE: Final = 8
"""Sessions of a chunk."""

MEMORY: Final = 64
"""Chunks that what is usual reaches back."""

USUAL, CHUNK = 0, WIDTH
"""Where the sums begin: the mean of full chunks, the present one."""
CHUNKS: Final = 2 * WIDTH
"""Integer: chunks in the mean, up to ``MEMORY``."""
MODEL: Final = CHUNKS + 1
"""Integer: what sessions usually run on."""
NEWCOMER: Final = CHUNKS + 2
"""Integer: the last other one."""
NOW: Final = CHUNKS + 3
"""Address of the sums of the last change, 0 before there was one."""
FACTORS_WIDTH: Final = CHUNKS + 4

_ABSURD: Final = 1e100
_COST: Final = COLUMN["cost_usd"]
_LOOPS: Final = COLUMN["loop_count"]
_CALLS: Final = COLUMN["llm_calls"]
_TOOLS: Final = COLUMN["tool_calls"]
_INPUT: Final = COLUMN["input_tokens"]
_OUTPUT: Final = COLUMN["output_tokens"]


@compiled
def factors_begin_state(f: Floats, i: Ints, at: int) -> None:
    """Make the words those of a series that has seen nothing."""
    for word in range(at, at + CHUNKS):
        f[word] = 0.0
    i[at + CHUNKS] = i[at + MODEL] = i[at + NEWCOMER] = i[at + NOW] = 0


@compiled
def chunk_add(f: Floats, at: int, values: Floats) -> float:
    """Add a session's numbers, in the order of ``COLUMNS``; its weight, 0 for none."""
    cost: float = values[_COST]
    if cost != cost:
        return 0.0
    f[at + SESSIONS] += 1.0
    if not 0.0 < cost < _ABSURD:
        return 0.0
    weight = sqrt(cost)
    part = weight * log(cost)
    f[at + COSTS] += weight
    f[at + COSTS + 1] += part
    f[at + SQUARES] += part * part / weight
    f[at + WEIGHTS] += cost
    loops: float = values[_LOOPS]
    if 0.0 < loops < inf:
        f[at + LOOPED] += weight
        f[at + LOOPED + 1] += weight * log(loops)
    calls: float = values[_CALLS]
    if 0.0 < calls < inf:
        f[at + CALLED] += weight
        f[at + CALLED + 1] += weight * log(calls)
    written: float = OUTPUT * values[_OUTPUT]
    tokens: float = values[_INPUT] + written
    if 0.0 < tokens < inf:
        f[at + TOKENS] += weight
        f[at + TOKENS + 1] += weight * log(tokens)
        f[at + WRITTEN] += weight * written / tokens
    tools: float = values[_TOOLS]
    if 0.0 <= tools < inf:
        f[at + TOOLED] += weight
        f[at + TOOLED + 1] += weight * log1p(tools)
    return weight


@compiled
def factors_add(
    f: Floats, i: Ints, at: int, chunk: int, values: Floats, model: int
) -> None:
    """Add a session's numbers to the chunk at an address."""
    weight = chunk_add(f, chunk, values)
    if model == 0 or weight == 0.0:
        return
    f[chunk + NAMED] += weight
    if i[at + MODEL] == 0:
        i[at + MODEL] = model
    elif i[at + MODEL] != model:
        i[at + NEWCOMER] = model
        f[chunk + STRANGE] += weight


@compiled
def factors_learn(f: Floats, i: Ints, at: int, values: Floats, model: int) -> None:
    """Add a session seen while all is well.

    Args:
        f: Words.
        i: Words.
        at: Where the factors begin.
        values: Its numbers in the order of ``COLUMNS``; without a cost it is none.
        model: What it ran on.
    """
    factors_add(f, i, at, at + CHUNK, values, model)
    if f[at + CHUNK + SESSIONS] == SIZE:
        _absorb(f, i, at)


@compiled
def _absorb(f: Floats, i: Ints, at: int) -> None:
    chunks = min(i[at + CHUNKS] + 1, MEMORY)
    i[at + CHUNKS] = chunks
    part = 1.0 / chunks
    for word in range(at, at + WIDTH):
        f[word] += (f[word + CHUNK] - f[word]) * part
        f[word + CHUNK] = 0.0
    if 2.0 * f[at + STRANGE] > f[at + NAMED]:
        # Most of what is usual runs on the other one by now.
        model = i[at + MODEL]
        i[at + MODEL] = i[at + NEWCOMER]
        i[at + NEWCOMER] = model
        f[at + STRANGE] = f[at + NAMED] - f[at + STRANGE]


@compiled
def factors_during(
    f: Floats, i: Ints, heads: Ints, at: int, values: Floats, model: int
) -> None:
    """Add a session seen while it is not; the arena has room."""
    if i[at + NOW] == 0:
        i[at + NOW] = take(i, heads, WIDTH)
    factors_add(f, i, at, i[at + NOW], values, model)


@compiled
def factors_begin(i: Ints, heads: Ints, at: int) -> None:
    """A change begins: what there was of the last one is let go."""
    if i[at + NOW]:
        give(i, heads, i[at + NOW], WIDTH)
        i[at + NOW] = 0


def during(f: Floats, i: Ints, at: int) -> list[float]:
    """The sums of the last change, zero without one."""
    begin = int(i[at + NOW])
    return f[begin : begin + WIDTH].tolist() if begin else [0.0] * WIDTH


def shares(f: Floats, i: Ints, at: int) -> dict[str, float]:
    """As ``Rise.shares``; empty as long as too little is known."""
    usual, now = f[at : at + WIDTH].tolist(), during(f, i, at)
    learned = int(i[at + CHUNKS]) * usual[SESSIONS]
    known = learned >= LEARNED and usual[COSTS] > 0.0 and now[COSTS] > 0.0
    return Rise(usual, now).shares() if known else {}
