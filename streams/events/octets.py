"""Bytes in compiled code: eight at a time, wherever they stand.

A text in JSON ends at a quote; looked for byte by byte it takes most of the time of
reading an event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from detectors.compiled import compiled

Octets = NDArray[np.uint8]

PADDING: Final = b'"' + b"\0" * 31
"""What has to follow the last byte: it ends each text, number and word begun before."""

_ONES: Final = np.uint64(0x0101010101010101)
_HIGHS: Final = np.uint64(0x8080808080808080)
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES: Final = np.uint64(0x2020202020202020)


def _word_at(_context: Any, octets: Any, _at: Any) -> Any:  # noqa: ANN401
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        word = builder.bitcast(place, ir.IntType(64).as_pointer())
        return builder.load(word, align=1)

    return types.uint64(octets, types.int64), emit


def _octet_at(_context: Any, octets: Any, _at: Any) -> Any:  # noqa: ANN401
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        array = context.make_array(signature.args[0])(context, builder, args[0])
        octet = builder.load(builder.gep(array.data, [args[1]]))
        return builder.zext(octet, ir.IntType(64))

    return types.int64(octets, types.int64), emit


def _put_word(_context: Any, _octets: Any, _at: Any, _word: Any) -> Any:  # noqa: ANN401
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        word = builder.bitcast(place, ir.IntType(64).as_pointer())
        builder.store(args[2], word, align=1)
        return context.get_dummy_value()

    return types.void(_octets, types.int64, types.uint64), emit


def _trailing_zeros(_context: Any, _word: Any) -> Any:  # noqa: ANN401
    def emit(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), emit


word_at = cast("Callable[[Octets, int], np.uint64]", intrinsic(_word_at))
"""The eight bytes from a place on, little-endian; they must lie in the array."""

octet_at = cast("Callable[[Octets, int], int]", intrinsic(_octet_at))
"""The byte at a place, which must lie in the array: a negative one does not turn it."""

put_word = cast("Callable[[Octets, int, np.uint64], None]", intrinsic(_put_word))
"""Write eight bytes from a place on; they must lie in the array."""

trailing_zeros = cast("Callable[[np.uint64], int]", intrinsic(_trailing_zeros))
"""How many low bits are 0; 64 of 0."""


@compiled
def digit_at(octets: Octets, at: int) -> int:
    """The digit at a place; less than 0 or more than 9 where there is none."""
    return octet_at(octets, at) - 48


@compiled
def copy(source: Octets, at: int, target: Octets, to: int, length: int) -> None:
    """Copy bytes, and up to seven more: both arrays must go on for so long."""
    for place in range(0, length, 8):
        put_word(target, to + place, word_at(source, at + place))


@compiled
def past_spaces(octets: Octets, at: int) -> int:
    """The place of the first byte from a place on that is no white space."""
    while octet_at(octets, at) in (32, 10, 13, 9):
        at += 1
    return at


@compiled
def text_end(octets: Octets, at: int) -> int:
    """Where the quote stands that ends a text begun at a place.

    -1 where a backslash or a control character comes first, and of no UTF-8.
    """
    begin, foreign = at, np.uint64(0)
    while True:
        word = word_at(octets, at)
        quote = word ^ _QUOTES
        escape = word ^ _BACKSLASHES
        # The lowest mark is right; higher ones may be there for a borrow only.
        found = (
            ((quote - _ONES) & ~quote)
            | ((escape - _ONES) & ~escape)
            | ((word - _SPACES) & ~word)
        ) & _HIGHS
        foreign |= word & _HIGHS
        if found:
            end = at + (trailing_zeros(found) >> 3)
            if octet_at(octets, end) != 34:
                return -1
            return end if foreign == 0 or _is_utf8(octets, begin, end) else -1
        at += 8


@compiled
def _is_utf8(octets: Octets, at: int, end: int) -> bool:
    """Whether bytes are UTF-8 (RFC 3629): nothing overlong, no surrogates."""
    while at < end:
        first = octet_at(octets, at)
        second = octet_at(octets, at + 1)
        more, least, most = 0, 0x80, 0xBF
        if first < 0x80:
            at += 1
            continue
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
            least = 0xA0 if first == 0xE0 else 0x80
            most = 0x9F if first == 0xED else 0xBF
        elif 0xF0 <= first <= 0xF4:
            more = 3
            least = 0x90 if first == 0xF0 else 0x80
            most = 0x8F if first == 0xF4 else 0xBF
        if more == 0 or second < least or second > most or at + more >= end:
            return False
        for place in range(at + 2, at + more + 1):
            if octet_at(octets, place) & 0xC0 != 0x80:
                return False
        at += more + 1
    return True


@compiled
def same(left: Octets, at: int, right: Octets, other: int, length: int) -> bool:
    """Whether as many bytes of two arrays are the same; both must be padded."""
    while length >= 8:
        if word_at(left, at) != word_at(right, other):
            return False
        at += 8
        other += 8
        length -= 8
    if length == 0:
        return True
    shift = np.uint64(64 - 8 * length)
    return bool((word_at(left, at) ^ word_at(right, other)) << shift == np.uint64(0))
