"""A session's fields as compiled code knows them: by number, and as words to compare."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from streams.events.session_fields import LABEL_FIELDS

SESSION_ID: Final = 0
TRACE: Final = 1
FIRST_LABEL: Final = 3
TEXTS: Final = (
    *("session_id", "trace_id", "trace_url"),
    *LABEL_FIELDS,
)
"""The columns of texts; in the second is what a session's trace is."""

TRACE_URL: Final = 2
FIRST_MOMENT: Final = len(TEXTS)
ENDED, STARTED, STATUS, FEEDBACK, COMPLETED, ATTRIBUTES, FIRST_NUMBER = range(
    FIRST_MOMENT, FIRST_MOMENT + 7
)
COUNTS: Final = (
    *("loop_count", "llm_calls", "llm_errors", "llm_truncations"),
    *("tool_calls", "tool_errors", "input_tokens", "output_tokens"),
)
AMOUNTS: Final = ("latency_ms", "cost_usd", "tool_cost_usd")
FIRST_AMOUNT: Final = FIRST_NUMBER + len(COUNTS)
SCORE: Final = FIRST_AMOUNT + len(AMOUNTS)
_FIELDS: Final = (
    *TEXTS,
    *("ended_at", "started_at", "status", "feedback", "task_completed", "attributes"),
    *COUNTS,
    *AMOUNTS,
    "quality_score",
)
FIELD_COUNT: Final = len(_FIELDS)
NEEDED: Final = 1 << SESSION_ID | 1 << TEXTS.index("agent") | 1 << ENDED
"""A bit for each field without which there is no session."""


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
LENGTHS: Final = np.array([len(name) + 1 for name in _FIELDS], np.int64)

_SUCCEEDED: Final = {
    "success": 1.0,
    "Success": 1.0,
    "failure": 0.0,
    "Fail": 0.0,
    "error": 0.0,
    "timeout": 0.0,
    "cancelled": np.nan,
}
_OUTCOME, _OUTCOME_REST, _OUTCOME_MASK, _OUTCOME_MASK_REST = _words(tuple(_SUCCEEDED))
OUTCOMES: Final = np.array([*_SUCCEEDED.values()])
_DOWN: Final = {"up": 0.0, "down": 1.0, "regenerated": 1.0}
_SAID, _SAID_REST, _SAID_MASK, _SAID_MASK_REST = _words(tuple(_DOWN))
FEEDBACKS: Final = np.array([*_DOWN.values()])


@compiled
def is_field(word: np.uint64, rest: np.uint64, field: int) -> bool:
    """Whether 16 bytes begin with the name of a field and a quote."""
    return bool(
        word & _MASK[field] == _KEY[field]
        and rest & _MASK_REST[field] == _KEY_REST[field]
    )


@compiled
def outcome_of(word: np.uint64, rest: np.uint64) -> int:
    """The place in ``OUTCOMES`` of the status that 16 bytes begin with; -1: none."""
    for place in range(len(_OUTCOME)):
        if (
            word & _OUTCOME_MASK[place] == _OUTCOME[place]
            and rest & _OUTCOME_MASK_REST[place] == _OUTCOME_REST[place]
        ):
            return place
    return -1


@compiled
def feedback_of(word: np.uint64, rest: np.uint64) -> int:
    """The place in ``FEEDBACKS`` of what 16 bytes begin with; -1: none."""
    for place in range(len(_SAID)):
        if (
            word & _SAID_MASK[place] == _SAID[place]
            and rest & _SAID_MASK_REST[place] == _SAID_REST[place]
        ):
            return place
    return -1
