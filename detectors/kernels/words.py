"""Words of 64 bits: one memory, read as floats and as integers."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Grid = NDArray[np.float64]
"""Two dimensions of floats."""
Table = NDArray[np.int64]
"""Two dimensions of integers."""

NAN: Final = float("nan")
"""What is not known."""


def arena(words: int) -> tuple[Floats, Ints]:
    """So many words, all zero, as floats and as integers.

    >>> f, i = arena(2)
    >>> f[0], i[1] = 1.0, 7
    >>> hex(i[0]), f.nbytes
    ('0x3ff0000000000000', 16)
    """
    floats = np.zeros(words, np.float64)
    return floats, floats.view(np.int64)
