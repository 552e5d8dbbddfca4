"""Words are written as few bytes, and come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.state.paper import bytes_of, words_of

WORDS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-300, 300),
    st.floats(width=64).map(lambda x: int(np.float64(x).view(np.int64))),
    st.sampled_from([0.5, 20.0, 1.0, 1e-9]).map(
        lambda x: int(np.float64(x).view(np.int64))
    ),
)


@given(st.lists(WORDS, max_size=40))
def test_words_come_back_as_they_were(words: list[int]) -> None:
    """Any integers, and the bits of any floats (property)."""
    packed = bytes_of(np.array(words, np.int64))
    assert words_of(packed).tolist() == words
    assert len(packed) <= 5 + 9 * len(words)


def test_what_is_mostly_zero_takes_little() -> None:
    """Half a byte for a zero, two bytes or three for small numbers and round floats."""
    zeros = bytes_of(np.zeros(1000, np.int64))
    assert len(zeros) == 504
    small = np.full(1000, 20, np.int64)
    round_floats = np.full(1000, 20.0).view(np.int64)
    assert len(bytes_of(small)) == 1504
    assert len(bytes_of(round_floats)) == 2504


@given(st.lists(WORDS, min_size=1, max_size=20), st.data())
def test_damaged_bytes_are_refused(words: list[int], data: st.DataObject) -> None:
    """Bytes that are missing, or too many, are noticed and not read past (property)."""
    packed = bytes_of(np.array(words, np.int64))
    cut = data.draw(st.integers(4, len(packed) - 1))
    with pytest.raises(ValueError, match="damaged"):
        words_of(packed[:cut])
    with pytest.raises(ValueError, match="damaged"):
        words_of(packed + b"\1")
