"""Mute times: hours of the local calendar, and when they next change.

Whether a moment is muted is a function of what clocks on the wall show then, so that
the night of a change to or from summer time is an hour shorter or longer, and a time
that clocks skip is never. A night that runs past midnight belongs to its first day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from alerts.routes import Mute, MuteTime
from detectors.rules import SECOND_US

HORIZON_US: Final = 2 * 86_400 * SECOND_US
"""How far ahead a change is looked for; who finds none asks again then."""

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_muted(mute: Mute, at_us: int) -> bool:
    """Whether a mute holds at a time."""
    local = _local(at_us, mute.timezone)
    return any(_holds(entry, local) for entry in mute.times)


def changes_us(mute: Mute, at_us: int) -> int:
    """When a mute next begins or ends; the horizon, if not before.

    Only hours of the calendar and changes of the clock can matter, so only those
    are looked at.
    """
    now = is_muted(mute, at_us)
    horizon_us = at_us + HORIZON_US
    for moment_us in sorted(set(_candidates(mute, at_us))):
        if at_us < moment_us <= horizon_us and is_muted(mute, moment_us) != now:
            return moment_us
    return horizon_us


def _holds(entry: MuteTime, local: datetime) -> bool:
    """Whether an entry covers a local time, be it since the day before."""
    minute = local.hour * 60 + local.minute
    today = local.date()
    start, end = entry.start_minute, entry.end_minute
    if start is None or end is None:
        return _is_day(entry, today)
    if start < end:
        return start <= minute < end and _is_day(entry, today)
    if minute >= start:
        return _is_day(entry, today)
    return minute < end and today > date.min and _is_day(entry, today - _DAY)


def _is_day(entry: MuteTime, day: date) -> bool:
    return (
        (not entry.weekdays or day.weekday() in entry.weekdays)
        and (not entry.months or day.month in entry.months)
        and (not entry.years or day.year in entry.years)
        and (not entry.days_of_month or _is_day_of_month(entry, day))
    )


def _is_day_of_month(entry: MuteTime, day: date) -> bool:
    following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    from_end = day.day - 1 - (following - _DAY).day
    return day.day in entry.days_of_month or from_end in entry.days_of_month


def _candidates(mute: Mute, at_us: int) -> Iterator[int]:
    """Moments at which something may change: edges of hours and days, clock changes."""
    minutes = {0}
    for entry in mute.times:
        for edge in (entry.start_minute, entry.end_minute):
            if edge is not None:
                minutes.add(edge % 1440)
    first = _local(at_us, mute.timezone).date() - _DAY
    for number in range(5):
        day = first + number * _DAY
        for minute in minutes:
            yield from _moments(day, minute, mute.timezone)
        yield from _clock_changes(day, mute.timezone)


def _moments(day: date, minute: int, zone: str) -> Iterator[int]:
    """The moments at which clocks show a time: two in the night that has it twice."""
    shown = datetime.combine(day, time(*divmod(minute, 60)))
    for fold in (0, 1):
        yield _microseconds(shown.replace(tzinfo=_zone(zone), fold=fold))


def _clock_changes(day: date, zone: str) -> Iterator[int]:
    """When clocks are put forward or back within a day, to the minute."""
    low = datetime.combine(day, time(), tzinfo=UTC)
    high = low + _DAY
    if _offset(low, zone) == _offset(high, zone):
        return
    before = _offset(low, zone)
    while high - low > _MINUTE:
        middle = low + (high - low) // 2
        middle = middle.replace(second=0, microsecond=0)
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    yield _microseconds(high)


def _offset(moment: datetime, zone: str) -> timedelta | None:
    return moment.astimezone(_zone(zone)).utcoffset()


def _local(at_us: int, zone: str) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(_zone(zone))


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
