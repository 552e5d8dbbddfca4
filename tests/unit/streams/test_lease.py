"""A worker goes on only while its group has confirmed it lately."""

from __future__ import annotations

import asyncio

from streams.kafka.lease import Lease


class Coordinator:
    """A group coordinator as aiokafka has it, answering as told."""

    def __init__(self, clock: list[float]) -> None:
        self.answer = True
        self.took_s = 0.0
        self.joined = 0
        self._clock = clock

    async def _do_heartbeat(self) -> bool:
        self._clock[0] += self.took_s
        return self.answer

    async def _on_join_complete(self, *_: object) -> None:
        self.joined += 1


async def test_only_confirmed_heartbeats_extend_the_lease() -> None:
    """It begins with the join, and ends 0.8 session timeouts after the last answer."""
    clock = [100.0]
    lease = Lease(10, lambda: clock[0])
    coordinator = Coordinator(clock)
    lease.watch(coordinator)
    assert not lease.valid
    await coordinator._on_join_complete(1)
    assert coordinator.joined == 1
    clock[0] += 7.9
    assert lease.valid
    coordinator.answer = False
    assert not await coordinator._do_heartbeat()
    clock[0] += 0.2
    assert not lease.valid
    coordinator.answer = True
    assert await coordinator._do_heartbeat()
    assert lease.valid


async def test_the_time_of_the_question_counts() -> None:
    """An answer that was under way for long confirms only what was long ago."""
    clock = [0.0]
    lease = Lease(10, lambda: clock[0])
    coordinator = Coordinator(clock)
    lease.watch(coordinator)
    coordinator.took_s = 8.0
    assert await coordinator._do_heartbeat()
    assert not lease.valid


async def test_hold_waits_for_a_confirmation() -> None:
    """Somebody who holds goes on with the next confirmation."""
    lease = Lease(10)
    holding = asyncio.create_task(lease.hold(lambda: True))
    await asyncio.sleep(0)
    assert not holding.done()
    lease.confirm(asyncio.get_running_loop().time())
    assert await holding


async def test_hold_gives_up_what_is_lost() -> None:
    """Nobody waits for what is no longer theirs, whatever the lease says."""
    lease = Lease(10)
    assert not await lease.hold(lambda: False)
    lease.confirm(asyncio.get_running_loop().time())
    assert not await lease.hold(lambda: False)
