"""The normal distribution, compiled: what the standard library says, to the bit."""

from __future__ import annotations

from math import inf
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors import numbers
from detectors.kernels.normal import LEAST, deviations, tail
from detectors.kernels.numbers import finite
from detectors.kernels.stakes import CELLS, HIGH, LOW, MOST, exact, stake
from detectors.normal import tails as scalar


@given(st.floats(allow_nan=False))
def test_a_tail_is_that_of_the_scalar_code(place: float) -> None:
    """Far out and in the middle, on both sides."""
    assert tail(place) == scalar.tail(place)


@given(st.floats(0.0, 1.0))
@example(0.075)
@example(0.925)
@example(0.5)
@example(1.3887943864964021e-11)  # its root of the log is 5: the last piece begins
def test_an_inverse_is_that_of_the_standard_library(probability: float) -> None:
    """At the ends of its pieces as well."""
    assert deviations(probability) == scalar.deviations(probability)


def test_an_inverse_is_the_same_over_all_orders_of_magnitude() -> None:
    """From the smallest probability told apart to all but one."""
    draw = Random(20)  # noqa: S311 - no secret
    for _ in range(20_000):
        probability = 10.0 ** draw.uniform(-16.0, 0.0)
        for each in (probability, 1.0 - probability):
            assert deviations(each) == scalar.deviations(each)
    assert deviations(0.0) == deviations(LEAST)


@given(st.floats())
def test_a_finite_number_is_that_of_the_scalar_code(value: float) -> None:
    """What is infinite becomes the largest, what is no number becomes zero."""
    assert finite(value) == numbers.finite(value)


@pytest.mark.parametrize("step", range(-7 * CELLS, 7 * CELLS))
def test_a_stake_is_a_power_of_the_tail(step: int) -> None:
    """Within a hundred thousandth, within a cubic and where two of them meet."""
    for part in (0.0, 0.25, 0.5, 0.9):
        place = (step + part) / CELLS
        assert stake(place) == pytest.approx(exact(place), rel=1e-5)


@given(st.floats(LOW - 1.0, HIGH + 1.0), st.floats(0.0, 1e-3))
def test_a_stake_never_falls_with_the_deviation(place: float, more: float) -> None:
    """A worse session pays at least as much, to a rounding."""
    assert stake(place + more) >= stake(place) * (1.0 - 1e-6)


def test_a_stake_has_ends() -> None:
    """No session pays more than the most, and what is no number pays the least."""
    assert stake(inf) == stake(1e300) == MOST
    assert stake(-inf) == stake(float("nan")) == stake(LOW)
