"""Checkpoints: at every turn, unless they are dear and there is other work."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.state.turns import MOST_SKIPPED, Turns


def test_what_takes_no_time_is_written_at_every_turn() -> None:
    """Less than a fiftieth of a turn: there is nothing to save."""
    turns = Turns(1.0)
    for observed in range(100):
        assert turns.due(observed)
        turns.took(0.019)


def test_what_takes_long_is_written_at_some_turns() -> None:
    """It takes a fiftieth of the time."""
    turns, written = Turns(1.0), 0
    for observed in range(90):
        if turns.due(observed):
            written += 1
            turns.took(0.04)
    assert written == 30


def test_without_new_sessions_nothing_is_put_off() -> None:
    """Waiting would save nothing, and what is folded had better be safe."""
    turns = Turns(1.0)
    assert turns.due(10)
    turns.took(10.0)
    assert [turns.due(observed) for observed in (11, 11)] == [False, True]


def test_turns_are_counted_in_intervals() -> None:
    """Who asks for a longer interval gets no more of them skipped for it."""
    turns = Turns(10.0)
    assert turns.due(1)
    turns.took(0.1)
    assert turns.due(2)


@given(
    st.floats(0.1, 60.0), st.lists(st.tuples(st.integers(0, 3), st.floats(0.0, 1e4)))
)
def test_never_is_more_skipped_than_may_be(
    every_s: float, turns_of: list[tuple[int, float]]
) -> None:
    """Whatever it takes: so much at most has to be folded again (property)."""
    turns, observed, skipped = Turns(every_s), 0, 0
    for more, taking_s in turns_of:
        observed += more
        if turns.due(observed):
            turns.took(taking_s)
            skipped = 0
        else:
            skipped += 1
        assert skipped <= MOST_SKIPPED
