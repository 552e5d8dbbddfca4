"""What the cost of sessions is made of, where a window is judged.

A chunk that is full waits until so many newer ones stand behind it, so that a window
that breaches is not among what is usual. Chunks are of so many sessions, or of a step
of time each. The words of ``kernels.factors`` come first.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.cost.causes import STEPS
from detectors.cost.decomposition import NAMED, SESSIONS, STRANGE, WIDTH
from detectors.kernels.arena import take
from detectors.kernels.factors import (
    CHUNK,
    CHUNKS,
    FACTORS_WIDTH,
    MODEL,
    NEWCOMER,
    NOW,
    factors_add,
)
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
WINDOW_FACTORS_WIDTH: Final = RING + STEPS * WIDTH


@compiled
def window_learn(
    f: Floats,
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
        f, i: Words.
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
            for word in range(at + CHUNK, at + CHUNK + WIDTH):
                f[word] = 0.0
            i[at + WHOLE] = 1
        i[at + STEP] = step
    for _ in range(turns):
        _close(f, i, at, held, memory)
    if empty > held:
        _fade(f, i, at, empty - held, memory)
    factors_add(f, i, at, at + CHUNK, values, model)
    closes = 1 if size > 0 and f[at + CHUNK + SESSIONS] == size else 0
    for _ in range(closes):
        _close(f, i, at, held, memory)


@compiled
def _close(f: Floats, i: Ints, at: int, held: int, memory: int) -> None:
    """The present chunk waits, and the oldest joins what is usual."""
    waiting = i[at + WAITING]
    absorbs = waiting == held
    if absorbs:
        chunks = min(i[at + CHUNKS] + 1, memory)
        i[at + CHUNKS] = chunks
        part = 1.0 / chunks
        for word in range(WIDTH):
            f[at + word] += (f[at + RING + word] - f[at + word]) * part
        for word in range(at + RING, at + RING + (held - 1) * WIDTH):
            f[word] = f[word + WIDTH]
        waiting -= 1
    for word in range(WIDTH):
        f[at + RING + waiting * WIDTH + word] = f[at + CHUNK + word]
        f[at + CHUNK + word] = 0.0
    i[at + WAITING] = waiting + 1
    if absorbs and 2.0 * f[at + STRANGE] > f[at + NAMED]:
        # Most of what is usual runs on the other one by now.
        model = i[at + MODEL]
        i[at + MODEL] = i[at + NEWCOMER]
        i[at + NEWCOMER] = model
        for which in range(-1, waiting + 1):
            known = at if which < 0 else at + RING + which * WIDTH
            f[known + STRANGE] = f[known + NAMED] - f[known + STRANGE]


@compiled
def _fade(f: Floats, i: Ints, at: int, empty: int, memory: int) -> None:
    """Let so many empty chunks join what is usual at once."""
    chunks = i[at + CHUNKS]
    until = min(chunks + empty, memory)
    part = chunks / until
    part *= (1.0 - 1.0 / memory) ** float(chunks + empty - until)
    i[at + CHUNKS] = until
    for word in range(at, at + WIDTH):
        f[word] *= part


@compiled
def window_begin(
    f: Floats, i: Ints, heads: Ints, at: int, held: int, size: int
) -> None:
    """The breach begins: what waits is no longer usual, but part of it.

    If the last breach is still within the window, both are one. The arena has room.
    """
    waiting = i[at + WAITING]
    if i[at + NOW] == 0:
        i[at + NOW] = take(i, heads, WIDTH)
    sums = i[at + NOW]
    for word in range(WIDTH):
        now = 0.0 if waiting >= held else f[sums + word]
        for which in range(waiting):
            now += f[at + RING + which * WIDTH + word]
        f[sums + word] = now + f[at + CHUNK + word]
        f[at + CHUNK + word] = 0.0
    i[at + WAITING] = i[at + STEP] = i[at + CROWD] = 0
    i[at + WHOLE] = int(size > 0)


@compiled
def waiting_end(i: Ints, at: int) -> int:
    """How many words mean anything: of chunks only those that wait do."""
    return int(RING + i[at + WAITING] * WIDTH)


@compiled
def waiting_is_sound(words: Ints, place: int, held: int) -> bool:
    """Whether as many chunks wait as may."""
    return bool(0 <= words[place + WAITING] <= held)
