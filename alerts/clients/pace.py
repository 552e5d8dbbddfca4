"""How fast a provider may be asked: token buckets, and pauses that it orders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

PATIENCE_S: Final = 5.0
"""A longer wait is not sat out here: the outbox can use the time better."""


class Pace:
    """One bucket: ``burst`` requests at once, then ``per_s`` a second.

    Args:
        per_s: Requests a second in the long run.
        burst: Requests without waiting after a rest.
        clock: Monotonic seconds.
        sleep: Waits so many seconds of that clock.
        wall_s: Seconds since 1970, against which a provider's dates are held.
    """

    def __init__(
        self,
        per_s: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self.wall_s = wall_s
        self._interval_s = 1.0 / per_s
        self._credit_s = (burst - 1) * self._interval_s
        self._clock = clock
        self._sleep = sleep
        # The bucket as one number: when it would be full but for one token.
        self._next_s = clock() - self._credit_s
        self._paused_until_s = clock()

    async def turn(self) -> float:
        """Wait for a turn: 0.0 once it has come, else the seconds it would take."""
        now_s = self._clock()
        if now_s < self._paused_until_s:
            return self._paused_until_s - now_s
        at_s = max(self._next_s, now_s - self._credit_s)
        wait_s = at_s - now_s
        if wait_s > PATIENCE_S:
            return wait_s
        # The turn is taken before the wait, so that no one else takes it meanwhile.
        self._next_s = at_s + self._interval_s
        if wait_s > 0:
            await self._sleep(wait_s)
            if (now_s := self._clock()) < self._paused_until_s:
                return self._paused_until_s - now_s
        return 0.0

    def pause(self, for_s: float) -> None:
        """Let nobody through for so long: what the provider ordered."""
        self._paused_until_s = max(self._paused_until_s, self._clock() + for_s)


class Paces:
    """Buckets by the account, channel or key that a provider counts."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._wall_s = wall_s
        self._buckets: dict[Hashable, Pace] = {}

    def of(self, key: Hashable, per_s: float, burst: int) -> Pace:
        """The bucket of this key, made at first need."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = Pace(per_s, burst, self._clock, self._sleep, self._wall_s)
            self._buckets[key] = bucket
        return bucket
