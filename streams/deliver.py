"""Carries out what the notifier decides: keep it, send it, keep what came of it.

Knows rows and clients, but not where rows are kept: ``write`` puts them into the
state topic in production, and anywhere in tests. Whatever happens between two steps,
the rows written last say what is still to be done.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from alerts.delivery import Ambiguous, Client, Delivery, Failed, Outcome, Retry, Sent
from alerts.effects import Effects, GivenUp
from alerts.notifications import Notification
from alerts.notify import Notifier
from alerts.receivers import Channel
from alerts.routes import Routing
from detectors.transitions import Line
from streams.control.actions import Action
from streams.control.wishes import carry_out

log = logging.getLogger(__name__)

Rows = Sequence[tuple[bytes, bytes | None]]


def _nothing(*_: object) -> None:
    """Nobody wants to know."""


class NoLongerOursError(Exception):
    """Rows could not be written, for another worker has taken over.

    What was decided is theirs to decide again, from the rows as they stand.
    """


class DeliveryDesk:
    """One notifier at work.

    Args:
        notifier: Decides.
        clients: Opens the client of a channel; asked once for each.
        write: Keeps rows; returns when they are safe, or raises
            ``NoLongerOursError``.
        is_ours: Whether this process may still send: false once another worker may
            have taken over.
        now_us: The wall clock.
        fatal: Told of a fault in the midst of a delivery, after which what was kept
            and what was sent may differ: the process must end, and the next one
            starts from the rows.
        told: Told what came of each attempt.
        lost: Told of each message that is given up.
        said: Told of each notification that was decided.
    """

    def __init__(
        self,
        notifier: Notifier,
        *,
        clients: Callable[[Channel], Client],
        write: Callable[[Rows], Awaitable[None]],
        is_ours: Callable[[], Awaitable[bool]],
        now_us: Callable[[], int],
        fatal: Callable[[BaseException], None],
        told: Callable[[Delivery, Outcome], None] = _nothing,
        lost: Callable[[GivenUp], None] = _nothing,
        said: Callable[[Notification], None] = _nothing,
    ) -> None:
        self.notifier = notifier
        self._open = clients
        self._clients: dict[Channel, Client] = {}
        self._write = write
        self._is_ours = is_ours
        self._now_us = now_us
        self._fatal = fatal
        self._told = told
        self._lost = lost
        self._said = said
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._busy = Counter[Channel]()

    async def take(self, lines: Iterable[Line]) -> None:
        """Take lines in order; returns when what they changed is safe."""
        now_us = self._now_us()
        await self._act(lambda: [self.notifier.on_line(line, now_us) for line in lines])

    async def heed(self, actions: Iterable[tuple[int, Action]], offset: int) -> None:
        """Carry out what people ask; returns when what it changed is safe.

        Args:
            actions: With their offsets, in order.
            offset: Of the message behind them.
        """
        now_us = self._now_us()

        def decide() -> list[Effects]:
            requests = self.notifier.requests
            for number, action in actions:
                vain = carry_out(requests, action, now_us)
                log.info(
                    "offset %d, %s by %s: %s",
                    number,
                    type(action).__name__.removesuffix("Action").lower(),
                    action.by or "somebody",
                    vain or "done",
                )
            requests.read_up_to(offset)
            return []

        await self._act(decide)

    async def reload(self, routing: Routing) -> None:
        """Go on with another file; returns when what that changed is safe."""

        def decide() -> list[Effects]:
            now_us = self._now_us()
            self.notifier.reload(routing, now_us)
            return [self.notifier.run_due(now_us)]

        await self._act(decide)
        await self._close_unused()

    async def run(self) -> None:
        """Run the notifier's timers as they fall due, until cancelled."""
        # What was left undone by the process before shows only once it is asked.
        await self._act(lambda: [self.notifier.run_due(self._now_us())])
        while True:
            self._wake.clear()
            due_us = self.notifier.next_due_us
            wait_s = None if due_us is None else (due_us - self._now_us()) / 1e6
            if wait_s is None or wait_s > 0:
                # At most a second at a time: the wall clock may be set.
                patience_s = None if wait_s is None else min(wait_s, 1.0)
                # Not wait_for: on Python 3.11 it may swallow a cancellation that comes
                # as the event is set (cpython #86296), and the loop would go on.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience_s):
                        await self._wake.wait()
                continue
            await self._act(lambda: [self.notifier.run_due(self._now_us())])

    async def settle(self, timeout_s: float) -> None:
        """Wait for what is being sent, so that its outcome is kept."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=timeout_s)

    async def close(self) -> None:
        """Stop sending and let go of the clients."""
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    async def _act(self, decide: Callable[[], list[Effects]]) -> None:
        """Let the notifier decide, keep that, then send."""
        async with self._turn:
            effects = decide()
            rows = self.notifier.take_dirty()
            if rows:
                await self._write(rows)
        for effect in effects:
            for line in effect.notifications:
                self._said(line)
            for message in effect.given_up:
                self._lost(message)
            for delivery in effect.deliveries:
                task = asyncio.create_task(self._deliver(delivery))
                self._in_flight.add(task)
                task.add_done_callback(self._landed)
        self._wake.set()

    async def _deliver(self, delivery: Delivery) -> None:
        if not await self._is_ours():
            return
        self._busy[delivery.channel] += 1
        try:
            outcome = await self._client(delivery.channel).send(delivery)
        finally:
            self._busy[delivery.channel] -= 1
        _note(delivery, outcome)
        self._told(delivery, outcome)
        await self._act(
            lambda: [self.notifier.on_outcome(delivery.id, outcome, self._now_us())]
        )
        await self._close_unused()

    async def _close_unused(self) -> None:
        """Let go of the clients of receivers that are gone and owed nothing."""
        wanted = self.notifier.channels | {
            channel for channel, count in self._busy.items() if count
        }
        for channel in self._clients.keys() - wanted:
            await self._clients.pop(channel).close()

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not isinstance(fault, NoLongerOursError):
            self._fatal(fault)

    def _client(self, channel: Channel) -> Client:
        client = self._clients.get(channel)
        if client is None:
            client = self._clients[channel] = self._open(channel)
        return client


RESULTS: Mapping[type[Outcome], str] = {
    Sent: "sent",
    Retry: "retried",
    Ambiguous: "ambiguous",
    Failed: "failed",
}
"""How metrics and logs name outcomes."""


def _note(delivery: Delivery, outcome: Outcome) -> None:
    where = f"{delivery.receiver} ({delivery.channel.kind} {delivery.channel.target})"
    match outcome:
        case Sent():
            log.info("told %s: %s %s", where, delivery.reason, delivery.group)
        case Retry(reason) | Ambiguous(reason):
            log.warning(
                "could not tell %s, attempt %d: %s", where, delivery.attempt, reason
            )
        case Failed(reason):
            log.error("cannot tell %s of %s: %s", where, delivery.group, reason)
