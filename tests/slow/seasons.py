"""The seasons of a series, a facet at a time: what its hours have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from detectors.metrics import Scale
from detectors.normal.facets import Facet, Sample
from detectors.normal.norms import FEWEST, TURNED
from detectors.normal.season import BEGUN, LEAST_HOURS, MEMORY, OFTEN, Season
from tests.slow.strata import Stratum


class Seasons:
    """None as long as the series has few sessions.

    Args:
        facets: Of the metric.

    Attributes:
        offsets: By facet, by how much the sample's hour differs from all others.
    """

    __slots__ = ("_begin", "_each", "_facets", "offsets")

    def __init__(self, facets: Sequence[Facet]) -> None:
        self._facets = facets
        self._each: list[Season] = []
        self._begin = 0
        self.offsets = [0.0] * len(facets)

    def even(
        self, own: list[Sample | None], stratum: Stratum, hour: int
    ) -> list[Sample | None]:
        """The sample as it would be in an hour like all others."""
        self.offsets = [0.0] * len(own)
        found = list(own)
        for at, season in enumerate(self._each):
            sample, norm = own[at], stratum.norms[at]
            if sample is not None and season.used:
                self.offsets[at] = off = season.expects(hour)
                if off != 0.0:
                    found[at] = (norm.back(norm.there(sample[0]) - off), sample[1])
        return found

    def learn(
        self,
        own: list[Sample | None],
        stratum: Stratum,
        strata: Iterable[Stratum],
        hour: int,
        *,
        held: bool,
    ) -> list[int]:
        """Take a sample in.

        Args:
            own: By facet, as it was.
            stratum: Its own.
            strata: All there are.
            hour: In which it ended.
            held: It belongs to a change.

        Returns:
            The facets whose profile comes into use, or goes out of it.
        """
        turned = []
        for at, season in enumerate(self._each):
            sample, norm = own[at], stratum.norms[at]
            level, sessions = stratum.usual[at]
            if sessions == 0:
                level, sessions = norm.mean, int(min(norm.samples, TURNED))
            if sample is None or sessions < FEWEST:
                continue
            left = season.see(norm.there(sample[0]) - level, hour, held=held)
            if not held:
                sessions = min(sessions + 1, MEMORY)
                level += left / sessions
            stratum.usual[at] = level, sessions
            if season.moved:
                for each in strata:
                    known, seen = each.usual[at]
                    if seen:
                        each.usual[at] = known + season.moved, seen
            if season.turns and not held:
                season.used = not season.used
                turned.append(at)
        return turned

    def begin(self, hour: int, number: int) -> None:
        """A series with many sessions may have a season.

        Args:
            hour: Of the series' time.
            number: Its samples so far.
        """
        if self._each or number % BEGUN != 0:
            return
        if self._facets[0].norm().scale is Scale.RATE or hour <= 0:
            return
        if self._begin == 0:
            self._begin = hour
        elif (
            hour - self._begin >= LEAST_HOURS and number >= (hour - self._begin) * OFTEN
        ):
            self._each = [Season() for _ in self._facets]

    def dump(self) -> list[Any]:
        """As plain values."""
        return [self._begin, [season.dump() for season in self._each]]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._begin, seasons = state
        for dumped in seasons:
            self._each.append(Season())
            self._each[-1].load(dumped)
