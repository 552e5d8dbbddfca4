"""Numbers as they are kept: floats of half the width, times in milliseconds."""

from __future__ import annotations

from ctypes import c_float

Moment = tuple[int, int]
"""A sample of a series, and its time."""


def half(number: float) -> float:
    """The nearest float of half the width.

    >>> half(0.1)
    0.10000000149011612
    """
    return c_float(number).value


def moment(number: int, at_us: int) -> Moment:
    """A sample and its time, in whole milliseconds."""
    return number, at_us // 1_000 * 1_000
