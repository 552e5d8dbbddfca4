"""Which of several records of a key holds, wherever it lies."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec

from detectors.partition import Partition
from detectors.rules import RuleBook
from streams.state.newest import Headers, headers_of, holds


def record(value: bytes | None, headers: Headers | None = None) -> SimpleNamespace:
    """What is read, up to what matters here."""
    return SimpleNamespace(value=value, headers=headers or [])


def row(offset: int) -> SimpleNamespace:
    """A row as detect writes them."""
    return record(msgspec.msgpack.encode([1, offset, "whatever", [1, 2]]))


def tombstone(offset: int) -> SimpleNamespace:
    """A tombstone as detect writes them."""
    return record(None, headers_of(offset))


def test_the_larger_offset_holds() -> None:
    """A row that lies behind another one replaces it only if it has seen as much."""
    assert holds(row(5), row(6))
    assert holds(row(5), row(5))
    assert not holds(row(6), row(5))


def test_a_late_tombstone_ends_no_series_that_was_born_again() -> None:
    """Nor does a late row bring one back that is gone."""
    assert holds(row(5), tombstone(5))
    assert not holds(row(6), tombstone(5))
    assert holds(tombstone(5), row(6))
    assert not holds(tombstone(6), row(5))


def test_a_tombstone_of_an_earlier_version_always_holds() -> None:
    """It does not say what it has seen."""
    assert holds(row(5), record(None))
    assert holds(record(None), row(5))
    assert holds(row(5), record(None, [("offset", b"no number"), ("trace", b"1")]))


def test_seals_compare_like_rows() -> None:
    """A partition's own row begins with version and offset, too."""

    def seal(offset: int) -> SimpleNamespace:
        return record(Partition(RuleBook(())).seal(offset))

    assert holds(seal(1), seal(2))
    assert not holds(seal(2), seal(1))


def test_what_is_not_understood_is_left_to_the_reader() -> None:
    """A damaged row is not hidden by an older one."""
    assert holds(row(5), record(b"\xc1 no row"))
    assert holds(record(b"\xc1 no row"), row(5))
