"""Two numbers in one word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.kernels.halves import halves, high, high_int, low, low_int, mixed, pair

FLOATS = st.floats(allow_nan=False)
HALF = st.integers(-(2**31), 2**31 - 1)


def rounded(number: float) -> float:
    """A float of half the width."""
    with np.errstate(over="ignore"):
        return float(np.float32(number))


@given(FLOATS, FLOATS)
def test_two_floats_are_rounded_to_half_the_width(first: float, second: float) -> None:
    """To nearest; what is too large becomes infinite."""
    word = halves(first, second)

    assert low(word) == rounded(first)
    assert high(word) == rounded(second)


@given(HALF, HALF)
def test_two_integers_come_back_with_their_signs(first: int, second: int) -> None:
    """Each half is an integer of its own."""
    word = pair(first, second)

    assert (low_int(word), high_int(word)) == (first, second)


@given(FLOATS, HALF)
def test_a_float_and_an_integer_share_a_word(first: float, second: int) -> None:
    """Each comes back as it would alone."""
    word = mixed(first, second)

    assert low(word) == rounded(first)
    assert high_int(word) == second


@pytest.mark.parametrize("other", [0.0, 1.5, float("inf")])
def test_what_is_not_known_stays_so(other: float) -> None:
    """NaN, whatever stands beside it."""
    word = halves(float("nan"), other)

    assert np.isnan(low(word))
    assert high(word) == other
