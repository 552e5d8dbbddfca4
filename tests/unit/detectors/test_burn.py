"""How fast a budget is spent, and when it will be gone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.normal.burn import SLOTS, Burn, gone_us

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def _burn(period: str, *spent: tuple[float, float]) -> Burn:
    """Known since midnight of a day; what was spent at which hour."""
    burn = Burn(period)
    burn.known_us = 100 * DAY_US
    for hour, value in spent:
        burn.add(round(100 * DAY_US + hour * HOUR_US), value)
    return burn


def _hourly(burn: Burn, hour: float) -> float | None:
    recent = burn.recent(round(100 * DAY_US + hour * HOUR_US))
    return None if recent is None else recent * HOUR_US


def test_an_even_pace_is_found_as_it_is() -> None:
    """Two an hour are two an hour, before and after the slots are full."""
    burn = _burn("month", *((hour / 2, 1.0) for hour in range(1, 100)))
    for hour in (6, 24, 49):
        held = _burn("month", *((n / 2, 1.0) for n in range(1, 2 * hour + 1)))
        assert _hourly(held, hour) == pytest.approx(2.0)
    assert _hourly(burn, 49.5) == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(("period", "reach_h"), [("day", 3), ("week", 24)])
def test_too_little_is_no_rate(period: str, reach_h: float) -> None:
    """A quarter of the recent past must be known."""
    burn = _burn(period, (0.1, 5.0))
    assert _hourly(burn, reach_h / 4 - 0.01) is None
    assert _hourly(burn, reach_h / 4) == pytest.approx(5.0 / (reach_h / 4))


def test_what_is_long_ago_does_not_count() -> None:
    """Neither when time has passed nor when it comes late."""
    burn = _burn("month", (1, 100.0), (60, 2.4))
    assert _hourly(burn, 60) == pytest.approx(0.1)
    burn.add(100 * DAY_US + 2 * HOUR_US, 50.0)
    assert _hourly(burn, 60) == pytest.approx(0.1)
    burn.add(100 * DAY_US + 50 * HOUR_US, 2.4)
    assert _hourly(burn, 60) == pytest.approx(0.2)
    assert _hourly(burn, 100) == 0.0


def test_a_risen_rate_counts_as_it_is_and_a_fallen_one_half() -> None:
    """A runaway is not averaged away; a quiet night is not believed for ever."""
    burn = _burn("month", *((hour, 1.0) for hour in range(1, 73)))
    now_us, start_us = 103 * DAY_US, 100 * DAY_US
    assert burn.rate(36.0, start_us, now_us) == burn.recent(now_us)
    average = 144 / 72
    found = burn.rate(144.0, start_us, now_us)
    assert found is not None
    assert found * HOUR_US == pytest.approx((1 + average) / 2)


def test_the_period_before_counts_for_the_rate_and_not_for_the_average() -> None:
    """In the first hours of a period only the recent past speaks."""
    burn = _burn("month", *((hour, 1.0) for hour in range(1, 49)))
    now_us = 102 * DAY_US
    assert burn.rate(1e9, now_us - HOUR_US, now_us) == burn.recent(now_us)


@pytest.mark.parametrize(
    ("left", "rate", "expected"),
    [
        (10.0, 2.0, 105),
        (10.0, 3.0, 104),
        (10.0, 0.1, None),  # exactly at the end is not within it
        (10.0, 0.0, None),
        (10.0, None, None),
        (1.7e308, 5e-324, None),
    ],
)
def test_when_it_will_be_gone(
    left: float, rate: float | None, expected: int | None
) -> None:
    """Rounded up, and only before the end."""
    assert gone_us(left, rate, 100, 200) == expected


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 200 * 60), st.sampled_from([0.0, 0.5, 3.0, 1e308])),
        max_size=60,
    )
)
def test_the_slots_say_what_the_history_does(history: list[tuple[int, float]]) -> None:
    """In whatever order it comes, and after a restart (property)."""
    burn = _burn("week")
    for minute, value in history:
        burn.add(100 * DAY_US + minute * 60_000_000, value)
        again = Burn("week")
        again.load(burn.dump())
        assert again.dump() == burn.dump()
        burn = again
    newest = max((minute for minute, _ in history), default=0)
    now_minute = max(newest, 24 * 60)
    first = -(-now_minute // 60) - SLOTS
    summed = sum(
        value for minute, value in history if first * 60 < minute <= now_minute
    )
    found = burn.recent(100 * DAY_US + now_minute * 60_000_000)
    assert found is not None
    length_us = (now_minute - max(0, first * 60)) * 60_000_000
    assert found == pytest.approx(min(summed, 1.7976931348623157e308) / length_us)
