"""A row whose words make no sense is refused, and never read beyond its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.metrics import Aggregate
from detectors.partition import Partition
from detectors.rules import SECOND_US, Absence, Baseline, Drift, Rule, RuleBook, Window
from detectors.rules import rule as make_rule
from detectors.state.paper import bytes_of, words_of
from tests.unit.detectors.scenes import Log, Session, chance, threshold

WORDS, TOLD = 7, 8
"""Places in a row of words."""

BY = ("agent",)
MINUTE = Window(span_us=60 * SECOND_US)

SESSIONS = (
    make_rule("dear", "cost_usd", threshold(9.0), by=BY),
    make_rule("cost", "cost_usd", Drift("high"), by=BY),
    make_rule("loops", "loop_count", Drift(), by=BY),
    make_rule("quiet", "sessions", Absence(10**12), by=BY),
)


def _windows() -> Iterator[Rule]:
    """Over the last sessions and over a minute, with and without a baseline."""
    usual = Baseline(ratio=9.0, over_samples=80, over_us=600 * SECOND_US)
    for kind in (threshold(1e6), usual):
        for window in (Window(samples=10), MINUTE):
            for aggregate in (Aggregate.MEAN, Aggregate.SUM, Aggregate.P90):
                for metric in ("cost_usd", "loop_count"):
                    yield make_rule(
                        f"{metric}-{aggregate}-{kind.name}-{window}",
                        metric,
                        kind,
                        by=BY,
                        window=window,
                        aggregate=aggregate,
                        min_samples=5,
                    )
            yield make_rule(
                f"tools-{kind.name}-{window}",
                "tool_error_rate",
                kind,
                by=BY,
                window=window,
                min_samples=5,
            )


def _sessions(begin: int, end: int) -> list[Session]:
    luck = chance(1)
    return [
        Session(
            number,
            {
                "cost_usd": luck.lognormvariate(-3, 0.5) * (2 if number > 196 else 1),
                "loop_count": 4.0 + number % 3,
                "tool_calls": 3.0,
                "tool_errors": float(number % 7 == 0),
            },
            f"s{number}",
            {"agent": "a", "task_type": f"t{number % 3}"},
        )
        for number in range(begin, end)
    ]


class Written:
    """A series as it was written, and its partition's seal.

    Attributes:
        state: The parts of its row.
        words: Those of them that are words.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        partition = Partition(RuleBook(rules))
        partition.apply(Log(rules).batch(_sessions(0, 200)), 0)
        ((self.key, row),) = partition.take_dirty()
        assert row is not None
        self.state: list[Any] = msgspec.msgpack.decode(row)
        assert len(self.state) > TOLD, "all is well with it, so its row is words alone"
        self.words: list[int] = words_of(self.state[WORDS]).tolist()
        self.seal = partition.seal(0)

    def restore(self, words: list[int], told: list[object] | None = None) -> None:
        """Read the row with other words, and go on."""
        state = self.state.copy()
        state[WORDS] = bytes_of(np.array(words, np.int64))
        if told is not None:
            state[TOLD] = told
        partition = Partition(RuleBook(self.rules))
        partition.restore_seal(self.seal)
        partition.restore_row(self.key, msgspec.msgpack.encode(state))
        partition.finish_restore()
        log = Log(self.rules)
        log.next[0] = 200
        partition.apply(log.batch(_sessions(200, 260)), 1)
        partition.apply(log.tick({0: 1_000}), 2)
        partition.take_dirty()


LONE, OVER_WINDOWS = Written(SESSIONS), Written(tuple(_windows()))
BOTH = pytest.mark.parametrize("row", [LONE, OVER_WINDOWS], ids=["lone", "windows"])


@BOTH
def test_words_as_they_were_are_taken(row: Written) -> None:
    """The row itself is sound."""
    row.restore(row.words)


@BOTH
@given(st.data())
def test_words_that_are_missing_or_too_many_are_refused(
    row: Written, data: st.DataObject
) -> None:
    """Wherever the row is cut, or something is put in (property)."""
    words = row.words
    at = data.draw(st.integers(0, len(words) - 1))
    shorter = words[:at] + words[at + 1 :]
    longer = [*words[:at], data.draw(st.integers(-5, 2**40)), *words[at:]]
    for damaged in (shorter, longer):
        with pytest.raises(ValueError, match="damaged"):
            row.restore(damaged)


@BOTH
@given(st.data())
def test_no_word_leads_out_of_the_row(row: Written, data: st.DataObject) -> None:
    """Whatever one of them becomes, it is taken or refused (property)."""
    words = row.words.copy()
    at = data.draw(st.integers(0, len(words) - 1))
    small, any_word = st.integers(-3, 300), st.integers(-(2**63), 2**63 - 1)
    words[at] = data.draw(st.one_of(small, any_word))
    # A label that nobody knows is a matter of Python's, and noticed there.
    with suppress(ValueError, IndexError):
        row.restore(words)


def test_sessions_that_the_row_does_not_hold_are_refused() -> None:
    """Its suspects name sessions by their place in it."""
    assert LONE.state[TOLD], "its last sessions were a little dear"
    with pytest.raises(ValueError, match="damaged"):
        LONE.restore(LONE.words, [])
