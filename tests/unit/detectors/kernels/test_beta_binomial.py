"""Errors among calls, compiled, with a table for a memory."""

from __future__ import annotations

from math import exp, isnan, lgamma, log, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.kernels.beta_binomial import MOST_CALLS, REMEMBERED, table, tails

TABLE = table()


def _summed(
    errors: int, calls: int, rate: float, concentration: float
) -> tuple[float, float]:
    """The definition: terms of the beta-binomial distribution, summed."""
    bad, good = rate * concentration, (1 - rate) * concentration

    def beta(one: float, other: float) -> float:
        return lgamma(one) + lgamma(other) - lgamma(one + other)

    def mass(count: int) -> float:
        ways = -log(calls + 1) - beta(calls - count + 1, count + 1)
        return exp(ways + beta(count + bad, calls - count + good) - beta(bad, good))

    above = sum(mass(count) for count in range(errors + 1, calls + 1))
    return above + mass(errors) / 2, above + mass(errors)


def _recurring(logit: int, spread: int) -> tuple[float, float]:
    """A rate and a concentration that rounding leaves as they are."""
    return 1 / (1 + exp(-logit / 20)), exp(spread / 8)


@given(
    st.integers(1, MOST_CALLS),
    st.floats(0.0, 1.0),
    st.integers(-150, 150),
    st.integers(-3, 50),
)
def test_both_tails_are_sums_of_the_distribution(
    calls: int, share: float, logit: int, spread: int
) -> None:
    """Of more errors and half of just as many, and of as many or more."""
    errors = round(share * calls)
    rate, concentration = _recurring(logit, spread)
    found = tails(float(errors), float(calls), rate, concentration, *TABLE)
    expected = _summed(errors, calls, rate, concentration)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-13)


def test_what_is_remembered_changes_no_result() -> None:
    """A table in use, rows overwritten many times, says what an empty one says."""
    draw = Random(5)  # noqa: S311 - no secret
    keys, values = table()
    asked = [
        (
            float(draw.randrange(calls + 1)),
            float(calls),
            *_recurring(draw.randrange(-150, 150), draw.randrange(-3, 50)),
        )
        for calls in draw.choices(range(1, 15), k=REMEMBERED)
    ]
    first = [tails(*each, keys, values) for each in asked]
    again = [tails(*each, keys, values) for each in reversed(asked)]
    assert first == again[::-1]
    fresh, empty = table()
    for each, known in zip(asked[::101], first[::101], strict=True):
        fresh[:] = 0
        assert tails(*each, fresh, empty) == known


@given(st.floats(0.0, 1e300), st.floats(1.0, 1e300))
def test_a_session_of_many_calls_counts_as_one_of_sixty(
    errors: float, calls: float
) -> None:
    """At its own rate; more errors than calls are as many as calls."""
    found = tails(errors, calls, 0.05, 50.0, *TABLE)
    whole = min(MOST_CALLS, int(calls))
    counted = min(whole, round(errors * whole / calls))
    assert found == tails(float(counted), float(whole), 0.05, 50.0, *TABLE)


def test_what_is_no_number_has_no_tail() -> None:
    """An unknown rate gives an unknown probability, and leaves no trace."""
    keys, values = table()
    for asked in ((nan, 5.0, 0.1, 9.0), (1.0, 5.0, nan, 9.0), (1.0, 5.0, 0.1, nan)):
        assert all(isnan(each) for each in tails(*asked, keys, values))
    assert not keys.any()
