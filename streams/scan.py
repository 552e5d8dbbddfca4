"""Sessions read straight from JSON into columns, in compiled code.

Only what is plainly a valid session is read here: known fields, each once, plain ASCII
texts without escapes, numbers as programs print them. Every other row is left to
``session.decode_session``, which says what is wrong with it or reads it after all; for
the rows read here it gives the same numbers to the bit. The rules for derived numbers
are its own, written a second time for numbers in registers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.metrics import COLUMNS
from streams.decimals import decimal_at, nearest, whole_at
from streams.moments import UNUSUAL_US, moment_us
from streams.octets import Octets, text_end, word_at
from streams.session_fields import (
    LABEL_FIELDS,
    LARGEST_AMOUNT,
    LARGEST_COUNT,
    LARGEST_EVENT,
    LARGEST_SCORE,
    LATEST_S,
    LONGEST_LABEL,
    LONGEST_TRACE,
)

LEFT: Final = 0
"""A row that is left to ``decode_session``."""
READ: Final = 1
UNPRICED: Final = 2
"""A row that lacks nothing but a cost, and has the tokens to work one out."""

SESSION_ID: Final = 0
TRACE: Final = 1
FIRST_LABEL: Final = 3
TEXTS: Final = (
    *("session_id", "trace_id", "trace_url"),
    *LABEL_FIELDS,
)
"""The columns of texts; in the second is what a session's trace is."""

_URL: Final = 2
_AGENT: Final = TEXTS.index("agent")
_MODEL: Final = TEXTS.index("model")
_TEXTS: Final = len(TEXTS)
_ENDED, _STARTED, _STATUS, _FEEDBACK, _COMPLETED, _ATTRIBUTES, _FIRST_NUMBER = range(
    _TEXTS, _TEXTS + 7
)
_COUNTS: Final = (
    *("loop_count", "llm_calls", "llm_errors", "llm_truncations"),
    *("tool_calls", "tool_errors", "input_tokens", "output_tokens"),
)
_AMOUNTS: Final = ("latency_ms", "cost_usd", "tool_cost_usd")
_FIRST_AMOUNT: Final = _FIRST_NUMBER + len(_COUNTS)
_SCORE: Final = _FIRST_AMOUNT + len(_AMOUNTS)
_FIELDS: Final = (
    *TEXTS,
    *("ended_at", "started_at", "status", "feedback", "task_completed", "attributes"),
    *_COUNTS,
    *_AMOUNTS,
    "quality_score",
)
_COUNT: Final = len(_FIELDS)
_NUMBERS: Final = _COUNT - _FIRST_NUMBER
_NEEDED: Final = 1 << SESSION_ID | 1 << _AGENT | 1 << _ENDED


def _words(texts: tuple[str, ...]) -> tuple[NDArray[np.uint64], ...]:
    """Texts and the quotes after them as two words each, and masks of these words."""
    quoted = [text.encode() + b'"' for text in texts]
    masks = [b"\xff" * len(text) for text in quoted]
    return tuple(
        np.array(
            [int.from_bytes(text[begin : begin + 8], "little") for text in words],
            np.uint64,
        )
        for words in (quoted, masks)
        for begin in (0, 8)
    )


_KEY, _KEY_REST, _MASK, _MASK_REST = _words(_FIELDS)
_LENGTHS: Final = np.array([len(name) + 1 for name in _FIELDS], np.int64)

_OUTCOMES: Final = {
    "success": 1.0,
    "Success": 1.0,
    "failure": 0.0,
    "Fail": 0.0,
    "error": 0.0,
    "timeout": 0.0,
    "cancelled": np.nan,
}
_OUTCOME, _OUTCOME_REST, _OUTCOME_MASK, _OUTCOME_MASK_REST = _words(tuple(_OUTCOMES))
_OUTCOME_VALUES: Final = np.array([*_OUTCOMES.values()])
_FEEDBACKS: Final = {"up": 0.0, "down": 1.0, "regenerated": 1.0}
_SAID, _SAID_REST, _SAID_MASK, _SAID_MASK_REST = _words(tuple(_FEEDBACKS))
_SAID_VALUES: Final = np.array([*_FEEDBACKS.values()])

_NULL: Final = int.from_bytes(b"null", "little")
_TRUE: Final = int.from_bytes(b"true", "little")
_FALSE: Final = int.from_bytes(b"alse", "little")

