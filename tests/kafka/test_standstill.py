"""Nobody at work while sessions come: what is told when somebody is again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from detectors.transitions import State
from loopwatch.apache_kafka import ApacheKafka
from loopwatch.sandbox import Inbox, Sandbox
from tests.kafka.workers import Site, session

RULES = """
lateness: 1s
defaults: {{by: [agent]}}
rules:
  - {{name: mean, metric: cost_usd, window: 3 sessions, min_samples: 3, threshold: 2.0}}
receivers:
  - {{name: everyone, slack: {{channel: "#alerts", token: xoxb-test, api_url: "{slack}"}}}}
route: {{receiver: everyone, group_by: ["..."], group_wait: 1s, group_interval: 1s}}
"""
HOUR_S = 3600


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """Slack without rate limits."""
    async with Sandbox(limits=None) as sandbox:
        yield sandbox


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path, box: Sandbox) -> Site:
    """A cluster with one rule, each alert a message of its own."""
    rules = RULES.format(slack=box.slack_url)
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, rules)


async def test_alerts_on_both_sides_of_a_short_break(site: Site, box: Sandbox) -> None:
    """What ended is told at once, what still fires once, what passed not at all."""
    async with site.worker("--wait", "30s") as worker:
        for agent in ("ends", "stays"):
            await site.publish(*_sessions(agent, 9.0))
        await box.wait_for(lambda inbox: len(_roots(inbox)) == 2, 30)
        assert await worker.stop() == 0
    await site.publish(*_sessions("passes", 9.0), *_sessions("passes", 0.1))
    await site.publish(*_sessions("ends", 0.1), *_sessions("stays", 9.0))
    await site.publish(*_sessions("begins", 9.0))
    async with site.worker("--wait", "30s") as worker:
        await box.wait_for(lambda inbox: len(_about(inbox, "begins")) == 1, 30)
        await box.wait_for(lambda inbox: _is_over(inbox, "ends"), 30)
        await site.until(
            lambda lines: any(
                line.labels["agent"] == "passes" and line.to_state is State.RESOLVED
                for line in lines
            ),
            worker,
        )
        # Longer than anything that is planned now could take.
        await asyncio.sleep(3)
        assert await worker.stop() == 0
    assert _about(box.inbox, "passes") == []
    assert len(_about(box.inbox, "stays")) == 1
    assert not _is_over(box.inbox, "stays")
    assert "late" not in _text(_about(box.inbox, "begins")[0])


async def test_an_hour_of_sessions_that_nobody_read(site: Site, box: Sandbox) -> None:
    """What fired and ended in it is not told; what still fires once, marked late."""
    await site.make_topics()
    begin_s = time.time() - HOUR_S
    await site.publish(*_sessions("passes", 9.0, begin_s))
    await site.publish(*_sessions("begins", 9.0, begin_s + 60))
    await site.publish(*_sessions("passes", 0.1, begin_s + 120))
    async with site.worker("--wait", "30s") as worker:
        await box.wait_for(lambda inbox: len(_about(inbox, "begins")) == 1, 40)
        await site.until(
            lambda lines: any(line.to_state is State.RESOLVED for line in lines), worker
        )
        assert await worker.stop() == 0
    assert len(_roots(box.inbox)) == 1
    assert "late" in _text(_about(box.inbox, "begins")[0])


def _sessions(
    agent: str, cost_usd: float, ended_at: float | None = None
) -> list[dict[str, Any]]:
    at_s = time.time() if ended_at is None else ended_at
    return [
        session(f"{agent}-{cost_usd}-{at_s}-{n}", agent, cost_usd=cost_usd)
        | {"ended_at": at_s}
        for n in range(3)
    ]


def _roots(inbox: Inbox) -> list[Any]:
    return [message for message in inbox.messages() if not message.thread_ts]


def _text(message: Any) -> str:
    return str([(each.text, each.attachments) for each in message.versions]).lower()


def _about(inbox: Inbox, agent: str) -> list[Any]:
    return [message for message in _roots(inbox) if f"agent={agent}" in _text(message)]


def _is_over(inbox: Inbox, agent: str) -> bool:
    return any("resolved" in message.text.lower() for message in _about(inbox, agent))
