"""How often a series hears of sessions, and when its silence is no chance.

What an hour usually brings is learned by ``week``. A gap is measured in the sessions
that should have come in it, and how large a measure may be says ``gaps``.

A rate that few sessions speak for is discounted. Where the posterior of a rate is
Gamma(S, S / r), no session comes in a time t with probability (1 + r t / S) ** -S: what a
certain rate says at x sessions is said at S (exp(x / S) - 1). A Saturday or Sunday that
has never been seen is held against its own sessions alone.
"""

from __future__ import annotations

from math import exp, expm1
from typing import Any, Final

from detectors.kernels.missing import HOUR_US
from detectors.life.lifecycle import FAR
from tests.slow.gaps import passed_rarely
from tests.slow.week import (
    DAY,
    FADE_DAY,
    FADE_WEEK,
    PART,
    PARTS,
    WEEK,
    Profile,
    added,
    faded,
    part_visits,
    place,
    profile,
)

LEAST_HOURS: Final = 2 * DAY
LEAST_SESSIONS: Final = 15.0
_FORGET: Final = 8 * WEEK
"""After so many hours without a session it begins anew."""
_AHEAD: Final = 4 * WEEK
"""No silence is foreseen further ahead, in hours."""

_USUAL: Final = 20.0
"""Sessions for which it stands in that today is as usual."""
_RECENT: Final = 100.0
"""Sessions after which today's are forgotten."""
_SURGE: Final = 2.0
_SURGE_LEAST: Final = 10.0
"""An hour counts for no more than so many times the usual, and so many sessions."""

_GAPS_MEMORY: Final = 3_000.0

_RAISED: Final = 0.5
"""What a silence that was told adds to the factor on the limit, until it fades."""
_LEARNED: Final = 0.25
"""What a part of the week keeps of its factor after it was told silent as a whole."""


