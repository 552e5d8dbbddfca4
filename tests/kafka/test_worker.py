"""A worker on Apache Kafka: sessions in, transitions out, shared among workers."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from tests.kafka.workers import Site, clocks, eventually, session

RULES = """
lateness: 1s
defaults: {by: [agent]}
rules:
  - {name: dear, metric: cost_usd, threshold: {warning: 0.5}, keep_firing_for: 2s}
  - {name: failing, metric: tool_error_rate, window: 5 sessions, min_samples: 3,
     threshold: {critical: 0.2}}
"""


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path) -> Site:
    """A cluster with two rules."""
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, RULES)


def states(found: list[Transition], rule: str) -> list[State]:
    """What became of a rule's alert."""
    return [line.to_state for line in found if line.rule == rule]


async def test_a_dear_session_fires_and_resolves(site: Site) -> None:
    """A session beyond its limit fires; the clock of an idle topic resolves it."""
    async with site.worker() as worker:
        await site.publish(session("one"), session("two", cost_usd=3.0))
        found = await site.until(
            lambda lines: State.RESOLVED in states(lines, "dear"), worker
        )
        dear = [line for line in found if line.rule == "dear"]
        began = states(dear, "dear").index(State.FIRING)
        fired, resolved = dear[began : began + 2]
        assert resolved.to_state is State.RESOLVED
        assert fired.session_id == "two"
        assert fired.value == 3.0
        assert resolved.session_id is None
        assert resolved.seq > fired.seq
        assert await worker.stop() == 0
    told = clocks(await site.lines())
    assert set(told) == {0, 1, 2, 3}
    assert all(times == sorted(times, key=str) for times in told.values())


async def test_workers_share_both_topics(site: Site) -> None:
    """A second worker takes half of each topic; after SIGTERM the first has all."""
    async with site.worker() as first:
        await site.publish(session("warm", agent="x", cost_usd=9.0))
        await site.until(lambda lines: State.FIRING in states(lines, "dear"), first)
        async with site.worker() as second:

            async def balanced() -> bool:
                shares = []
                for worker in (first, second):
                    (group,) = (await worker.status())["groups"].values()
                    shares += [len(parts) for parts in group["lag"].values()]
                return shares == [2, 2, 2, 2]

            await eventually(balanced)
            sessions = [session(f"s{n}", agent=f"agent-{n}") for n in range(40)]
            for partition in range(4):
                await site.publish(*sessions[partition::4], partition=partition)
            dear = [
                session(f"d{n}", agent=f"agent-{n}", cost_usd=2.0) for n in range(40)
            ]
            await site.publish(*dear, partition=1)
            await site.until(lambda lines: len(fired(lines)) == 41, second)
            assert await second.stop() == 0

            async def alone() -> bool:
                (group,) = (await first.status())["groups"].values()
                return [len(parts) for parts in group["lag"].values()] == [4, 4]

            await eventually(alone)
        found = await site.until(lambda lines: len(resolved(lines)) == 41, first)
        assert len(found) == len({(line.alert_id, line.seq) for line in found})
        assert await first.stop() == 0


def fired(lines: list[Transition]) -> set[str]:
    """Alerts that have fired."""
    return {line.alert_id for line in lines if line.to_state is State.FIRING}


def resolved(lines: list[Transition]) -> set[str]:
    """Alerts that have been resolved."""
    return {line.alert_id for line in lines if line.to_state is State.RESOLVED}


async def test_what_was_open_is_open_after_a_restart(site: Site) -> None:
    """After kill -9 a windowed alert goes on in its generation, and resolves."""
    bad: dict[str, Any] = {"tool_calls": 10, "tool_errors": 9}
    good: dict[str, Any] = {"tool_calls": 10, "tool_errors": 0}
    async with site.worker() as worker:
        await site.publish(*(session(f"bad-{n}", **bad) for n in range(3)))
        await site.until(lambda lines: State.FIRING in states(lines, "failing"), worker)
        worker.child.kill()
    async with site.worker() as worker:
        await site.publish(*(session(f"good-{n}", **good) for n in range(5)))
        found = await site.until(
            lambda lines: State.RESOLVED in states(lines, "failing"), worker
        )
    distinct = {line.seq: line for line in found if line.rule == "failing"}
    lines = [distinct[seq] for seq in sorted(distinct)]
    began = states(lines, "failing").index(State.FIRING)
    assert states(lines, "failing")[began : began + 2] == [State.FIRING, State.RESOLVED]
    assert {line.generation for line in lines[began:]} == {1}


async def test_a_session_published_twice_counts_once(site: Site) -> None:
    """The same session id from two partitions is one session, also after a restart."""
    once = session("same")
    async with site.worker() as worker:
        await site.publish(once, partition=0)
        await site.publish(once, partition=3)

        async def counted() -> bool:
            counts = (await worker.status())["counts"]
            return bool(counts["sessions"] == 2 and counts["duplicates"] == 1)

        await eventually(counted)
        assert (await worker.status())["counts"]["observations"] == 1
        assert await worker.stop() == 0
    async with site.worker() as worker:
        await site.publish(once, partition=2)

        async def known() -> bool:
            return bool((await worker.status())["counts"]["duplicates"] == 1)

        await eventually(known)
        assert (await worker.status())["counts"]["observations"] == 0


async def test_a_worker_tells_how_it_is(site: Site) -> None:
    """Health, readiness and metrics answer; lag falls to nothing."""
    async with site.worker() as worker:
        await site.publish(*(session(f"s{n}", surprise=1) for n in range(10)))

        async def measured() -> bool:
            _, text = await worker.get("/metrics")
            return "loopwatch_sessions_total 10.0" in text

        await eventually(measured)
        assert (await worker.get("/healthz"))[0] == 200
        assert (await worker.get("/readyz"))[0] == 200
        _, text = await worker.get("/metrics")
        assert "loopwatch_unknown_fields_total 10.0" in text
        assert "loopwatch_ready 1.0" in text
        assert f'topic="{site.topics.observations}"' in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_a_worker_cleanly(
    site: Site, number: signal.Signals
) -> None:
    """SIGTERM and Ctrl-C end with exit code 0."""
    async with site.worker() as worker:
        worker.child.send_signal(number)
        assert await asyncio.wait_for(worker.child.exited(), 30) == 0
