"""A storm of alerts through every client, against providers that limit and fail."""

import random
from collections import Counter
from typing import Any

import pytest

from alerts.clients import open_client
from alerts.clients.pace import Paces
from alerts.delivery import Client
from alerts.notify import Notifier
from alerts.receivers import (
    Channel,
    PagerDutyService,
    Secret,
    SlackChannel,
    WebhookEndpoint,
)
from loopwatch.sandbox import Fault, Kind, Sandbox

_ALERTS = 30
_BREAKS = (Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.HTML, Kind.RATE_LIMIT)


class _Time:
    """One clock for the notifier, the paces and the providers' limits."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class _Driver:
    """A worker of a page: rows survive, everything else may be lost."""

    def __init__(self, scene: Any, routing: Any, time: _Time) -> None:
        self.scene, self.routing, self.time = scene, routing, time
        self.paces = Paces(time.clock, time.sleep)
        self.clients: dict[Channel, Client] = {}
        self.rows: dict[bytes, bytes] = {}
        self.notifier = Notifier(routing)

    @property
    def now_us(self) -> int:
        return int(self.time.now_s * self.scene.S)

    def restart(self) -> None:
        self.notifier = Notifier(self.routing)
        for key, row in self.rows.items():
            self.notifier.restore_row(key, row)

    async def run(self, until_s: float) -> None:
        """Work off everything that is due up to a time."""
        while (due_us := self.notifier.next_due_us) is not None:
            if due_us > until_s * self.scene.S:
                break
            self.time.now_s = max(self.time.now_s, due_us / self.scene.S + 1e-6)
            await self._act(self.notifier.run_due(self.now_us))
        self.time.now_s = max(self.time.now_s, until_s)

    async def _act(self, effects: Any) -> None:
        self._keep()
        for delivery in effects.deliveries:
            client = self.clients.get(delivery.channel)
            if client is None:
                client = open_client(delivery.channel, self.paces)
                self.clients[delivery.channel] = client
            outcome = await client.send(delivery)
            after = self.notifier.on_outcome(delivery.id, outcome, self.now_us)
            await self._act(after)

    def _keep(self) -> None:
        for key, row in self.notifier.take_dirty():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row


@pytest.mark.parametrize("seed", [1, 2])
async def test_everyone_is_told_everything_and_nobody_is_asked_too_often(
    scene: Any, seed: int
) -> None:
    """Thirty alerts fire, escalate and end; every fifth request breaks.

    Every incident is resolved, every message ends green, each news reaches the webhook,
    and no request is made inside a pause that a provider ordered.
    """
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    time = _Time()
    async with Sandbox(port=0, clock=time.clock) as box:
        token = Secret("xoxb-0123456789-secret")
        url = box.webhook_url
        routing = scene.routing(
            agents=(
                SlackChannel("#agent-alerts", token=token, api_url=box.slack_url),
                PagerDutyService(Secret("k" * 32), url=box.pagerduty_url),
                WebhookEndpoint(Secret(url), shown_url=url),
            )
        )
        driver = _Driver(scene, routing, time)
        for after in range(0, 400, 5):
            box.fail(Fault(kind=chance.choice(_BREAKS), after=4 + after % 2))
        start_s = time.now_s
        for seq, (to, severity, at_s) in enumerate(
            [
                ("firing", "warning", 0),
                ("firing", "critical", 600),
                ("resolved", "critical", 4000),
            ]
        ):
            await driver.run(start_s + at_s)
            for number in range(_ALERTS):
                line = scene.line(
                    time.now_s,
                    to,
                    seq=seq,
                    alert_id=f"a{number}",
                    labels={"agent": f"agent-{number}"},
                    severity=severity,
                )
                driver.notifier.on_line(line, driver.now_us)
            driver._keep()
            driver.restart()
        await driver.run(start_s + 40_000)
        for client in driver.clients.values():
            await client.close()
        broken = [one for one in box.inbox.requests() if one.fault is not None]
        assert len(broken) > 30
        assert driver.notifier.owed() == ()
        assert driver.notifier.queued == 0
        assert [request for request in box.inbox.requests() if request.too_early] == []
        incidents = box.inbox.incidents()
        assert len(incidents) == _ALERTS
        assert {incident.status for incident in incidents} == {"resolved"}
        roots = [one for one in box.inbox.messages() if one.thread_ts is None]
        ends = Counter(root.attachments[0]["color"] for root in roots)
        # A first post whose answer was lost stands there twice, and says so.
        assert ends["#2eb67d"] == _ALERTS
        again = [root for root in roots if "possible repeat" in root.versions[0].text]
        assert len(roots) - _ALERTS <= len(again)
        news = {
            (hook.body["alerts"][0]["alert_id"], hook.body["reason"])
            for hook in box.inbox.webhooks()
        }
        assert len(news) == 3 * _ALERTS
