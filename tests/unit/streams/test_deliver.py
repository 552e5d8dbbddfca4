"""The desk that carries deliveries out: rows first, then sending, then the outcome."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from alerts.clients import open_client
from alerts.clients.pace import Paces
from alerts.notify import Notifier
from alerts.receivers import PagerDutyService, Receiver, Secret, SlackChannel
from alerts.routes import Route, Routing
from detectors.rules import SECOND_US
from detectors.transitions import State, Transition, rfc3339
from loopwatch.sandbox import Fault, Kind, Sandbox
from streams.deliver import DeliveryDesk, Rows


def line(seq: int, to: State, before: State = State.OK) -> Transition:
    """One line of the life of one alert, told now."""
    return Transition(
        time=rfc3339(round(time.time() * SECOND_US)),
        alert_id="a1",
        rule="session-cost",
        metric="cost_usd",
        labels={"agent": "a"},
        generation=1,
        seq=seq,
        from_state=before,
        to_state=to,
        severity="critical",
        value=3.0,
        expected=None,
        threshold=2.0,
        session_id="s-1",
        reason="cost_usd above 2",
    )


FIRING = line(1, State.FIRING)
RESOLVED = line(2, State.RESOLVED, State.FIRING)


class Kept:
    """The state topic: rows as they were last written."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, rows: Rows) -> None:
        """Keep rows, once the way to them is open."""
        await self.open.wait()
        for key, row in rows:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row


class Office:
    """Slack and PagerDuty in the sandbox, rows that outlive desks."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.kept = Kept()
        self.ours = True
        self.faults: list[BaseException] = []
        token, key = Secret("xoxb-test"), Secret("k" * 32)
        self.routing = Routing(
            (
                Receiver(
                    "team",
                    (
                        SlackChannel("#alerts", token, api_url=box.slack_url),
                        PagerDutyService(key, url=box.pagerduty_url),
                    ),
                ),
            ),
            Route(0, "team", group_wait_us=0, group_interval_us=0),
        )

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[DeliveryDesk]:
        """A desk that starts from the rows kept so far; it ends without a word."""
        notifier = Notifier(self.routing)
        for key, row in self.kept.rows.items():
            notifier.restore_row(key, row)
        paces = Paces()

        async def is_ours() -> bool:
            return self.ours

        desk = DeliveryDesk(
            notifier,
            clients=lambda channel: open_client(channel, paces),
            write=self.kept.write,
            is_ours=is_ours,
            now_us=lambda: round(time.time() * SECOND_US),
            fatal=self.faults.append,
        )
        timers = asyncio.create_task(desk.run())
        try:
            yield desk
        finally:
            timers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await timers
            await desk.close()


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """An office whose providers have no rate limits."""
    async with Sandbox(limits=None) as box:
        yield Office(box)


async def _told(box: Sandbox) -> None:
    await box.wait_for(lambda inbox: inbox.messages() and inbox.incidents())


async def test_an_alert_is_told_and_resolved(office: Office) -> None:
    """One Slack message that is edited, one incident that is closed, no row left owed."""
    async with office.desk() as desk:
        await desk.take([FIRING])
        await _told(office.box)
        await desk.take([RESOLVED])
        await office.box.wait_for(
            lambda inbox: (
                inbox.messages()[0].edited and inbox.incidents(status="resolved")
            )
        )
        await desk.settle(5)
        assert desk.notifier.owed() == ()
    assert not office.faults
    assert len([m for m in office.box.inbox.messages() if not m.thread_ts]) == 1


async def test_nothing_is_sent_before_it_is_kept(office: Office) -> None:
    """While rows cannot be written nobody hears anything; then everybody does."""
    async with office.desk() as desk:
        office.kept.open.clear()
        taking = asyncio.create_task(desk.take([FIRING]))
        await asyncio.wait([taking], timeout=0.1)
        assert not taking.done()
        assert not office.box.inbox.requests()
        office.kept.open.set()
        await taking
        await _told(office.box)


async def test_a_crash_before_the_outcome_is_kept_repeats_and_says_so(
    office: Office,
) -> None:
    """PagerDuty folds the repeat into the open incident; Slack's is marked as one."""
    async with office.desk() as desk:
        office.box.fail(
            Fault(kind=Kind.RESET_AFTER, endpoint="chat.postMessage"),
        )
        await desk.take([FIRING])
        await _told(office.box)
        office.kept.open.clear()  # What came of it never reaches the rows.
    office.kept.open.set()
    async with office.desk():
        await office.box.wait_for(lambda inbox: len(inbox.messages()) > 1)
    assert "possible repeat" in office.box.inbox.messages()[-1].words
    assert len(office.box.inbox.incidents()) == 1


async def test_what_was_told_is_resolved_after_a_restart(office: Office) -> None:
    """The next desk knows the message and the incident."""
    async with office.desk() as desk:
        await desk.take([FIRING])
        await _told(office.box)
        await desk.settle(5)
    async with office.desk() as desk:
        await desk.take([FIRING, RESOLVED])
        await office.box.wait_for(lambda inbox: inbox.incidents(status="resolved"))
        await office.box.wait_for(lambda inbox: inbox.messages()[0].edited)
    assert office.box.inbox.incidents()[0].actions == ["trigger", "resolve"]


async def test_a_slow_receiver_delays_no_other(office: Office) -> None:
    """PagerDuty is told while Slack still thinks."""
    office.box.fail(Fault(kind=Kind.SLOW, endpoint="chat.postMessage", delay_s=30))
    async with office.desk() as desk:
        await desk.take([FIRING])
        await office.box.wait_for(lambda inbox: inbox.incidents())
        assert desk.notifier.queued


async def test_a_desk_that_lost_its_partition_sends_nothing(office: Office) -> None:
    """Another worker may be telling already."""
    office.ours = False
    async with office.desk() as desk:
        await desk.take([FIRING])
        await desk.settle(5)
    assert not office.box.inbox.requests()


async def test_a_fault_while_keeping_an_outcome_ends_the_process(
    office: Office,
) -> None:
    """What was sent and what was kept may differ now: the next process sorts it out."""

    async def refuse(_rows: Rows) -> None:
        raise ConnectionError("no broker")

    async with office.desk() as desk:
        office.box.fail(Fault(kind=Kind.SLOW, times=2, delay_s=0.3))
        await desk.take([FIRING])
        await _told(office.box)
        desk._write = refuse
        await desk.settle(5)
    assert [type(fault) for fault in office.faults] == [ConnectionError] * 2
