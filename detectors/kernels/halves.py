"""Two numbers in one word: floats of half the width, and integers of 32 bits.

Most of what a series knows is an estimate, and seven digits of it are more than it is
worth; a word holds two of these, the first in its low half. A number is rounded when it
is put in, to nearest, and exact when it is taken out: ``float(numpy.float32(number))``.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from detectors.compiled import compiled
from detectors.kernels.words import Ints

_WORD: Final = ir.IntType(64)
_HALF: Final = ir.IntType(32)
_LOW: Final = 0xFFFF_FFFF


@intrinsic  # type: ignore[untyped-decorator]
def _float_of(_typing: Any, _half: Any) -> Any:  # noqa: ANN401 - numba names no types
    """The float whose bits are the low half of a word."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401
        bits = builder.bitcast(builder.trunc(args[0], _HALF), ir.FloatType())
        return builder.fpext(bits, ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of(_typing: Any, _number: Any) -> Any:  # noqa: ANN401
    """A word whose low half is a float's bits, and whose high half is zero."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401
        bits = builder.bitcast(builder.fptrunc(args[0], ir.FloatType()), _HALF)
        return builder.zext(bits, _WORD)

    return types.int64(types.float64), generate


@compiled
def low(word: int) -> float:
    """The float in the low half of a word."""
    return float(_float_of(word))


@compiled
def high(word: int) -> float:
    """The float in the high half."""
    return float(_float_of(word >> 32))


@compiled
def halves(first: float, second: float) -> int:
    """A word of two floats, the first in its low half."""
    return int(_bits_of(first) | (_bits_of(second) << 32))


@compiled
def mixed(first: float, second: int) -> int:
    """A word of a float, in its low half, and an integer of 32 bits."""
    return int(_bits_of(first) | (second << 32))


@compiled
def low_int(word: int) -> int:
    """The integer in the low half of a word, signed."""
    return (word << 32) >> 32


@compiled
def high_int(word: int) -> int:
    """The integer in the high half, signed."""
    return word >> 32


@compiled
def pair(first: int, second: int) -> int:
    """A word of two integers of 32 bits, the first in its low half."""
    return (first & _LOW) | (second << 32)


@compiled
def half(i: Ints, piece: int, place: int) -> int:
    """An integer of 32 bits of a piece, which counts them two to a word."""
    word = i[piece + (place >> 1)]
    return int(high_int(word) if place & 1 else low_int(word))


@compiled
def set_half(i: Ints, piece: int, place: int, number: int) -> None:
    """Set such an integer."""
    word = piece + (place >> 1)
    if place & 1:
        i[word] = (i[word] & _LOW) | (number << 32)
    else:
        i[word] = (i[word] & ~_LOW) | (number & _LOW)


@compiled
def half_float(i: Ints, piece: int, place: int) -> float:
    """A float of half the width of a piece, which counts halves."""
    word = i[piece + (place >> 1)]
    return high(word) if place & 1 else low(word)


@compiled
def set_half_float(i: Ints, piece: int, place: int, number: float) -> None:
    """Set such a float."""
    set_half(i, piece, place, _bits_of(number))
