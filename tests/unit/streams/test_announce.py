"""Whether all live workers run the same file."""

from __future__ import annotations

from streams.control.announce import Announcement, Roll


def roll() -> tuple[Roll, list[float]]:
    """A roll that has listened long enough, and its clock."""
    clock = [100.0]
    mine = Roll("new", 5, lambda: clock[0])
    mine.listen()
    clock[0] += 15
    return mine, clock


def test_one_must_have_listened_first() -> None:
    """Who has not heard for long enough knows of nobody, and so of no agreement."""
    clock = [0.0]
    mine = Roll("new", 5, lambda: clock[0])
    assert not mine.agreed()
    mine.listen()
    assert not mine.agreed()
    clock[0] = 15
    assert mine.agreed()
    mine.deaf()
    assert not mine.agreed()


def test_another_file_of_our_own_is_no_agreement_either() -> None:
    """Until the others have it too, and we have heard ourselves say so."""
    mine, _ = roll()
    for name in ("we", "other"):
        mine.hear(Announcement(name, "new"))
    assert mine.agreed()
    mine.follow("newer")
    assert not mine.agreed()
    mine.hear(Announcement("we", "newer"))
    assert not mine.agreed()
    mine.hear(Announcement("other", "newer"))
    assert mine.agreed()


def test_another_file_is_no_agreement() -> None:
    """Until that worker announces ours, leaves, or falls silent."""
    mine, clock = roll()
    mine.hear(Announcement("other", "old"))
    assert not mine.agreed()
    mine.hear(Announcement("other", "new"))
    assert mine.agreed()
    mine.hear(Announcement("third", "old"))
    mine.hear(Announcement("third", "old", leaves=True))
    assert mine.agreed()
    mine.hear(Announcement("fourth", "old"))
    clock[0] += 14
    assert not mine.agreed()
    clock[0] += 1
    assert mine.agreed()
