"""A test alert to one receiver, through the clients that a worker uses.

It fires and ends as any alert does, so what its channels take of it they take of a real
one. What may have arrived is always told its end: a test page must not stay open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alerts.clients import open_client
from alerts.delivery import (
    Action,
    Ambiguous,
    Client,
    Delivery,
    Failed,
    Outcome,
    Retry,
    Sent,
)
from alerts.notifications import Reason
from alerts.receivers import (
    Channel,
    PagerDutyService,
    Receiver,
    Secret,
    SlackChannel,
    WebhookEndpoint,
)
from detectors.transitions import State, Transition, rfc3339

RULE: Final = "TEST, nothing is wrong"
_PAUSES_S: Final = (1.0, 4.0)
_LONGEST_PAUSE_S: Final = 35.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one message.

    Attributes:
        reason: ``firing`` or ``resolved``.
        took_s: The last try, from asking to the answer.
        tries: How often it was sent.
    """

    channel: Channel
    reason: Reason
    outcome: Outcome
    took_s: float
    tries: int = 1


class Rehearsal:
    """One test alert: its beginning, and its end where that may be owed.

    Args:
        receiver: With at least one channel.
        by: Who tests, for those who read it.
        severity: ``info``, ``warning`` or ``critical``.
        key: Names this test; no other one, and no real alert, has it.
        clients: Opens the client of a channel.
        pauses_s: Before each further try of an end that was not taken.
        now_us: The wall clock.
    """

    def __init__(
        self,
        receiver: Receiver,
        *,
        by: str,
        severity: str,
        key: str,
        clients: Callable[[Channel], Client] = open_client,
        pauses_s: Sequence[float] = _PAUSES_S,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._receiver = receiver
        self._by = by
        self._severity = severity
        self._key = key
        self._pauses_s = pauses_s
        self._now_us = now_us
        self._began_us = now_us()
        self._clients = {channel: clients(channel) for channel in receiver.channels}
        self._fired: dict[Channel, Outcome] = {}

    @property
    def receiver(self) -> str:
        """The name of whom it is told."""
        return self._receiver.name

    @property
    def dedup_key(self) -> str:
        """The key of its incident, where the provider keeps incidents."""
        return f"loopwatch-test-{self._key}"

    @property
    def may_be_open(self) -> tuple[Channel, ...]:
        """The channels where it was told that it fires, or may have been."""
        return tuple(
            channel
            for channel, outcome in self._fired.items()
            if isinstance(outcome, Sent | Ambiguous)
        )

    async def fire(self) -> list[Told]:
        """Tell every channel once that it fires."""
        told = await asyncio.gather(*map(self._fire, self._clients))
        return list(told)

    async def resolve(self) -> list[Told]:
        """Tell its end wherever it may have arrived, a few times if need be."""
        told = await asyncio.gather(*map(self._resolve, self.may_be_open))
        return list(told)

    async def close(self) -> None:
        """Let go of the clients."""
        for client in self._clients.values():
            await client.close()

    async def _fire(self, channel: Channel) -> Told:
        delivery = self._delivery(channel, Reason.FIRING)
        # Until it is known, it may have arrived.
        self._fired[channel] = Ambiguous("it was interrupted")
        outcome, took_s = await self._send(delivery)
        self._fired[channel] = outcome
        return Told(channel, Reason.FIRING, outcome, took_s)

    async def _resolve(self, channel: Channel) -> Told:
        delivery = self._delivery(channel, Reason.RESOLVED)
        outcome, took_s = await self._send(delivery)
        tries = 1
        for pause_s in self._pauses_s:
            if isinstance(outcome, Sent | Failed):
                break
            asked_s = outcome.after_s if isinstance(outcome, Retry) else None
            await asyncio.sleep(max(pause_s, min(asked_s or 0.0, _LONGEST_PAUSE_S)))
            outcome, took_s = await self._send(delivery)
            tries += 1
        if isinstance(outcome, Sent):
            del self._fired[channel]
        return Told(channel, Reason.RESOLVED, outcome, took_s, tries)

    async def _send(self, delivery: Delivery) -> tuple[Outcome, float]:
        began_s = time.monotonic()
        outcome = await self._clients[delivery.channel].send(delivery)
        return outcome, time.monotonic() - began_s

    def _delivery(self, channel: Channel, reason: Reason) -> Delivery:
        over = reason is Reason.RESOLVED
        fired = self._fired.get(channel)
        line = self._line(State.RESOLVED if over else State.FIRING)
        return Delivery(
            id=f"{self.dedup_key}-{reason}",
            receiver=self._receiver.name,
            channel=channel,
            action=Action.CLOSE if over else Action.OPEN,
            group=f'{{test="{self._key}"}}',
            dedup_key=self.dedup_key,
            generation=1,
            reason=reason,
            alerts=(line,),
            news={line.alert_id: reason},
            firing=0 if over else 1,
            at_us=self._now_us(),
            ref=fired.ref if isinstance(fired, Sent) else None,
        )

    def _line(self, state: State) -> Transition:
        now_us = self._now_us()
        return Transition(
            time=rfc3339(now_us),
            alert_id=self.dedup_key,
            rule=RULE,
            metric="test alerts",
            labels={"receiver": self._receiver.name},
            generation=1,
            seq=now_us // 1_000,
            from_state=State.OK if state is State.FIRING else State.FIRING,
            to_state=state,
            severity=self._severity,
            value=1.0,
            expected=None,
            threshold=None,
            session_id=None,
            reason=(
                f"a test by {self._by} with `loopwatch receivers test`: nothing is"
                " wrong, and nothing is to be done"
            ),
            rule_kind="test",
            began=rfc3339(self._began_us),
        )


def lacking(receiver: Receiver) -> Iterator[str]:
    """What its secrets lack, in words; the providers are not asked."""
    for channel in receiver.channels:
        for setting, secret in _secrets(channel).items():
            try:
                secret.read()
            except LookupError as fault:
                yield f"{setting} of the receiver {receiver.name!r}: {fault}"


def _secrets(channel: Channel) -> Mapping[str, Secret]:
    match channel:
        case SlackChannel():
            found = {
                "slack.token": channel.token,
                "slack.webhook_url": channel.webhook_url,
            }
        case PagerDutyService():
            found = {"pagerduty.routing_key": channel.routing_key}
        case WebhookEndpoint():
            found = {"webhook.url": channel.url, "webhook.bearer": channel.bearer}
    return {name: secret for name, secret in found.items() if secret is not None}


def advice(told: Told) -> str | None:
    """What to do about a message that did not arrive, where its outcome does not say."""
    match told.outcome:
        case Retry(reason, after_s):
            if "cannot connect" in reason:
                return (
                    "can this machine reach the address: DNS, proxy, firewall? A worker"
                    " would try again"
                )
            pause = f"in {after_s:.0f} s" if after_s else "in a minute"
            return f"test again {pause}; a worker would wait, and try again"
        case Ambiguous():
            return (
                "it may have arrived: look there. Where it happens each time, look at"
                " the address, and at what stands in between"
            )
        case _:
            return None
