"""Numbers of JSON in compiled code, rounded as IEEE 754 asks, or left to who can.

A decimal is digits times a power of ten. Up to 2**53 and 10**22 both are exact, and one
multiplication or division rounds once (Clinger 1990). Beyond, the digits are multiplied
with the first 64 bits of the power; the product tells how to round unless it falls
close to the middle between two numbers, as one in 500 does (the idea of Lemire 2021,
"Number parsing at a gigabyte per second", without its second step).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.compiled import compiled
from streams.events.octets import Octets, digit_at, octet_at

_FARTHEST: Final = 40
_EXACT: Final = 22
_INTEGER: Final = 1 << 53
_MOST_DIGITS: Final = 18
_TENS: Final = np.array([float(10**power) for power in range(_EXACT + 1)])


def _first_bits(power: int) -> tuple[int, int]:
    """The first 64 bits of a power of ten, cut off, and the exponent of the last."""
    if power >= 0:
        whole, exponent = 10**power, 0
    else:
        exponent = -200
        whole = (1 << 200) // 10**-power
    more = whole.bit_length() - 64
    return (whole >> more if more >= 0 else whole << -more), exponent + more


_POWERS: Final = [_first_bits(power) for power in range(-_FARTHEST, _FARTHEST + 1)]
_BITS: Final = np.array([bits for bits, _ in _POWERS], np.uint64)
_EXPONENTS: Final = np.array([exponent for _, exponent in _POWERS], np.int64)
_LOWEST: Final = -300
_TWOS: Final = np.array([2.0**power for power in range(_LOWEST, 301)])

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)
_TOP: Final = np.uint64(1 << 63)
_ONE: Final = np.uint64(1)


@compiled
def decimal_at(octets: Octets, at: int) -> tuple[int, int, int]:
    """Read a number without a sign that begins at a place.

    Returns:
        Where it ends, -1 if it is none or has too many digits; its digits as a whole
        number, below 10**18; and the power of ten to multiply them with.
    """
    digits, power, count = 0, 0, 0
    digit = digit_at(octets, at)
    if digit < 0 or digit > 9:
        return -1, 0, 0
    if digit == 0:
        at += 1
        digit = digit_at(octets, at)
        if 0 <= digit <= 9:
            return -1, 0, 0
    else:
        while 0 <= digit <= 9 and count < 19:
            digits = digits * 10 + digit
            count += 1
            at += 1
            digit = digit_at(octets, at)
    if digit == -2:
        at += 1
        begin = at
        digit = digit_at(octets, at)
        while 0 <= digit <= 9 and count < 19:
            digits = digits * 10 + digit
            if digits:
                count += 1
            at += 1
            digit = digit_at(octets, at)
        if at == begin:
            return -1, 0, 0
        power = begin - at
    if count > _MOST_DIGITS:
        return -1, 0, 0
    if digit in (21, 53):
        at += 1
        sign = 1
        if octet_at(octets, at) == 45:
            sign = -1
            at += 1
        elif octet_at(octets, at) == 43:
            at += 1
        begin, more = at, 0
        digit = digit_at(octets, at)
        while 0 <= digit <= 9 and at < begin + 4:
            more = more * 10 + digit
            at += 1
            digit = digit_at(octets, at)
        if at == begin or 0 <= digit <= 9:
            return -1, 0, 0
        power += sign * more
    return at, digits, power


@compiled
def whole_at(octets: Octets, at: int) -> tuple[int, int]:
    """Read a whole number of at most 16 digits that begins at a place.

    Returns:
        Where it ends, -1 if it is none or longer; and the number.
    """
    number, begin = 0, at
    digit = digit_at(octets, at)
    while 0 <= digit <= 9 and at < begin + 17:
        number = number * 10 + digit
        at += 1
        digit = digit_at(octets, at)
    if (
        at == begin
        or at > begin + 16
        or (octet_at(octets, begin) == 48 and at > begin + 1)
    ):
        return -1, 0
    return at, number


@compiled
def nearest(digits: int, power: int) -> float:
    """The floating-point number nearest to digits * 10**power.

    Args:
        digits: From 0 up to 10**18.
        power: Any.

    Returns:
        NaN where it takes more than 64 bits to tell.
    """
    if digits == 0:
        return 0.0
    if digits <= _INTEGER:
        if power == 0:
            return float(digits)
        if 0 < power <= _EXACT:
            return float(digits * _TENS[power])
        if -_EXACT <= power < 0:
            return float(digits / _TENS[-power])
    if power < -_FARTHEST or power > _FARTHEST:
        return np.nan
    word, exponent = np.uint64(digits), _EXPONENTS[power + _FARTHEST] + 64
    while word < _TOP:
        word <<= _ONE
        exponent -= 1
    high = _high_product(word, _BITS[power + _FARTHEST])
    spare = np.uint64(11) if high >= _TOP else np.uint64(10)
    rest = high & ((_ONE << spare) - _ONE)
    half = _ONE << (spare - _ONE)
    if half - _ONE <= rest <= half:
        return np.nan
    kept = high >> spare
    if rest > half:
        kept += _ONE
    return float(np.float64(kept) * _TWOS[exponent + np.int64(spare) - _LOWEST])


@compiled
def _high_product(left: np.uint64, right: np.uint64) -> np.uint64:
    """The upper 64 bits of a product."""
    low_left, high_left = left & _LOW, left >> _HALF
    low_right, high_right = right & _LOW, right >> _HALF
    first = low_left * high_right + ((low_left * low_right) >> _HALF)
    second = high_left * low_right + (first & _LOW)
    return np.uint64(high_left * high_right + (first >> _HALF) + (second >> _HALF))
