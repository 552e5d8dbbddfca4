"""A norm that knows the hour: sessions as they would be in an hour like all others.

What ``kernels.seasons`` is for compiled rules, for a rule with a single norm.
"""

from __future__ import annotations

from typing import Any, Final

from detectors.metrics import Scale
from detectors.normal.facets import Sample
from detectors.normal.norms import FEWEST, TURNED, Norm
from detectors.normal.season import BEGUN, HOUR_US, LEAST_HOURS, MEMORY, OFTEN, Season

_NONE: Final = 0


class Hourly:
    """The season of a norm's numbers; rates have none.

    Args:
        norm: Learns the numbers that ``even`` gives.
    """

    __slots__ = ("_from", "_level", "_norm", "_season", "_sessions")

    def __init__(self, norm: Norm) -> None:
        self._norm = norm
        self._season: Season | None = None
        self._from = _NONE
        self._level, self._sessions = 0.0, 0

    def _off(self, ended_us: int) -> float:
        season = self._season
        if season is None or not season.used:
            return 0.0
        return season.expects(ended_us // HOUR_US)

    def even(self, sample: Sample, ended_us: int) -> Sample:
        """The sample as it would be in an hour like all others."""
        off, norm = self._off(ended_us), self._norm
        if off == 0.0:
            return sample
        return norm.back(norm.there(sample[0]) - off), sample[1]

    def level(self, ended_us: int) -> float:
        """What is expected in an hour, in the number's own unit."""
        off, norm = self._off(ended_us), self._norm
        return norm.back(norm.there(norm.level) + off) if off else norm.level

    def factor(self, ended_us: int) -> float | None:
        """The same as a multiple of the level; None where no profile is in use."""
        if self._off(ended_us) == 0.0:
            return None
        return self.level(ended_us) / self._norm.level

    def learn(self, sample: Sample, ended_us: int, number: int) -> None:
        """Take a healthy session in.

        Args:
            sample: As it was.
            ended_us: When it ended.
            number: Sessions of the series so far.
        """
        season, norm, hour = self._season, self._norm, ended_us // HOUR_US
        if season is None:
            if number % BEGUN == 0:
                self._begin(hour, number)
            return
        level, sessions = self._level, self._sessions
        if sessions == 0:
            level, sessions = norm.mean, int(min(norm.samples, TURNED))
        if sessions < FEWEST:
            return
        left = season.see(norm.there(sample[0]) - level, hour, held=False)
        self._sessions = min(sessions + 1, MEMORY)
        self._level = level + left / self._sessions + season.moved
        if season.turns:
            season.used = not season.used
            norm.turn(self._level)

    def _begin(self, hour: int, number: int) -> None:
        """A series with many sessions may have a season."""
        if self._norm.scale is Scale.RATE or hour <= 0:
            return
        if self._from == _NONE:
            self._from = hour
        elif hour - self._from >= LEAST_HOURS and number >= (hour - self._from) * OFTEN:
            self._season = Season()

    def dump(self) -> list[Any]:
        """As plain values."""
        season = None if self._season is None else self._season.dump()
        return [self._from, self._level, self._sessions, season]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._from, self._level, self._sessions, season = state
        if season is not None:
            self._season = Season()
            self._season.load(season)
