"""Who was told what, over real Kafka and real HTTP, though the one who tells dies."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from aiokafka import AIOKafkaProducer

from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from loopwatch.sandbox import Inbox, Sandbox, Status
from tests.kafka.workers import Site, encoded, session

KILLS = 6
AGENTS = ("a", "b", "c")

RULES = """
lateness: 1s
defaults: {{by: [agent]}}
rules:
  - {{name: dear, metric: cost_usd, threshold: {{critical: 2.0}}, keep_firing_for: 1s}}
receivers:
  - name: everyone
    slack: {{channel: "#alerts", token: xoxb-test, api_url: "{slack}"}}
    pagerduty: {{routing_key: {key}, url: "{pagerduty}"}}
route: {{receiver: everyone, group_by: ["..."], group_wait: 0s, group_interval: 0s}}
"""


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """Slack and PagerDuty, without rate limits."""
    async with Sandbox(limits=None) as sandbox:
        yield sandbox


@pytest.fixture
def site(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path, box: Sandbox) -> Site:
    """A cluster with one rule, whose alerts go to both."""
    rules = RULES.format(slack=box.slack_url, pagerduty=box.pagerduty_url, key="k" * 32)
    return Site(kafka.bootstrap_servers, topic_prefix, tmp_path, rules)


def is_over(inbox: Inbox) -> bool:
    """Whether all that was told is resolved, and something was."""
    roots = [message for message in inbox.messages() if not message.thread_ts]
    return (
        bool(roots)
        and all("Resolved" in message.text for message in roots)
        and bool(inbox.incidents())
        and all(each.status is Status.RESOLVED for each in inbox.incidents())
    )


async def test_a_session_becomes_a_message_and_a_page(site: Site, box: Sandbox) -> None:
    """Both are sent, and both end: the message is edited, the incident resolved."""
    async with site.worker("--wait", "30s") as worker:
        await site.publish(session("one"), session("two", cost_usd=3.0))
        await box.wait_for(lambda inbox: inbox.incidents() and inbox.messages(), 30)
        await box.wait_for(is_over, 30)
        assert await worker.stop() == 0
    (message,) = box.inbox.messages("#alerts")
    (incident,) = box.inbox.incidents()
    assert message.edited
    assert incident.actions == ["trigger", "resolve"]


class Fortunes:
    """Sessions of agents whose good and bad times take turns."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.good_only = False

    async def run(self) -> None:
        """Publish until cancelled: three seconds bad, five good, each out of step."""
        producer = AIOKafkaProducer(**self._site.connection)
        await producer.start()
        number = 0
        try:
            while True:
                for place, agent in enumerate(AGENTS):
                    number += 1
                    bad = (time.time() + 2.5 * place) % 8 < 3 and not self.good_only
                    event = session(f"s{number}", agent, cost_usd=3.0 if bad else 0.01)
                    await producer.send(
                        self._site.topics.sessions, encoded(event), partition=place
                    )
                await asyncio.sleep(0.1)
        finally:
            await producer.stop()


async def test_kills_tell_nobody_twice_and_leave_nothing_open(
    site: Site, box: Sandbox
) -> None:
    """However often the one who tells is killed: one message a firing, each ended."""
    draw = Random(5)  # noqa: S311 - moments, not secrets
    fortunes = Fortunes(site)
    async with site.worker():
        feed = asyncio.create_task(fortunes.run())
        for _ in range(KILLS):
            teller = site.start("--only", "notify")
            await teller.ready()
            await something_more(box)
            await asyncio.sleep(draw.random())
            teller.child.kill()
        fortunes.good_only = True
        async with site.worker("--only", "notify"):
            transitions = await site.until(
                lambda lines: all(state is not State.FIRING for state in last(lines))
            )
            await box.wait_for(is_over, 40)
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)
    beginnings = Counter(
        (line.alert_id, line.generation)
        for line in transitions
        if line.to_state is State.FIRING and line.from_state is not State.FIRING
    )
    assert set(beginnings.values()) == {1}
    assert 2 < len(box.inbox.incidents()) <= len(beginnings)
    for incident in box.inbox.incidents():
        assert incident.actions[0] == "trigger"
        assert incident.actions.count("resolve") == 1
    posted = [m for m in box.inbox.messages() if not m.thread_ts]
    repeats = [
        m
        for m in posted
        if "possible repeat" in m.versions[0].text.lower()
        or "possible repeat" in str(m.versions[0].attachments).lower()
    ]
    assert len(posted) - len(repeats) <= len(beginnings)
    assert len(repeats) <= KILLS


async def something_more(box: Sandbox) -> None:
    """Wait until the next request arrives."""
    seen = len(box.inbox.requests())
    await box.wait_for(lambda inbox: len(inbox.requests()) > seen, 30)


def last(lines: list[Transition]) -> list[State]:
    """The state in which each alert is now."""
    latest: dict[str, Transition] = {}
    for line in lines:
        if line.alert_id not in latest or line.seq > latest[line.alert_id].seq:
            latest[line.alert_id] = line
    return [line.to_state for line in latest.values()] or [State.FIRING]
