"""Probation: the first sessions of a new series, held against its peers.

A series that is bad from its first session on has no better past to be compared with;
only its peers tell. Their mean differs from series to series as well, so what counts is
how far the mean of its own sessions lies from theirs, in standard deviations of both
together, ``z = mean / sqrt(1 / k + 1 / n)``, with n sessions of its own and k of lent
ones (the posterior predictive of a normal mean: Gelman and others, Bayesian Data
Analysis, 2.5). Its evidence is z * z / 2 nats.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

from detectors.normal.facets import Facet, Sample
from detectors.normal.norms import Norm
from detectors.peers.parents import Normal, Prior

FIRST: Final = 10
"""Sessions of its own before anything is told of a series."""

LAST: Final = 60
"""Sessions of its own after which it stands alone."""

_FAR: Final = 5.0
"""Standard deviations of a session of an unknown series: no session counts for more."""


class Probation:
    """What is known of a series that has just begun.

    Args:
        facets: Of the metric.
        priors: For each what the series began with; None where nothing was lent.
        begun: The sample before its first one.

    Attributes:
        norms: What is normal for its peers, facet by facet.
        deviations: Of the last session from them.

    >>> from detectors.normal.facets import facets
    >>> from detectors.metrics import METRICS
    >>> peers = Prior(Normal(0.0, 1.0, 1.0, 0.0), 10.0)
    >>> probation = Probation(facets(METRICS["loop_count"], 1.0), [peers], 0)
    >>> for _ in range(20):
    ...     probation.see([(4.0, 1.0)])
    >>> probation.doubt > 40
    True
    """

    __slots__ = ("_facets", "_priors", "_sums", "begun", "deviations", "norms")

    def __init__(
        self, facets: Sequence[Facet], priors: Sequence[Prior | None], begun: int
    ) -> None:
        self._facets = facets
        self._priors = priors
        self._sums = [[0.0, 0] for _ in priors]
        self.begun = begun
        self.norms: list[Norm] = []
        self.deviations: list[float | None] = []
        self.norms = self.fresh()

    def fresh(self) -> list[Norm]:
        """Norms that have seen nothing but what was lent."""
        norms = [facet.norm() for facet in self._facets]
        for norm, prior in zip(norms, self._priors, strict=True):
            if prior is not None:
                norm.begin_from(prior)
        return norms

    @property
    def over(self) -> bool:
        """Whether the series stands alone now."""
        return self._sums[0][1] >= LAST

    def see(self, samples: Sequence[Sample | None]) -> None:
        """Take a session in, one sample a facet."""
        self.deviations = []
        for norm, sample, sums in zip(self.norms, samples, self._sums, strict=True):
            if sample is None or not norm.lent:
                self.deviations.append(None)
                continue
            off = norm.off(*sample)
            self.deviations.append(off)
            sums[0] += min(max(off, -_FAR), _FAR)
            sums[1] += 1

    @property
    def doubt(self) -> float:
        """The evidence that the series is bad, in nats."""
        return self.worst[1]

    @property
    def worst(self) -> tuple[int, float]:
        """The facet with the most evidence that the series is bad, and it in nats."""
        best, most = 0, 0.0
        for at, (norm, (total, count)) in enumerate(
            zip(self.norms, self._sums, strict=True)
        ):
            if total > 0 and norm.lent:
                z = total / count / sqrt(1 / norm.lent + 1 / count)
                if z * z / 2 > most:
                    best, most = at, z * z / 2
        return best, most

    @property
    def ready(self) -> bool:
        """Whether enough sessions have been seen to tell of it."""
        return self._sums[0][1] >= FIRST

    def restart(self, begun: int) -> None:
        """Begin again, after a sample: what was told of has ended."""
        self._sums = [[0.0, 0] for _ in self._sums]
        self.begun = begun

    def dump(self) -> list[Any]:
        """As plain numbers."""
        priors = [prior and [*prior.normal, prior.sessions] for prior in self._priors]
        return [priors, self._sums, self.begun]

    @classmethod
    def load(cls, facets: Sequence[Facet], state: list[Any]) -> Probation:
        """Make one of what ``dump`` gave."""
        priors, sums, begun = state
        found = cls(
            facets,
            [each and Prior(Normal(*each[:4]), each[4]) for each in priors],
            begun,
        )
        found._sums = sums
        return found
