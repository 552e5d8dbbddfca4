"""What the cost of sessions is made of, where a window is judged.

A chunk that is full waits until so many newer ones stand behind it, so that a window
that breaches is not among what is usual. Chunks are of so many sessions, or of a step
of time each. The words of ``kernels.factors`` come first.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.cost.causes import STEPS
from detectors.cost.decomposition import SESSIONS
from detectors.kernels.arena import take
from detectors.kernels.factors import (
    CHUNK,
    CHUNKS,
    FACTORS_WIDTH,
    NOW,
    SUMS,
    chunks_join,
    chunks_swap,
    factors_add,
    strangers_swap,
)
from detectors.kernels.halves import half, half_float, halves, high, low, set_half
from detectors.kernels.words import Floats, Ints

WAITING: Final = FACTORS_WIDTH
"""Integer: chunks that wait."""
STEP: Final = WAITING + 1
"""Integer: of time, that of the present chunk."""
WHOLE: Final = WAITING + 2
"""Integer: whether the present chunk began with its step."""
CROWD: Final = WAITING + 3
"""Integer: most sessions in the window since the breach began."""
RING: Final = WAITING + 4
"""Chunks that wait, the oldest first."""
WINDOW_FACTORS_WIDTH: Final = RING + STEPS * SUMS


@compiled
def window_learn(
    i: Ints,
    at: int,
    held: int,
    size: int,
    memory: int,
    values: Floats,
    model: int,
    step: int,
) -> None:
    """Add a session seen while all is well.

    Args:
        i: Words.
        at: Where the factors begin.
        held: Chunks that wait: a window's.
        size: Sessions of a chunk; 0 if steps of time make chunks.
        memory: Chunks that what is usual reaches back.
        values: The session's numbers, in the order of ``COLUMNS``.
        model: What it ran on.
        step: Of time, where that makes chunks.
    """
    turns = closes = empty = 0
    if size == 0 and step != i[at + STEP]:
        if i[at + WHOLE]:
            # The chunk of the last step, and those of empty steps after it.
            empty = step - i[at + STEP] - 1
            turns = 1 + min(empty, held)
        elif i[at + STEP]:
            # It began within its step: how many sessions that had is not known.
            for word in range(at + CHUNK, at + CHUNK + SUMS):
                i[word] = 0
            i[at + WHOLE] = 1
        i[at + STEP] = step
    for _ in range(turns):
        _close(i, at, held, memory)
    if empty > held:
        _fade(i, at, empty - held, memory)
    factors_add(i, at, at + CHUNK, values, model)
    closes = 1 if size > 0 and half_float(i, at + CHUNK, SESSIONS) == size else 0
    for _ in range(closes):
        _close(i, at, held, memory)


@compiled
def _close(i: Ints, at: int, held: int, memory: int) -> None:
    """The present chunk waits, and the oldest joins what is usual."""
    waiting = i[at + WAITING]
    absorbs = waiting == held
    if absorbs:
        chunks_join(i, at, at + RING, memory)
        for word in range(at + RING, at + RING + (held - 1) * SUMS):
            i[word] = i[word + SUMS]
        waiting -= 1
    for word in range(SUMS):
        i[at + RING + waiting * SUMS + word] = i[at + CHUNK + word]
        i[at + CHUNK + word] = 0
    i[at + WAITING] = waiting + 1
    if absorbs and chunks_swap(i, at):
        strangers_swap(i, at)
        for which in range(waiting + 1):
            strangers_swap(i, at + RING + which * SUMS)


@compiled
def _fade(i: Ints, at: int, empty: int, memory: int) -> None:
    """Let so many empty chunks join what is usual at once."""
    chunks = half(i, at, CHUNKS)
    until = min(chunks + empty, memory)
    part = chunks / until
    part *= (1.0 - 1.0 / memory) ** float(chunks + empty - until)
    set_half(i, at, CHUNKS, until)
    for word in range(at, at + SUMS):
        i[word] = halves(low(i[word]) * part, high(i[word]) * part)


@compiled
def window_begin(i: Ints, heads: Ints, at: int, held: int, size: int) -> None:
    """The breach begins: what waits is no longer usual, but part of it.

    If the last breach is still within the window, both are one. The arena has room.
    """
    waiting = i[at + WAITING]
    if half(i, at, NOW) == 0:
        set_half(i, at, NOW, take(i, heads, SUMS))
    sums = half(i, at, NOW)
    for word in range(SUMS):
        first = second = 0.0
        if waiting < held:
            first, second = low(i[sums + word]), high(i[sums + word])
        for which in range(waiting):
            own = i[at + RING + which * SUMS + word]
            first, second = first + low(own), second + high(own)
        own = i[at + CHUNK + word]
        i[sums + word] = halves(first + low(own), second + high(own))
        i[at + CHUNK + word] = 0
    i[at + WAITING] = i[at + STEP] = i[at + CROWD] = 0
    i[at + WHOLE] = int(size > 0)


@compiled
def waiting_end(i: Ints, at: int) -> int:
    """How many words mean anything: of chunks only those that wait do."""
    return int(RING + i[at + WAITING] * SUMS)


@compiled
def waiting_is_sound(words: Ints, place: int, held: int) -> bool:
    """Whether as many chunks wait as may."""
    return bool(0 <= words[place + WAITING] <= held)
