"""New agents borrow what is normal from agents that live in other partitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.identity import partition_of, series_key
from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from streams.observations.block import decode_block
from tests.kafka.workers import Site, eventually, read, session
from tests.unit.detectors.scenes import chance

RULES = """
lateness: 1s
rules:
  - {name: loops, metric: loop_count, by: [agent], drift: {}}
"""
PEERS = [f"peer-{number}" for number in range(8)]


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster with a rule that borrows."""
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)


async def test_a_new_agent_is_held_against_its_peers(site: Site) -> None:
    """Those of other partitions, also by a worker that has just taken over."""
    owners = {partition_of(series_key({"agent": agent}), 4) for agent in PEERS}
    assert len(owners) > 1
    async with site.worker() as worker:
        for place, agent in enumerate(PEERS):
            await _publish(site, agent, 100, 1.0, place % 4)

        async def forwarded() -> bool:
            blocks = await read(site.connection, site.topics.observations)
            told: dict[int, float] = {}
            for block in blocks:
                for part in decode_block(block.value).parents:
                    told[block.partition] = part.sums.series
            return len(told) == 4 and set(told.values()) == {float(len(PEERS))}

        await eventually(forwarded)
        await _publish(site, "bad", 40, 4.0, 0)
        found = await site.until(lambda lines: bool(_fired(lines, "bad")), worker)
        (line,) = _fired(found, "bad")
        assert line.evidence["borrowed"] == 1.0
        assert line.evidence["sessions_since"] <= 20
        worker.child.kill()
    async with site.worker() as worker:
        await _publish(site, "worse", 40, 5.0, 1)
        await _publish(site, "good", 40, 1.0, 2)
        found = await site.until(
            lambda lines: (
                bool(_fired(lines, "worse"))
                and any(line.labels["agent"] == "good" for line in lines)
            ),
            worker,
        )
        assert await worker.stop() == 0
    assert len({line.seq for line in _fired(found, "worse")}) == 1
    assert [line.to_state for line in found if line.labels["agent"] == "good"] == [
        State.OK
    ]


async def _publish(
    site: Site, agent: str, count: int, times: float, partition: int
) -> None:
    luck = chance(len(agent))
    sessions = [
        session(
            f"{agent} {number}",
            agent,
            task_type="refund",
            loop_count=round(times * 6 * luck.lognormvariate(0, 0.3)),
        )
        for number in range(count)
    ]
    await site.publish(*sessions, partition=partition)


def _fired(lines: list[Transition], agent: str) -> list[Transition]:
    return [
        line
        for line in lines
        if line.to_state is State.FIRING and line.labels["agent"] == agent
    ]
