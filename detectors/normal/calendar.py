"""Days, weeks and months as people's calendars have them, in a time zone.

A period is [start, end): what happens exactly at midnight belongs to the new one. Days
are as long as the zone makes them, 23 or 25 hours where the clocks change.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_LAST_MONTH: Final = datetime(9999, 12, 1, tzinfo=UTC)
LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The last microsecond that RFC 3339 can write; no period ends after it."""

PERIODS: Final = ("day", "week", "month")


class Calendar:
    """The periods of one kind in one time zone.

    Args:
        period: day, week (from Monday) or month.
        timezone: A name of the IANA time zone database.
    """

    __slots__ = ("_period", "_zone")

    def __init__(self, period: str, timezone: str) -> None:
        self._period = period
        self._zone: tzinfo = UTC if timezone == "UTC" else ZoneInfo(timezone)

    def bounds(self, at_us: int) -> tuple[int, int]:
        """The period that holds a time: its first microsecond, and the next one's.

        Args:
            at_us: Microseconds since 1970, not before, up to the year 9999.

        >>> start_us, end_us = Calendar("day", "Europe/Berlin").bounds(0)
        >>> start_us // 3_600_000_000, end_us // 3_600_000_000
        (-1, 23)
        """
        moment = _EPOCH + timedelta(microseconds=at_us)
        if moment >= _LAST_MONTH:
            # Its end has no date any more: it is one period, whatever the kind.
            return (_LAST_MONTH - _EPOCH) // _MICROSECOND, LAST_US
        first = self._first(moment.astimezone(self._zone).date())
        start_us, end_us = (
            self._midnight_us(first),
            self._midnight_us(self._next(first)),
        )
        while at_us >= end_us:
            # Where clocks go back over midnight a date comes twice, and one that was
            # skipped has no length.
            first = self._next(first)
            start_us, end_us = end_us, self._midnight_us(self._next(first))
        return start_us, end_us

    def _first(self, day: date) -> date:
        """The first day of a day's period."""
        if self._period == "month":
            return day.replace(day=1)
        if self._period == "week":
            return day - timedelta(days=day.weekday())
        return day

    def _next(self, first: date) -> date:
        """The first day of the next period."""
        if self._period == "month":
            return (first + timedelta(days=31)).replace(day=1)
        return first + timedelta(days=7 if self._period == "week" else 1)

    def _midnight_us(self, day: date) -> int:
        """When a day begins: at the first of two midnights, or after a missing one."""
        midnight = datetime.combine(day, time.min, self._zone)
        return min((midnight - _EPOCH) // _MICROSECOND, LAST_US)
