"""Replay: the worker's detection and routing over a file, on a virtual clock.

One partition, one source, one clock: the largest ``ended_at`` read so far. What the
worker does with Kafka between its stages happens here by plain calls, so that the
same input gives the same lines, byte for byte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from alerts.delivery import Sent
from alerts.notifications import Notification
from alerts.notify import Effects, Notifier
from alerts.routes import Routing
from detectors.acceptance import Outcome
from detectors.actions import Accept
from detectors.batch import Batch, tick
from detectors.partition import Partition
from detectors.rules import RuleBook
from detectors.transitions import Transition, Update
from streams.actions import AcceptAction, Numbered
from streams.observe import Observer

ReplayLine = Transition | Update | Notification

_SOURCE: Final = 0
_HEARD_EVERY_US: Final = 60 * 1_000_000


class Replay:
    """One run over a file.

    Args:
        book: The rules.
        routing: Who is told.
        reject: Told the line number and the reason of each line that is no session.
        actions: What people do meanwhile, in order of time; others than ``accept``
            are passed by.
        heed: Told of each that was carried out.

    Attributes:
        waiting: Actions later than the clock has come.
    """

    def __init__(
        self,
        book: RuleBook,
        routing: Routing,
        reject: Callable[[int, str], None],
        actions: Sequence[Numbered] = (),
        heed: Callable[[Outcome], None] = lambda _outcome: None,
    ) -> None:
        self._observer = Observer(book, partitions=1, sources=1)
        self._partition = Partition(book)
        self._notifier = Notifier(routing, standstill=False)
        self._reject = reject
        self._heed = heed
        self.waiting = deque(
            (number, action)
            for number, action in actions
            if isinstance(action, AcceptAction)
        )
        self._offset = 0
        self._heard_us = 0
        self.sessions = 0

    def run(
        self, lines: Iterable[bytes], until_us: int | None = None
    ) -> Iterator[ReplayLine]:
        """Fold the lines of a file and say what comes of them, in order of time.

        Args:
            lines: JSON events, one a line; blank lines are skipped.
            until_us: Move the clock on to this time after the last event.
        """
        for number, line in enumerate(lines, start=1):
            text = line.strip(b" \t\r\n")
            if text:
                yield from self._fold(number, text)
        end_us = self._observer.clock(_SOURCE)
        if until_us is not None and (end_us is None or until_us > end_us):
            end_us = until_us
        if end_us is not None:
            yield from self._act(end_us)
            yield from self._run_due(end_us, inclusive=True)
        while (due_us := self._notifier.next_due_us) is not None:
            yield from self._settle(self._notifier.run_due(due_us), due_us)

    def _fold(self, number: int, text: bytes) -> Iterator[ReplayLine]:
        seen = self._observer.observe(_SOURCE, [(number, text)], None)
        for rejected in seen.rejected:
            self._reject(number, rejected.reason)
        clock_us = self._observer.clock(_SOURCE)
        if seen.rejected or clock_us is None:
            return
        self.sessions += 1
        yield from self._act(clock_us)
        yield from self._run_due(clock_us, inclusive=False)
        self._hear_parents(clock_us)
        batch = seen.batches.get(0) or tick({_SOURCE: clock_us}, 1)
        yield from self._tell(self._apply(batch), clock_us)

    def _apply(self, batch: Batch) -> list[Transition | Update]:
        self._offset += 1
        return self._partition.apply(batch, self._offset)

    def _act(self, until_us: int) -> Iterator[ReplayLine]:
        """Carry out actions up to a time, each at its own, before events of that time."""
        while self.waiting and self.waiting[0][1].at_us <= until_us:
            _, action = self.waiting.popleft()
            yield from self._run_due(action.at_us, inclusive=False)
            accept = Accept(self._offset, action.match, action.by)
            batch = tick({_SOURCE: action.at_us}, 1, [accept])
            lines = self._apply(batch)
            yield from self._tell(lines, action.at_us)
            for outcome in self._partition.outcomes:
                self._heed(outcome)

    def _hear_parents(self, clock_us: int) -> None:
        """Let new series know what the others are like, once a minute of the clock."""
        if clock_us - self._heard_us < _HEARD_EVERY_US:
            return
        self._heard_us = clock_us
        parts = self._partition.take_parts()
        if parts:
            self._apply(tick({}, 1, parents=parts))

    def _run_due(self, until_us: int, *, inclusive: bool) -> Iterator[ReplayLine]:
        """Run the timers of both halves up to a time, each at its due time."""
        while True:
            series_us = self._partition.next_due_us
            groups_us = self._notifier.next_due_us
            due = [moment for moment in (series_us, groups_us) if moment is not None]
            if not due:
                return
            due_us = min(due)
            if due_us > until_us or (due_us == until_us and not inclusive):
                return
            if series_us == due_us:
                lines = self._partition.run_due(due_us, inclusive=True)
                yield from self._tell(lines, due_us)
            else:
                yield from self._settle(self._notifier.run_due(due_us), due_us)

    def _tell(
        self, lines: Iterable[Transition | Update], now_us: int
    ) -> Iterator[ReplayLine]:
        for line in lines:
            yield line
            yield from self._settle(self._notifier.on_line(line, now_us), now_us)

    def _settle(self, effects: Effects, now_us: int) -> Iterator[ReplayLine]:
        """Print what was decided; every delivery arrives at once."""
        yield from effects.notifications
        for delivery in effects.deliveries:
            sent = self._notifier.on_outcome(delivery.id, Sent(), now_us)
            yield from self._settle(sent, now_us)
