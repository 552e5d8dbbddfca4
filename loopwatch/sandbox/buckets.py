"""Rate limits as Slack and PagerDuty apply them, on a clock that is handed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

import msgspec

# Keys come from requests; forgetting the idle ones bounds the memory they take.
_MANY_KEYS = 10_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests are taken before a 429.

    Attributes:
        slack_post_per_s: Messages a second and channel, once the burst is used up;
            also for each incoming webhook.
        slack_burst: Messages that a channel, or a webhook, takes at once.
        slack_updates_per_min: Calls of ``chat.update`` in any 60 s.
        pagerduty_per_min: Events of one routing key in any 60 s.
    """

    slack_post_per_s: float = 1.0
    slack_burst: int = 25
    slack_updates_per_min: int = 50
    pagerduty_per_min: int = 120


class TokenBuckets:
    """A bucket of ``burst`` tokens for each key, refilled at ``per_s`` a second."""

    def __init__(self, per_s: float, burst: int) -> None:
        if per_s <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above 0 and a burst of at least 1")
        self._per_s = per_s
        self._burst = burst
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, now_s: float) -> float:
        """Take a token: 0.0, or the seconds until there is one (none was taken)."""
        level, then_s = self._levels.get(key, (float(self._burst), now_s))
        level = min(self._burst, level + max(0.0, now_s - then_s) * self._per_s)
        # A token that is there but for rounding is there.
        if level < 1.0 - 1e-9:
            self._levels[key] = (level, now_s)
            return (1.0 - level) / self._per_s
        if len(self._levels) >= _MANY_KEYS:
            self._forget_full(now_s)
        self._levels[key] = (level - 1.0, now_s)
        return 0.0

    def _forget_full(self, now_s: float) -> None:
        full_after_s = self._burst / self._per_s
        self._levels = {
            key: (level, then_s)
            for key, (level, then_s) in self._levels.items()
            if now_s - then_s < full_after_s
        }


class SlidingWindows:
    """At most ``limit`` grants for each key in any ``window_s`` seconds."""

    def __init__(self, limit: int, window_s: float = 60.0) -> None:
        if limit < 1 or window_s <= 0:
            raise ValueError("a window needs a limit of at least 1 and a length")
        self._limit = limit
        self._window_s = window_s
        self._grants: dict[Hashable, deque[float]] = {}

    def take(self, key: Hashable, now_s: float) -> float:
        """Take a place: 0.0, or the seconds until one is free (none was taken)."""
        if key not in self._grants and len(self._grants) >= _MANY_KEYS:
            self._forget_idle(now_s)
        grants = self._grants.setdefault(key, deque())
        while grants and grants[0] + self._window_s <= now_s:
            grants.popleft()
        if len(grants) >= self._limit:
            return grants[0] + self._window_s - now_s
        grants.append(now_s)
        return 0.0

    def _forget_idle(self, now_s: float) -> None:
        self._grants = {
            key: grants
            for key, grants in self._grants.items()
            if grants and grants[-1] + self._window_s > now_s
        }
