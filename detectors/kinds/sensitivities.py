"""What a drift rule's sensitivity means, in numbers."""

from __future__ import annotations

from typing import Final, NamedTuple

from detectors.metrics import Metric


class Setting(NamedTuple):
    """What a sensitivity means.

    Attributes:
        limit: Evidence in nats at which a change is told.
        caution: By how many standard errors what is normal may be wrong.
        wander: How much of a facet's margin healthy sessions are granted.
        doubt: Evidence in nats at which a series that has just begun is told to be bad
            beside its peers; it is asked only once.
        lag: So many samples of a young series wait at most before they are learned, so
            that the first ones of a change do not hide it.
        sparse: Nats that are not asked for of what few sessions carry: a limit is for
            each sample, and there are fewer to be wrong on.
        rates: Nats that are asked for beyond that of errors among calls, whose
            deviations are skewed.
    """

    limit: float
    caution: float
    wander: float
    doubt: float
    lag: int
    sparse: float
    rates: float

    def enough(self, metric: Metric) -> float:
        """Evidence in nats at which a change of a metric is told."""
        return (
            self.limit
            - (self.sparse if metric.name in _SPARSE else 0.0)
            + (self.rates if metric.denominator is not None else 0.0)
        )

    def small(self, metric: Metric) -> int:
        """Of so many tilts no more is taken than of normal deviations."""
        return 2 if self.lag and not metric.pooled else 1


_SPARSE: Final = frozenset({"quality_score", "feedback_down_rate"})
"""What one session in fifteen carries, where a judge or a user is asked."""

SETTINGS: Final = {
    "low": Setting(16.0, 1.5, 1.0, 9.0, 0, 2.5, 0.0),
    "medium": Setting(11.0, 1.5, 1.0, 6.0, 0, 2.5, 0.0),
    "high": Setting(8.0, 1.0, 0.0, 4.5, 16, 0.0, 1.0),
}
"""By sensitivity."""
