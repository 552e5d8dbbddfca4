"""Taking partitions over: their rows, their seals, the memory of what was counted."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from detectors.actions import CONTROL
from detectors.partition import Partition
from detectors.rules import RuleBook
from detectors.state.rows import RowError
from detectors.state.seals import Seal
from streams.ingest import TICK
from streams.kafka.link import StateError
from streams.kafka.topic_specs import TopicNames
from streams.observations.block import decode_block
from streams.state.late import Late
from streams.state.owned import Owned
from streams.state.tail import Tail
from streams.state.topic import follow, read_log

log = logging.getLogger(__name__)

RESTORED: Final = "restored partitions %s of %s: %d series, of %d rows read, in %.1f s"
LATE: Final = (
    "%s %d: a worker that had been frozen wrote old rows behind newer ones, of %d keys; "
    "the newer ones hold, and are written again. There is nothing to do"
)
_AT_END: Final = -1


async def restore(
    numbers: Collection[int],
    book: RuleBook,
    topics: TopicNames,
    sources: int,
    options: Mapping[str, Any],
    *,
    partitions: int,
) -> dict[int, Owned]:
    """The state of partitions as it was last sealed.

    Args:
        numbers: Of the partitions.
        book: The rules.
        topics: Names.
        sources: Partitions of the sessions' topic.
        options: Keyword arguments of aiokafka's clients.
        partitions: Of the observations.

    Raises:
        StateError: The state is of another version, or of topics made anew since.
        TimeoutError: It could not be read to its end.
        aiokafka.errors.KafkaError: Kafka cannot be reached.
    """
    if not numbers:
        return {}
    began_s = time.monotonic()
    tails = {number: Tail() for number in numbers}
    restored = {}
    applied: dict[int, int] = {}
    with uncollected():
        await follow(options, topics.detect_state, tails)
        read = sum(tail.read for tail in tails.values())
        for number in list(tails):
            partition = Partition(book, number=number, partitions=partitions)
            # What has been read is let go as soon as it is restored.
            restored[number] = _restored(partition, tails.pop(number), topics, applied)
    await _refill(restored, topics, options)
    control = applied.pop(CONTROL, None)
    await _compare_sources(applied, sources, topics, options)
    if control is not None:
        await _compare_control(control, restored, topics, options)
    with uncollected():
        for owned in restored.values():
            owned.partition.finish_restore()
    log.info(
        RESTORED,
        sorted(restored),
        topics.observations,
        sum(len(owned.partition) for owned in restored.values()),
        read,
        time.monotonic() - began_s,
    )
    return restored


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector, which doubles the cost of a restored row.

    It would go through all rows restored so far again and again, and find nothing.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _restored(
    partition: Partition,
    tail: Tail,
    topics: TopicNames,
    applied: dict[int, int],
) -> Owned:
    number = partition.number
    try:
        position = 0
        if tail.seal is not None:
            seal = Seal.load(tail.seal.value)
            if len(tail.rows) < seal.series:
                raise StateError(
                    f"{topics.detect_state} {number} has the rows of {len(tail.rows)} "
                    f"series, and had {seal.series}: rows were lost; {_forget(topics)}"
                )
            position = partition.restore_seal(tail.seal.value) + 1
            for source, offset in seal.applied.items():
                applied[source] = max(offset, applied.get(source, -1))
        if tail.places is not None:
            partition.restore_places(tail.places.value)
        partition.restore_rows({key: row.value for key, row in tail.rows.items()})
    except RowError as error:
        raise StateError(f"{topics.detect_state} {number}: {error}") from None
    except (LookupError, TypeError, ValueError) as error:
        # Its bytes are a list of the right version, and yet make no sense.
        raise StateError(
            f"{topics.detect_state} {number}: a row is damaged, or was written by a "
            f"version in between ({type(error).__name__}: {error}). Start the version "
            f"that wrote it; or, {_forget(topics)}"
        ) from error
    if tail.late:
        log.warning(LATE, topics.detect_state, number, len(tail.late))
    return Owned(
        partition,
        position,
        fresh=tail.seal is None,
        reach=tail.reach,
        late=Late(tail.late),
    )


def _forget(topics: TopicNames) -> str:
    return (
        "to forget what was normal and which alerts are open, stop all workers and "
        f"delete the topics {topics.detect_state} and {topics.observations}"
    )


async def _refill(
    restored: Mapping[int, Owned], topics: TopicNames, options: Mapping[str, Any]
) -> None:
    """Read what the duplicate memory held once more."""
    begin = {
        number: owned.partition.memory_from
        for number, owned in restored.items()
        if not owned.fresh
    }
    if not begin:
        return
    until = {number: restored[number].next for number in begin}

    def take(number: int, records: list[Any]) -> None:
        partition = restored[number].partition
        for record in records:
            if record.offset >= until[number] or record.key == TICK:
                continue
            try:
                batch = decode_block(record.value or b"")
            except ValueError:
                continue  # It is among the dead letters since it was first read.
            partition.remember(batch, record.offset)

    ends = await read_log(options, topics.observations, begin, take, until)
    for number, end in ends.items():
        if end < until[number]:
            raise StateError(
                f"{topics.observations} {number} ends before offset {end}, but was "
                f"folded up to {until[number] - 1}: the topic was made anew. Delete "
                f"{topics.detect_state} as well, and start again; baselines and open "
                "alerts begin anew"
            )


async def _compare_sources(
    applied: Mapping[int, int],
    sources: int,
    topics: TopicNames,
    options: Mapping[str, Any],
) -> None:
    """See whether the sessions' topic is the one whose offsets were counted."""
    gone = sorted(source for source in applied if source >= sources)
    if gone:
        raise StateError(
            f"{topics.sessions} has {sources} partitions, but sessions of partition "
            f"{gone[-1]} were counted: the topic was made anew. {_start_over(topics)}"
        )
    begin = dict.fromkeys(applied, _AT_END)
    if not begin:
        return
    ends = await read_log(options, topics.sessions, begin, lambda *_: None)
    for source, end in ends.items():
        if end <= applied[source]:
            raise StateError(
                f"{topics.sessions} {source} ends before offset {end}, but sessions "
                f"up to {applied[source]} were counted: the topic was made anew. "
                f"{_start_over(topics)}"
            )


async def _compare_control(
    applied: int,
    restored: Mapping[int, Owned],
    topics: TopicNames,
    options: Mapping[str, Any],
) -> None:
    """Count actions anew if their topic was made anew: baselines hang on no old one."""
    ends = await read_log(options, topics.control, {0: _AT_END}, lambda *_: None)
    if ends[0] <= applied:
        log.warning(
            "%s ends before offset %d, but actions up to %d were carried out: the "
            "topic was made anew, and its actions are counted anew",
            topics.control,
            ends[0],
            applied,
        )
        for owned in restored.values():
            owned.partition.forget_actions()


def _start_over(topics: TopicNames) -> str:
    return (
        f"Delete {topics.observations} and {topics.detect_state} as well, and start "
        "again; baselines and open alerts begin anew"
    )
