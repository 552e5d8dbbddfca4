"""A sample of a series in one word: its number, and its time in milliseconds.

What a word has no room for is taken from a later sample: a moment lies less than 67
million samples, and nine years, before it. Zero is the moment before the first sample.
"""

from __future__ import annotations

from typing import Final

from detectors.compiled import compiled

MILLISECOND_US: Final = 1_000

_TIME_BITS: Final = 38
_TIME: Final = (1 << _TIME_BITS) - 1
_NUMBER: Final = (1 << (64 - _TIME_BITS)) - 1


@compiled
def moment(number: int, at_us: int) -> int:
    """A sample as a word.

    Args:
        number: Of the sample in its series.
        at_us: The series' time.

    >>> word = moment(70, 1_800_000_000_123_456)
    >>> number_of(word, 80), time_of(word, 1_800_000_600_000_000)
    (70, 1800000000123000)
    """
    return (number << _TIME_BITS) | (at_us // MILLISECOND_US & _TIME)


@compiled
def number_of(word: int, number: int) -> int:
    """The number of a sample.

    Args:
        word: What ``moment`` gave.
        number: Of a later sample, or the same.
    """
    return number - (number - (word >> _TIME_BITS) & _NUMBER)


@compiled
def time_of(word: int, now_us: int) -> int:
    """Its time, in whole milliseconds; 0 before the first sample.

    Args:
        word: What ``moment`` gave.
        now_us: The series' time at a later sample, or the same.
    """
    if word == 0:
        return 0
    now = now_us // MILLISECOND_US
    return (now - (now - word & _TIME)) * MILLISECOND_US
