"""What a chunk is, and how the topics of a consumer are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from faust.types.tuples import TP, ConsumerMessage

from streams.kafka.lease import Lease


class Verdict(Enum):
    """What may be done with a chunk.

    OK: it follows what was done before. STALE: leave it, it will be fetched again.
    GAP: something is missing before it; the process must end rather than go on.
    """

    OK = "ok"
    STALE = "stale"
    GAP = "gap"


class Chunk(ConsumerMessage):  # type: ignore[misc]
    """Records of one partition, in order; ``value`` is the list of them.

    Attributes:
        start: End of the chunk before, from where this one was fetched.
        next: Offset after the last record.
        epoch: In which its fetch began; a seek begins another.
    """

    __slots__ = ("epoch", "next", "start")


def make_chunk(
    tp: TP, records: list[Any], start: int, epoch: int, generation: int
) -> Chunk:
    """A chunk of records, as Faust wants its messages."""
    last = records[-1]
    chunk = Chunk(
        topic=tp.topic,
        partition=tp.partition,
        offset=last.offset,
        timestamp=last.timestamp / 1000.0,
        timestamp_type=last.timestamp_type,
        headers=(),
        key=None,
        value=records,
        checksum=None,
        tp=tp,
        generation_id=generation,
    )
    chunk.start, chunk.next, chunk.epoch = start, last.offset + 1, epoch
    return chunk


def from_committed(_partition: int, committed: int | None, beginning: int) -> int:
    """Where reading starts: at the commit, or where the log begins."""
    return beginning if committed is None else max(committed, beginning)


@dataclass(frozen=True, slots=True)
class Source:
    """How the chunks of a topic are read.

    Attributes:
        chunk_records: The most records in a chunk.
        wanted: Whether a partition is read at all.
        checkpointed: Commits follow ``ChunkConsumer.seal``, not finished chunks.
        start: From partition, committed offset and first offset to where to start.
    """

    chunk_records: int = 500
    wanted: Callable[[int], bool] = lambda _partition: True
    checkpointed: bool = False
    start: Callable[[int, int | None, int], int] = from_committed


async def _nothing() -> None:
    """No checkpoint is needed."""


@dataclass(slots=True)
class Reading:
    """What a consumer is to do; handed through Faust by the transport.

    Attributes:
        checkpoint: Writes what has to be safe before partitions are given away.
        lease: Told of heartbeats.
        fetch_wait_ms: How long the broker may hold back an empty answer.
    """

    sources: Mapping[str, Source]
    lease: Lease
    fetch_wait_ms: int = 200
    checkpoint: Callable[[], Awaitable[None]] = field(default=_nothing)


def in_turns(
    records: Mapping[Any, list[Any]], sources: Mapping[str, Source]
) -> Iterator[tuple[TP, list[Any]]]:
    """Slices of each partition, a slice of every one in turn."""
    waiting = {TP(tp.topic, tp.partition): found for tp, found in records.items()}
    turn = 0
    while waiting:
        for tp in list(waiting):
            size = sources[tp.topic].chunk_records
            begin = turn * size
            part = waiting[tp][begin : begin + size]
            if begin + size >= len(waiting[tp]):
                del waiting[tp]
            yield tp, part
        turn += 1
