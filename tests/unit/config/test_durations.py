"""Durations and counts, as text and as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwatch.config.durations import (
    LONGEST_US,
    MOST_SESSIONS,
    UNITS,
    format_duration,
    parse_count,
    parse_duration,
    suggest,
)


@given(st.integers(0, LONGEST_US // 1_000).map(lambda millis: millis * 1_000))
def test_a_duration_reads_as_it_was_written(span_us: int) -> None:
    """Text and number stand for each other."""
    assert parse_duration(format_duration(span_us)) == span_us


@given(st.integers(1, 500), st.sampled_from(list(UNITS)))
def test_each_unit_is_a_fixed_time(number: int, unit: str) -> None:
    """A day is 24 hours and a week 7 days, with no calendar."""
    assert parse_duration(f"{number}{unit}") == number * UNITS[unit]


@given(st.integers(0, MOST_SESSIONS))
def test_a_count_reads_as_it_was_written(count: int) -> None:
    """One session and many are spelt as people spell them."""
    assert parse_count(f"{count} {'session' if count == 1 else 'sessions'}") == count


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{1,3} ?[a-z]{0,8}", fullmatch=True))
def test_what_is_suggested_can_be_read(text: str) -> None:
    """No suggestion is itself a fault, and none is made for what needs none."""
    meant = suggest(text)
    if meant is not None:
        read = parse_count if "session" in meant else parse_duration
        assert read(meant) >= 0


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5m", "1.5h", "5 m", "1m1h", "1h1h", "٣s", "1mo", "521w"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"is|does"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["50", "sessions", "1.5 sessions", "50 Sessions", "5s"]
)
def test_what_is_no_count_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="is no count"):
        parse_count(text)
