"""Parents: what a new series borrows from those that are like it.

A parent is a kind of sessions: a task type, a model, everything. Each series says, at
counts of its own, what is normal for it; a partition adds up what its series said, and
what all partitions added up is what is known of the parent. A series born later begins
with it: as if it had seen so many sessions of its own as the spread between the series
of its kind allows (empirical Bayes, Efron and Morris 1975). Where they all agree that
is ``MOST_LENT``; where each is different, hardly any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from typing import Any, Final, NamedTuple

import msgspec

FEWEST_PEERS: Final = 3
"""Series of a kind before anything is borrowed from it."""

MOST_LENT: Final = 10.0
"""Sessions that what is borrowed counts for, at most."""

MOST_PARENTS: Final = 1_000
"""A partition keeps so many: the first that it hears of."""

_USUAL_SPREAD: Final = 0.1
_USUAL_SERIES: Final = 4.0
"""Between series lies usually a tenth of the variance within one: known as if from so
many series, for the spread of three is hardly known."""
_CAUTION: Final = 3.0
LEAST_VARIANCE: Final = 1e-9
MOVED: Final = 0.1
"""What would show: a tenth of a variance, or of the deviation within a series."""
_HALF: Final = 0.5


class Normal(NamedTuple):
    """What is normal for one number of a series.

    Attributes:
        mean: In the number's scale; of a rate, its errors over its calls.
        variance: Of its sessions in that scale.
        level: In its own unit; of a rate, calls a session.
        shape: Of a rate, how far its sessions go together (0 to 1); else 0.
    """

    mean: float
    variance: float
    level: float
    shape: float


class Prior(NamedTuple):
    """What a new series begins with.

    Attributes:
        normal: The mean of what is normal for its peers.
        sessions: Its weight, in sessions: variance within over variance between.
    """

    normal: Normal
    sessions: float


class Sums(NamedTuple):
    """What the series of a kind said, added up."""

    series: float = 0.0
    mean: float = 0.0
    square: float = 0.0
    variance: float = 0.0
    level: float = 0.0
    shape: float = 0.0

    def plus(self, other: Sums) -> Sums:
        """Both together."""
        return Sums(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Sums) -> Sums:
        """Without some of them; no series are nothing, whatever rounding left."""
        rest = Sums(*(a - b for a, b in zip(self, other, strict=True)))
        return rest if rest.series > _HALF else Sums()

    @classmethod
    def of(cls, one: Normal) -> Sums:
        """Of one series."""
        return cls(1.0, one.mean, one.mean * one.mean, *one[1:])

    @property
    def between(self) -> float:
        """Variance of the means of the series."""
        if self.series < 2:
            return 0.0
        spread = self.square - self.mean * self.mean / self.series
        return max(spread, 0.0) / (self.series - 1)

    def moved_from(self, other: Sums) -> bool:
        """Whether the difference would show in what is borrowed."""
        if self.series != other.series:
            return True
        if not self.series:
            return False
        within = max(self.variance / self.series, LEAST_VARIANCE)
        return (
            abs(self.mean - other.mean) / self.series > MOVED * sqrt(within)
            or abs(self.variance - other.variance) > MOVED * self.variance
            or abs(self.between - other.between) > MOVED * within
            # A fleet's sessions a day: nothing else is known of it.
            or (
                not self.variance
                and abs(self.level - other.level) > MOVED * other.level
            )
        )


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a parent, on its way.

    Attributes:
        key: Of the parent, as ``kin`` spells it.
        sums: As ``Sums`` has them; without series it is forgotten.
    """

    key: str
    sums: Sums


class Parent(NamedTuple):
    """Where to ask for a prior.

    Attributes:
        key: Of the parent.
        close: Whether its series are one of each peer. Else several may be of one, and
            how alike these are says little of another: they count for half.
    """

    key: str
    close: bool


def prior_of(sums: Sums, *, close: bool = True) -> Prior | None:
    """What a new series of a kind begins with; None if its peers are too few.

    The variance between series is taken on the safe side: that of few is uncertain,
    and one more is not exactly where their mean is.

    >>> alike = Sums.of(Normal(0.0, 1.0, 1.0, 0.0))
    >>> prior_of(alike.plus(alike)) is None
    True
    >>> prior_of(Sums(*(9 * each for each in alike))).sessions
    10.0
    """
    series = sums.series if close else (sums.series + 1) / 2
    if series < FEWEST_PEERS:
        return None
    mean, _, variance, level, shape = (each / sums.series for each in sums[1:])
    within = max(variance, LEAST_VARIANCE)
    known = series - 1 + _USUAL_SERIES
    between = (
        (series - 1) * sums.between + _USUAL_SERIES * _USUAL_SPREAD * within
    ) / known
    between *= (1 + 1 / series) * (1 + _CAUTION / known) ** 2
    return Prior(Normal(mean, within, level, shape), min(MOST_LENT, within / between))


