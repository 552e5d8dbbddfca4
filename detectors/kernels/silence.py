"""Sessions of the hour at hand, for silence that learns what is usual."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled
from detectors.kernels import layout as at
from detectors.kernels.words import Floats, Ints

HOUR_US: Final = 3_600_000_000


@compiled
def take_quietly(
    f: Floats, i: Ints, watch: int, ended_us: int, now_us: int, order: int
) -> bool:
    """Take a session in as ``Arrivals.take`` does; False if Python has to.

    Args:
        f, i: The arena.
        watch: Address of the watch.
        ended_us: When the session ended.
        now_us: The series' time.
        order: Number of the observation.
    """
    hour_us = i[watch + at.HOUR_US]
    if i[watch + at.QUIET] != at.ALL_WELL or ended_us >= hour_us + HOUR_US:
        return False
    if ended_us >= hour_us:
        f[watch + at.COUNT] += 1.0
    gap_us = ended_us - i[watch + at.SEEN_US]
    if gap_us > 0:
        usual = f[watch + at.USUAL]
        if usual > 0.0:
            expected = usual * gap_us / HOUR_US
            f[watch + at.GAPS] += 1.0
            f[watch + at.GAPS_TOTAL] += expected
            f[watch + at.GAPS_SQUARES] += expected * expected
        i[watch + at.SEEN_US] = ended_us
        i[watch + at.SEEN_ORDER] = order
        if ended_us < now_us:
            i[watch + at.SEEN_FLOOR_US] = now_us
    return True
