"""Replay: the worker's detection and routing over a file, on a virtual clock.

One partition, one source, one clock: the largest ``ended_at`` read so far. What the
worker does with Kafka between its stages happens here by plain calls, so that the
same input gives the same lines, byte for byte.

Sessions are read and folded many at a time, as the worker does. That makes no
difference to any line: the partition runs its timers between the sessions of a block,
no line of it hangs on what people were told, and each carries the time at which it
is told. Groups whose time comes before that are told first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np

from alerts.delivery import Sent
from alerts.notifications import Notification
from alerts.notify import Effects, Notifier
from alerts.routes import Routing
from detectors.actions import Accept
from detectors.batch import Batch, tick
from detectors.partition import Partition
from detectors.rules import RuleBook
from detectors.state.acceptance import Outcome
from detectors.state.places import Crowd
from detectors.state.stage import Said
from detectors.transitions import microseconds
from streams.control.actions import AcceptAction, Numbered
from streams.control.wishes import carry_out
from streams.observations.columns import Columns
from streams.observations.observe import Observer

ReplayLine = Said | Notification

_SOURCE: Final = 0
_HEARD_EVERY_US: Final = 60 * 1_000_000

CHUNK_LINES: Final = 4_000
"""Read at once: more would be no faster."""


class Replay:
    """One run over a file.

    Args:
        book: The rules.
        routing: Who is told.
        reject: Told the line number and the reason of each line that is no session.
        actions: What people do meanwhile, in order of time.
        heed: Told the line of each ``accept`` that was carried out, and what it met.
        chunk_lines: How many lines are read at once.
        vain: Told the line of each other action that met nothing, and why.

    Attributes:
        waiting: Actions later than the clock has come.
        sessions: How many have been read.
    """

    def __init__(
        self,
        book: RuleBook,
        routing: Routing,
        reject: Callable[[int, str], None],
        actions: Sequence[Numbered] = (),
        *,
        heed: Callable[[int, Outcome], None] = lambda _line, _outcome: None,
        chunk_lines: int = CHUNK_LINES,
        vain: Callable[[int, str], None] = lambda _line, _reason: None,
    ) -> None:
        self._observer = Observer(book, partitions=1, sources=1)
        self._partition = Partition(book)
        self._notifier = Notifier(routing, standstill=False)
        self._reject = reject
        self._heed = heed
        self._chunk_lines = chunk_lines
        self._vain = vain
        self.waiting = deque(actions)
        self._offset = 0
        self._heard_us = 0
        self._read = 0
        self.sessions = 0

    @property
    def crowd(self) -> tuple[Crowd, int] | None:
        """What fills ``max_series``, and sessions of how many series it turned away.

        None if there was place for all.
        """
        crowd = self._partition.crowd()
        return None if crowd is None else (crowd, self._partition.counts.turned_away)

    def run(
        self, lines: Iterable[bytes], until_us: int | None = None
    ) -> Iterator[ReplayLine]:
        """Fold the lines of a file and say what comes of them, in order of time.

        Args:
            lines: JSON events, one a line; blank lines are skipped.
            until_us: Move the clock on to this time after the last event.
        """
        coming = iter(lines)
        while chunk := list(islice(coming, self._chunk_lines)):
            yield from self.take(chunk)
        yield from self.finish(until_us)

    def finish(self, until_us: int | None = None) -> Iterator[ReplayLine]:
        """Stop the clock after the last session; see ``run``."""
        end_us = self._observer.clock(_SOURCE)
        if until_us is not None and (end_us is None or until_us > end_us):
            end_us = until_us
        if end_us is not None:
            yield from self._act(end_us)
            yield from self._run_due(end_us, inclusive=True)
        self._notifier.drain()
        while (due_us := self._notifier.next_due_us) is not None:
            yield from self._settle(self._notifier.run_due(due_us), due_us)

    def take(self, lines: Sequence[bytes]) -> Iterator[ReplayLine]:
        """Take the next lines of the file and say what comes of them."""
        texts = [line.strip(b" \t\r\n") for line in lines]
        numbers = [at for at, text in enumerate(texts, start=self._read + 1) if text]
        self._read += len(lines)
        texts = [text for text in texts if text]
        if not texts:
            return
        seen = self._observer.observe_values(_SOURCE, numbers, texts, None)
        for rejected in seen.rejected:
            self._reject(rejected.offset, rejected.reason)
        self.sessions += seen.counts.sessions
        clock_us = self._observer.clock(_SOURCE)
        if not seen.counts.sessions or clock_us is None:
            return
        sessions = seen.columns.get(0)
        if sessions is not None:
            yield from self._fold(sessions)
        # The last ones may be sessions that no rule observes.
        yield from self._act(clock_us)
        yield from self._tell(self._apply(tick({_SOURCE: clock_us}, 1)))
        yield from self._tell_groups(clock_us)

    def _fold(self, sessions: Columns) -> Iterator[ReplayLine]:
        """Fold sessions, and let happen between them what comes at a time of its own."""
        clocks_us, begin = sessions.clocks_us, 0
        while begin < len(sessions):
            clock_us = int(clocks_us[begin])
            yield from self._act(clock_us)
            if clock_us - self._heard_us >= _HEARD_EVERY_US:
                yield from self._run_due(clock_us, inclusive=False)
                self._hear_parents(clock_us)
            until_us = self._heard_us + _HEARD_EVERY_US
            if self.waiting:
                until_us = min(until_us, self.waiting[0][1].at_us)
            end = int(np.searchsorted(clocks_us, until_us))
            yield from self._tell(self._apply(sessions.part(begin, end)))
            yield from self._tell_groups(int(clocks_us[end - 1]))
            begin = end

    def _apply(self, batch: Batch | Columns) -> list[Said]:
        self._offset += 1
        return self._partition.apply(batch, self._offset)

    def _act(self, until_us: int) -> Iterator[ReplayLine]:
        """Carry out actions up to a time, each at its own, before events of that time."""
        while self.waiting and self.waiting[0][1].at_us <= until_us:
            number, action = self.waiting.popleft()
            yield from self._run_due(action.at_us, inclusive=False)
            if not isinstance(action, AcceptAction):
                found = carry_out(self._notifier.requests, action, action.at_us)
                if found:
                    self._vain(number, found)
                continue
            accept = Accept(self._offset, action.match, action.by)
            batch = tick({_SOURCE: action.at_us}, 1, [accept])
            lines = self._apply(batch)
            yield from self._tell(lines)
            for outcome in self._partition.outcomes:
                self._heed(number, outcome)

    def _hear_parents(self, clock_us: int) -> None:
        """Let new series know what the others are like, once a minute of the clock."""
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
                yield from self._tell(self._partition.run_due(due_us, inclusive=True))
            else:
                yield from self._settle(self._notifier.run_due(due_us), due_us)

    def _tell(self, lines: Iterable[Said]) -> Iterator[ReplayLine]:
        """Tell people of lines, each at its time."""
        for line in lines:
            now_us = microseconds(line.time)
            yield from self._tell_groups(now_us)
            yield line
            yield from self._settle(self._notifier.on_line(line, now_us), now_us)

    def _tell_groups(self, until_us: int) -> Iterator[ReplayLine]:
        """Run the timers of groups that are due before a time."""
        while (due_us := self._notifier.next_due_us) is not None and due_us < until_us:
            yield from self._settle(self._notifier.run_due(due_us), due_us)

    def _settle(self, effects: Effects, now_us: int) -> Iterator[ReplayLine]:
        """Print what was decided; every delivery arrives at once."""
        yield from effects.notifications
        for delivery in effects.deliveries:
            sent = self._notifier.on_outcome(delivery.id, Sent(), now_us)
            yield from self._settle(sent, now_us)
