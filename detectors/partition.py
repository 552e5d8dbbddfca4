"""One partition of observations: its series, its clock, its memory.

Batches go in, lines come out; what changed is taken as rows. Everything here is a
function of the log alone: where batches end, when rows are taken, and whether it
was restored in between makes no difference to any line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from detectors.actions import CONTROL
from detectors.batch import Batch, where_bits
from detectors.identity import series_labels
from detectors.kernels import fold
from detectors.kernels.words import Ints
from detectors.kinds.plans import Group, groups
from detectors.life.lifecycle import FAR
from detectors.peers.fleets import Fleets
from detectors.peers.giving import Giving
from detectors.peers.lineage import prefix
from detectors.peers.parents import Parents, Part
from detectors.peers.questions import Question
from detectors.rules import Anomaly, Drift, RuleBook
from detectors.state.acceptance import Outcome, carry_out
from detectors.state.blocks import Block, as_block
from detectors.state.checkpoints import Checkpoints
from detectors.state.folding import UNKNOWN, Folder
from detectors.state.memory import Memory
from detectors.state.places import Crowd, widest
from detectors.state.population import Population
from detectors.state.retirement import retire
from detectors.state.seals import Seal
from detectors.state.stage import Said, Stage
from detectors.state.store import Store
from detectors.state.tallies import Counts, OpenAlert, open_alert

_NONE: Final = np.zeros(0, np.int64)
_NEWEST: Final = 1_000
_IDLE_SHARE: Final = 10
"""A silence of this share of a baseline's reach makes it look at its age."""


