"""Mute times on clocks on the wall, across nights that have an hour more or less."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from alerts.calendar import HORIZON_US, changes_us, is_muted
from alerts.routes import Mute, MuteTime
from detectors.matchers import EVERYTHING
from detectors.transitions import microseconds, rfc3339

BERLIN = "Europe/Berlin"
S = 1_000_000


def _mute(zone: str, *times: MuteTime) -> Mute:
    return Mute(EVERYTHING, times, zone)


def _hours(start: str, end: str, **more: tuple[int, ...]) -> MuteTime:
    minutes = [60 * int(text[:2]) + int(text[3:]) for text in (start, end)]
    return MuteTime(start_minute=minutes[0], end_minute=minutes[1], **more)


def _at(mute: Mute, text: str) -> bool:
    return is_muted(mute, microseconds(text))


def _next(mute: Mute, text: str) -> str:
    return rfc3339(changes_us(mute, microseconds(text)))


class TestConditions:
    def test_an_entry_is_an_and(self) -> None:
        """S55: Saturdays in May, and no other day."""
        mute = _mute("UTC", MuteTime(weekdays=(5,), months=(5,)))
        assert _at(mute, "2026-05-02T12:00:00Z")
        assert not _at(mute, "2026-05-03T12:00:00Z")
        assert not _at(mute, "2026-06-06T12:00:00Z")

    def test_the_list_is_an_or(self) -> None:
        """S55: either of two."""
        mute = _mute("UTC", MuteTime(months=(5,)), MuteTime(years=(2027,)))
        assert _at(mute, "2026-05-31T23:59:59Z")
        assert not _at(mute, "2026-06-01T00:00:00Z")
        assert _at(mute, "2027-01-01T00:00:00Z")

    def test_the_end_is_exclusive(self) -> None:
        """S55: from the first second of ``start`` to the last before ``end``."""
        mute = _mute("UTC", _hours("09:00", "17:00"))
        assert not _at(mute, "2026-05-04T08:59:59Z")
        assert _at(mute, "2026-05-04T09:00:00Z")
        assert _at(mute, "2026-05-04T16:59:59Z")
        assert not _at(mute, "2026-05-04T17:00:00Z")

    def test_midnight_is_an_end(self) -> None:
        """S55: ``24:00``."""
        mute = _mute("UTC", _hours("22:00", "24:00"))
        assert _at(mute, "2026-05-04T23:59:59Z")
        assert not _at(mute, "2026-05-05T00:00:00Z")

    def test_a_night_belongs_to_the_day_it_began(self) -> None:
        """S55: Friday's reaches into Saturday, Saturday's is none."""
        mute = _mute("UTC", _hours("22:00", "06:00", weekdays=(4,)))
        assert _at(mute, "2026-05-01T22:00:00Z")
        assert _at(mute, "2026-05-02T05:59:59Z")
        assert not _at(mute, "2026-05-02T06:00:00Z")
        assert not _at(mute, "2026-05-02T22:00:00Z")
        assert not _at(mute, "2026-05-01T05:00:00Z")

    def test_days_count_from_the_end_too(self) -> None:
        """S55: -1 is the last day, in February as well."""
        mute = _mute("UTC", MuteTime(days_of_month=(-1,)))
        assert _at(mute, "2028-02-29T12:00:00Z")
        assert not _at(mute, "2028-02-28T12:00:00Z")
        assert _at(mute, "2026-02-28T12:00:00Z")


class TestSummerTime:
    def test_hours_are_local(self) -> None:
        """The same office hours, in winter an hour later by UTC."""
        mute = _mute(BERLIN, _hours("09:00", "17:00"))
        assert _at(mute, "2026-07-01T07:00:00Z")
        assert not _at(mute, "2026-12-01T07:00:00Z")
        assert _at(mute, "2026-12-01T08:00:00Z")

    def test_the_short_night(self) -> None:
        """Clocks go from 2 to 3: 22:00 to 06:00 lasts seven hours."""
        mute = _mute(BERLIN, _hours("22:00", "06:00"))
        assert _next(mute, "2026-03-28T12:00:00Z") == "2026-03-28T21:00:00Z"
        assert _next(mute, "2026-03-28T21:00:00Z") == "2026-03-29T04:00:00Z"

    def test_the_long_night(self) -> None:
        """Clocks go from 3 back to 2: it lasts nine hours."""
        mute = _mute(BERLIN, _hours("22:00", "06:00"))
        assert _next(mute, "2026-10-24T20:00:00Z") == "2026-10-25T05:00:00Z"

    def test_a_time_that_clocks_skip(self) -> None:
        """02:30 is never shown: the mute begins as they show 03:00."""
        mute = _mute(BERLIN, _hours("02:30", "04:00"))
        assert _next(mute, "2026-03-29T00:00:00Z") == "2026-03-29T01:00:00Z"
        assert _next(mute, "2026-03-29T01:00:00Z") == "2026-03-29T02:00:00Z"

    def test_a_time_that_clocks_show_twice(self) -> None:
        """02:00 to 02:30 comes twice that night."""
        mute = _mute(BERLIN, _hours("02:00", "02:30"))
        moments = ["2026-10-24T23:00:00Z"]
        for _ in range(4):
            moments.append(_next(mute, moments[-1]))
        assert moments[1:] == [
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
        ]

    def test_a_day_without_midnight(self) -> None:
        """In Beirut clocks skip from 24:00 to 01:00: the Sunday begins there."""
        mute = _mute("Asia/Beirut", MuteTime(weekdays=(6,)))
        assert _next(mute, "2026-03-28T12:00:00Z") == "2026-03-28T22:00:00Z"


_zones = st.sampled_from(
    [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
)
_minutes = st.integers(0, 1439)
_entries = st.builds(
    lambda days, start, end, month_days: MuteTime(
        weekdays=days,
        days_of_month=month_days,
        start_minute=None if start == end else start,
        end_minute=None if start == end else end,
    ),
    st.sets(st.integers(0, 6), max_size=3).map(lambda found: tuple(sorted(found))),
    _minutes,
    _minutes,
    st.sampled_from([(), (-1, 1), (25, 29)]),
)
_times = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001
    lambda moment: int(moment.replace(tzinfo=UTC).timestamp()) * S
)


@given(_zones, st.lists(_entries, min_size=1, max_size=3), _times)
def test_nothing_changes_before_the_next_change(
    zone: str, entries: list[MuteTime], at_us: int
) -> None:
    """Asked minute by minute, and the change is one."""
    mute = _mute(zone, *entries)
    now, end_us = is_muted(mute, at_us), changes_us(mute, at_us)
    minute_us = 60 * S
    first_us = at_us - at_us % minute_us + minute_us
    assert all(
        is_muted(mute, moment) == now for moment in range(first_us, end_us, minute_us)
    )
    if end_us < at_us + HORIZON_US:
        assert is_muted(mute, end_us) != now
        shown = datetime.fromtimestamp(end_us / S, ZoneInfo(zone))
        assert shown.second == 0
