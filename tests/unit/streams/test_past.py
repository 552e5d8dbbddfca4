"""The partitions of a topic become one line of sessions."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from hypothesis import given
from hypothesis import strategies as st

from loopwatch.broker import EmbeddedBroker
from streams.past import Merge, read_past

PARTS = st.dictionaries(
    st.integers(0, 3), st.lists(st.integers(0, 20)).map(sorted), min_size=1
)


@given(parts=PARTS, sizes=st.lists(st.integers(1, 4), min_size=1, max_size=30))
def test_all_records_come_in_the_order_of_their_timestamps(
    parts: dict[int, list[int]], sizes: list[int]
) -> None:
    """However they arrive: none before one that is older, and none is lost."""
    merge, found = Merge(parts), []
    left = {
        number: [(at, b"%d:%d:%02d" % (at, number, n)) for n, at in enumerate(times)]
        for number, times in parts.items()
    }
    whole = sorted((at, number, value) for number in left for at, value in left[number])
    for size in [*sizes, *([20] * 100)]:
        for number in list(left):
            merge.put(number, left[number][:size])
            left[number] = left[number][size:]
            if not left[number]:
                merge.close(number)
                del left[number]
        found += merge.ready()
        if not left:
            break
    assert [value for _, _, value in whole] == found


def test_a_partition_that_is_behind_holds_the_others() -> None:
    """Until it has come, or is known to be at its end."""
    merge = Merge([0, 1])
    merge.put(0, [(5, b"late")])
    assert merge.ready() == []
    merge.put(1, [(3, b"early")])
    assert merge.ready() == [b"early"]
    assert merge.waiting(0) == 1
    merge.close(1)
    assert merge.ready() == [b"late"]


BEGIN_S = 1_800_000_000
MINUTES = range(60)


async def write_minutes(broker: EmbeddedBroker) -> None:
    """A record of each minute, dealt to three of four partitions."""
    admin = AIOKafkaAdminClient(**broker.connection)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("sessions", 4, 1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**broker.connection)
    await producer.start()
    try:
        for minute in MINUTES:
            await producer.send(
                "sessions",
                b"%d" % minute,
                partition=minute % 3,
                timestamp_ms=(BEGIN_S + 60 * minute) * 1_000,
            )
        await producer.flush()
    finally:
        await producer.stop()


@pytest.mark.parametrize(
    ("first", "last"), [(None, None), (10, 45), (-5, 5), (59, None), (60, None)]
)
async def test_a_broker_that_looks_up_no_times_is_read_from_the_beginning(
    embedded_broker: EmbeddedBroker, first: int | None, last: int | None
) -> None:
    """The embedded one: what was written in the time is found all the same."""
    await write_minutes(embedded_broker)
    begin_us, end_us = (
        None if at is None else (BEGIN_S + 60 * at) * 1_000_000 for at in (first, last)
    )
    found: list[bytes] = []
    whole: list[bool] = []
    await read_past(
        embedded_broker.connection,
        "sessions",
        (begin_us, end_us),
        found.extend,
        lambda: whole.append(True),
    )
    wanted = MINUTES[max(first or 0, 0) : last]
    assert [int(value) for value in found] == list(wanted)
    assert whole == [True] * ((first, last) != (None, None))
