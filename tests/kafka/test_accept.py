"""Accepting a new normal on workers that run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from detectors.actions import CONTROL
from detectors.state.seals import Seal
from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from streams.state.topic import SEAL
from tests.kafka.workers import Site, eventually, read, session

RULES = """
lateness: 1s
defaults: {by: [agent], min_samples: 5}
rules:
  - {name: cost, metric: cost_usd, window: 5 sessions, baseline: {ratio: 2.0}}
"""
AGENTS = [f"agent-{number}" for number in range(8)]


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster with a rule that learns."""
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)


async def test_what_is_accepted_takes_effect_once(site: Site) -> None:
    """In every partition, also when the worker that forwards is killed, and not twice."""
    async with site.worker() as worker:
        await _publish(site, "normal", 20, 0.1)
        await _publish(site, "shifted", 8, 0.9)
        await site.until(
            lambda lines: len(_alerts(lines, State.FIRING)) == len(AGENTS), worker
        )
        assert "at offset" in await _accept(site, "agent!=agent-0", "--by", "ann")
        found = await site.until(
            lambda lines: len(_alerts(lines, State.RESOLVED)) == len(AGENTS) - 1, worker
        )
        ended = [line for line in found if line.to_state is State.RESOLVED]
        assert {line.reason for line in ended} == {"accepted"}
        assert {line.evidence["accepted_by"] for line in ended} == {"ann"}
        assert all(line.expected == pytest.approx(0.1) for line in ended)
        assert all(line.value == pytest.approx(0.9) for line in ended)

        async def sealed() -> bool:
            return len(await _applied(site)) == 4

        await eventually(sealed)
        worker.child.kill()
    async with site.worker() as worker:
        # The first is carried out already; the second is about the one that is left.
        await _accept(site, "--rule", "cost")
        await site.until(
            lambda lines: len(_alerts(lines, State.RESOLVED)) == len(AGENTS), worker
        )
        await _publish(site, "as before", 8, 0.9)
        await _publish(site, "dearer", 8, 3.0)
        found = await site.until(
            lambda lines: (
                sum(line.generation == 2 for line in _fired(lines)) == len(AGENTS)
            ),
            worker,
        )
        assert await worker.stop() == 0
    told = {(line.alert_id, line.seq): line for line in found}.values()
    accepted = [line for line in told if line.reason == "accepted"]
    assert sorted(line.labels["agent"] for line in accepted) == AGENTS
    again = [line for line in _fired(told) if line.generation == 2]
    assert all(line.expected == pytest.approx(0.9) for line in again)
    assert all("anchor" in line.evidence for line in again)


async def _publish(site: Site, name: str, count: int, cost_usd: float) -> None:
    """Sessions of all agents, each agent's in its own partition of the sessions."""
    for place, agent in enumerate(AGENTS):
        sessions = [
            session(f"{agent} {name} {number}", agent, cost_usd=cost_usd)
            for number in range(count)
        ]
        await site.publish(*sessions, partition=place % 4)


async def _accept(site: Site, *arguments: str) -> str:
    """Run the command; what it says."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOOPWATCH_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loopwatch", "accept", *arguments),
        env=kept | site.environ,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, said.decode()
    return said.decode()


async def _applied(site: Site) -> list[int]:
    """The highest action carried out, of each partition that has sealed one."""
    seals = {
        record.partition: Seal.load(record.value).applied
        for record in await read(site.connection, site.topics.detect_state)
        if record.key == SEAL
    }
    return [applied[CONTROL] for applied in seals.values() if CONTROL in applied]


def _fired(lines: Iterable[Transition]) -> list[Transition]:
    return [line for line in lines if line.to_state is State.FIRING]


def _alerts(lines: list[Transition], state: State) -> set[str]:
    return {line.alert_id for line in lines if line.to_state is state}
