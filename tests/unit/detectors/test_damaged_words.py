"""A row whose words make no sense is refused, and never read beyond its end."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.partition import Partition
from detectors.rules import Absence, Drift, RuleBook
from detectors.rules import rule as make_rule
from detectors.store import bytes_of, words_of
from tests.unit.detectors.scenes import Log, Session, chance, threshold

WORDS, TOLD = 7, 8
"""Places in a row of words."""

RULES = (
    make_rule("dear", "cost_usd", threshold(9.0), by=("agent",)),
    make_rule("cost", "cost_usd", Drift("high"), by=("agent",)),
    make_rule("loops", "loop_count", Drift(), by=("agent",)),
    make_rule("quiet", "sessions", Absence(10**12), by=("agent",)),
)


def _row() -> tuple[bytes, list[object], bytes]:
    luck, log = chance(1), Log(RULES)
    sessions = [
        Session(
            number,
            {
                "cost_usd": luck.lognormvariate(-3, 0.5) * (2 if number > 196 else 1),
                "loop_count": 4.0 + number % 3,
            },
            f"s{number}",
            {"agent": "a", "task_type": f"t{number % 3}"},
        )
        for number in range(200)
    ]
    partition = Partition(RuleBook(RULES))
    partition.apply(log.batch(sessions), 0)
    ((key, row),) = partition.take_dirty()
    assert row is not None
    state = msgspec.msgpack.decode(row)
    assert len(state) > TOLD, "all is well with it, so its row is words alone"
    assert state[TOLD], "its last sessions were a little dear"
    return key, state, partition.seal(0)


KEY, STATE, SEAL = _row()


def _restore(words: list[int], told: list[object] | None = None) -> None:
    state = list(STATE)
    state[WORDS] = bytes_of(np.array(words, np.int64))
    if told is not None:
        state[TOLD] = told
    partition = Partition(RuleBook(RULES))
    partition.restore_seal(SEAL)
    partition.restore_row(KEY, msgspec.msgpack.encode(state))
    partition.finish_restore()


def test_words_as_they_were_are_taken() -> None:
    """The row itself is sound."""
    _restore(words_of(STATE[WORDS]).tolist())  # type: ignore[arg-type]


@given(st.data())
def test_words_that_are_missing_or_too_many_are_refused(data: st.DataObject) -> None:
    """Wherever the row is cut, or something is put in (property)."""
    words = words_of(STATE[WORDS]).tolist()  # type: ignore[arg-type]
    at = data.draw(st.integers(0, len(words) - 1))
    shorter = words[:at] + words[at + 1 :]
    longer = [*words[:at], data.draw(st.integers(-5, 2**40)), *words[at:]]
    for damaged in (shorter, longer):
        with pytest.raises(ValueError, match="damaged"):
            _restore(damaged)


@given(st.data())
def test_no_word_leads_out_of_the_row(data: st.DataObject) -> None:
    """Whatever one of them becomes, it is taken or refused (property)."""
    words = words_of(STATE[WORDS]).tolist()  # type: ignore[arg-type]
    at = data.draw(st.integers(0, len(words) - 1))
    words[at] = data.draw(st.integers(-(2**63), 2**63 - 1))
    # A label that nobody knows is a matter of Python's, and noticed there.
    with suppress(ValueError, IndexError):
        _restore(words)


def test_sessions_that_the_row_does_not_hold_are_refused() -> None:
    """Its suspects name sessions by their place in it."""
    words = words_of(STATE[WORDS]).tolist()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="damaged"):
        _restore(words, [])
