"""Short phrases that say why a line was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS = (
    (86_400_000_000, "d"),
    (3_600_000_000, "h"),
    (60_000_000, "m"),
    (1_000_000, "s"),
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def moment(at_us: int) -> str:
    """A time to the minute, for people: in English whatever the locale, and in UTC.

    >>> moment(1_773_928_859_000_000)
    '19 March 14:00 UTC'
    """
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at.day} {_MONTHS[at.month - 1]} {at:%H:%M} UTC"


def duration(span_us: int) -> str:
    """A time as rules spell it.

    >>> duration(900_000_000)
    '15m'
    """
    for unit_us, unit in _UNITS:
        if span_us >= unit_us and span_us % unit_us == 0:
            return f"{span_us // unit_us}{unit}"
    return f"{span_us / 1_000_000:g}s"


def number(value: float) -> str:
    """A value in four digits, without an exponent where people expect none.

    >>> number(30000.0), number(0.123456)
    ('30000', '0.1235')
    """
    if 1_000 <= abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.4g}"
