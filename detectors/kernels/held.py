"""Samples at hand for a count window: room for them, and when to tidy them up."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.arena import give, take
from detectors.kernels.packed import FLOATS, run_get, run_put, run_words
from detectors.kernels.summary import summary_free
from detectors.kernels.words import Floats, Ints, Table

SPARE: Final = 64
"""Most samples that wait before a window to be learned."""

DROPPED: Final = 16
"""So many are dropped at once where nothing learns them."""

_LAG: Final = 64
"""Most samples that wait to be learned, once the baseline is known."""

_PATIENCE: Final = 2_000
"""So many times fewer than the square of those learned: a baseline that lags by k of
n samples is off by about sqrt(k) / n of their spread."""

_FEWEST: Final = 16

_GROWTH: Final = 4
_AT_ONCE: Final = 8
"""Pieces that are outgrown are of use to younger series alone: rather than to leave
many of them, it grows by so many times, and from so small a part to the whole."""


@compiled
def count_room(room: int, rules: Table, rule: int) -> int:
    """For how many samples there is to be room next, after so many."""
    spare = SPARE if rules[rule, at.BASED] else DROPPED
    most = rules[rule, at.SIZE] + spare
    if _AT_ONCE * room >= most:
        return int(most)
    return int(min(most, max(_FEWEST, _GROWTH * room)))


@compiled
def count_grow(i: Ints, heads: Ints, watch: int, room: int, rate: int) -> None:
    """Make room for so many samples; the arena has it."""
    before, held = i[watch + at.HELD_ROOM], i[watch + at.HELD]
    for word in (at.SIGNED, at.DIVIDED_BY, at.SKIPPED):
        piece = i[watch + word]
        if piece or (before == 0 and (word == at.SIGNED or rate)):
            if word == at.SKIPPED and not piece:
                continue
            packed = FLOATS if word == at.SKIPPED else i[watch + at.PACKED]
            moved = take(i, heads, run_words(room, packed))
            for place in range(run_words(held, packed)):
                i[moved + place] = i[piece + place]
            if piece:
                give(i, heads, piece, run_words(before, packed))
            i[watch + word] = moved
    i[watch + at.HELD_ROOM] = room


@compiled
def count_widen(
    f: Floats, i: Ints, heads: Ints, watch: int, sign: float, packed: int
) -> None:
    """Keep the samples in wider numbers from now on; the arena has room."""
    before, room = i[watch + at.PACKED], i[watch + at.HELD_ROOM]
    i[watch + at.PACKED] = packed
    for word in (at.SIGNED, at.DIVIDED_BY):
        piece = i[watch + word]
        if piece:
            own = sign if word == at.SIGNED else 1.0
            moved = take(i, heads, run_words(room, packed))
            for place in range(i[watch + at.HELD]):
                value = run_get(f, i, piece, place, before, own)
                run_put(f, i, moved, place, packed, own, value)
            give(i, heads, piece, run_words(room, before))
            i[watch + word] = moved


@compiled
def count_free(i: Ints, heads: Ints, watch: int, rules: Table, rule: int) -> None:
    """Give back all that it holds, but not its own words."""
    if rules[rule, at.BASED]:
        summary_free(i, heads, watch + at.SUMMARY_AT)
    if i[watch + at.SHIFT]:
        summary_free(i, heads, i[watch + at.SHIFT])
        give(i, heads, i[watch + at.SHIFT], at.SUMMARY_WIDTH)
        i[watch + at.SHIFT] = 0
    for word in (at.SIGNED, at.DIVIDED_BY, at.SKIPPED):
        if i[watch + word]:
            packed = FLOATS if word == at.SKIPPED else i[watch + at.PACKED]
            words = run_words(i[watch + at.HELD_ROOM], packed)
            give(i, heads, i[watch + word], words)
        i[watch + word] = 0
    i[watch + at.HELD] = i[watch + at.HELD_ROOM] = 0


@compiled
def count_skip(i: Ints, heads: Ints, watch: int, begin: int) -> None:
    """Mark the samples from a place on as not to be learned; the arena has room."""
    if i[watch + at.SKIPPED] == 0:
        i[watch + at.SKIPPED] = take(i, heads, i[watch + at.HELD_ROOM])
    for place in range(begin, i[watch + at.HELD]):
        i[i[watch + at.SKIPPED] + place] = 1


@compiled
def count_pause(i: Ints, watch: int, rules: Table, rule: int) -> None:
    """Work out at how many samples to tidy up next."""
    size, need = rules[rule, at.SIZE], rules[rule, at.NEED]
    if i[watch + at.HELD] < need:
        pause = need
    elif not rules[rule, at.BASED]:
        pause = size + DROPPED
    else:
        learned = i[watch + at.SUMMARY_AT + at.SUMMARISED]
        missing = rules[rule, at.BASE_NEED] - learned
        if missing > 0:
            pause = size + min(SPARE, missing)
        else:
            lag = learned * learned // _PATIENCE
            pause = size + max(1, min(_LAG, lag))
    i[watch + at.PAUSE] = pause