class Partition:
    """The series of one partition of observations.

    Args:
        book: The rules.
        number: Which partition it is.
        memory: So many observations at least are remembered, to know repeats.
        partitions: How many there are; each has its part of the book's ``max_series``.

    Attributes:
        counts: Sessions, repeats and the like since the partition began.
        outcomes: What became of the actions in the last batch.
    """

    def __init__(
        self,
        book: RuleBook,
        *,
        number: int = 0,
        memory: int = 100_000,
        partitions: int = 1,
    ) -> None:
        self.number = number
        self._partitions = partitions
        self.counts = Counts()
        self.outcomes: list[Outcome] = []
        self._groups = groups(book)
        self._idle_us = _idle_us(self._groups)
        self._where_table: Sequence[str] | None = None
        self._stage = Stage(number)
        self._stage.parents = Parents(_wanted(self._groups))
        members = list(self._groups.values())
        self._stage.fleets = Fleets(members)
        self._store = store = Store(members)
        most = None if book.max_series is None else -(-book.max_series // partitions)
        self._all = Population(
            self._groups, book.retention_us, self._stage, store, most
        )
        self._checkpoints = Checkpoints(members, self._all, store)
        self._giving = Giving(
            members, store, self._stage.shares, self._all.keys.__getitem__
        )
        self._folder = Folder(
            members,
            self._all,
            self._checkpoints,
            self._stage,
            store,
            self._giving,
            self._idle_us,
        )
        self._memory = Memory(memory)
        self._applied: dict[int, int] = {}
        self._refilled: dict[int, int] | None = None
        self._times: dict[int, int] = {}
        self._clock = UNKNOWN
        self._order = 0
        self._sealed_memory_from = 0
        self._offset = -1

    def __len__(self) -> int:
        """How many series there are."""
        return len(self._all)

    @property
    def clock_us(self) -> int | None:
        """Event time; None until every source has been heard of."""
        return None if self._clock == UNKNOWN else self._clock

    @property
    def next_due_us(self) -> int | None:
        """When the next timer is due; None if there is none."""
        return self._all.next_due_us()

    @property
    def memory_from(self) -> int:
        """Offset from which reading again fills the duplicate memory."""
        if self._memory.blocks:
            return self._memory.blocks[0].offset
        return self._sealed_memory_from

    def apply(self, batch: Batch | Block, offset: int) -> list[Said]:
        """Fold a batch.

        Args:
            batch: Sessions of one source, or a tick.
            offset: Of the block among the observations, ascending.

        Returns:
            The lines it gave rise to, in order.
        """
        block = as_block(batch) if isinstance(batch, Batch) else batch
        self._begin(block)
        self._all.census.silent = offset <= self._checkpoints.newest
        if len(block.offsets):
            self._fold(block, offset)
        return self._end(block, offset)

    def _fold(self, block: Block, offset: int) -> None:
        source, counts = block.source, self.counts
        applied = self._applied.get(source, -1)
        salts = self._folder.salts(block)
        cursor = self._folder.fold(
            block,
            offset,
            applied=applied,
            own_us=self._times.get(source, UNKNOWN),
            others_us=self._others(source, block.sources),
            clock_us=self._clock,
            order=self._order,
            doubles=self._recognise(block, offset, applied, salts),
        )
        counts.add(cursor[fold.SESSIONS : fold.TURNED_AWAY + 1].tolist())
        self._order, self._clock = int(cursor[fold.ORDER]), int(cursor[fold.CLOCK_US])
        self._stage.order = self._order
        own_us = int(cursor[fold.OWN_US])
        if own_us != UNKNOWN:
            self._times[source] = own_us
        self._applied[source] = max(applied, int(block.offsets[-1]))

    def _recognise(self, block: Block, offset: int, applied: int, salts: Ints) -> Ints:
        """Remember a block's observations; for each, whether it had been seen.

        Empty if none had.
        """
        if not len(block.observed):
            return _NONE
        self._memory.begin(offset, block.source, applied)
        marks, new = self._marks(block, applied, salts)
        doubles = self._memory.add(marks)
        self._memory.trim()
        if doubles is None:
            return _NONE
        found = np.zeros(len(block.observed), np.int64)
        found[new] = doubles
        return found

    @staticmethod
    def _marks(
        block: Block, applied: int, salts: Ints
    ) -> tuple[Ints, Ints | slice[Any]]:
        """The marks of what ingest did not repeat, and where they stand."""
        observed, series = block.observed, block.series
        new: Ints | slice[Any] = slice(None)
        if block.offsets[0] <= applied:
            new = np.flatnonzero(block.offsets[observed] > applied)
            observed, series = observed[new], series[new]
        return salts[series] ^ block.hashes.view(np.int64)[observed], new

    def _begin(self, block: Block) -> None:
        self._stage.at, self._stage.lines = -1, []
        self._refilled = None
        table = block.where_table
        if table == self._where_table or not len(table):
            return
        self._where_table = table
        for group in self._groups.values():
            group.bind(where_bits(table, group.wheres))
        self._folder.forget_masks()

    def _end(self, batch: Block, offset: int) -> list[Said]:
        stage, times = self._stage, self._times
        stage.at = -1
        for source, at_us in batch.clocks_after_us.items():
            if at_us > times.get(source, UNKNOWN):
                times[source] = at_us
        if times and len(times) >= batch.sources:
            self._clock = max(self._clock, min(times.values()))
        self._all.run(self._clock)
        self.outcomes = [] if not batch.accepts else self._accept(batch, offset)
        stage.parents.hear(batch.parents)
        self._follow(batch)
        if batch.questions and self._clock != UNKNOWN:
            self._all.census.answer(batch.questions, self._clock, stage.lines)
        self._all.close(offset)
        self._offset = offset
        if self._store.recent.full:
            addresses = np.fromiter(self._all.addresses.values(), np.int64)
            self._store.forget_sessions(addresses, list(self._groups.values()))
        return self._said()

    def _follow(self, batch: Block) -> None:
        """Let rules with a budget of false alarms follow their fleets."""
        fleets, tables = self._stage.fleets, self._store.tables
        if self._clock != UNKNOWN:
            tables.count(fleets, self._clock)
        if fleets.hear(batch.parents):
            tables.follow(fleets)

    def _accept(self, batch: Block, offset: int) -> list[Outcome]:
        """Take levels for normal, each once: ingest may have said it before."""
        applied = self._applied.get(CONTROL, -1)
        news = [accept for accept in batch.accepts if accept.offset > applied]
        if news:
            self._applied[CONTROL] = news[-1].offset
        return [
            carry_out(accept, self._all, offset, self._clock, self._stage)
            for accept in news
        ]

    def forget_actions(self) -> None:
        """Numbers of actions begin anew: their topic was made anew."""
        self._applied.pop(CONTROL, None)

    def _said(self) -> list[Said]:
        self._all.census.hear(self._stage.lines)
        lines, self._stage.lines = self._stage.lines, []
        return lines

    def _others(self, source: int, sources: int) -> int:
        """The smallest time of the other sources; unknown if one of them is."""
        known = [at_us for other, at_us in self._times.items() if other != source]
        if len(known) < sources - 1:
            return UNKNOWN
        return min(known, default=FAR)

    def run_due(self, until_us: int, *, inclusive: bool) -> list[Said]:
        """Run the timers due before a time, or at it as well."""
        self._stage.at = -1
        self._all.run(until_us + 1 if inclusive else until_us)
        self._all.close(self._offset)
        return self._said()

    def retire(self) -> list[Said]:
        """Resolve the open alerts of rules that the book no longer has, and forget them."""
        self._stage.at = -1
        for series in self._all.awake.values():
            now_us = max(self._clock, series.last_us)
            ended = [
                retire(entry, series.by, now_us, self._stage, "config")
                for entry in series.strangers
            ]
            if ended != series.strangers:
                series.strangers = ended
                self._all.touch(series)
        self._stage.parents.retire()
        self._stage.fleets.retire()
        self._all.close(self._offset)
        return self._said()

    @property
    def limits(self) -> dict[str, float]:
        """By rule with a budget the evidence at which it tells of a change, in nats."""
        return self._stage.fleets.limits

    def open_alerts(self) -> list[OpenAlert]:
        """The alerts that fire or recover."""
        return [
            open_alert(watch)
            for series in self._all.awake.values()
            for watch in series.opened()
        ]

    def take_parts(self) -> list[Part]:
        """What its series add to parents and fleets, where it has moved noticeably.

        For all partitions to hear of: in ``Batch.parents``, summed up over them.
        """
        news = self._giving.take_news()
        self._all.reuse_numbers()
        return news + self._stage.fleets.take_news()

    def take_questions(self) -> list[Question]:
        """What the other partitions are to count: for all to hear of.

        In ``Batch.questions``; each stands until its partition and rule ask otherwise.
        """
        if self._clock == UNKNOWN:
            return []
        return self._all.census.take_questions(self._clock)

    @property
    def most(self) -> int | None:
        """How many series it may have; None: any number."""
        return self._all.places.most

    def crowd(self) -> Crowd | None:
        """What fills it; None if no series was turned away, since the process began."""
        everyone, places = self._all, self._all.places
        if places.first is None or places.most is None:
            return None
        newest = list(islice(reversed(everyone.addresses), _NEWEST))
        plans = everyone.group_of(places.first).plans
        return Crowd(
            len(everyone),
            places.most,
            series_labels(places.first),
            [plan.rule.name for plan in plans],
            *widest(newest),
            len(newest),
        )

    def take_places(self) -> bytes | None:
        """What must be safe before the rows of ``take_dirty`` are; None if nothing."""
        return self._all.places.dump(self._offset, self._order)

    def restore_places(self, row: bytes) -> None:
        """Take what ``take_places`` gave.

        Raises:
            RowError: It is of another version, or none at all.
        """
        self._all.places.load(row)

    def take_dirty(self) -> list[tuple[bytes, bytes | None]]:
        """The rows that have changed since the last call; None forgets a series.

        A series that is forgotten leaves a mark first, and its tombstone follows
        once a seal has passed: a crash in between must not bring it back.
        """
        changed = int(self._folder.cursor[fold.DIRTY_COUNT])
        self._folder.cursor[fold.DIRTY_COUNT] = 0
        return self._checkpoints.take_dirty(changed)

    def take_oldest(self, most: int, before: int) -> list[tuple[bytes, bytes]]:
        """The rows that were written longest ago, to be written again as they stand.

        Args:
            most: How many of series, and how many marks, at most.
            before: Only those of which fewer rows than this had been taken before.
        """
        return self._checkpoints.take_oldest(most, before)

    def take_again(self, keys: Sequence[bytes]) -> list[tuple[bytes, bytes | None]]:
        """The rows of these keys, to be written again as they stand.

        What is no series gets a tombstone, unless its mark is still needed.
        """
        return self._checkpoints.take_again(keys)

    @property
    def rows_taken(self) -> int:
        """How many rows have been restored, or taken to be written."""
        return self._all.written.taken

    @property
    def oldest_row(self) -> int:
        """How many of them came before the oldest that still counts."""
        return self._checkpoints.oldest()

    def seal(self, offset: int, rows: tuple[int, int] = (0, 0)) -> bytes:
        """The partition's own row, to be written after the rows of its series.

        Args:
            offset: Of the last block that they hold.
            rows: As ``Seal`` has them.
        """
        self._all.graves.sealed(offset, self._clock)
        return self._seal(offset, rows).dump()

    def _seal(self, offset: int, rows: tuple[int, int] = (0, 0)) -> Seal:
        return Seal(
            offset,
            self._applied,
            self._times,
            self._clock,
            self.memory_from,
            self._memory.applied(self._applied),
            self._order,
            self.counts.dump(),
            self._store.labels.dump(),
            self._checkpoints.dump(),
            self._stage.parents.dump(),
            self._stage.fleets.dump(),
            len(self),
            *rows,
            self._all.census.asked.dump(),
            self._all.places.known(self._offset) or (),
        )

    def restore_seal(self, row: bytes) -> int:
        """Take up where a seal was written; the offset it seals.

        Raises:
            RowError: It is of another version, or none at all.
        """
        seal = Seal.load(row)
        self._offset, self._clock, self._order = seal.offset, seal.clock_us, seal.order
        self._applied, self._times = seal.applied, seal.times_us
        self._sealed_memory_from = seal.memory_from
        self._refilled = seal.refilled
        self._stage.order = seal.order
        self.counts = Counts(*seal.counts)
        self._store.labels.load(seal.labels)
        self._checkpoints.load(seal.books)
        self._stage.parents.load(seal.parents)
        self._stage.fleets.load(seal.fleets)
        self._store.tables.follow(self._stage.fleets)
        self._all.census.asked.load(seal.questions)
        self._all.places.take_up(seal.places)
        return seal.offset

    def restore_row(self, key: bytes, row: bytes) -> None:
        """Take a series' row; of several for a key, the newest holds.

        Raises:
            RowError: It is of another version, or none at all.
            ValueError: It makes no sense.
        """
        self._checkpoints.restore([key], [row])

    def restore_rows(self, rows: Mapping[bytes, bytes]) -> None:
        """The same of many series, at a tenth of the cost.

        Raises:
            RowError: One is of another version, or none at all.
            ValueError: One makes no sense.
        """
        self._checkpoints.restore(list(rows), list(rows.values()))

    def under(self, book: RuleBook) -> Partition:
        """Itself as it goes on under other rules; see ``moving``."""
        *_, other = self.moving(book)
        return other

    def moving(self, book: RuleBook, at_once: int = 500) -> Iterator[Partition]:
        """Itself as it goes on under other rules, as after a restart with them.

        What it remembers of sessions and of series that are gone is the same for
        both: only one of them may go on.

        Args:
            book: The other rules.
            at_once: How many series are taken over in one go.

        Yields:
            The other one, after each go; it is ready once there is none left.

        Raises:
            ValueError: The state of a series cannot be taken over.
        """
        other = Partition(
            book, number=self.number, memory=1, partitions=self._partitions
        )
        other.restore_seal(self._seal(self._offset).dump())
        for rows in self._checkpoints.all_rows(at_once):
            other.restore_rows(dict(rows))
            yield other
        other._memory, other._refilled = self._memory, None
        other._all.graves = self._all.graves
        other._all.places.follow(self._all.places)
        other.finish_restore()
        other.follow_rows(self)
        yield other

    def follow_rows(self, other: Partition) -> None:
        """Know how long ago rows were written, as another one does with these series."""
        here, there = self._all, other._all
        numbers = here.numbers(np.fromiter(here.addresses.values(), np.int64))
        others = there.numbers(there.find(list(here.addresses)))
        here.written.follow(there.written, numbers, others)

    def remember(self, batch: Batch | Block, offset: int) -> None:
        """Fill the duplicate memory from a block that has been applied before."""
        if isinstance(batch, Batch):
            batch = as_block(batch)
        if not len(batch.observed):
            return
        applied = self._refilled if self._refilled is not None else {}
        highest = applied.get(batch.source, -1)
        memory = self._memory
        memory.begin(offset, batch.source, highest)
        marks, _ = self._marks(batch, highest, self._folder.salts(batch))
        memory.add(marks)
        applied[batch.source] = max(highest, int(batch.offsets[-1]))
        memory.trim()

    def finish_restore(self) -> None:
        """Set the timers of the series restored, and add up what they share."""
        self._all.place_all(self._clock)
        addresses = np.fromiter(self._all.addresses.values(), np.int64)
        self._giving.recount(addresses)
        for series in self._all.awake.values():
            for watch in series.live:
                for given in watch.given():
                    self._stage.shares.change({}, given)
        self._all.census.take_up(
            self._clock,
            (
                (watch.plan.rule.name, watch.by, watch.since_us)
                for series in self._all.awake.values()
                for watch in series.opened()
            ),
        )
        self._all.close(-1)


def _wanted(members: Mapping[tuple[str, ...], Group]) -> Callable[[str], bool]:
    """Whether a rule of the book may ask for a parent."""
    begins = tuple(
        prefix(plan)
        for group in members.values()
        for plan in group.plans
        if isinstance(plan.rule.kind, Drift | Anomaly)
    )
    return lambda key: key.startswith(begins)


def _idle_us(members: Mapping[tuple[str, ...], Group]) -> int:
    reaches = [
        plan.baseline.over_us // _IDLE_SHARE
        for group in members.values()
        for plan in group.plans
        if plan.baseline is not None
    ]
    return min(reaches, default=FAR)
