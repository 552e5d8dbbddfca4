"""What a restart makes of rows that came late."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec

from detectors.partition import Partition
from detectors.rules import RuleBook
from detectors.state.rows import VERSION
from streams.state.newest import headers_of
from streams.state.tail import Tail
from streams.state.topic import PLACES, SEAL

FEW = 4
_SEALED = Partition(RuleBook(()))


def row(holds: int) -> bytes:
    """A row, up to what matters here."""
    return msgspec.msgpack.encode([VERSION, holds, b"w"])


def seal(holds: int, begin: int, at: int) -> bytes:
    """A seal that names the offset where rows begin, and its own."""
    return _SEALED.seal(holds, (begin, at))


Row = tuple[bytes, bytes | int]


def topic(*rows: Row) -> list[Any]:
    """A topic; a number is a tombstone that is right up to it."""
    return [
        SimpleNamespace(
            offset=offset,
            key=key,
            value=value if isinstance(value, bytes) else None,
            headers=headers_of(value) if isinstance(value, int) else [],
        )
        for offset, (key, value) in enumerate(rows)
    ]


def read(records: Sequence[Any], few: int = FEW) -> Tail:
    """Read as much as is needed."""
    tail, end = Tail(few), len(records)
    begin: int | None = tail.begin(0, end)
    while begin is not None:
        tail.take(records[begin:])
        begin = tail.more(end)
    return tail


def held(tail: Tail) -> dict[bytes, bytes]:
    """The rows of series."""
    return {key: record.value for key, record in tail.rows.items()}


def test_the_newest_rows_hold_and_late_ones_are_named() -> None:
    """With what these hold; once a newer one lies behind them there is nothing to do."""
    rows = (b"a", row(3)), (b"b", row(3)), (b"a", row(1)), (b"b", row(1))
    tail = read(topic(*rows))
    assert held(tail) == {b"a": row(3), b"b": row(3)}
    assert tail.late == {b"a": 1, b"b": 1}
    assert read(topic(*rows, (b"a", row(3))), 99).late == {b"b": 1}


def test_late_tombstones_end_nothing() -> None:
    """Unless the series is older than they are."""
    tail = read(topic((b"a", row(3)), (b"b", row(3)), (b"a", 2), (b"b", 3)), 99)
    assert (held(tail), tail.late) == ({b"a": row(3)}, {b"a": 2})


def test_late_rows_bring_nothing_back() -> None:
    """The tombstone holds, and has to be written again."""
    tail = read(topic((b"a", row(3)), (b"a", 4), (b"a", row(2))), 99)
    assert (held(tail), tail.late) == ({}, {b"a": 2})


def test_a_late_seal_and_late_places_are_named_too() -> None:
    """So that a checkpoint follows."""
    late = (SEAL, seal(3, 0, 9)), (PLACES, row(3))
    tail = read(topic((PLACES, row(5)), (SEAL, seal(5, 0, 1)), *late), 99)
    assert tail.late == {SEAL: 3, PLACES: 3}
    assert (tail.seal.offset, tail.places.offset) == (1, 0)


def test_a_late_row_of_what_is_long_gone_makes_it_read_all() -> None:
    """Its tombstone lies before what has to be read otherwise."""
    gone: list[Row] = [(b"gone", row(1)), (b"gone", 2)]
    filler: list[Row] = [(b"a", row(5))] * 300
    sealed: list[Row] = [*gone, *filler, (SEAL, seal(5, 290, 302))]
    assert read(topic(*sealed, (b"b", row(6)))).read < 200
    tail = read(topic(*sealed, (b"gone", row(1))))
    assert (held(tail), tail.late) == ({b"a": row(5)}, {b"gone": 1})


def test_rows_in_a_checkpoint_that_are_not_its_own_make_it_read_all() -> None:
    """The seal does not lie where its writer thought it would."""
    gone = (b"gone", row(1)), (b"gone", 2)
    filler = [(b"a", row(5))] * 300
    between = (b"gone", row(1)), (SEAL, seal(5, 290, 302))
    tail = read(topic(*gone, *filler, *between))
    assert (held(tail), tail.late) == ({b"a": row(5)}, {b"gone": 1})
