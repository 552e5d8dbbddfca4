"""Numbers that stay finite."""

from __future__ import annotations

import sys
from typing import Final

from detectors.compiled import compiled

_MOST: Final = sys.float_info.max


@compiled
def finite(value: float) -> float:
    """The nearest finite number; zero for what is none.

    >>> finite(float("inf")) == sys.float_info.max, finite(float("nan"))
    (True, 0.0)
    """
    if -_MOST <= value <= _MOST:
        return value + 0.0
    if value > 0.0:
        return _MOST
    if value < 0.0:
        return -_MOST
    return 0.0
