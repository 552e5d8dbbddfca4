"""Lineage: which kinds of sessions a series, or a stratum of it, borrows from.

Its parents are its labels with the first one taken off, again and again, down to none;
labels by which a series tells like from like within itself count as well. Where the
model decides what is normal, its sessions are first held against those of that model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from detectors.kinds.plans import Plan
from detectors.normal.facets import Facet, Kin
from detectors.peers.parents import Parent

APART: Final = "\x1f"
"""Between the parts of a key."""
_MODEL: Final = "model"

Label = tuple[str, str]


def prefix(plan: Plan) -> str:
    """How the keys of all parents of a rule begin.

    Another metric, another ``where``: other series, that have nothing in common.
    """
    return f"{plan.rule.name}{APART}{plan.shape.hex()}{APART}"


def values_of(keys: Iterable[str]) -> frozenset[str]:
    """The values of labels that parents' keys name, and perhaps more."""
    parts = {part for key in keys for part in key.split(APART)}
    return frozenset(part.partition("=")[2] for part in parts)


class Lineage:
    """Whom the series of a rule borrow from.

    Args:
        plan: The rule.
        facets: Of its metric.
    """

    __slots__ = ("_facets", "_prefix")

    def __init__(self, plan: Plan, facets: Sequence[Facet]) -> None:
        self._prefix = prefix(plan)
        self._facets = facets

    def kin(self, facet: int) -> Kin:
        """Whom a number's series are like."""
        return self._facets[facet].kin

    def begin(self, facet: int) -> str:
        """How the keys of all parents of a facet begin."""
        return f"{self._prefix}{facet}"

    def parents(self, facet: int, labels: Sequence[Label], model: str) -> list[Parent]:
        """A stratum's parents, nearest first.

        Args:
            facet: Of which the number is.
            labels: Of the series, then those of the stratum.
            model: That its sessions run on; empty where none is known.
        """
        begin = self.begin(facet)
        return [
            Parent(begin + end, close)
            for end, close in ends(self.kin(facet), labels, model)
        ]


def ends(kin: Kin, labels: Sequence[Label], model: str) -> list[tuple[str, bool]]:
    """How the keys of a stratum's parents end, and whether they are close, nearest first.

    Args:
        kin: Whom it is like.
        labels: Of the series, then those of the stratum.
        model: That its sessions run on; empty where none is known.
    """
    others = [label for label in labels if label[0] != _MODEL]
    lines: list[tuple[Sequence[Label], bool]] = []
    if model and kin is not Kin.TASK:
        same = (_MODEL, model)
        lines.append(([*others[1:], same], True))
        if kin is Kin.MODEL and len(others) > 1:
            lines.append(([same], False))
    if kin is not Kin.MODEL:
        lines += [(labels[at:], at == 1) for at in range(1, len(labels) + 1)]
    return [
        ("".join([f"{APART}{name}={value}" for name, value in line]), close)
        for line, close in lines
    ]
