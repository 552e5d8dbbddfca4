"""Silences, acknowledgements and groups on workers that run and are killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from loopwatch.apache_kafka import ApacheKafka
from loopwatch.sandbox import Inbox, Sandbox
from tests.kafka.workers import Site, Worker, eventually, session

AGENTS = ("a", "b", "c")

RULES = """
lateness: 1s
defaults: {{by: [agent]}}
rules:
  - {{name: dear, metric: cost_usd, threshold: {{critical: 2.0}}, keep_firing_for: 1h}}
receivers:
  - {{name: everyone, slack: {{channel: "#alerts", token: xoxb-test, api_url: "{slack}"}}}}
route: {{receiver: everyone, group_wait: 1s, group_interval: 1s, repeat_interval: 2s}}
"""


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """Slack without rate limits."""
    async with Sandbox(limits=None) as sandbox:
        yield sandbox


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path, box: Sandbox) -> Site:
    """A cluster with one rule, whose alerts are one group, repeated soon."""
    rules = RULES.format(slack=box.slack_url)
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, rules)


async def test_what_people_ask_for_outlives_a_kill(site: Site, box: Sandbox) -> None:
    """Silenced before a ``kill -9``, nobody is told after it; expired, all at once are.

    Acknowledged before the next one, it is not repeated after it.
    """
    async with site.worker("--only", "detect"):
        teller = site.start("--only", "notify")
        await teller.ready()
        name = (await _run(site, "silence", "add", "agent=~.*", "--for", "1h")).strip()
        await eventually(lambda: _knows(teller, silences=1))
        await _fire(site, *AGENTS)
        await eventually(lambda: _knows(teller, told_open=len(AGENTS)))
        teller.child.kill()
        async with site.worker("--only", "notify") as teller:
            assert (await _run(site, "silence", "list")).startswith(name)
            assert box.inbox.messages() == []
            await _run(site, "silence", "expire", name)
            await box.wait_for(_repeats, 30)
            (root,) = _roots(box.inbox)
            assert "and 2 more" in root.versions[0].text
            await _run(site, "ack", "agent=~.*", "--for", "1h", "--by", "ann")
            await eventually(lambda: _knows(teller, acknowledged=len(AGENTS)))
            teller.child.kill()
        async with site.worker("--only", "notify") as teller:
            await _fire(site, "d")
            await box.wait_for(_of_d, 60)
        (repeat, *_) = _of_d(box.inbox)
        assert "more" not in repeat
        assert len(_roots(box.inbox)) == 1


async def _fire(site: Site, *agents: str) -> None:
    for agent in agents:
        await site.publish(session(agent, agent, cost_usd=3.0))
    # The clock moves on with what comes after.
    await site.publish(session(f"after {agents}", "other"))


async def _knows(teller: Worker, **wanted: int) -> bool:
    """Whether its status has these numbers."""
    status = await teller.status()
    return any(
        all(part.get(name) == number for name, number in wanted.items())
        for part in status["groups"].values()
    )


def _roots(inbox: Inbox) -> list[Any]:
    return [message for message in inbox.messages() if not message.thread_ts]


def _repeats(inbox: Inbox) -> list[str]:
    """What was written below the message to say again what still fires."""
    replies = [message.text for message in inbox.messages() if message.thread_ts]
    return [text for text in replies if "Still critical" in text]


def _of_d(inbox: Inbox) -> list[str]:
    return [text for text in _repeats(inbox) if "agent=d" in text]


async def _run(site: Site, *arguments: str) -> str:
    """Run a command; what it writes to stdout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOOPWATCH_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loopwatch", *arguments),
        env=kept | site.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, wrong.decode()
    return said.decode()
