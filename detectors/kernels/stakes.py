"""What a session far out pays: a power of the probability to lie so far out.

The power is read off cubics, 16 to a deviation, that agree with it in value and slope
where they meet: a hundred times as fast as the power itself, and within 1e-5 of it.
"""

from __future__ import annotations

from math import exp, pi
from typing import Final

import numpy as np

from detectors.compiled import compiled
from detectors.kernels.words import Floats
from detectors.normal.tails import tail

POWER: Final = 0.3

MOST: Final = exp(8.0)
"""No session pays more."""

LOW, HIGH = -5.0, 5.0
"""Deviations between which it is a matter of them: below it is least, above most."""

CELLS: Final = 16
"""Cubics to a deviation."""


def exact(deviation: float) -> float:
    """What a session pays.

    >>> round(exact(0.0), 3), exact(6.0) == MOST
    (0.487, True)
    """
    odds: float = POWER * tail(deviation) ** (POWER - 1)
    return min(odds, MOST)


def _cubics() -> Floats:
    rows = []
    for cell in range(int((HIGH - LOW) * CELLS)):
        ends = LOW + cell / CELLS, LOW + (cell + 1) / CELLS
        here, there = (POWER * tail(end) ** (POWER - 1) for end in ends)
        slope, after = (
            POWER
            * (1 - POWER)
            * tail(end) ** (POWER - 2)
            * exp(-end * end / 2)
            / (2 * pi) ** 0.5
            / CELLS
            for end in ends
        )
        rise = there - here
        rows.append(
            (here, slope, 3 * rise - 2 * slope - after, slope + after - 2 * rise)
        )
    return np.array(rows, np.float64)


CUBICS: Final = _cubics()
"""float64[cells, 4]: the coefficients of each, the constant first."""

LEAST: Final = float(CUBICS[0, 0])


@compiled
def stake(deviation: float) -> float:
    """What a session pays, off the cubics.

    >>> round(stake(0.0), 3), stake(6.0) == MOST
    (0.487, True)
    """
    # Written so that NaN, too, never becomes an index.
    if not deviation > LOW:
        return LEAST
    if deviation >= HIGH:
        return MOST
    place = (deviation - LOW) * CELLS
    cell = int(place)
    part = place - cell
    found: float = CUBICS[cell, 0] + part * (
        CUBICS[cell, 1] + part * (CUBICS[cell, 2] + part * CUBICS[cell, 3])
    )
    return min(found, MOST)
