"""Two numbers in one word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.kernels.halves import (
    half,
    half_float,
    halves,
    high,
    high_int,
    low,
    low_int,
    mixed,
    pair,
    set_half,
    set_half_float,
)
from detectors.kernels.words import arena

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


@given(st.lists(st.tuples(st.integers(2, 7), HALF | FLOATS), max_size=20))
def test_halves_of_a_piece_are_set_one_by_one(
    told: list[tuple[int, int | float]],
) -> None:
    """Whatever stands beside them stays as it is; so does what is around the piece."""
    _, i = arena(6)
    known = dict.fromkeys(range(8), 0.0)
    for place, number in told:
        if isinstance(number, int):
            set_half(i, 1, place, number)
            known[place] = number
        else:
            set_half_float(i, 1, place, number)
            known[place] = rounded(number)

    for place, number in known.items():
        found = (
            half(i, 1, place) if isinstance(number, int) else half_float(i, 1, place)
        )
        assert found == number
    assert i[0] == i[1] == i[5] == 0


@pytest.mark.parametrize("other", [0.0, 1.5, float("inf")])
def test_what_is_not_known_stays_so(other: float) -> None:
    """NaN, whatever stands beside it."""
    word = halves(float("nan"), other)

    assert np.isnan(low(word))
    assert high(word) == other
