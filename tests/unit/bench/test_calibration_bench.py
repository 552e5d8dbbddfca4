from math import comb

import pytest

from detectors.metrics import COLUMN, COLUMNS, METRICS
from tests.bench.calibration import Row, Steps, p_value, steps, tallies
from tests.bench.simulated import SIMULATED

CALLS, ERRORS = COLUMN["tool_calls"], COLUMN["tool_errors"]


class Exact:
    """Knows the true error rate; says ``times`` the true probability."""

    def __init__(self, rate: float, times: float = 1.0) -> None:
        self.rate, self.times, self.learned = rate, times, 0

    def score(self, values: Row) -> float:
        """The binomial tail."""
        calls, errors = int(values[CALLS]), int(values[ERRORS])
        tail = sum(
            comb(calls, k) * self.rate**k * (1 - self.rate) ** (calls - k)
            for k in range(errors, calls + 1)
        )
        return min(1.0, self.times * tail)

    def update(self, values: Row) -> None:  # noqa: ARG002
        """Only count."""
        self.learned += 1


def row(calls: float, errors: float) -> list[float]:
    """A session that carries tool calls alone."""
    values = [float("nan")] * len(COLUMNS)
    values[CALLS], values[ERRORS] = calls, errors
    return values


def rows(count: int) -> list[list[float]]:
    """Healthy simulated sessions."""
    tools = SIMULATED[3].sessions((9,), count)
    return [row(values["tool_calls"], values["tool_errors"]) for values in tools]


@pytest.mark.parametrize("calls", [1, 2, 3, 6, 20])
@pytest.mark.parametrize("level", [0.5, 0.01, 0.001])
def test_the_attainable_probability_is_the_largest_at_or_below_the_level(
    calls: int, level: float
) -> None:
    """The same as trying every value; 0 if even the worst is too likely."""
    lattice = steps(METRICS["tool_error_rate"], judged=False)
    assert lattice is not None
    exact = Exact(0.04)
    tails = [exact.score(row(calls, errors)) for errors in range(calls + 1)]
    best = max((tail for tail in tails if tail <= level), default=0.0)
    assert lattice.attainable(exact, row(calls, 0), level) == best
    assert exact.learned == 0


def test_a_lattice_without_an_end_is_searched_as_far_as_needed() -> None:
    """A probability that falls slowly is found far out."""

    class Slow:
        def score(self, values: Row) -> float:
            return 1 / (1 + values[COLUMN["loop_count"]])

        def update(self, values: Row) -> None:
            raise AssertionError(values)

    found = Steps(COLUMN["loop_count"]).attainable(Slow(), row(1, 0), 0.001)
    assert found == 1 / 1000


def test_true_probabilities_are_observed_as_often_as_they_say() -> None:
    """A detector that knows the truth has a ratio of 1, but for chance (sd .055)."""
    lattice = steps(METRICS["tool_error_rate"], judged=False)
    tally = tallies(Exact(0.04), rows(100_000), lattice)[0.01]
    assert tally.ratio == pytest.approx(1.0, abs=0.2)


def test_probabilities_that_are_too_small_are_found_out() -> None:
    """A tenth of the truth is said: alerts come several times too often."""
    lattice = steps(METRICS["tool_error_rate"], judged=False)
    ratio = tallies(Exact(0.04, times=0.1), rows(20_000), lattice)[0.001].ratio
    assert ratio is not None
    assert ratio > 5


def test_a_session_is_scored_before_it_is_learned() -> None:
    """The first score knows of no session, the third of two."""

    class Counting:
        seen = 0

        def score(self, values: Row) -> float | None:  # noqa: ARG002
            return self.seen / 10

        def update(self, values: Row) -> None:  # noqa: ARG002
            self.seen += 1

    assert list(p_value(Counting(), rows(3))) == [0.0, 0.1, 0.2]


def test_continuous_metrics_have_no_lattice() -> None:
    """Nor has quality, unless a judge gives whole scores."""
    assert steps(METRICS["cost_usd"], judged=True) is None
    assert steps(METRICS["quality_score"], judged=False) is None
    assert steps(METRICS["quality_score"], judged=True) is not None