class Parents:
    """What a partition has heard of parents: a function of the log.

    Args:
        wanted: Whether some rule may ask for a parent; others are not kept.

    Attributes:
        times: How often it has heard of any.

    >>> parents = Parents()
    >>> parents.hear([Part("all", Sums(3.0, 3.0, 3.0, 1.5, 6.0, 0.0))])
    >>> parents.prior([Parent("unheard of", True), Parent("all", True)]).normal.mean
    1.0
    """

    __slots__ = ("_heard", "_strangers", "_wanted", "times")

    def __init__(self, wanted: Callable[[str], bool] = lambda _key: True) -> None:
        self._wanted = wanted
        self._heard: dict[str, Sums] = {}
        self._strangers: dict[str, Sums] = {}
        self.times = 0

    def hear(self, parts: Iterable[Part]) -> None:
        """Take what the log says; of a parent known already it replaces all."""
        for key, sums in [(part.key, part.sums) for part in parts]:
            self.times += 1
            if key in self._strangers:
                self._strangers[key] = sums
            elif sums.series < FEWEST_PEERS or not self._wanted(key):
                self._heard.pop(key, None)
            elif key in self._heard or len(self._heard) < MOST_PARENTS:
                self._heard[key] = sums

    @property
    def known(self) -> bool:
        """Whether it has heard of any."""
        return bool(self._heard)

    @property
    def keys(self) -> Iterable[str]:
        """Of all parents that it has heard of."""
        return self._heard.keys()

    def prior(self, parents: Iterable[Parent]) -> Prior | None:
        """From the first of these parents that has enough series."""
        for key, close in parents:
            sums = self._heard.get(key)
            prior = None if sums is None else prior_of(sums, close=close)
            if prior is not None:
                return prior
        return None

    def dump(self) -> list[Any]:
        """As plain values."""
        known = self._heard | self._strangers
        return [[key, list(sums)] for key, sums in known.items()]

    def load(self, state: Sequence[Sequence[Any]]) -> None:
        """Take what ``dump`` gave; that of other rules is kept until they are back."""
        for key, sums in state:
            if self._wanted(key):
                self.hear([Part(key, Sums(*sums))])
            else:
                self._strangers[key] = Sums(*sums)

    def retire(self) -> None:
        """Rules that the book lacks will not be back."""
        self._strangers.clear()


class Shares:
    """What the series of one partition add to their parents."""

    __slots__ = ("_moved", "_sums", "_told")

    def __init__(self) -> None:
        self._sums: dict[str, Sums] = {}
        self._told: dict[str, Sums] = {}
        self._moved: dict[str, None] = {}

    def change(
        self,
        before: Mapping[str, Normal],
        after: Mapping[str, Normal],
    ) -> None:
        """A series says something else than before, or nothing more.

        Args:
            before: By parent what it said last; empty the first time.
            after: What it says now; empty once it is forgotten.
        """
        sums = self._sums
        for key, normal in before.items():
            rest = sums.get(key, Sums()).minus(Sums.of(normal))
            if rest.series:
                sums[key] = rest
            else:
                sums.pop(key, None)
            self._moved[key] = None
        for key, normal in after.items():
            sums[key] = sums.get(key, Sums()).plus(Sums.of(normal))
            self._moved[key] = None

    @property
    def told(self) -> int:
        """Parents that have been told of."""
        return len(self._told)

    def take_news(self, others: int = 0) -> list[Part]:
        """The parents whose sums have moved noticeably since they were last taken.

        Args:
            others: Parents that are told of elsewhere.
        """
        news, told = [], self._told
        for key in self._moved:
            sums = self._sums.get(key, Sums())
            if not sums.moved_from(told.get(key, Sums())):
                continue
            if not sums.series:
                del told[key]
            elif key in told or len(told) + others < MOST_PARENTS:
                told[key] = sums
            else:
                continue
            news.append(Part(key, sums))
        self._moved.clear()
        return news
