"""Why did the cost rise: of which sessions what is usual is made.

Sessions are summed up in chunks (``kernels.factors``). Where a window is judged a chunk
that is full waits until a window's newer ones stand behind it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from detectors.kinds.plans import Plan

LEARNED: Final = 10
"""So many sessions make out what is usual."""

STEPS: Final = 4
"""Chunks in a window."""

MEMORY: Final = 512
"""About how many sessions what is usual reaches back."""


class Chunks(NamedTuple):
    """How sessions are summed up.

    Attributes:
        held: Chunks that wait: a window's.
        size: Sessions of a chunk; 0 if steps of time make chunks.
        memory: Chunks that what is usual reaches back.
    """

    held: int
    size: int
    memory: int


def chunks(plan: Plan) -> Chunks:
    """Those of a rule over a window."""
    if plan.span_us:
        over_us = 0 if plan.baseline is None else plan.baseline.over_us
        windows = min(max(over_us // plan.span_us, 8), MEMORY // STEPS)
        return Chunks(STEPS, 0, STEPS * windows)
    size = -(-plan.size // STEPS)
    return Chunks(-(-plan.size // size), size, max(8 * STEPS, MEMORY // size))
