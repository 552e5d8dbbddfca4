"""Whatever is written to the sessions' topic, the stream goes on."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

from detectors.transitions import State
from loopwatch.apache_kafka import ApacheKafka
from streams.events.deadletter import DeadLetter, decode_dead_letter
from tests.kafka.workers import Site, encoded, eventually, read, session

RULES = """
lateness: 1s
defaults: {by: [agent]}
rules: [{name: dear, metric: cost_usd, threshold: {warning: 0.5}}]
"""


def changed(**changes: Any) -> bytes:
    """A session with some of its fields changed; None leaves one out."""
    event = session("bad") | changes
    return encoded({name: value for name, value in event.items() if value is not None})


BAD = {
    "no JSON": b"{not json",
    "empty": b"",
    "no object": b'["a list"]',
    "text for a number": changed(cost_usd="much"),
    "a negative cost": changed(cost_usd=-1),
    "not a number": changed(cost_usd=0).replace(b'"cost_usd":0', b'"cost_usd":NaN'),
    "infinity": changed(cost_usd=0).replace(b'"cost_usd":0', b'"cost_usd":1e999'),
    "the future": changed(ended_at=time.time() + 3600),
    "no UTF-8": changed(agent="x").replace(b'"x"', b'"\xff\xfe"'),
    "no agent": changed(agent=None),
    "an empty id": changed(session_id=""),
    "an id of another type": changed(session_id=7),
    "more errors than calls": changed(tool_calls=1, tool_errors=2),
    "a time without an offset": changed(ended_at="2026-01-01T00:00:00"),
    "2 MB": b"\x00" * 2_000_000,
    "2 MB of JSON": changed(task_type="x" * 2_000_000),
    "nested too deeply": b"[" * 100_000,
}


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster with one rule."""
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)


async def letters(site: Site) -> list[DeadLetter]:
    """All dead letters."""
    records = await read(site.connection, site.topics.deadletter)
    return [decode_dead_letter(record.value) for record in records]


async def test_bad_input_of_every_kind_is_kept_and_passed(site: Site) -> None:
    """Each bad message becomes a dead letter that leads back to it; the rest counts."""
    async with site.worker() as worker:
        for number, value in enumerate(BAD.values()):
            await site.publish(session(f"good-{number}"), value, partition=1)
        await site.publish(session("dear", cost_usd=9.0), partition=1)
        await site.until(
            lambda lines: any(line.to_state is State.FIRING for line in lines), worker
        )

        async def counted() -> bool:
            counts = (await worker.status())["counts"]
            return bool(counts["sessions"] == len(BAD) + 1)

        await eventually(counted)
        assert (await worker.status())["counts"]["dead_letters"] == len(BAD)
        _, metrics = await worker.get("/metrics")
        assert 'reason="cost_usd"' in metrics
        assert 'reason="invalid UTF-8"' in metrics
        assert 'reason="other"' not in metrics
        assert await worker.stop() == 0
    sources = {
        record.offset: record.value
        for record in await read(site.connection, site.topics.sessions)
        if record.partition == 1
    }
    found = await letters(site)
    assert [sources[letter.offset] for letter in found] == list(BAD.values())
    for letter, value in zip(found, BAD.values(), strict=True):
        assert letter.reason
        assert (letter.topic, letter.partition) == (site.topics.sessions, 1)
        assert letter.value == value[: 64 * 1024]
        assert letter.size_bytes == len(value)
        if len(value) > 64 * 1024:
            assert letter.sha256 == hashlib.sha256(value).hexdigest()


async def test_a_damaged_block_is_kept_and_passed(site: Site) -> None:
    """Bytes among the observations that are no block do not stop the series there."""
    await site.make_topics()
    observations = site.topics.observations
    for partition in range(4):
        await site.publish(b"no block", partition=partition, topic=observations)
    async with site.worker() as worker:
        await site.publish(session("dear", cost_usd=9.0))
        await site.until(
            lambda lines: any(line.to_state is State.FIRING for line in lines), worker
        )
        assert await worker.stop() == 0
    found = await letters(site)
    assert {(letter.topic, letter.partition) for letter in found} == {
        (observations, partition) for partition in range(4)
    }
    # Nothing of it comes again after a restart.
    async with site.worker() as worker:
        assert await worker.stop() == 0
    assert len(await letters(site)) == 4
