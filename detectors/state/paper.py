"""Words of rows as bytes, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.kernels import squeezing
from detectors.kernels.words import Ints

DAMAGED: Final = "the words of a row are damaged"


class Paper:
    """Words to be written on, again and again."""

    __slots__ = ("_squeezed", "_words")

    def __init__(self) -> None:
        self._words: Ints = np.zeros(1 << 12, np.int64)
        self._squeezed: Ints = np.zeros(0, np.int64)

    def room(self, words: int) -> Ints:
        """So many words or more, to be written on."""
        if words > len(self._words):
            self._words = np.zeros(2 * words, np.int64)
        return self._words

    def packed(self, words: int) -> bytes:
        """The first words that have been written, as bytes."""
        room = squeezing.squeezed_room(words)
        if room > len(self._squeezed):
            self._squeezed = np.zeros(2 * room, np.int64)
        count = squeezing.squeeze(self._words, words, self._squeezed, 0)
        squeezed = self._squeezed[: count // 8 + 1].tobytes()[:count]
        return words.to_bytes(4, "little") + squeezed


def words_of(packed: bytes) -> Ints:
    """The words that have been packed.

    Raises:
        ValueError: The bytes are none.
    """
    count, end = int.from_bytes(packed[:4], "little"), len(packed) - 4
    if count > 2 * max(end, 0):
        raise ValueError(DAMAGED)
    words = np.zeros(count, np.int64)
    if not squeezing.spread(memory([packed[4:]]), 0, end, count, words):
        raise ValueError(DAMAGED)
    return words


def memory(parts: Sequence[bytes]) -> Ints:
    """Bytes one after the other, as memory to be read in words."""
    size = sum(map(len, parts))
    beyond = bytes(squeezing.BEYOND + -size % 8)
    return np.frombuffer(bytearray().join([*parts, beyond]), np.int64)


def bytes_of(words: Ints) -> bytes:
    """Words as ``Paper.packed`` has them."""
    paper = Paper()
    paper.room(len(words))[: len(words)] = words
    return paper.packed(len(words))
