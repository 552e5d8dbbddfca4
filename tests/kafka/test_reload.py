"""Another file while a worker runs: nothing is lost, nobody is told twice."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from detectors.transitions import State, Transition
from loopwatch.apache_kafka import ApacheKafka
from loopwatch.sandbox import Inbox, Sandbox, Status
from tests.kafka.workers import Site, Worker, eventually, session

FAILING = """
  - {name: failing, metric: tool_error_rate, window: 20 sessions, min_samples: 3,
     threshold: {warning: 0.2}}"""
ON_CALL = """
  - {{name: on-call, pagerduty: {{routing_key: {key}, url: "{pagerduty}"}}}}"""
FILE = """
lateness: 1s
defaults: {{by: [agent]}}
rules:
  - {{name: dear, metric: cost_usd, window: 3 sessions, min_samples: 3,
     threshold: {{critical: {limit}}}}}{failing}
receivers:
  - {{name: everyone, slack: {{channel: "#alerts", token: xoxb-test, api_url: "{slack}"}}}}{on_call}
route:
  receiver: everyone
  group_by: ["..."]
  group_wait: 0s
  group_interval: 0s
  routes: {routes}
"""
TO_ON_CALL = (
    "[{match: {severity: critical}, receiver: on-call, continue: true},"
    " {receiver: everyone}]"
)


class Files:
    """The files that a worker has, one after the other, in the same place."""

    def __init__(self, site: Site, box: Sandbox) -> None:
        self.site = site
        self.box = box

    def write(
        self, *, limit: float = 2.0, failing: bool = True, on_call: bool = True
    ) -> None:
        """Put another file in the place of the one before."""
        place = {"slack": self.box.slack_url, "pagerduty": self.box.pagerduty_url}
        text = FILE.format(
            **place,
            limit=limit,
            failing=FAILING if failing else "",
            on_call=ON_CALL.format(**place, key="k" * 32) if on_call else "",
            routes=TO_ON_CALL if on_call else "[]",
        )
        self.site.config = self.site.write("loopwatch.yaml", text)


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    """Slack and PagerDuty without rate limits."""
    async with Sandbox(limits=None) as sandbox:
        yield sandbox


@pytest.fixture
def files(kafka: ApacheKafka, topic_prefix: str, tmp_path: Path, box: Sandbox) -> Files:
    """A cluster, and a file with two rules and two receivers."""
    site = Site(
        kafka.bootstrap_servers,
        topic_prefix,
        tmp_path,
        "",
        LOOPWATCH_ANNOUNCE_INTERVAL_S="0.5",
    )
    files = Files(site, box)
    files.write()
    return files


async def test_a_worker_goes_on_under_another_file(files: Files, box: Sandbox) -> None:
    """Windows and alerts go on, also over a ``kill -9``; a wrong file changes nothing.

    An alert of a rule that is gone is resolved, once.
    """
    site = files.site
    async with site.worker("--wait", "30s") as worker:
        await _spend(site, 3.0, 3)
        await site.publish(
            *(session(f"f{n}", "b", tool_calls=10, tool_errors=9) for n in range(3))
        )
        await site.until(lambda lines: len(_fired(lines)) == 2, worker)
        await box.wait_for(lambda inbox: len(_roots(inbox)) == 2, 30)

        site.config.write_text("version: 1\nrules: [{name: dear, metric: costs}]\n")
        os.kill(worker.child.pid, signal.SIGHUP)
        await eventually(lambda: _refused(worker))
        assert re.search(r"loopwatch\.yaml:2:\d+: .*costs", worker.said())

        # The window holds 3.0 three times: under the new limit two of them are enough.
        files.write(limit=2.4, failing=False)
        await eventually(lambda: _digest_changed(worker))
        lines = await site.until(lambda lines: bool(_ended(lines, "failing")), worker)
        (gone,) = _ended(lines, "failing")
        assert gone.reason == "config"
        await _spend(site, 1.0, 1)
        lines = await site.until(lambda lines: bool(_ended(lines, "dear")), worker)
        (ended,) = _ended(lines, "dear")
        assert ended.generation == 1
        assert ended.value == pytest.approx(7 / 3)
        worker.child.kill()
    async with site.worker("--wait", "30s") as worker:
        await _spend(site, 9.0, 1)
        lines = await site.until(
            lambda lines: any(line.generation == 2 for line in _fired(lines)), worker
        )
        assert await worker.stop() == 0
    again = [line for line in _fired(lines) if line.generation == 2]
    assert {line.rule for line in again} == {"dear"}
    assert again[0].value == pytest.approx(13 / 3)
    for rule in ("dear", "failing"):
        assert len({line.seq for line in _ended(lines, rule)}) == 1
    assert len(_roots(box.inbox)) == 3


async def test_a_receiver_that_is_gone_is_told_the_end(
    files: Files, box: Sandbox
) -> None:
    """By the worker that knew it; by another one once it is back, or it is forgiven."""
    site = files.site
    async with site.worker("--wait", "30s") as worker:
        await _spend(site, 3.0, 3)
        await box.wait_for(lambda inbox: inbox.incidents(), 30)
        files.write(on_call=False)
        await eventually(lambda: _owes(worker, alerts=1, told=True))
        await eventually(lambda: _says(worker, "--forgive on-call"))
        await _spend(site, 0.1, 3)
        await box.wait_for(lambda inbox: inbox.incidents(status="resolved"), 30)
        await eventually(lambda: _owes_nothing(worker))

        files.write()
        await eventually(lambda: _knows(worker, "on-call"))
        await _spend(site, 3.0, 3)
        await box.wait_for(lambda inbox: len(inbox.incidents()) == 2, 30)
        files.write(on_call=False)
        await eventually(lambda: _owes(worker, alerts=1, told=True))
        assert await worker.stop() == 0
    async with site.worker("--wait", "30s") as worker:
        await eventually(lambda: _owes(worker, alerts=1, told=False))
        await _spend(site, 0.1, 3)
        await box.wait_for(_all_slack_is_over, 30)
        await _spend(site, 3.0, 3, agent="b")
        await box.wait_for(lambda inbox: not _all_slack_is_over(inbox), 30)
        assert await _owes(worker, alerts=1, told=False)
        files.write()
        await box.wait_for(
            lambda inbox: len(inbox.incidents(status="resolved")) == 2, 30
        )
        # What fires meanwhile is news to who came back.
        await box.wait_for(lambda inbox: len(inbox.incidents()) == 3, 30)
        assert await worker.stop() == 0
    files.write(on_call=False)
    async with site.worker("--wait", "30s") as worker:
        await eventually(lambda: _owes(worker, alerts=1, told=False))
        await _forgive(site, "on-call")
        await eventually(lambda: _owes_nothing(worker))
        assert await worker.stop() == 0
    assert [each.actions for each in box.inbox.incidents()].count(["trigger"]) == 1
    assert {each.status for each in box.inbox.incidents()} == {
        Status.RESOLVED,
        Status.TRIGGERED,
    }


async def _spend(site: Site, cost_usd: float, count: int, agent: str = "a") -> None:
    _spend.number += 1  # type: ignore[attr-defined]
    await site.publish(
        *(
            session(f"{agent}-{_spend.number}-{n}", agent, cost_usd=cost_usd)  # type: ignore[attr-defined]
            for n in range(count)
        )
    )


_spend.number = 0  # type: ignore[attr-defined]


def _fired(lines: list[Transition]) -> list[Transition]:
    return [line for line in lines if line.to_state is State.FIRING]


def _ended(lines: list[Transition], rule: str) -> list[Transition]:
    return [
        line for line in lines if line.to_state is State.RESOLVED and line.rule == rule
    ]


def _roots(inbox: Inbox) -> list[Any]:
    return [message for message in inbox.messages() if not message.thread_ts]


def _all_slack_is_over(inbox: Inbox) -> bool:
    return all("Resolved" in message.text for message in _roots(inbox))


async def _says(worker: Worker, words: str) -> bool:
    """Its log may lag a moment behind what its status says."""
    return words in worker.said()


async def _refused(worker: Worker) -> bool:
    return (await worker.status())["configuration"]["refused"] is not None


async def _digest_changed(worker: Worker) -> bool:
    return (await worker.status())["configuration"]["refused"] is None


async def _deliver(worker: Worker) -> dict[str, Any]:
    groups = (await worker.status())["groups"]
    found: dict[str, Any] = next(part for part in groups.values() if "active" in part)
    return found


async def _owes(worker: Worker, **wanted: Any) -> bool:
    return (await _deliver(worker)).get("gone") == {"on-call": wanted}


async def _owes_nothing(worker: Worker) -> bool:
    return (await _deliver(worker)).get("gone") == {}


async def _knows(worker: Worker, receiver: str) -> bool:
    return receiver in (await _deliver(worker))["receivers"]


async def _forgive(site: Site, receiver: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOOPWATCH_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loopwatch", "status", "--forgive", receiver),
        env=kept | site.environ,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
