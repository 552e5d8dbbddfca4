"""Times as RFC 3339 writes them, read in compiled code."""

from __future__ import annotations

from detectors.compiled import compiled
from streams.events.octets import Octets, digit_at, octet_at

UNUSUAL_US = -(1 << 62)
"""No time: what stands there has to be read by who can say what is wrong with it."""


@compiled
def _two_digits(octets: Octets, at: int) -> int:
    """A number of two digits; -1,000 and less where there are none."""
    tens, ones = digit_at(octets, at), digit_at(octets, at + 1)
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return -1_000
    return 10 * tens + ones


@compiled
def days_since_1970(year: int, month: int, day: int) -> int:
    """Days of the Gregorian calendar (Hinnant, "chrono-compatible date algorithms")."""
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - 400 * era
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return (
        146_097 * era + 365 * of_era + of_era // 4 - of_era // 100 + of_year - 719_468
    )


@compiled
def _month_days(year: int, month: int) -> int:
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 29 if leap else 28
    return 30 if month in (4, 6, 9, 11) else 31


@compiled
def moment_us(octets: Octets, at: int, end: int) -> int:
    """Epoch microseconds of ``YYYY-MM-DDTHH:MM:SS[.f]Z`` or with ``±HH:MM``.

    More than six digits of a second are rounded by the seventh.

    Args:
        octets: Padded.
        at: Where it begins.
        end: Where it ends.

    Returns:
        ``UNUSUAL_US`` for anything else.
    """
    if (
        end - at < 20
        or octet_at(octets, at + 4) != 45
        or octet_at(octets, at + 7) != 45
        or octet_at(octets, at + 10) != 84
        or octet_at(octets, at + 13) != 58
        or octet_at(octets, at + 16) != 58
    ):
        return UNUSUAL_US
    year = 100 * _two_digits(octets, at) + _two_digits(octets, at + 2)
    month, day = _two_digits(octets, at + 5), _two_digits(octets, at + 8)
    hour, minute = _two_digits(octets, at + 11), _two_digits(octets, at + 14)
    second = _two_digits(octets, at + 17)
    if (
        not 1 <= year < 9_999
        or not 1 <= month <= 12
        or not 1 <= day <= _month_days(year, month)
        or not 0 <= hour < 24
        or not 0 <= minute < 60
        or not 0 <= second < 60
    ):
        return UNUSUAL_US
    at += 19
    fraction_us = 0
    if octet_at(octets, at) == 46:
        at += 1
        begin, unit = at, 100_000
        digit = digit_at(octets, at)
        while 0 <= digit <= 9:
            if unit:
                fraction_us += unit * digit
                unit //= 10
            elif at == begin + 6 and digit >= 5:
                fraction_us += 1
            at += 1
            digit = digit_at(octets, at)
        if at == begin or at > begin + 9:
            return UNUSUAL_US
    minutes = 60 * hour + minute
    mark = octet_at(octets, at)
    if mark == 90:
        at += 1
    elif mark in (43, 45) and octet_at(octets, at + 3) == 58:
        hours, more = _two_digits(octets, at + 1), _two_digits(octets, at + 4)
        if not 0 <= hours < 24 or not 0 <= more < 60:
            return UNUSUAL_US
        ahead = 60 * hours + more
        minutes += -ahead if mark == 43 else ahead
        at += 6
    else:
        return UNUSUAL_US
    if at != end:
        return UNUSUAL_US
    days = days_since_1970(year, month, day)
    return 1_000_000 * (60 * (1_440 * days + minutes) + second) + fraction_us
