"""An arena grows, and nothing in it is lost, whoever looks at it meanwhile."""

from __future__ import annotations

import pytest

from detectors.kernels.arena import TOP
from detectors.state.arena import MOST, Arena


@pytest.mark.parametrize("seen", [False, True], ids=["moved", "copied"])
def test_what_it_holds_is_there_after_it_grew(seen: bool) -> None:
    """Moved as a whole, or copied while somebody still looks at the old memory."""
    arena = Arena()
    pieces = [arena.take(40) for _ in range(100)]
    for number, at in enumerate(pieces):
        arena.ints[at : at + 40] = number + 1
    held, before = (arena.ints if seen else None), len(arena.ints)
    arena.grow()
    assert len(arena.ints) > before
    for number, at in enumerate(pieces):
        assert set(arena.ints[at : at + 40].tolist()) == {number + 1}
    assert not arena.ints[pieces[-1] + 40 :].any()
    if held is not None:
        arena.ints[pieces[0]] = -5
        assert held[pieces[0]] == 1


def test_both_views_are_of_the_same_memory() -> None:
    """Also after it grew."""
    arena = Arena()
    at = arena.take(1)
    arena.grow()
    arena.floats[at] = 1.0
    assert hex(arena.ints[at]) == "0x3ff0000000000000"


def test_no_address_is_larger_than_half_a_word_holds() -> None:
    """What would need a larger one says what to do, and changes nothing."""
    arena = Arena(most=100_000)
    while len(arena.ints) < 100_000:
        arena.grow()
    before = int(arena.heads[TOP])

    with pytest.raises(MemoryError, match="shorter `retention`"):
        arena.take(1 << 17)

    assert int(arena.heads[TOP]) == before
    assert MOST < 2**31
