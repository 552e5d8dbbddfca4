"""How fetched records become chunks."""

from __future__ import annotations

from faust.types.tuples import TP

from streams.kafka.reading import Source, from_committed, in_turns


def test_partitions_take_turns() -> None:
    """A slice of each partition in turn, none larger than its topic's limit."""
    records: dict[TP, list[object]] = {
        TP("s", 0): [*range(5)],
        TP("s", 1): [7],
        TP("o", 0): [*"abc"],
    }
    sources = {"s": Source(chunk_records=2), "o": Source(chunk_records=1)}
    assert list(in_turns(records, sources)) == [
        (TP("s", 0), [0, 1]),
        (TP("s", 1), [7]),
        (TP("o", 0), ["a"]),
        (TP("s", 0), [2, 3]),
        (TP("o", 0), ["b"]),
        (TP("s", 0), [4]),
        (TP("o", 0), ["c"]),
    ]


def test_reading_starts_at_the_commit_or_where_the_log_begins() -> None:
    """What retention has taken cannot be read again."""
    assert from_committed(0, None, 5) == 5
    assert from_committed(0, 9, 5) == 9
    assert from_committed(0, 3, 5) == 5
