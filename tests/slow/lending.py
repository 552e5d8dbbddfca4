"""What the strata of a series borrow from its peers, and lend to series to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.batch import ATTRIBUTES
from detectors.kinds.plans import Plan
from detectors.normal.facets import Facet
from detectors.peers.lineage import Lineage
from detectors.peers.parents import Normal
from detectors.state.stage import Stage
from tests.slow.probation import LAST, Probation
from tests.slow.strata import Stratum


class Lending:
    """Between one rule on one series and its peers.

    Args:
        plan: The rule.
        by: The series' labels.
        mixed: Places of the labels that tell its sessions from each other.
        facets: Of the metric.
    """

    __slots__ = ("_by", "_facets", "_lineage", "_mixed")

    def __init__(
        self,
        plan: Plan,
        by: Mapping[str, str],
        mixed: Sequence[int],
        facets: Sequence[Facet],
    ) -> None:
        self._by = by
        self._mixed = mixed
        self._facets = facets
        self._lineage = Lineage(plan, facets)

    def borrow(self, stratum: Stratum, model: str, number: int, stage: Stage) -> None:
        """The first session of its kind: begin with what others of it are like.

        Args:
            stratum: Of its kind, new.
            model: That the session ran on.
            number: Of its sample.
            stage: Knows the peers.
        """
        names = self._names(stratum.key)
        if not all(label for _, label in names):
            return
        priors = [
            stage.parents.prior(self._lineage.parents(at, names, model))
            for at in range(len(self._facets))
        ]
        if any(priors):
            begun = number - 1
            # What is new in an old series is judged where it is a series of its own.
            stratum.begin_from(
                Probation(self._facets, priors, begun), young=begun < LAST
            )

    def give(
        self, stratum: Stratum, normals: list[Normal | None], stage: Stage
    ) -> None:
        """Say what is normal for a stratum, for series to come."""
        before = self.given(stratum)
        stratum.given = stratum.model, normals
        stage.shares.change(before, self.given(stratum))

    def given(self, stratum: Stratum) -> dict[str, Normal]:
        """What a stratum has said last, by the parents it said it to."""
        model, normals = stratum.given
        names = self._names(stratum.key)
        return {
            parent: normal
            for at, normal in enumerate(normals)
            if normal is not None
            for parent, _ in self._lineage.parents(at, names, model)
        }

    def _names(self, key: str) -> list[tuple[str, str]]:
        """The labels that all sessions of a stratum share, the series' own first."""
        mixed = zip(self._mixed, key.split("\x1f"), strict=False)
        return [*self._by.items(), *((ATTRIBUTES[at], value) for at, value in mixed)]
