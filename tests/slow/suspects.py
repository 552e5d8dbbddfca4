"""The sessions of a change that may be under way, and what they have in common.

Kept only while there is some evidence of a change; at most ``MOST`` of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from math import sqrt
from typing import Any, Final, NamedTuple

from detectors.batch import ATTRIBUTES

MOST: Final = 64

_NAMES: Final = ("agent_version", "model", "tenant", "environment", "task_type")
_APART: Final = 3.5
"""Deviations by which the sessions with a label must differ from those without."""
_HEALTHY: Final = 0.4
"""Share of their shift that those without may have."""
_FEWEST: Final = 3


class Suspect(NamedTuple):
    """One session.

    Attributes:
        number: Of the sample in its series.
        deviations: For each facet, None where it has none.
        value: The metric's value, or a rate's numerator.
        weight: Calls of a rate, else 1.
        level: What was expected of it, per unit of weight.
        values: All its numbers, in the order of ``COLUMNS``.
    """

    number: int
    at_us: int
    deviations: list[float | None]
    value: float
    weight: float
    level: float
    values: Sequence[float]
    labels: Sequence[str]
    session_id: str
    trace: str | None

    @property
    def own(self) -> float:
        """Its value, per unit of weight."""
        return self.value / self.weight


class Suspects:
    """The last sessions since the evidence began to rise."""

    __slots__ = ("_ring",)

    def __init__(self) -> None:
        self._ring: deque[Suspect] = deque(maxlen=MOST)

    def add(self, suspect: Suspect) -> None:
        """Keep one more; the oldest makes room."""
        self._ring.append(suspect)

    def clear(self) -> None:
        """Let go of all."""
        if self._ring:
            self._ring.clear()

    def since(self, number: int) -> list[Suspect]:
        """Those after a sample, and the last one in any case."""
        found = [suspect for suspect in self._ring if suspect.number > number]
        return found or list(self._ring)[-1:]

    def dump(self) -> list[Any]:
        """As plain values."""
        return [
            [
                *suspect[:6],
                list(suspect.values),
                list(suspect.labels),
                *suspect[8:],
            ]
            for suspect in self._ring
        ]

    def load(self, state: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._ring = deque((Suspect(*parts) for parts in state), maxlen=MOST)


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
            if deviation is not None and position < len(suspect.labels):
                entry = sums.setdefault(suspect.labels[position], [0.0, 0.0])
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
