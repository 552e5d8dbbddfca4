"""Percentiles by linear interpolation between closest ranks (Hyndman and Fan, type 7).

Ranks are computed in whole numbers, so that the same samples give the same value
everywhere, and a percentile of the negated samples is the negated percentile.
"""

from __future__ import annotations

from collections.abc import Sequence


def quantile(ordered: Sequence[float], percent: int) -> float:
    """The percentile of samples in ascending order, at least one of them.

    >>> quantile([1.0, 2.0, 3.0, 10.0], 50)
    2.5
    """
    rank, rest = divmod((len(ordered) - 1) * percent, 100)
    low = ordered[rank]
    if not rest:
        return low
    return low + (ordered[rank + 1] - low) * (rest / 100)


def harmless(samples: int, percent: int) -> int:
    """How many samples may lie beyond a limit, and the percentile surely does not.

    With one more it hangs on the samples next to the limit; with two more it is
    surely beyond.

    >>> harmless(50, 95)
    2
    """
    return (samples - 1) * (100 - percent) // 100
