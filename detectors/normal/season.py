"""Season: how a number moves with the hour of the day, where that is worth knowing.

For each hour of the day, on working days and on weekends, the mean of what sessions
lay above or below the level of their series, in the scale of the number. Until either
has been seen for three days, they are taken for alike. An hour with
sessions is a visit. What is expected of it is scored before the visit is learned: a bet
on the profile against the level alone wins

    (r * r - (r - p) ** 2) / (2 * v)

nats, where r is the mean of the visit, p what the profile expects of it, and v the
variance of such means. Where there is no season the bet is fair or worse, and has ever
won more than ``EARNED`` nats with a probability below exp(-``EARNED``) (Ville 1939;
Shafer 2021). Means that wander go together from one hour to the next; what is won of them
is worth so much less, (1 - a) / (1 + a) with the autocorrelation a of what the profile
leaves over.

What came while an alert was open is learned only if the same hour was like that the
last time: one incident teaches nothing, what comes back does. Hours are those of UTC.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

HOUR_US: Final = 3_600_000_000
HOURS: Final = 24
BUCKETS: Final = 48
"""Hours of working days, then those of Saturday and Sunday."""

VISITS: Final = 3
"""Visits, each on another day, before anything is expected of an hour."""

MOST_VISITS: Final = 10
"""Visits that an hour remembers, the oldest with the least weight."""

FEWEST: Final = 3
"""Sessions that make a visit."""

EARNED: Final = 9.0
"""Nats beyond which a profile comes into use; it stays so while any are left."""

MOST_WON: Final = 18.0
LEAST_WON: Final = -3.0

MEMORY: Final = 4_000
"""Sessions that the level, and the spread around the profile, remember."""

VISITS_REMEMBERED: Final = 240
"""Visits that the spread of visits remembers."""

BEGUN: Final = 64
"""Samples after which a series is asked, again and again, whether it may have one."""

LEAST_HOURS: Final = 12
"""From then on, before a profile is begun."""

OFTEN: Final = 4
"""Sessions an hour, on average, that a profile needs."""

SETTLED: Final = 20
"""Sessions before any is winsorised."""

SHRUNK: Final = 0.5
"""Visits to an hour that stand in for its being like all others, where most of what
visits differ by is chance; where it is the season, the less."""

WORKDAYS: Final = 5.0
RESTDAYS: Final = 2.0
WINSOR: Final = 3.0
LEAST_VARIANCE: Final = 0.01
TINY: Final = 1e-9
WANDERS: Final = 0.9
PART: Final = 1 / 48
THURSDAY: Final = 3
"""Days from a Monday to the day on which counting begins."""


def bucket_of(hour: int) -> int:
    """The bucket of an hour since 1970.

    >>> bucket_of(0), bucket_of(2 * 24 + 5)
    (0, 29)
    """
    weekend = (hour // HOURS + THURSDAY) % 7 >= WORKDAYS
    return hour % HOURS + (HOURS if weekend else 0)


class Season:
    """The profile of one number of a series.

    Attributes:
        used: Whether it has earned its use.
        won: Nats that a bet on it has won, from ``LEAST_WON`` to ``MOST_WON``.
        moved: How far the level has moved with the last session: that of all sessions
            alike belongs to it, not to the profile.
    """

    __slots__ = (
        "_after",
        "_count",
        "_excess",
        "_held",
        "_hour",
        "_known",
        "_left",
        "_means",
        "_samples",
        "_together",
        "_total",
        "_unsure",
        "_variance",
        "_visits",
        "_was_held",
        "moved",
        "used",
        "won",
    )

    def __init__(self) -> None:
        self.used = False
        self.won = self.moved = 0.0
        self._hour, self._count, self._total, self._held = -1, 0, 0.0, False
        self._samples, self._variance = 0, 0.0
        self._visits, self._excess, self._unsure = 0, 0.0, 1.0
        self._left = self._after = self._together = 0.0
        self._known = [0] * BUCKETS
        self._was_held = [False] * BUCKETS
        self._means = [0.0] * BUCKETS

    def expects(self, hour: int) -> float:
        """How far above its level the number is expected in an hour; 0 if unknown."""
        bucket = bucket_of(hour)
        known, mean = self._known[bucket], self._means[bucket]
        if known < VISITS:
            other = (bucket + HOURS) % BUCKETS
            total = known + self._known[other]
            if total < VISITS:
                return 0.0
            mean += (self._means[other] - mean) * self._known[other] / total
            known = total
        return mean * (known / (known + SHRUNK * self._unsure))

    def see(self, off: float, hour: int, *, held: bool) -> float:
        """Take a session in.

        Args:
            off: How far above the level its number lies, in its scale.
            hour: In which it ended, since 1970.
            held: Whether an alert is open.

        Returns:
            What is left of ``off`` by the profile, winsorised; 0 of a late session.
        """
        self.moved = 0.0
        if hour < self._hour:
            return 0.0
        if hour > self._hour:
            if self._count >= FEWEST:
                self._end()
                off -= self.moved
            self._hour, self._count, self._total, self._held = hour, 0, 0.0, False
        expected = self.expects(hour)
        left = off - expected
        if self._samples >= SETTLED:
            reach = WINSOR * sqrt(max(self._variance, LEAST_VARIANCE))
            left = min(max(left, -reach), reach)
        self._samples = min(self._samples + 1, MEMORY)
        part = 1 / self._samples
        self._variance = (1 - part) * (self._variance + part * left * left)
        self._count += 1
        self._total += expected + left
        self._held = self._held or held
        return left

    def _end(self) -> None:
        """The visit is over: score it, then learn it."""
        bucket = bucket_of(self._hour)
        again = self._was_held[bucket]
        self._was_held[bucket] = self._held
        mean = self._total / self._count
        chance = self._variance / self._count
        expected = self.expects(self._hour)
        if expected != 0.0 and not (self._held and self.used):
            self._score(mean, expected, max(self._excess, 0.0) + chance)
        if self._held and not again:
            return
        self._visits = min(self._visits + 1, VISITS_REMEMBERED)
        self._excess += (mean * mean - chance - self._excess) / self._visits
        self._unsure = chance / (max(self._excess, 0.0) + chance + TINY)
        self._known[bucket] = known = min(self._known[bucket] + 1, MOST_VISITS)
        self._means[bucket] += (mean - self._means[bucket]) / known
        total = weight = 0.0
        for each in range(BUCKETS):
            if self._known[each]:
                days = WORKDAYS if each < HOURS else RESTDAYS
                total += days * self._means[each]
                weight += days
        self.moved = total / weight
        for each in range(BUCKETS):
            if self._known[each]:
                self._means[each] -= self.moved

    def _score(self, mean: float, expected: float, variance: float) -> None:
        left = mean - expected
        gain = (mean * mean - left * left) / (2 * variance)
        if gain > 0 and self._after > 0:
            wander = min(max(self._together / self._after, 0.0), WANDERS)
            gain *= (1 - wander) / (1 + wander)
        self.won = min(max(self.won + gain, LEAST_WON), MOST_WON)
        self._after += PART * (left * left - self._after)
        self._together += PART * (left * self._left - self._together)
        self._left = left

    @property
    def turns(self) -> bool:
        """Whether it has earned its use just now, or lost it."""
        return self.won <= 0 if self.used else self.won > EARNED

    def dump(self) -> list[Any]:
        """As plain values."""
        found = [getattr(self, name) for name in self.__slots__]
        return [list(each) if isinstance(each, list) else each for each in found]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)
