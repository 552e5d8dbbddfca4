"""Moments: a sample and its time in one word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.kernels.moments import moment, number_of, time_of

YEAR_US = 365 * 86_400 * 1_000_000


@given(
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 25),
    st.integers(1, 100 * YEAR_US),
    st.integers(0, 8 * YEAR_US),
)
def test_a_moment_is_known_from_any_later_one(
    number: int, more: int, at_us: int, later_us: int
) -> None:
    """Millions of samples and years later; the time in whole milliseconds."""
    word = moment(number, at_us)
    if word:
        assert number_of(word, number + more) == number
        assert time_of(word, at_us + later_us) == at_us // 1_000 * 1_000


def test_before_the_first_sample_there_is_no_time() -> None:
    """So that nobody is told of 1970, or of a time nine years ago."""
    word = moment(0, 0)

    assert number_of(word, 40) == 0
    assert time_of(word, 1_800_000_000_000_000) == 0
