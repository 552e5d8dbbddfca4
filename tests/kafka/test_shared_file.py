"""Two workers under one file that is saved anew: each end once, and both say a fault."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from detectors.identity import partition_of, series_key
from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from loopwatch.sandbox import Inbox, Sandbox, Status
from tests.kafka.workers import Session, Site, Worker, eventually, session

PARTITIONS = 4
FAILING = """
  - {name: failing, metric: tool_error_rate, window: 20 sessions, min_samples: 3,
     threshold: {critical: 0.2}}"""
FILE = """
lateness: 1s
defaults: {{by: [agent]}}
rules:
  - {{name: dear, metric: cost_usd, window: 3 sessions, min_samples: 3,
     threshold: {{critical: 2.0}}}}{failing}
receivers:
  - {{name: everyone, slack: {{channel: "#alerts", token: xoxb-test, api_url: "{slack}"}}}}
  - {{name: on-call, pagerduty: {{routing_key: {key}, url: "{pagerduty}"}}}}
route:
  receiver: everyone
  group_by: ["..."]
  group_wait: 0s
  group_interval: 0s
  routes: [{{match: {{severity: critical}}, receiver: {critical}}}]
"""


# One of each partition: however workers share them, both have some.
AGENTS = sorted(
    {
        partition_of(series_key({"agent": agent}), PARTITIONS): agent
        for agent in (f"agent-{number}" for number in range(50))
    }.values()
)


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """Slack and PagerDuty without rate limits."""
    async with Sandbox(limits=None) as sandbox:
        yield sandbox


class SharedFile:
    """The one file of all workers."""

    def __init__(self, site: Site, box: Sandbox) -> None:
        self.site = site
        self._box = box

    def write(self, *, failing: str, critical: str) -> None:
        """Save it.

        Args:
            failing: A second rule, or none.
            critical: Who is told of what is critical.
        """
        text = FILE.format(
            slack=self._box.slack_url,
            pagerduty=self._box.pagerduty_url,
            key="k" * 32,
            failing=failing,
            critical=critical,
        )
        self.site.config = self.site.write("loopwatch.yaml", text)


@pytest.fixture
def file(
    kafka: ApacheKafka, topic_prefix: str, tmp_path: Path, box: Sandbox
) -> SharedFile:
    """A cluster, and a file with two rules, whose alerts go to on-call."""
    site = Site(
        kafka.bootstrap_servers,
        topic_prefix,
        tmp_path,
        "",
        LOOPWATCH_TOPIC_PARTITIONS=str(PARTITIONS),
        LOOPWATCH_ANNOUNCE_INTERVAL_S="0.5",
    )
    file = SharedFile(site, box)
    file.write(failing=FAILING, critical="on-call")
    return file


@pytest.fixture
async def pair(file: SharedFile) -> AsyncIterator[list[Worker]]:
    """Two workers that detect, each with some of the partitions; one of them tells."""
    await file.site.make_topics()
    workers = [file.site.start("--wait", "30s") for _ in range(2)]
    try:
        await asyncio.gather(*(worker.ready() for worker in workers))
        await eventually(lambda: _have_shared_out(workers))
        yield workers
    finally:
        for worker in workers:
            worker.child.kill()


async def test_both_go_over_to_it_and_every_end_is_told_once(
    file: SharedFile, pair: list[Worker], box: Sandbox
) -> None:
    """Whoever was told by the route that is gone is told the end, by one of the two.

    Then the file is broken: both say so and go on under the one before, until it is
    mended.
    """
    site = file.site
    await site.publish(
        *(
            session(f"f{n}-{agent}", agent, tool_calls=10, tool_errors=9)
            for agent in AGENTS
            for n in range(3)
        ),
        *_spend("dear-1", AGENTS[0], 9.0),
    )
    assert len(AGENTS) == PARTITIONS
    opened = 1 + len(AGENTS)
    await box.wait_for(lambda inbox: len(inbox.incidents()) == opened, 30)
    (before,) = await _digests(pair)

    file.write(failing="", critical="everyone")
    await eventually(lambda: _have_left(pair, before))
    lines = await site.until(lambda lines: len(_ended(lines)) >= len(AGENTS), pair[0])
    assert {line.reason for line in _ended(lines)} == {"config"}
    await site.publish(*_spend("healthy-1", AGENTS[0], 0.1))
    await box.wait_for(lambda inbox: len(_closed(inbox)) == opened, 30)

    # The route that is there now leads to everyone, who was told what still fired.
    await box.wait_for(lambda inbox: _told(inbox, "dear") == ["Resolved"], 30)
    (good,) = await _digests(pair)

    site.config.write_text(
        site.config.read_text().replace("critical: 2.0", "critcal: 1")
    )
    await eventually(lambda: _all_refuse(pair))
    for worker in pair:
        found = (await worker.status())["configuration"]
        assert found["digest"] == good
        (fault,) = found["refused"]["faults"]
        assert re.search(r"loopwatch\.yaml:\d+:\d+: unknown key 'critcal'", fault)
        assert await _is_metered_good(worker) is False
        assert "NOT as it is now" in await _printed_status(site, worker)
    await site.publish(*_spend("dear-2", AGENTS[1], 9.0))
    await box.wait_for(
        lambda inbox: _told(inbox, "dear") == ["Resolved", "Critical"], 30
    )

    file.write(failing="", critical="everyone")
    await eventually(lambda: _all_are_good(pair))
    assert await _digests(pair) == {good}
    await site.publish(*_spend("healthy-2", AGENTS[1], 0.1))
    await box.wait_for(lambda inbox: _told(inbox, "dear") == ["Resolved"] * 2, 30)
    assert await asyncio.gather(*(worker.stop() for worker in pair)) == [0, 0]

    # All that was ever asked of PagerDuty, and all that was ever decided.
    asked = Counter(
        request.body["event_action"] for request in box.inbox.requests("pagerduty")
    )
    assert asked == {"trigger": opened, "resolve": opened}
    ends = Counter(
        (line.alert_id, line.generation)
        for line in await site.transitions()
        if line.to_state is State.RESOLVED
    )
    assert set(ends.values()) == {1}
    assert set(_told(box.inbox, "")) == {"Resolved"}
    assert len(ends) == opened + 1


def _spend(name: str, agent: str, cost_usd: float) -> list[Session]:
    return [session(f"{name}-{n}", agent, cost_usd=cost_usd) for n in range(3)]


def _ended(lines: list[Transition]) -> list[Transition]:
    """Ends of the alerts of the rule that is gone."""
    return [
        line
        for line in lines
        if line.to_state is State.RESOLVED and line.rule == "failing"
    ]


def _closed(inbox: Inbox) -> list[Any]:
    return inbox.incidents(status=Status.RESOLVED)


def _told(inbox: Inbox, rule: str) -> list[str]:
    """How the messages about a rule stand, in the order in which they were begun."""
    return [
        next(word for word in ("Resolved", "Critical") if word in message.text)
        for message in inbox.messages("#alerts")
        if not message.thread_ts and rule in message.text
    ]


async def _have_shared_out(workers: list[Worker]) -> bool:
    """Whether each has half of the partitions, and one of them tells people."""
    parts = [
        part
        for worker in workers
        for part in (await worker.status())["groups"].values()
    ]
    clocks = [len(part["clocks"]) for part in parts if "clocks" in part]
    active = [part["active"] for part in parts if "active" in part]
    return clocks == [PARTITIONS / 2] * 2 and sorted(active) == [False, True]


async def _digests(workers: list[Worker]) -> set[str]:
    """Of the files in force."""
    return {(await each.status())["configuration"]["digest"] for each in workers}


async def _have_left(workers: list[Worker], digest: str) -> bool:
    found = await _digests(workers)
    return digest not in found and len(found) == 1


async def _all_refuse(workers: list[Worker]) -> bool:
    return all([(await each.status())["configuration"]["refused"] for each in workers])


async def _all_are_good(workers: list[Worker]) -> bool:
    return all([await _is_metered_good(each) for each in workers])


async def _is_metered_good(worker: Worker) -> bool:
    _, text = await worker.get("/metrics")
    found = re.search(
        r"^loopwatch_config_last_reload_successful (\S+)$", text, re.MULTILINE
    )
    assert found is not None, text
    return float(found[1]) == 1


async def _printed_status(site: Site, worker: Worker) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loopwatch", "status"),
        *("--url", f"http://127.0.0.1:{worker.port}"),
        env=os.environ | site.environ,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()
