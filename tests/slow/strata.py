"""What is normal for each kind of session that a series mixes: like is held with like.

Where a series leaves out agents or task types, each of them has norms of its own, so
that a shift of the mix is no shift of the sessions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final

from detectors.kernels.giving import gives
from detectors.kernels.learning import PER_WAITING
from detectors.normal.facets import Facet, Sample
from detectors.normal.norms import FEWEST, MEMORY, Norm
from detectors.numbers import narrow
from detectors.peers.parents import Normal
from tests.slow.bets import Bets
from tests.slow.probation import Probation

YOUNG: Final = 1_000
"""Samples after which a series is known too well to be misled."""

_MOST: Final = 32
_LONG_UNSEEN: Final = 1_000
_BACK_SLACK: Final = 0.5
_BACK_ENOUGH: Final = 8.0
_NEVER: Final = -1

Samples = Sequence[Sample | None]
Deviations = Sequence[float | None]


class Stratum:
    """Sessions alike.

    Attributes:
        key: The labels that they share.
        norms: What is normal for them, one for each facet.
        new: What would be, from the change on that is told of.
        anchor: What was, before the present level was taken as normal.
        seen: The last sample.
        model: That its last session ran on.
        probation: How its first sessions compare with its peers'; None once it stands
            alone, or where it has none.
        learned: Samples that its norms have learned.
        usual: By facet the level that its season is about, and sessions that speak for
            it.
        given: What was last said of it for others to borrow, facet by facet, and the
            model that its sessions ran on then.
    """

    __slots__ = (
        "anchor",
        "given",
        "key",
        "learned",
        "model",
        "new",
        "norms",
        "probation",
        "seen",
        "usual",
    )

    def __init__(self, key: str, norms: list[Norm]) -> None:
        self.key = key
        self.norms = norms
        self.model = ""
        self.probation: Probation | None = None
        self.new: list[Norm] | None = None
        self.anchor: list[Norm] | None = None
        self.seen = 0
        self.learned = 0
        self.usual = [(0.0, 0)] * len(norms)
        self.given: tuple[str, list[Normal | None]] = ("", [])

    def begin_from(self, probation: Probation, *, young: bool) -> None:
        """Begin with what others are like; a young series is held against them."""
        self.norms = probation.fresh()
        if young and self.norms[0].lent:
            self.probation = probation

    def unlearn(self, number: int) -> None:
        """Its own sessions are bad ones: back to what others are like."""
        if self.probation is not None:
            self.norms = self.probation.fresh()
            self.probation.restart(number)

    def score(self, samples: Samples) -> list[float | None]:
        """How far on the bad side a session lies, for each facet."""
        return [
            None if sample is None else norm.score(*sample)
            for norm, sample in zip(self.norms, samples, strict=True)
        ]


Giving = tuple[Stratum, list[Normal | None]]
"""A stratum, and what is normal for it, facet by facet."""


class Strata:
    """The strata of a series, the last 32 of them.

    Args:
        facets: Of the metric.
        lag: So many samples of a young stratum wait before they are learned, so that
            the first ones of a change do not hide it.
    """

    __slots__ = ("_back", "_facets", "_found", "_lag", "_renewed", "_waiting")

    def __init__(self, facets: Sequence[Facet], lag: int) -> None:
        self._facets = facets
        self._lag = lag
        self._found: dict[str, Stratum] = {}
        self._waiting: deque[tuple[str, Samples, Deviations]] = deque()
        self._back = 0.0
        self._renewed = _NEVER

    def find(self, key: str, number: int) -> Stratum | None:
        """The stratum of a sample; None if it is the first of its kind."""
        found = self._found.get(key)
        if found is not None:
            found.seen = number
        return found

    @property
    def crowded(self) -> bool:
        """Whether there are as many as may be."""
        return len(self._found) >= _MOST

    def stale(self, number: int) -> bool:
        """Whether one has not been seen for long."""
        return number - min(each.seen for each in self) > _LONG_UNSEEN

    def bear(self, key: str, number: int) -> tuple[Stratum, Stratum | None]:
        """A new stratum; and the one not seen for longest, if it has to make room."""
        gone = None
        if self.crowded and self.stale(number):
            gone = self._found.pop(min(self._found, key=lambda k: self._found[k].seen))
        found = self._found[key] = Stratum(key, self._norms())
        found.seen = number
        return found, gone

    def __iter__(self) -> Iterator[Stratum]:
        """All there are."""
        return iter(self._found.values())

    def _norms(self, dumped: Sequence[list[Any]] | None = None) -> list[Norm]:
        norms = [facet.norm() for facet in self._facets]
        if dumped is not None:
            for norm, state in zip(norms, dumped, strict=True):
                norm.load(state)
        return norms

    def doubted(self, nats: float) -> bool:
        """Whether one that has just begun may well be bad beside its peers."""
        return any(
            stratum.probation is not None and stratum.probation.doubt > nats
            for stratum in self._found.values()
        )

    def learn(
        self,
        key: str,
        samples: Samples,
        deviations: Deviations,
        bets: Sequence[Bets],
    ) -> list[Giving]:
        """Learn a healthy sample, or one that has waited long enough.

        Returns:
            The strata that have something to say for others to borrow, and what.
        """
        giving: list[Giving] = []
        norm = self._found[key].norms[0]
        if not norm.ready:
            self._absorb(key, samples, deviations, bets, giving)
            return giving
        self._waiting.append((key, samples, deviations))
        known = int(norm.samples)
        most = min(self._lag, known // PER_WAITING) if norm.samples < YOUNG else 0
        for _ in range(min(2, len(self._waiting) - most)):
            self._absorb(*self._waiting.popleft(), bets, giving)
        return giving

    def _absorb(
        self,
        key: str,
        samples: Samples,
        deviations: Deviations,
        bets: Sequence[Bets],
        giving: list[Giving],
    ) -> None:
        stratum = self._found.get(key)
        if stratum is None:
            return
        stratum.learned += 1
        for bet, norm, sample, deviation in zip(
            bets, stratum.norms, samples, deviations, strict=True
        ):
            if sample is None:
                continue
            norm.learn(*sample, deviation)
            if deviation is not None and norm.ready:
                bet.learn(deviation)
        if gives(stratum.learned, stratum.norms[0].lent > 0):
            normals = [norm.normal() if norm.ready else None for norm in stratum.norms]
            giving.append((stratum, normals))

    def learn_new(self, key: str, samples: Samples) -> None:
        """Learn a sample of a change, apart from what was normal before."""
        stratum = self._found[key]
        if stratum.new is None:
            stratum.new = self._norms()
        for norm, sample in zip(stratum.new, samples, strict=True):
            if sample is not None:
                norm.learn(*sample, None)

    def begin(self) -> None:
        """A change is told of: what waits to be learned belongs to it."""
        self._waiting.clear()
        self.forget_new()

    def turn(self, at: int) -> None:
        """The profile of a facet comes into use, or goes out of it: begin anew."""
        self._waiting.clear()
        self._renewed = _NEVER
        for stratum in self._found.values():
            stratum.anchor = None
            level, sessions = stratum.usual[at]
            if sessions:
                stratum.norms[at].turn(level)

    def forget_new(self) -> None:
        """The change has ended: what it was like is let go."""
        for stratum in self._found.values():
            stratum.new = None

    def renew(self, number: int) -> bool:
        """Take the change for normal; False if too little of it is known."""
        renewed = False
        for stratum in self._found.values():
            if stratum.new is not None and stratum.new[0].samples >= FEWEST:
                stratum.anchor, stratum.norms = stratum.norms, stratum.new
                stratum.usual = [(0.0, 0)] * len(stratum.norms)
                renewed = True
        if renewed:
            self._back, self._renewed = 0.0, number
        return renewed

    def look_back(self, deviation: float | None, number: int) -> None:
        """After a new normal: see whether the series goes back to the old one."""
        if self._renewed == _NEVER:
            return
        if deviation is not None:
            gain = min(max(-deviation, -3.0), 3.0) - _BACK_SLACK
            self._back = narrow(max(0.0, self._back + gain))
        gone_back = self._back > _BACK_ENOUGH
        if gone_back or number - self._renewed > MEMORY:
            self._renewed = _NEVER
            for stratum in self._found.values():
                if gone_back and stratum.anchor is not None:
                    stratum.norms = stratum.anchor
                    stratum.usual = [(0.0, 0)] * len(stratum.norms)
                stratum.anchor = None

    def dump(self) -> list[Any]:
        """As plain values."""
        return [
            [
                [
                    key,
                    stratum.seen,
                    _dumped(stratum.norms),
                    _dumped(stratum.new),
                    _dumped(stratum.anchor),
                    stratum.model,
                    stratum.learned,
                    stratum.given,
                    None if stratum.probation is None else stratum.probation.dump(),
                    stratum.usual,
                ]
                for key, stratum in self._found.items()
            ],
            [list(each) for each in self._waiting],
            self._back,
            self._renewed,
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        found, waiting, self._back, self._renewed = state
        for key, seen, norms, new, anchor, *rest in found:
            model, learned, given, probation, usual = rest
            self._found[key] = stratum = Stratum(key, self._norms(norms))
            stratum.seen, stratum.model, stratum.learned = seen, model, learned
            if probation is not None:
                stratum.probation = Probation.load(self._facets, probation)
            stratum.usual = [(level, sessions) for level, sessions in usual]
            of, normals = given
            stratum.given = of, [each and Normal(*each) for each in normals]
            stratum.new = None if new is None else self._norms(new)
            stratum.anchor = None if anchor is None else self._norms(anchor)
        self._waiting.extend((key, each, devs) for key, each, devs in waiting)


def _dumped(norms: Sequence[Norm] | None) -> list[Any] | None:
    return None if norms is None else [norm.dump() for norm in norms]