class Arrivals:
    """What a series has learned of the times of its own sessions.

    Everything is worked out when the first session of an hour comes, and holds for that
    hour: until then a session costs a few additions.

    >>> monday_us = 4 * 24 * HOUR_US
    >>> arrivals = Arrivals(monday_us)
    >>> for minute in range(0, 3 * 1440, 5):
    ...     _ = arrivals.take(monday_us + minute * 60_000_000)
    >>> (arrivals.due_us() - arrivals.last_us) // 60_000_000
    16

    Attributes:
        hours, parts: Sessions by hour of the day and part of the week; see ``week``.
        begun: First hour that was counted.
        hour: The hour of the newest session.
        last_us: Its time.
        count, part_count: Sessions of this hour, and of this part without it.
        part_silent: Hours of this part that lie in a silence that was told.
        recent, recent_expected: Sessions of late, and what was usual; faded.
        gaps, total, squares: Number, sum and sum of squares of measured gaps; faded.
        told: Silences that were told; faded.
        rate: Expected sessions an hour, in this hour; 0 where that is not known.
        level: How busy it is today; at most 1.
        limit: Sessions that have to be missing; 0 while too little is known.
        apart: Today is a Saturday or Sunday not seen before, its own measure.
    """

    __slots__ = (
        "_profile",
        "apart",
        "begun",
        "count",
        "gaps",
        "hour",
        "hours",
        "last_us",
        "level",
        "limit",
        "part_count",
        "part_silent",
        "parts",
        "rate",
        "recent",
        "recent_expected",
        "squares",
        "told",
        "total",
    )

    def __init__(self, at_us: int) -> None:
        self.begin(at_us)

    def begin(self, at_us: int) -> None:
        """Know nothing but that there was a session."""
        self.hours = [0.0] * DAY
        self.parts = [0.0] * PARTS
        self.hour = at_us // HOUR_US
        self.begun = self.hour + 1
        self.last_us = at_us
        self.count = self.part_count = self.part_silent = 0.0
        self.recent = self.recent_expected = 0.0
        self.gaps = self.total = self.squares = self.told = 0.0
        self.rate, self.level, self.limit = 0.0, 1.0, 0.0
        self.apart = False
        self._profile: Profile | None = None

    @property
    def known(self) -> bool:
        """Whether silences can be told."""
        return self.limit > 0

    def profile(self) -> Profile:
        """What is usual, from the hours that are over."""
        if self._profile is None:
            self._profile = profile(self.hours, self.parts, self.begun, self.hour)
        return self._profile

    def take(self, at_us: int, *, told: bool = False) -> bool:
        """Take a session in; one of an hour that is over says nothing.

        Args:
            at_us: When it ended.
            told: The silence before it was told: that is no usual gap.

        Returns:
            Whether it is the first of its hour, and what is known has changed.
        """
        gap_us = at_us - self.last_us
        if at_us < (self.hour + 1) * HOUR_US:
            if at_us >= self.hour * HOUR_US:
                self.count += 1
            if gap_us > 0:
                if self.rate > 0 and not told:
                    self._measure(self.rate * gap_us / HOUR_US)
                self.last_us = at_us
            return False
        if at_us // HOUR_US - self.hour > _FORGET:
            self.begin(at_us)
            return True
        if self.rate > 0 and not told:
            self._measure(self.expected(at_us))
        self._turn(at_us // HOUR_US, told)
        self.last_us = at_us
        self.count = 1.0
        return True

    def _measure(self, sessions: float) -> None:
        self.gaps += 1
        self.total += sessions
        self.squares += sessions * sessions

    def _turn(self, until: int, told: bool) -> None:
        """Learn the hours that are over."""
        fade = exp(-self.count / _GAPS_MEMORY)
        self.gaps *= fade
        self.total *= fade
        self.squares *= fade
        usual = self.profile()
        self._learn(self.hour, self.count, usual, silent=False)
        for hour in range(self.hour + 1, until):
            self._learn(hour, 0.0, usual, silent=told)
        self.hour = until
        self._profile = None
        self._judge()

    def _learn(self, hour: int, count: float, usual: Profile, *, silent: bool) -> None:
        if hour < self.begun:
            return
        day, part = place(hour)
        expected = usual.usual(hour)
        self._enter(hour, usual)
        if not silent:
            fade = exp(-expected / _RECENT)
            self.recent = self.recent * fade + count
            self.recent_expected = self.recent_expected * fade + expected
        if self.known:
            # A surge is not how busy it usually is.
            count = min(count, _SURGE * expected + _SURGE_LEAST)
        # A silence that was told is not what the hour of the day usually brings.
        shown = usual.hours[day] if silent else count
        self.hours[day] = FADE_DAY * self.hours[day] + shown
        self.part_count += expected if silent else count
        self.part_silent += silent
        if day % PART == PART - 1:
            if hour - PART + 1 >= self.begun:
                self._learn_part(part, hour, usual)
            self.part_count = self.part_silent = 0.0
        if day == DAY - 1:
            self.told *= FADE_DAY

    def _enter(self, hour: int, usual: Profile) -> None:
        """A day that is its own measure says nothing of other days."""
        day, part = place(hour)
        if day == 0:
            apart = usual.weight[part] == 0
            if apart or self.apart:
                self.recent = self.recent_expected = 0.0
            self.apart = apart

    def _learn_part(self, part: int, hour: int, usual: Profile) -> None:
        kept = FADE_WEEK * self.parts[part] + self.part_count
        if self.part_silent == PART:
            # Silent from end to end, it may be so for good.
            visits = part_visits(part, self.begun, hour - PART + 1) + 1
            first = part * PART % DAY
            daily = usual.parts[part] * added(usual.hours[first : first + PART])
            kept = _LEARNED * daily * faded(visits, FADE_WEEK)
        self.parts[part] = kept

    def remember_told(self) -> None:
        """A silence that was told is over: the next one has to be longer."""
        self.told += 1
        self._judge()

    def _judge(self) -> None:
        """Work out rate, level and limit for the hour that has begun."""
        usual = self.profile()
        self._enter(self.hour, usual)
        _, part = place(self.hour)
        held = min(usual.weight[part], _USUAL)
        self.level = 1.0
        if self.recent_expected > 0:
            seen = (held + self.recent) / (held + self.recent_expected)
            self.level = min(1.0, seen)
        self.rate, self.limit = 0.0, 0.0
        age = self.hour - self.begun
        if age >= DAY and held:
            self.rate = usual.usual(self.hour) * self.level
        if age >= LEAST_HOURS and added(self.hours) >= LEAST_SESSIONS:
            rare = passed_rarely(
                self.gaps, self.total, self.squares, added(usual.hours)
            )
            self.limit = rare * (1 + _RAISED * self.told)

    def _sure(self, hour: int, usual: Profile) -> float:
        """Sessions that speak for the rate of an hour; 0 where nothing is expected."""
        day, part = place(hour)
        known = usual.weight[part]
        if known == 0 and hour // DAY != self.hour // DAY:
            return 0.0
        known += self.recent
        return 1 / (1 / usual.backing[day] + 1 / known) if known else 0.0

    def expected(self, until_us: int) -> float:
        """Sessions that should have come between the newest one and a time."""
        usual, found, at_us = self.profile(), 0.0, self.last_us
        for hour in range(self.hour, min(until_us // HOUR_US, self.hour + _FORGET) + 1):
            end_us = min(until_us, (hour + 1) * HOUR_US)
            if self._sure(hour, usual) > 0:
                found += usual.usual(hour) * (end_us - at_us) / HOUR_US
            at_us = end_us
        return found * self.level

    def due_us(self) -> int:
        """When the silence since the newest session is to be told; FAR if never."""
        if not self.limit or not self.level:
            return FAR
        usual, at_us = self.profile(), self.last_us
        need = self.limit / self.level
        for hour in range(self.hour, self.hour + _AHEAD):
            sure = self._sure(hour, usual)
            end_us = (hour + 1) * HOUR_US
            if sure > 0:
                doubt = min(self.limit / sure, 500.0)
                rate = usual.usual(hour) * doubt / expm1(doubt)
                come = rate * (end_us - at_us) / HOUR_US
                if come >= need:
                    return at_us + int(need / rate * HOUR_US) + 1
                need -= come
            at_us = end_us
        return FAR

    def dump(self) -> list[Any]:
        """As plain numbers."""
        return [getattr(self, name) for name in self.__slots__[1:]]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        for name, value in zip(self.__slots__[1:], state, strict=True):
            setattr(self, name, value)
        self._profile = None
