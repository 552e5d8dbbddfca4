"""Words of rows as bytes, and back."""

from __future__ import annotations

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
        self._squeezed = np.zeros(squeezing.MOST * len(self._words), np.uint8)

    def room(self, words: int) -> Ints:
        """So many words or more, to be written on."""
        if words > len(self._words):
            self._words = np.zeros(2 * words, np.int64)
            self._squeezed = np.zeros(squeezing.MOST * len(self._words), np.uint8)
        return self._words

    def packed(self, words: int) -> bytes:
        """The first words that have been written, as bytes."""
        count = squeezing.squeeze(self._words, words, self._squeezed)
        return words.to_bytes(4, "little") + self._squeezed[:count].tobytes()


def words_of(packed: bytes) -> Ints:
    """The words that have been packed.

    Raises:
        ValueError: The bytes are none.
    """
    count = int.from_bytes(packed[:4], "little")
    squeezed = np.frombuffer(bytearray(packed[4:]), np.uint8)
    if count > 2 * len(squeezed):
        raise ValueError(DAMAGED)
    words = np.zeros(count, np.int64)
    if not squeezing.spread(squeezed, count, words):
        raise ValueError(DAMAGED)
    return words


def bytes_of(words: Ints) -> bytes:
    """Words as ``Paper.packed`` has them."""
    paper = Paper()
    paper.room(len(words))[: len(words)] = words
    return paper.packed(len(words))
