"""river's ADWIN on standardised values: what a ready-made detector makes of a metric.

ADWIN is not free of scale: its bound has a linear term, and costs around 0.1 would
never be found to have changed. So values are taken to the scale in which their
spread is even, and standardised: by the mean and deviation of all before them, or
of the first few. The former follows a change and so hides a part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import asin, log, nan, sqrt
from typing import Final

from river.drift import ADWIN

from detectors.metrics import COLUMNS, Direction, Metric, Scale

WARM: Final = 20
"""Samples that only tell mean and deviation, before the first is looked at."""

_CLIP: Final = 0.005
_FLOOR: Final = 1e-9


def even(metric: Metric, values: Mapping[str, float]) -> float:
    """A session's value in the scale in which the metric's spread is even.

    log for costs and times; 2*sqrt(x + 3/8), Anscombe's, for counts; the arcsine of
    the square root for rates; the logit, clipped at .005 and .995, for scores of 0
    to 100 points. Larger is worse. NaN if the session is no sample of the metric.
    """
    if metric.numerator is None:
        return nan
    value = values.get(COLUMNS[metric.numerator], nan)
    if metric.denominator is not None:
        calls = values.get(COLUMNS[metric.denominator], nan)
        value = value / calls if calls else nan
    if value != value:  # noqa: PLR0124 - NaN
        return nan
    if metric.scale is Scale.LOG:
        value = log(max(value, _FLOOR))
    elif metric.scale is Scale.SQRT:
        value = 2 * sqrt(value + 3 / 8)
    elif metric.scale is Scale.RATE:
        value = asin(sqrt(min(max(value, 0.0), 1.0)))
    else:
        share = min(max(value / 100, _CLIP), 1 - _CLIP)
        value = log(share / (1 - share))
    return -value if metric.direction is Direction.DOWN else value


class StandardisedAdwin:
    """ADWIN over one metric of one series.

    Args:
        delta: Its bound on false alarms; smaller is more careful.
        clock: It looks for a change every so many samples; river's default is 32.
        learn: How many samples tell mean and deviation; None: all before.

    Attributes:
        width: How many samples its window holds.
    """

    def __init__(
        self,
        metric: Metric,
        delta: float = 0.002,
        clock: int = 1,
        learn: int | None = None,
    ) -> None:
        self._metric = metric
        self._learn = learn
        self._adwin = ADWIN(delta=delta, clock=clock)  # type: ignore[no-untyped-call]
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    @property
    def width(self) -> int:
        """How many samples its window holds."""
        return int(self._adwin.width)

    def update(self, values: Mapping[str, float]) -> int:
        """Take a session: 1 a change for the worse, -1 for the better, 0 none."""
        value = even(self._metric, values)
        if value != value:  # noqa: PLR0124 - NaN
            return 0
        found = 0
        if self._count >= WARM and self._squares > 0:
            deviation = sqrt(self._squares / (self._count - 1))
            before = self._adwin.estimation
            deviations = (value - self._mean) / deviation
            self._adwin.update(deviations)  # type: ignore[no-untyped-call]
            if self._adwin.drift_detected:
                found = 1 if self._adwin.estimation > before else -1
        if self._learn is None or self._count < self._learn or self._squares <= 0:
            self._learn_value(value)
        return found

    def _learn_value(self, value: float) -> None:
        self._count += 1
        step = value - self._mean
        self._mean += step / self._count
        self._squares += step * (value - self._mean)

    def changes(self, sessions: Sequence[Mapping[str, float]]) -> list[tuple[int, int]]:
        """Where changes were found among sessions: position, and 1 for the worse."""
        found = ((at, self.update(values)) for at, values in enumerate(sessions))
        return [(at, way) for at, way in found if way]
