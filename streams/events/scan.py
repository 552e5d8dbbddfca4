"""Sessions read straight from JSON into columns, in compiled code.

Only what is plainly a valid session is read here: known fields, each once, texts
without escapes, numbers as programs print them. Every other row is left to
``session.decode_session``, which says what is wrong with it or reads it after all; for
the rows read here it gives the same numbers to the bit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.metrics import COLUMN
from streams.events.decimals import decimal_at, nearest, whole_at
from streams.events.derived import derive
from streams.events.event_words import (
    ATTRIBUTES,
    COMPLETED,
    ENDED,
    FEEDBACKS,
    FIELD_COUNT,
    FIRST_AMOUNT,
    FIRST_LABEL,
    FIRST_MOMENT,
    FIRST_NUMBER,
    LENGTHS,
    NEEDED,
    OUTCOMES,
    SCORE,
    SESSION_ID,
    STARTED,
    STATUS,
    TRACE,
    TRACE_URL,
    feedback_of,
    is_field,
    outcome_of,
)
from streams.events.moments import UNUSUAL_US, moment_us
from streams.events.octets import Octets, octet_at, past_spaces, text_end, word_at
from streams.events.scan_attributes import attributes_end, literal_end
from streams.events.session_fields import (
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

_NULL: Final = np.uint64(int.from_bytes(b"null", "little"))

_FIRST_FOUR: Final = np.uint64(0xFFFFFFFF)
_COST: Final = COLUMN["cost_usd"]
_SUCCEEDED: Final = COLUMN["succeeded"]
_DOWN: Final = COLUMN["feedback_down"]
_INPUT: Final = COLUMN["input_tokens"]
_OUTPUT: Final = COLUMN["output_tokens"]
NUMBERS: Final = FIELD_COUNT - FIRST_NUMBER
"""How many fields are numbers."""


@compiled
def _number_at(octets: Octets, at: int, field: int) -> tuple[int, float]:
    """The number of a field, and where it ends; -1 where it is no plain valid one."""
    if field < FIRST_AMOUNT:
        # A point or an exponent after it is no comma: the row is left.
        end, whole = whole_at(octets, at)
        return (end if whole <= LARGEST_COUNT else -1), float(whole)
    negative = field == SCORE and octet_at(octets, at) == 45
    end, digits, power = decimal_at(octets, at + 1 if negative else at)
    if end < 0:
        return -1, 0.0
    number = nearest(digits, power)
    most = float(LARGEST_SCORE) if field == SCORE else float(LARGEST_AMOUNT)
    if not number <= most:
        return -1, 0.0
    return end, -number if negative else number


@compiled
def _moment_at(octets: Octets, at: int) -> tuple[int, int]:
    """A time in epoch µs, and where it ends; -1 where it is no plain valid one."""
    if octet_at(octets, at) == 34:
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
def scan(  # noqa: PLR0917 - compiled code takes its arrays one by one
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
    names: Octets,
    name_bounds: NDArray[np.int64],
    numbers: NDArray[np.float64],
    follows: NDArray[np.int64],
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
        begins: Filled, texts x rows: where each of ``TEXTS`` begins; a missing one is
            empty.
        ends: Filled, texts x rows: where each ends.
        names: Attributes that are wanted after ``TEXTS``, one after the other, padded.
        name_bounds: Where each begins, and where the last one ends.
        numbers: Scratch, ``NUMBERS`` long.
        follows: After each field, and for the first, which field was met last time;
            ``FIELD_COUNT + 1`` long, 0 before any.
    """
    for row in range(len(bounds) - 1):
        kinds[row] = LEFT
        stop = bounds[row + 1]
        at = bounds[row]
        if stop - at > LARGEST_EVENT:
            continue
        at = past_spaces(octets, at)
        if octet_at(octets, at) != 123:
            continue
        for place in range(NUMBERS):
            numbers[place] = np.nan
        for place in range(len(begins)):
            begins[place, row] = 0
            ends[place, row] = 0
        ended_us, started_us = UNUSUAL_US, UNUSUAL_US
        outcome, said, completed = np.nan, np.nan, np.nan
        told = False
        met, before, whole = 0, FIELD_COUNT, False
        while True:
            at = past_spaces(octets, at + 1)
            if octet_at(octets, at) != 34:
                break
            at += 1
            word, rest = word_at(octets, at), word_at(octets, at + 8)
            # Events of one program name their fields in one order.
            field = follows[before]
            if not is_field(word, rest, field):
                field = 0
                while field < FIELD_COUNT and not is_field(word, rest, field):
                    field += 1
                if field == FIELD_COUNT:
                    break
                follows[before] = field
            if met >> field & 1:
                break
            before = field
            met |= 1 << field
            needed = NEEDED >> field & 1
            at = past_spaces(octets, at + LENGTHS[field])
            if octet_at(octets, at) != 58:
                break
            at = past_spaces(octets, at + 1)
            if octet_at(octets, at) == 110:
                if word_at(octets, at) & _FIRST_FOUR != _NULL or needed:
                    break
                at += 4
            elif field < FIRST_MOMENT:
                if octet_at(octets, at) != 34:
                    break
                end = text_end(octets, at + 1)
                length = end - at - 1
                if end < 0 or length > (
                    LONGEST_LABEL
                    if field == SESSION_ID or field >= FIRST_LABEL
                    else LONGEST_TRACE
                ):
                    break
                if length == 0 and needed:
                    break
                begins[field, row] = at + 1
                ends[field, row] = end
                at = end + 1
            elif field >= FIRST_NUMBER:
                at, number = _number_at(octets, at, field)
                if at < 0:
                    break
                numbers[field - FIRST_NUMBER] = number
            elif field <= STARTED:
                at, us = _moment_at(octets, at)
                if at < 0:
                    break
                if field == ENDED:
                    ended_us = us
                else:
                    started_us = us
            elif field == COMPLETED:
                begin, at = at, literal_end(octets, at)
                if at < 0:
                    break
                completed = 1.0 if at == begin + 4 else 0.0
            elif field == ATTRIBUTES:
                at = attributes_end(
                    octets,
                    at,
                    names,
                    name_bounds,
                    begins[FIRST_MOMENT:, row],
                    ends[FIRST_MOMENT:, row],
                )
                if at < 0:
                    break
            else:
                if octet_at(octets, at) != 34:
                    break
                word, rest = word_at(octets, at + 1), word_at(octets, at + 9)
                if field == STATUS:
                    place = outcome_of(word, rest)
                    outcome, told = OUTCOMES[place], True
                else:
                    place = feedback_of(word, rest)
                    said = FEEDBACKS[place]
                if place < 0:
                    break
                at = text_end(octets, at + 1) + 1
            at = past_spaces(octets, at)
            if octet_at(octets, at) == 44:
                continue
            if octet_at(octets, at) == 125:
                at += 1
                while at < stop and octet_at(octets, at) in (32, 10, 13, 9):
                    at += 1
                whole = at == stop
            break
        if not whole or met & NEEDED != NEEDED:
            continue
        if not told:
            outcome = completed
        if not derive(
            numbers, ended_us, started_us, latest_us, lowest, highest, values[row]
        ):
            continue
        values[row, _SUCCEEDED] = outcome
        values[row, _DOWN] = said
        if ends[TRACE_URL, row] > begins[TRACE_URL, row]:
            begins[TRACE, row] = begins[TRACE_URL, row]
            ends[TRACE, row] = ends[TRACE_URL, row]
        ended_at_us[row] = ended_us
        kinds[row] = READ
        tokens = values[row, _INPUT] + values[row, _OUTPUT]
        if np.isnan(values[row, _COST]) and tokens > 0:
            kinds[row] = UNPRICED
