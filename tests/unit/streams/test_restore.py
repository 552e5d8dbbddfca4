"""State that cannot be read is refused in words."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from detectors.identity import series_key
from detectors.partition import Partition
from detectors.rules import Level, RuleBook, Severity, Threshold, Window, rule
from detectors.state.rows import VERSION
from streams.kafka.link import StateError
from streams.kafka.topic_specs import TopicNames
from streams.state.restore import _restored
from streams.state.tail import Tail

BOOK = RuleBook(
    (
        rule(
            "latency",
            "latency_ms",
            Threshold((Level(Severity.WARNING, 1.0),)),
            by=("agent",),
            window=Window(samples=5),
        ),
    )
)


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"garbage",
        msgspec.msgpack.encode([VERSION + 1, 0]),
        msgspec.msgpack.encode([VERSION, 0, 0, 0, 0, [["latency"]]]),
    ],
)
def test_a_damaged_row_is_refused_with_its_place(row: bytes) -> None:
    """The topic and the partition are named, and there is no other exception."""
    tail = Tail()
    tail.begin(0, 1)
    key = series_key({"agent": "a"})
    tail.take([SimpleNamespace(offset=0, key=key, value=row)])
    with pytest.raises(StateError, match=r"loopwatch\.detect-state 3"):
        _restored(Partition(BOOK, number=3), tail, TopicNames(), {})
