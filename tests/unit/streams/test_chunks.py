"""The consumer that reads chunks, where it differs from Faust's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.kafka.chunks import ChunkConsumer
from streams.kafka.reading import Source
from streams.lines import NOTIFIED, QUIET


def test_a_partition_that_nobody_wants_is_not_watched_for_a_standstill() -> None:
    """It is paused for good: Faust would report it as stuck every half minute."""
    watched: list[TP] = []
    consumer = ChunkConsumer.__new__(ChunkConsumer)
    source = Source(wanted=lambda partition: partition == NOTIFIED)
    reading: Any = SimpleNamespace(sources={"lines": source})
    consumer.reading = reading
    consumer._thread = SimpleNamespace(
        verify_event_path=lambda _now, tp: watched.append(tp)
    )
    for partition in (NOTIFIED, QUIET):
        consumer.verify_event_path(0.0, TP("lines", partition))
    assert watched == [TP("lines", NOTIFIED)]
