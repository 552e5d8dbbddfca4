"""The lease: whether the group has confirmed this worker lately.

A worker that was frozen (stopped, swapped out, its machine paused) or cut off may have
lost its partitions without knowing. Before each step that cannot be taken back it
waits here until a heartbeat has gone through again, or until it hears of its loss.
"""

# ruff: noqa: SLF001  aiokafka tells nobody else of its heartbeats

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

SHARE: Final = 0.8
"""Of the session timeout: the lease ends before the broker would give it away."""

_STEP_S: Final = 0.05


class Lease:
    """What heartbeats have confirmed.

    Args:
        session_s: The session timeout.
        now_s: A clock that never goes back.
    """

    def __init__(
        self, session_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._length_s = SHARE * session_s
        self._now_s = now_s
        self._confirmed_s = float("-inf")

    @property
    def valid(self) -> bool:
        """Whether the last confirmation is young enough."""
        return self._now_s() - self._confirmed_s < self._length_s

    def confirm(self, asked_s: float) -> None:
        """The group answered a question that was asked at this time."""
        self._confirmed_s = max(self._confirmed_s, asked_s)

    async def hold(self, still_ours: Callable[[], bool]) -> bool:
        """Wait until the lease is valid; False once it is no longer worth waiting."""
        while still_ours():
            if self.valid:
                return True
            await asyncio.sleep(_STEP_S)
        return False

    def watch(self, coordinator: Any) -> None:  # noqa: ANN401  aiokafka has no types
        """Learn of heartbeats and joins from aiokafka's group coordinator.

        The time counted is that *before* the question: the broker's session ran on
        while the answer travelled.
        """
        beat: Callable[[], Awaitable[bool]] = coordinator._do_heartbeat
        joined: Callable[..., Awaitable[None]] = coordinator._on_join_complete

        async def noted_beat() -> bool:
            asked_s = self._now_s()
            confirmed = await beat()
            if confirmed:
                self.confirm(asked_s)
            return confirmed

        async def noted_join(*args: object, **kwargs: object) -> None:
            self.confirm(self._now_s())
            await joined(*args, **kwargs)

        coordinator._do_heartbeat = noted_beat
        coordinator._on_join_complete = noted_join
