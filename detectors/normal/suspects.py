"""The sessions of a change that may be under way, and what they have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isnan, sqrt
from typing import Final, NamedTuple

from detectors.batch import ATTRIBUTES
from detectors.kernels import layout
from detectors.kernels.halves import half_float, low
from detectors.kernels.suspects import entry, suspects_count
from detectors.state.recent import Told
from detectors.state.store import Store

_NAMES: Final = ("agent_version", "model", "tenant", "environment", "task_type")
_APART: Final = 3.5
"""Deviations by which the sessions with a label must differ from those without."""
_HEALTHY: Final = 0.4
"""Share of their shift that those without may have."""
_FEWEST: Final = 3


class Suspect(NamedTuple):
    """One session.

    Attributes:
        deviations: For each facet, None where it has none.
        value: The metric's, or a rate's numerator.
        weight: Calls of a rate, else 1.
        level: What was expected of it, per unit of weight.
        told: What the session said.
    """

    at_us: int
    deviations: list[float | None]
    value: float
    weight: float
    level: float
    told: Told

    @property
    def own(self) -> float:
        """Its value, per unit of weight."""
        return self.value / self.weight


def suspects_since(store: Store, watch: int, facets: int, first: int) -> list[Suspect]:
    """The suspects of a drift rule from one on.

    Args:
        store: The memory.
        watch: The address of the rule's state.
        facets: How many the rule has.
        first: As ``kernels.suspects.first_since`` gave it.
    """
    floats, ints = store.arena.floats, store.arena.ints
    found = []
    for which in range(first, suspects_count(ints, watch)):
        at = entry(ints, watch, which)
        deviations = [
            half_float(ints, at + layout.S_DEVIATIONS, place) for place in range(facets)
        ]
        found.append(
            Suspect(
                int(ints[at + layout.S_AT_US]),
                [None if isnan(each) else each for each in deviations],
                float(floats[at + layout.S_VALUE]),
                low(ints[at + layout.S_SAMPLE]),
                float(floats[at + layout.S_LEVEL]),
                store.recent.find(int(ints[at + layout.S_REF])),
            )
        )
    return found


def levels(found: Sequence[Suspect]) -> tuple[float, float]:
    """What sessions were like together, and what was expected of them."""
    weight = total = expected = 0.0
    for suspect in found:
        weight += suspect.weight
        total += suspect.value
        expected += suspect.level * suspect.weight
    return total / weight, expected / weight


def mean_deviation(found: Sequence[Suspect], facet: int) -> float:
    """How far they lie on the bad side; each counts for 3 at most."""
    total, count = 0.0, 0
    for suspect in found:
        deviation = suspect.deviations[facet]
        if deviation is not None:
            total += min(max(deviation, -3.0), 3.0)
            count += 1
    return total / count if count else 0.0


def attribution(
    found: Sequence[Suspect], facet: int, by: Collection[str]
) -> dict[str, str]:
    """Labels whose sessions are bad while the others are not (Welch's contrast).

    Args:
        found: The sessions since the change began.
        facet: On which it was seen.
        by: Labels of the series itself, which explain nothing.
    """
    causes = {}
    for name in _NAMES:
        if name in by:
            continue
        position = ATTRIBUTES.index(name)
        sums: dict[str, list[float]] = {}
        for suspect in found:
            deviation = suspect.deviations[facet]
            if deviation is not None:
                label = suspect.told.labels[position]
                entry = sums.setdefault(label, [0.0, 0.0])
                entry[0] += 1
                entry[1] += min(max(deviation, -2.0), 4.0)
        if len(sums) < 2:
            continue
        value = max(sums, key=lambda label: (sums[label][1], label))
        count, total = sums.pop(value)
        others = sum([entry[0] for entry in sums.values()])
        rest = sum([entry[1] for entry in sums.values()]) / others
        mean = total / count
        apart = (mean - rest) / sqrt(1 / count + 1 / others)
        if (
            value
            and min(count, others) >= _FEWEST
            and apart > _APART
            and rest < _HEALTHY * mean
        ):
            causes[name] = value
    return causes
