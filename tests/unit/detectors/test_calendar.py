"""Days, weeks and months in people's time zones."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.normal.calendar import LAST_US, PERIODS, Calendar
from detectors.transitions import microseconds, rfc3339

HOUR_US = 3_600_000_000
ZONES = sorted(available_timezones())


def _bounds(period: str, zone: str, at: str) -> tuple[str, str]:
    start_us, end_us = Calendar(period, zone).bounds(microseconds(at))
    return rfc3339(start_us), rfc3339(end_us)


def _hours(period: str, zone: str, at: str) -> float:
    start_us, end_us = Calendar(period, zone).bounds(microseconds(at))
    return (end_us - start_us) / HOUR_US


def test_a_day_begins_at_the_local_midnight() -> None:
    """One o'clock in the night of Berlin is the day before in UTC."""
    assert _bounds("day", "Europe/Berlin", "2026-01-10T23:30:00Z") == (
        "2026-01-10T23:00:00Z",
        "2026-01-11T23:00:00Z",
    )


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T12:00:00Z", 23),
        ("Europe/Berlin", "2026-10-25T12:00:00Z", 25),
        ("Australia/Lord_Howe", "2026-04-05T00:00:00Z", 24.5),
        ("Africa/Cairo", "2024-04-26T12:00:00Z", 23),  # there is no 00:00
        ("America/Havana", "2025-11-02T12:00:00Z", 25),  # there are two of them
        ("Europe/Berlin", "2026-03-30T12:00:00Z", 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(
    zone: str, at: str, hours: float
) -> None:
    """Where they change it has 23 or 25 hours."""
    assert _hours("day", zone, at) == hours


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("2026-01-31T12:00:00Z", 31),
        ("2026-02-01T12:00:00Z", 28),
        ("2028-02-29T12:00:00Z", 29),
        ("2026-04-30T12:00:00Z", 30),
        ("2026-12-31T12:00:00Z", 31),
    ],
)
def test_a_month_is_as_long_as_it_is(at: str, days: int) -> None:
    """From its first day to the first of the next, also over the year's end."""
    assert _hours("month", "UTC", at) == 24 * days


def test_a_month_with_a_change_of_clocks_is_an_hour_off() -> None:
    """March of Berlin has 743 hours, October 745."""
    assert _hours("month", "Europe/Berlin", "2026-03-15T00:00:00Z") == 743
    assert _hours("month", "Europe/Berlin", "2026-10-15T00:00:00Z") == 745


def test_a_week_begins_on_monday() -> None:
    """Sunday's last second is still the old one."""
    assert _bounds("week", "UTC", "2026-11-29T23:59:59Z") == (
        "2026-11-23T00:00:00Z",
        "2026-11-30T00:00:00Z",
    )
    assert _hours("week", "Europe/Berlin", "2026-03-29T00:00:00Z") == 167


def test_what_happens_at_midnight_is_in_the_new_period() -> None:
    """The end is not in the period."""
    calendar = Calendar("day", "Asia/Tokyo")
    start_us, end_us = calendar.bounds(microseconds("2026-11-29T23:59:59Z"))
    assert calendar.bounds(end_us - 1) == (start_us, end_us)
    assert calendar.bounds(end_us)[0] == end_us


def test_a_skipped_date_has_no_length() -> None:
    """Samoa went from 29 to 31 December 2011."""
    day = _bounds("day", "Pacific/Apia", "2011-12-30T10:00:00Z")
    assert day == ("2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z")


def test_the_last_month_that_can_be_written_ends_with_the_calendar() -> None:
    """A clock far off stays finite."""
    for period in PERIODS:
        start_us, end_us = Calendar(period, "Pacific/Kiritimati").bounds(LAST_US)
        assert start_us < end_us == LAST_US


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(PERIODS),
    st.sampled_from(ZONES),
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)),  # noqa: DTZ001
)
def test_periods_follow_each_other(period: str, zone: str, at: datetime) -> None:
    """Each time is in exactly one, and each begins where the last ended (property)."""
    at_us = microseconds(at.replace(tzinfo=UTC).isoformat())
    calendar = Calendar(period, zone)
    start_us, end_us = calendar.bounds(at_us)
    assert start_us <= at_us < end_us
    assert calendar.bounds(start_us) == (start_us, end_us)
    assert calendar.bounds(end_us - 1) == (start_us, end_us)
    assert calendar.bounds(end_us)[0] == end_us
    first = datetime.fromtimestamp(start_us / 1e6, ZoneInfo(zone)).date()
    before = datetime.fromtimestamp((start_us - 1) / 1e6, ZoneInfo(zone)).date()
    assert first != before
    if period == "month":
        assert (first.year, first.month) != (before.year, before.month)
