"""The numbers that follow from a session's own, in compiled code.

The rules are those of ``session.decode_session``, written a second time for numbers in
registers; where they refuse a session, it says why.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.metrics import COLUMNS
from streams.events.moments import UNUSUAL_US

_EXACT: Final = 1 << 53
"""Microseconds up to which a difference of times is exact as a floating-point number."""

_COST, _LATENCY, _LOOPS, _QUALITY, _SUCCEEDED, _TOOLS, _TOOL_ERRORS = range(7)
_LLM, _LLM_ERRORS, _FEEDBACK, _TOKENS_IN, _TOKENS_OUT = range(7, len(COLUMNS))


@compiled
def derive(  # noqa: PLR0917 - compiled code takes its arrays one by one
    numbers: NDArray[np.float64],
    ended_us: int,
    started_us: int,
    latest_us: int,
    lowest: float,
    highest: float,
    row: NDArray[np.float64],
) -> bool:
    """Work out a row of values, all but the outcome and the feedback.

    Args:
        numbers: In the order of ``event_words``.
        ended_us: Epoch µs.
        started_us: Epoch µs, or ``UNUSUAL_US`` where it was not told.
        latest_us: No session ends after it.
        lowest: Score that judges give.
        highest: Score that judges give.
        row: Filled in the order of ``metrics.COLUMNS``.

    Returns:
        Whether the numbers go together.
    """
    loops, calls, errors, truncations = numbers[0], numbers[1], numbers[2], numbers[3]
    tools, tool_errors, tokens_in = numbers[4], numbers[5], numbers[6]
    tokens_out, latency_ms, cost_usd = numbers[7], numbers[8], numbers[9]
    tool_cost_usd, score = numbers[10], numbers[11]
    if ended_us < 0 or ended_us > latest_us:
        return False
    if started_us != UNUSUAL_US:
        took_us = ended_us - started_us
        if started_us < 0 or took_us < 0 or took_us > _EXACT:
            return False
        if np.isnan(latency_ms):
            latency_ms = took_us / 1_000
    if tool_errors > tools:
        return False
    if np.isnan(tool_errors) and not np.isnan(tools):
        tool_errors = 0.0
    if np.isnan(errors):
        errors = 0.0
    if not np.isnan(truncations):
        errors += truncations
    if not errors <= calls:
        errors = calls
    if not np.isnan(score):
        if score < lowest or score > highest:
            return False
        score = 100.0 * (score - lowest) / (highest - lowest)
    if not np.isnan(tool_cost_usd):
        cost_usd = tool_cost_usd + (0.0 if np.isnan(cost_usd) else cost_usd)
    row[_COST] = cost_usd + 0.0
    row[_LATENCY] = latency_ms + 0.0
    row[_LOOPS] = loops
    row[_QUALITY] = score + 0.0
    row[_TOOLS] = tools
    row[_TOOL_ERRORS] = tool_errors
    row[_LLM] = calls
    row[_LLM_ERRORS] = errors
    row[_TOKENS_IN] = tokens_in
    row[_TOKENS_OUT] = tokens_out
    return True
