"""BLAKE2b of many short texts at once, in compiled code (RFC 7693)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from streams.events.octets import Octets, word_at

_BLOCK: Final = 128
_ROUNDS: Final = 12
_START: Final = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_ORDER: Final = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.int64,
)
_PARAMETERS: Final = np.uint64(0x01010008)
"""A digest of 8 bytes, no key, no tree."""


@compiled
def _turn(word: np.uint64, by: int) -> np.uint64:
    return np.uint64((word >> np.uint64(by)) | (word << np.uint64(64 - by)))


@compiled
def _mix(  # noqa: PLR0917 - compiled code takes its arrays one by one
    a: np.uint64,
    b: np.uint64,
    c: np.uint64,
    d: np.uint64,
    x: np.uint64,
    y: np.uint64,
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    a = a + b + x
    d = _turn(d ^ a, 32)
    c = c + d
    b = _turn(b ^ c, 24)
    a = a + b + y
    d = _turn(d ^ a, 16)
    c = c + d
    b = _turn(b ^ c, 63)
    return a, b, c, d


@compiled
def _compress(
    state: NDArray[np.uint64], words: NDArray[np.uint64], count: int, last: bool
) -> None:
    a0, a1, a2, a3 = state[0], state[1], state[2], state[3]
    b0, b1, b2, b3 = state[4], state[5], state[6], state[7]
    c0, c1, c2, c3 = _START[0], _START[1], _START[2], _START[3]
    d0, d1, d2, d3 = _START[4] ^ np.uint64(count), _START[5], _START[6], _START[7]
    if last:
        d2 = ~d2
    for turn in range(_ROUNDS):
        s = _ORDER[turn]
        a0, b0, c0, d0 = _mix(a0, b0, c0, d0, words[s[0]], words[s[1]])
        a1, b1, c1, d1 = _mix(a1, b1, c1, d1, words[s[2]], words[s[3]])
        a2, b2, c2, d2 = _mix(a2, b2, c2, d2, words[s[4]], words[s[5]])
        a3, b3, c3, d3 = _mix(a3, b3, c3, d3, words[s[6]], words[s[7]])
        a0, b1, c2, d3 = _mix(a0, b1, c2, d3, words[s[8]], words[s[9]])
        a1, b2, c3, d0 = _mix(a1, b2, c3, d0, words[s[10]], words[s[11]])
        a2, b3, c0, d1 = _mix(a2, b3, c0, d1, words[s[12]], words[s[13]])
        a3, b0, c1, d2 = _mix(a3, b0, c1, d2, words[s[14]], words[s[15]])
    state[0] ^= a0 ^ c0
    state[1] ^= a1 ^ c1
    state[2] ^= a2 ^ c2
    state[3] ^= a3 ^ c3
    state[4] ^= b0 ^ d0
    state[5] ^= b1 ^ d1
    state[6] ^= b2 ^ d2
    state[7] ^= b3 ^ d3


def hash_texts(
    octets: Octets, begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """What ``identity.session_hash`` computes, for each of many texts in UTF-8.

    Args:
        octets: Padded.
        begins: Where each text begins.
        ends: Where it ends.
    """
    hashes = np.empty(len(begins), np.uint64)
    scratch = np.empty(8, np.uint64), np.empty(16, np.uint64)
    _hash(octets, begins, ends, hashes, *scratch)
    return hashes


@compiled
def _hash(  # noqa: PLR0917 - compiled code takes its arrays one by one
    octets: Octets,
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    state: NDArray[np.uint64],
    words: NDArray[np.uint64],
) -> None:
    for row in range(len(begins)):
        at, end = begins[row], ends[row]
        for place in range(8):
            state[place] = _START[place]
        state[0] ^= _PARAMETERS
        count = 0
        while True:
            size = min(end - at, _BLOCK)
            for place in range(16):
                left = size - 8 * place
                word = np.uint64(0)
                if left > 0:
                    word = word_at(octets, at + 8 * place)
                    if left < 8:
                        spare = np.uint64(64 - 8 * left)
                        word = (word << spare) >> spare
                words[place] = word
            count += size
            at += size
            _compress(state, words, count, at == end)
            if at == end:
                break
        word = state[0]
        # The digest's bytes are little-endian, and are read as a big-endian number.
        turned = np.uint64(0)
        for _ in range(8):
            turned = (turned << np.uint64(8)) | (word & np.uint64(255))
            word >>= np.uint64(8)
        hashes[row] = turned
