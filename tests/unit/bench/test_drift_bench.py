import json
from math import inf

import pytest

from detectors.metrics import METRICS
from detectors.rules import Baseline, Window, rule
from tests.bench.adwin import StandardisedAdwin, even
from tests.bench.drift import HORIZON, Outcome
from tests.bench.feed import alarms, state_bytes, watched
from tests.bench.simulated import SIMULATED, Values

LATENCY = SIMULATED[1]
SLOW = rule("slow", "latency_ms", Baseline(ratio=1.6), window=Window(samples=50))


def constant(*levels: float) -> list[Values]:
    """A hundred sessions at each level."""
    return [{"latency_ms": level} for level in levels for _ in range(100)]


def test_the_session_at_which_a_rule_begins_to_fire_is_named() -> None:
    """The mean of 50 passes 1.6 x 100 with the 31st session at 200."""
    assert alarms([SLOW], constant(100.0, 200.0), 60.0) == {"slow": [130]}


def test_a_stream_without_a_change_raises_no_alarm() -> None:
    """Every rule is named, also one that said nothing."""
    assert alarms([SLOW], constant(100.0, 100.0), 60.0) == {"slow": []}


def test_alarms_do_not_hang_on_how_far_apart_sessions_are() -> None:
    """Positions are counted in sessions, whatever the time between them."""
    stream = constant(100.0, 200.0)
    assert alarms([SLOW], stream, 1.0) == alarms([SLOW], stream, 600.0)


def test_a_rule_is_all_of_its_row_but_the_frame() -> None:
    """The numbers of the series itself, a few dozen bytes, are not the rule's."""
    stream = LATENCY.sessions((1,), 500)
    row = watched([SLOW], stream, 60.0).row_bytes
    assert row - 60 <= state_bytes(SLOW, stream, 60.0) < row


def test_the_same_seed_draws_the_same_sessions() -> None:
    """And another one others."""
    assert LATENCY.sessions((1, 2), 50) == LATENCY.sessions((1, 2), 50)
    assert LATENCY.sessions((1, 2), 50) != LATENCY.sessions((1, 3), 50)


@pytest.mark.parametrize("simulated", SIMULATED, ids=lambda s: s.metric.name)
def test_a_simulated_change_has_the_size_it_says(simulated: object) -> None:
    """Means of many sessions before and after differ by the factor, or the step."""
    assert isinstance(simulated, type(LATENCY))
    change = simulated.changes[1]
    stream = simulated.sessions((5,), 20_000, change.size, 20_000)
    column = next(iter(set(stream[0]) - {"tool_calls"}))
    before, after = (
        sum(values[column] for values in part) / 20_000
        for part in (stream[:20_000], stream[20_000:])
    )
    if simulated.none:
        assert after / before == pytest.approx(change.size, rel=0.06)
    else:
        assert after - before == pytest.approx(100 * change.size, abs=0.6)


def test_the_median_counts_what_was_missed_as_never() -> None:
    """Two of three found: the median is the later; a late alarm is a miss."""
    outcome = Outcome()
    outcome.take([299, 304], at=300)
    outcome.take([320, 400], at=300)
    outcome.take([300 + HORIZON], at=300)
    assert outcome.delays == [5, 21, inf]
    figures = outcome.figures()
    assert (figures["delay"], figures["missed_percent"]) == (21, 33.3)
    assert figures["alerts"] == pytest.approx(4 / 3, abs=1e-3)


def test_most_runs_missed_leave_no_median() -> None:
    """It would be infinite, which JSON cannot say."""
    outcome = Outcome()
    outcome.take([], at=300)
    assert json.dumps(outcome.figures()["delay"]) == "null"


def test_adwin_finds_a_change_and_which_way_it_went() -> None:
    """Slower is worse, faster is better; nothing is found before the change."""
    for size, way in ((2.0, 1), (0.5, -1)):
        stream = LATENCY.sessions((3,), 300, size, 200)
        at, found = StandardisedAdwin(LATENCY.metric, 0.002, learn=20).changes(stream)[
            0
        ]
        assert found == way
        assert 300 <= at < 400


def test_a_session_without_calls_is_no_sample_of_a_rate() -> None:
    """Nor is one that lacks the column."""
    errors = METRICS["tool_error_rate"]
    for values in ({"tool_calls": 0.0, "tool_errors": 0.0}, {"latency_ms": 1.0}):
        assert even(errors, values) != even(errors, values)  # NaN
    assert even(errors, {"tool_calls": 4.0, "tool_errors": 4.0}) > 1.5