_AGAIN: Final = 1 << 53
"""Microseconds up to which a difference of times is exact as a floating-point number."""


@compiled
def _past_spaces(octets: Octets, at: int) -> int:
    """The place of the first byte that is no white space."""
    while octets[at] in (32, 10, 13, 9):
        at += 1
    return at


@compiled
def _number_at(octets: Octets, at: int, field: int) -> tuple[int, float]:
    """The number of a field, and where it ends; -1 where it is no plain valid one."""
    if field < _FIRST_AMOUNT:
        # A point or an exponent after it is no comma: the row is left.
        end, whole = whole_at(octets, at)
        return (end if whole <= LARGEST_COUNT else -1), float(whole)
    negative = field == _SCORE and octets[at] == 45
    end, digits, power = decimal_at(octets, at + 1 if negative else at)
    if end < 0:
        return -1, 0.0
    number = nearest(digits, power)
    most = float(LARGEST_SCORE) if field == _SCORE else float(LARGEST_AMOUNT)
    if not number <= most:
        return -1, 0.0
    return end, -number if negative else number


@compiled
def _moment_at(octets: Octets, at: int) -> tuple[int, int]:
    """A time in epoch µs, and where it ends; -1 where it is no plain valid one."""
    if octets[at] == 34:
        end = text_end(octets, at + 1)
        if end < 0:
            return -1, 0
        us = moment_us(octets, at + 1, end)
        return (end + 1 if us != UNUSUAL_US else -1), us
    end, digits, power = decimal_at(octets, at)
    if end < 0:
        return -1, 0
    seconds = nearest(digits, power)
    if not seconds <= float(LATEST_S):
        return -1, 0
    return end, int(np.int64(np.rint(seconds * 1_000_000)))


