"""After a standstill: whether news is fresh, or an old log being caught up with.

While no worker ran, sessions piled up. When they are worked off, alerts fire and
end that are hours old. Until a partition's clock is near the wall clock again, what
it says for the first time is held, so that only what still fires is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detectors.rules import SECOND_US
from detectors.transitions import Clock, Transition, microseconds

BEHIND_US: Final = 300 * SECOND_US
"""A clock further behind the wall clock than this stood still."""

HELD_AT_MOST_US: Final = 300 * SECOND_US
"""Even if a clock never catches up, news is not held for longer."""


@dataclass(slots=True)
class _Hold:
    since_us: int
    partitions: frozenset[int]
    caught_up: bool = False


def is_old(line: Transition, came_us: int) -> bool:
    """Whether a line told of the past when it came."""
    return came_us - microseconds(line.time) > BEHIND_US


class Standstill:
    """The clocks of the partitions, as far as lines have told them.

    Not kept over a restart: the lines read next tell them again, and until then an
    alert's own last line says how far its partition had come.
    """

    def __init__(self) -> None:
        self._clocks_us: dict[int, int] = {}
        self._holds: dict[str, _Hold] = {}

    def on_clock(self, clock: Clock, now_us: int) -> list[str]:
        """Take a partition's clock; the groups that it need not hold any longer."""
        if clock.time is None:
            return []
        self._advance(clock.partition, microseconds(clock.time))
        if now_us - self._clocks_us[clock.partition] > BEHIND_US:
            return []
        freed = [
            name
            for name, hold in self._holds.items()
            if clock.partition in hold.partitions and not hold.caught_up
        ]
        for name in freed:
            self._holds[name].caught_up = True
        return freed

    def on_line(self, line: Transition) -> None:
        """A line carries its partition's clock too."""
        self._advance(line.partition, microseconds(line.time))

    def sift(
        self, group: str, firsts: Mapping[str, Transition], now_us: int
    ) -> tuple[frozenset[str], bool]:
        """Which of a group's first news must wait, and whether the rest had to.

        Args:
            group: Its id.
            firsts: What it would tell for the first time, by alert.
            now_us: The wall clock.
        """
        behind = {
            alert_id: line.partition
            for alert_id, line in firsts.items()
            if self._is_behind(line, now_us)
        }
        hold = self._holds.get(group)
        over = hold is not None and now_us >= hold.since_us + HELD_AT_MOST_US
        if not behind or over:
            return frozenset(), self.release(group) and bool(firsts)
        since_us = now_us if hold is None else hold.since_us
        self._holds[group] = _Hold(since_us, frozenset(behind.values()))
        return frozenset(behind), False

    def holds(self, group: str) -> bool:
        """Whether a group is held, or was until just now."""
        return group in self._holds

    def held_until(self, group: str) -> int | None:
        """Until when a group is held at most; None if it is not."""
        hold = self._holds.get(group)
        if hold is None or hold.caught_up:
            return None
        return hold.since_us + HELD_AT_MOST_US

    def release(self, group: str) -> bool:
        """Hold a group no longer; whether it was held."""
        return self._holds.pop(group, None) is not None

    def _advance(self, partition: int, at_us: int) -> None:
        self._clocks_us[partition] = max(at_us, self._clocks_us.get(partition, at_us))

    def _is_behind(self, line: Transition, now_us: int) -> bool:
        own_us = microseconds(line.time)
        clock_us = max(self._clocks_us.get(line.partition, own_us), own_us)
        return now_us - clock_us > BEHIND_US
