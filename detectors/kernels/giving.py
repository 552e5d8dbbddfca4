"""When a series says what is normal for it, for others to borrow."""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled

FIRST: Final = 20
LENT: Final = 80
MOST: Final = 1_280


@compiled
def gives(samples: int, lent: bool) -> bool:
    """Whether it is to say so now.

    At counts of its own, further and further apart, so that what it says hangs on
    nothing else; the first time later where much of it is borrowed itself.

    Args:
        samples: That it has learned.
        lent: Whether it began with something borrowed.

    >>> [count for count in range(200) if gives(count, False)]
    [20, 40, 80, 160]
    """
    if samples >= MOST:
        return samples % MOST == 0
    first = LENT if lent else FIRST
    times = samples // first
    return times > 0 and samples % first == 0 and times & (times - 1) == 0
