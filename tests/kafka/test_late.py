"""A worker that was frozen wakes up and writes old rows; those who read are not misled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from detectors.identity import series_key
from streams.state.newest import seen
from streams.state.topic import append
from tests.kafka.workers import Site, eventually, read, session

RULES = """
lateness: 1s
defaults: {by: [agent], min_samples: 5}
rules:
  - {name: cost, metric: cost_usd, window: 5 sessions, baseline: {ratio: 2.0}}
"""
A, B = series_key({"agent": "a"}), series_key({"agent": "b"})


@pytest.fixture(params=["kafka", "embedded_broker"])
def site(request: pytest.FixtureRequest, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster with one partition of observations, on both brokers."""
    return Site(
        request.getfixturevalue(request.param).bootstrap_servers,
        topic_prefix,
        tmp_path,
        RULES,
        LOOPWATCH_TOPIC_PARTITIONS="1",
    )


async def test_late_rows_are_noticed_and_put_right_at_once(site: Site) -> None:
    """A row, a tombstone, a row of what is no series: compaction would keep them."""
    async with site.worker() as worker:
        old, new = await _two_rows(site)
        other = (await _last(site))[B].value
        await _write_late(site, [(A, old.value), (B, None), (b"gone", old.value)])
        late = await _last(site)

        async def mended() -> bool:
            found = await _last(site)
            return all(found[key].offset > late[key].offset for key in (A, B, b"gone"))

        await eventually(mended)
        found = await _last(site)
        assert found[A].value == new.value
        assert found[B].value == other
        assert found[b"gone"].value is None
        assert worker.said().count("another worker wrote 3 rows between ours") == 1
        assert await worker.stop() == 0
        assert worker.said().count("between ours") == 1


async def test_late_rows_are_noticed_and_put_right_at_a_restart(site: Site) -> None:
    """If nobody was at work when they came."""
    async with site.worker() as worker:
        old, new = await _two_rows(site)
        assert await worker.stop() == 0
    await _write_late(site, [(A, old.value), (B, None)])
    late = await _last(site)
    async with site.worker() as worker:

        async def mended() -> bool:
            found = await _last(site)
            return all(found[key].offset > late[key].offset for key in (A, B))

        await eventually(mended)
        found = await _last(site)
        assert found[A].value == new.value
        assert found[B].value is not None
        assert "restored partitions [0] of" in worker.said()
        assert ": 2 series, of" in worker.said()
        assert "wrote old rows behind newer ones, of 2 keys" in worker.said()
        assert await worker.stop() == 0
        assert "between ours" not in worker.said()


async def _two_rows(site: Site) -> tuple[Any, Any]:
    """The first row of one series, and a newer one, the last; there is another series."""

    async def has(key: bytes, than: int) -> bool:
        found = (await _last(site)).get(key)
        return found is not None and found.offset > than

    await site.publish(session("1", "a"), session("2", "b"))
    await eventually(lambda: has(A, -1))
    await eventually(lambda: has(B, -1))
    old = (await _last(site))[A]
    await site.publish(session("3", "a"))
    await eventually(lambda: has(A, old.offset))
    new = (await _last(site))[A]
    assert (seen(old) or 0) < (seen(new) or 0)
    return old, new


async def _write_late(site: Site, rows: list[tuple[bytes, bytes | None]]) -> None:
    producer = AIOKafkaProducer(**site.connection, acks="all")
    await producer.start()
    try:
        await append(producer, site.topics.detect_state, 0, rows, gone=-1)
    finally:
        await producer.stop()


async def _last(site: Site) -> dict[bytes, Any]:
    """The last record of each key: what compaction would leave."""
    records = await read(site.connection, site.topics.detect_state)
    return {record.key: record for record in records}
