"""How many sessions an hour usually brings, by hour of the day and part of the week.

An hour's rate is that of its hour of the day times the factor of its part of the week,
a quarter of a day. That is 24 and 28 numbers where every hour of the week would be 168,
and a week is known after two days. Visits fade with a memory of four weeks. Hours are
counted since 1970, days are UTC's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

DAY: Final = 24
WEEK: Final = 168
PART: Final = 6
"""Hours in a part of the week."""
PARTS: Final = WEEK // PART

_THURSDAY: Final = 72
"""Hours from a Monday to the day on which counting begins."""
_WORKDAYS: Final = 5 * DAY // PART

FADE_DAY: Final = 0.965
FADE_WEEK: Final = FADE_DAY**7

_AROUND: Final = 6.0
"""Sessions for which the hours before and after stand in."""
_ALIKE: Final = 10.0
"""Sessions for which it stands in that weekdays are alike."""
_SPARE: Final = 0.5
"""Sessions added to a part of the week, so that none is impossible."""


def place(hour: int) -> tuple[int, int]:
    """Hour of the day, and part of the week, of an hour since 1970.

    >>> place(0), place(96)
    ((0, 12), (0, 0))
    """
    return hour % DAY, (hour + _THURSDAY) % WEEK // PART


def faded(visits: int, fade: float) -> float:
    """So many visits, each counted ``fade`` times the one after it."""
    return (1 - fade**visits) / (1 - fade) if visits > 0 else 0.0


def added(numbers: Iterable[float]) -> float:
    """The sum, added up in order, which ``sum`` does not do on every version."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def part_visits(part: int, begun: int, hour: int) -> int:
    """How often a part has been seen from end to end, from one hour to another."""
    first = begun + (part * PART - begun - _THURSDAY) % WEEK
    return max(0, (hour - PART - first) // WEEK + 1)


class Profile(NamedTuple):
    """The usual rate.

    Attributes:
        hours: Sessions in each hour of the day, on an average day of the week.
        backing: Sessions that speak for each of them.
        parts: Factor of each part of the week.
        weight: Sessions that speak for each of them; 0 of a Saturday or Sunday that has
            not been seen yet: it may be a day of rest.
    """

    hours: list[float]
    backing: list[float]
    parts: list[float]
    weight: list[float]

    def usual(self, hour: int) -> float:
        """Sessions that an hour usually brings."""
        day, part = place(hour)
        return self.hours[day] * self.parts[part]


def profile(
    hours: Sequence[float], parts: Sequence[float], begun: int, hour: int
) -> Profile:
    """Work out the usual rate.

    Args:
        hours: Sessions by hour of the day, faded by ``FADE_DAY``: 24.
        parts: Sessions by part of the week, faded by ``FADE_WEEK``: 28.
        begun: First hour that was counted.
        hour: First that is not over.
    """
    shown = [
        faded((hour - 1 - begun - (day - begun) % DAY) // DAY + 1, FADE_DAY)
        for day in range(DAY)
    ]
    plain = [n / e if e else 0.0 for n, e in zip(hours, shown, strict=True)]
    rates = []
    for day, sessions in enumerate(hours):
        around = (plain[day - 1] + 2 * plain[day] + plain[(day + 1) % DAY]) / 4
        known = (
            (sessions + _AROUND) / (shown[day] + _AROUND / around) if around else 0.0
        )
        rates.append(known)
    factors, weight = [], []
    for part, sessions in enumerate(parts):
        visits = part_visits(part, begun, hour)
        first = part * PART % DAY
        expected = faded(visits, FADE_WEEK) * added(rates[first : first + PART])
        factors.append((sessions + _SPARE) / (expected + _SPARE) if visits else 1.0)
        unseen = 0.0 if part >= _WORKDAYS else _ALIKE
        weight.append(sessions + _SPARE if visits else unseen)
    return Profile(rates, [n + _AROUND for n in hours], factors, weight)
