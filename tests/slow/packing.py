"""Samples as bytes: whole numbers in one, two or four, all others in eight."""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np

_WHOLE: Final = (("b", 127.0), ("h", 32_767.0), ("i", 2_147_483_647.0))
"""Kinds of whole numbers, as ``struct`` names them, and the largest of each."""


def pack(numbers: array[float], sign: float = 1.0) -> bytes:
    """Signed numbers as bytes, lowest byte first on every machine; no bit is lost.

    Args:
        numbers: Zero or more, each times ``sign``.
        sign: 1.0 or -1.0; with the latter every zero is a negative one.

    >>> len(pack(array("d", [1.0, 2.0, 3.0]))), len(pack(array("d", [0.1])))
    (4, 9)
    >>> unpack(pack(array("d", [-2.0, -0.0]), -1.0), -1.0)
    array('d', [-2.0, -0.0])
    """
    if not numbers:
        return b""
    values = np.frombuffer(numbers) * sign
    if numbers[0].is_integer() and numbers[-1].is_integer():
        largest = values.max()
        for kind, most in _WHOLE:
            if largest <= most:
                whole = values.astype(f"<{kind}")
                if (whole == values).all():
                    return kind.encode() + whole.tobytes()
                break
    return b"d" + values.astype("<f8").tobytes()


def unpack(text: bytes, sign: float = 1.0) -> array[float]:
    """The inverse of ``pack``."""
    numbers = array("d")
    if text:
        values = np.frombuffer(text, f"<{text[:1].decode()}", offset=1)
        numbers.frombytes((values * sign).astype("=f8").tobytes())
    return numbers
