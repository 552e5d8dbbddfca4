"""A partition of observations that this worker owns: its state, and what is safe."""

from __future__ import annotations

import time
from typing import NamedTuple

from detectors.partition import Partition
from detectors.state.tallies import Counts
from streams.metrics import Meters
from streams.state.late import Late, Stretch
from streams.state.reach import Reach
from streams.state.topic import PLACES, SEAL


class Step(NamedTuple):
    """What one checkpoint writes, in this order.

    Attributes:
        first: The row of places, to be safe before the others are; None if there is none.
        position: Offset after the last block that it makes safe.
        gone: The last block that was safe before: up to it tombstones are right.
    """

    first: bytes | None
    rows: list[tuple[bytes, bytes | None]]
    seal: bytes
    position: int
    gone: int

    @property
    def records(self) -> list[tuple[bytes, bytes | None]]:
        """All that it writes, in order."""
        first = [] if self.first is None else [(PLACES, self.first)]
        return [*first, *self.rows, (SEAL, self.seal)]


class Owned:
    """The state of a partition in memory, ahead of what has been written.

    Args:
        partition: As it was restored.
        position: Offset of the next block to fold.
        fresh: There was no state to restore.
        reach: Where its rows lie.
        late: What others wrote there.

    Attributes:
        next: The position, as it goes on.
        safe: The position up to which everything has been written.
        step: A checkpoint that has been taken and is not written yet.
        changed: Something other than a block has changed the state.
        retired: Rules that are gone have been seen to.
        warned: It has been said that it has no place for more series.
        told: The clock that was written last, as a tuple of one; None if none was.
        safe_s: When everything was last safe, by the monotonic clock.
    """

    def __init__(
        self,
        partition: Partition,
        position: int = 0,
        *,
        fresh: bool = False,
        reach: Reach | None = None,
        late: Late | None = None,
    ) -> None:
        self.partition = partition
        self.fresh = fresh
        self._reach = Reach() if reach is None else reach
        self.late = Late() if late is None else late
        self.begin(position)
        self.step: Step | None = None
        self.changed = False
        self.retired = False
        self.warned = False
        self.told: tuple[int | None] | None = None
        self.safe_s = time.monotonic()
        self._counted = _copy(partition.counts)

    def begin(self, position: int) -> None:
        """There is nothing to fold before a position."""
        self.next = self.safe = self._taken = position

    def take_step(self) -> bool:
        """Take what has changed since the last step; False if nothing has."""
        gone = self.safe - 1
        if self.next == self._taken and not self.changed and not self.late.due(gone):
            self.safe_s = time.monotonic()
            return False
        self._reach.began(self.partition.rows_taken)
        partition = self.partition
        first, rows = partition.take_places(), partition.take_dirty()
        rows += partition.take_again(self.late.take(gone, rows))
        oldest = partition.oldest_row
        again = self._reach.again(len(rows), len(partition), oldest)
        rows += partition.take_oldest(*again)
        self._seal(first, rows)
        return True

    def _seal(
        self, first: bytes | None, rows: list[tuple[bytes, bytes | None]]
    ) -> None:
        reach = self._reach
        end = reach.end + (first is not None) + len(rows)
        # While something is to be put right, a restart has to read it all.
        at = reach.begin(self.partition.oldest_row), 0 if self.late else end
        seal = self.partition.seal(self.next - 1, at)
        self.step = Step(first, rows, seal, self.next, self.safe - 1)
        self._taken = self.next
        self.changed = self.fresh = False

    def take_up(self, partition: Partition) -> None:
        """Go on with the partition as it is under other rules.

        What changed under the old ones is written first, and the seal on it names
        both: until then no row may be written that the topic's own seal cannot tell.
        """
        self._reach.began(self.partition.rows_taken)
        first, rows = self.partition.take_places(), self.partition.take_dirty()
        waiting = [] if self.step is None else self.step.rows
        partition.follow_rows(self.partition)
        self.partition = partition
        self._seal(first, [*waiting, *rows])
        self.retired = self.warned = False

    def made_safe(self, step: Step, end: int) -> None:
        """A step has been written.

        Args:
            step: It.
            end: Offset in the state topic behind its seal.
        """
        self.step = None
        self.safe = step.position
        self.safe_s = time.monotonic()
        begin, ours = self._reach.end, (step.first is not None) + len(step.rows) + 1
        if end > begin + ours:
            self.late.unread.append(Stretch(begin, end, step.records))
        self._reach.ended(end)

    def count(self, meters: Meters) -> None:
        """Add to the meters what was counted since the last time."""
        now, then = self.partition.counts, self._counted
        turned_away = now.turned_away - then.turned_away
        meters.observations.inc(now.observations - then.observations - turned_away)
        meters.turned_away.inc(turned_away)
        meters.duplicates.inc(now.duplicates - then.duplicates)
        meters.repeats.inc(now.repeats - then.repeats)
        meters.late.inc(now.late - then.late)
        meters.too_old.inc(now.too_old - then.too_old)
        self._counted = _copy(now)


def _copy(counts: Counts) -> Counts:
    return Counts(*counts.dump())