@compiled
def scan(
    octets: Octets,
    bounds: NDArray[np.int64],
    latest_us: int,
    lowest: float,
    highest: float,
    kinds: NDArray[np.int8],
    ended_at_us: NDArray[np.int64],
    values: NDArray[np.float64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> None:
    """Read the rows that are plainly valid sessions.

    Args:
        octets: All rows, one after the other, and the padding.
        bounds: Where each row begins, and where the last one ends.
        latest_us: No session ends after it, epoch µs.
        lowest: Score that judges give.
        highest: Score that judges give.
        kinds: Filled for each row: ``LEFT``, ``READ`` or ``UNPRICED``.
        ended_at_us: Filled.
        values: Filled in the order of ``metrics.COLUMNS``.
        begins: Filled: where each of ``TEXTS`` begins; a missing one is empty.
        ends: Filled: where each ends.
    """
    numbers = np.empty(_NUMBERS)
    follows = np.zeros(_COUNT + 1, np.int64)
    for row in range(len(bounds) - 1):
        kinds[row] = LEFT
        stop = bounds[row + 1]
        at = bounds[row]
        if stop - at > LARGEST_EVENT:
            continue
        at = _past_spaces(octets, at)
        if octets[at] != 123:
            continue
        for place in range(_NUMBERS):
            numbers[place] = np.nan
        for place in range(begins.shape[1]):
            begins[row, place] = 0
            ends[row, place] = 0
        ended_us, started_us = UNUSUAL_US, UNUSUAL_US
        outcome, said, completed = np.nan, np.nan, np.nan
        told = False
        met, before, whole = 0, _COUNT, False
        while True:
            at = _past_spaces(octets, at + 1)
            if octets[at] != 34:
                break
            at += 1
            word, rest = word_at(octets, at), word_at(octets, at + 8)
            field = follows[before]
            if (
                word & _MASK[field] != _KEY[field]
                or rest & _MASK_REST[field] != _KEY_REST[field]
            ):
                # Events of one program name their fields in one order.
                field = 0
                while field < _COUNT and (
                    word & _MASK[field] != _KEY[field]
                    or rest & _MASK_REST[field] != _KEY_REST[field]
                ):
                    field += 1
                if field == _COUNT:
                    break
                follows[before] = field
            if met >> field & 1:
                break
            before = field
            met |= 1 << field
            at = _past_spaces(octets, at + _LENGTHS[field])
            if octets[at] != 58:
                break
            at = _past_spaces(octets, at + 1)
            if octets[at] == 110:
                if word_at(octets, at) & np.uint64(0xFFFFFFFF) != np.uint64(_NULL):
                    break
                met &= ~(1 << field) if _NEEDED >> field & 1 else -1
                at += 4
            elif field < _TEXTS:
                if octets[at] != 34:
                    break
                end = text_end(octets, at + 1)
                length = end - at - 1
                if end < 0 or length > (
                    LONGEST_LABEL
                    if field == SESSION_ID or field >= FIRST_LABEL
                    else LONGEST_TRACE
                ):
                    break
                if length == 0 and _NEEDED >> field & 1:
                    break
                begins[row, field] = at + 1
                ends[row, field] = end
                at = end + 1
            elif field >= _FIRST_NUMBER:
                at, number = _number_at(octets, at, field)
                if at < 0:
                    break
                numbers[field - _FIRST_NUMBER] = number
            elif field <= _STARTED:
                at, us = _moment_at(octets, at)
                if at < 0:
                    break
                if field == _ENDED:
                    ended_us = us
                else:
                    started_us = us
            elif field == _COMPLETED:
                if word_at(octets, at) & np.uint64(0xFFFFFFFF) == np.uint64(_TRUE):
                    completed = 1.0
                    at += 4
                elif octets[at] == 102 and (
                    word_at(octets, at + 1) & np.uint64(0xFFFFFFFF) == np.uint64(_FALSE)
                ):
                    completed = 0.0
                    at += 5
                else:
                    break
            elif field == _ATTRIBUTES:
                break
            else:
                if octets[at] != 34:
                    break
                word, rest = word_at(octets, at + 1), word_at(octets, at + 9)
                place = 0
                if field == _STATUS:
                    while place < len(_OUTCOME) and (
                        word & _OUTCOME_MASK[place] != _OUTCOME[place]
                        or rest & _OUTCOME_MASK_REST[place] != _OUTCOME_REST[place]
                    ):
                        place += 1
                    if place == len(_OUTCOME):
                        break
                    outcome = _OUTCOME_VALUES[place]
                    told = True
                else:
                    while place < len(_SAID) and (
                        word & _SAID_MASK[place] != _SAID[place]
                        or rest & _SAID_MASK_REST[place] != _SAID_REST[place]
                    ):
                        place += 1
                    if place == len(_SAID):
                        break
                    said = _SAID_VALUES[place]
                at = text_end(octets, at + 1) + 1
            at = _past_spaces(octets, at)
            if octets[at] == 44:
                continue
            if octets[at] == 125:
                at += 1
                while at < stop and octets[at] in (32, 10, 13, 9):
                    at += 1
                whole = at == stop
            break
        if not whole or met & _NEEDED != _NEEDED:
            continue
        if not told:
            outcome = completed
        if not _derive(
            numbers, ended_us, started_us, latest_us, lowest, highest, values[row]
        ):
            continue
        values[row, _SUCCEEDED] = outcome
        values[row, _DOWN] = said
        if ends[row, _URL] > begins[row, _URL]:
            begins[row, TRACE] = begins[row, _URL]
            ends[row, TRACE] = ends[row, _URL]
        ended_at_us[row] = ended_us
        kinds[row] = READ
        if np.isnan(values[row, _COST]) and numbers[_INPUT] + numbers[_OUTPUT] > 0:
            kinds[row] = UNPRICED


_COST, _LATENCY, _LOOPS, _QUALITY, _SUCCEEDED, _TOOLS, _TOOL_ERRORS = range(7)
_LLM, _LLM_ERRORS, _DOWN, _TOKENS_IN, _TOKENS_OUT = range(7, len(COLUMNS))
_INPUT: Final = _COUNTS.index("input_tokens")
_OUTPUT: Final = _COUNTS.index("output_tokens")


@compiled
def _derive(
    numbers: NDArray[np.float64],
    ended_us: int,
    started_us: int,
    latest_us: int,
    lowest: float,
    highest: float,
    row: NDArray[np.float64],
) -> bool:
    """Work out a row of values; whether the numbers go together."""
    loops, calls, errors, truncations = numbers[0], numbers[1], numbers[2], numbers[3]
    tools, tool_errors, tokens_in = numbers[4], numbers[5], numbers[6]
    tokens_out, latency_ms, cost_usd = numbers[7], numbers[8], numbers[9]
    tool_cost_usd, score = numbers[10], numbers[11]
    if ended_us < 0 or ended_us > latest_us:
        return False
    if started_us != UNUSUAL_US:
        took_us = ended_us - started_us
        if started_us < 0 or took_us < 0 or took_us > _AGAIN:
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
