"""One partition of observations: its series, its clock, its memory.

Batches go in, lines come out; what changed is taken as rows. Everything here is a
function of the log alone: where batches end, when rows are taken, and whether it
was restored in between makes no difference to any line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Final

from detectors.actions import CONTROL
from detectors.batch import Batch, where_bits
from detectors.kinds.plans import Group, groups
from detectors.life.lifecycle import FAR
from detectors.peers.fleets import Fleets
from detectors.peers.lineage import prefix
from detectors.peers.parents import Parents, Part
from detectors.rules import Anomaly, Drift, RuleBook
from detectors.state.acceptance import Outcome, carry_out
from detectors.state.retirement import retire
from detectors.state.seals import Seal
from detectors.state.tallies import Counts, OpenAlert, open_alert
from tests.slow.each import EachWatch
from tests.slow.memory import Memory
from tests.slow.population import Population
from tests.slow.series import Series
from tests.slow.stage import Said, Stage

_UNKNOWN: Final = -FAR
"""The clock while a source has not been heard of."""

_IDLE_SHARE: Final = 10
"""A silence of this share of a baseline's reach makes it look at its age."""


class Partition:
    """The series of one partition of observations.

    Attributes:
        counts: Sessions, repeats and the like since the partition began.
        outcomes: What became of the actions in the last batch.
    """

    def __init__(
        self, book: RuleBook, *, number: int = 0, memory: int = 100_000
    ) -> None:
        self.number = number
        self.counts = Counts()
        self.outcomes: list[Outcome] = []
        self._groups = groups(book)
        self._idle_us = _idle_us(self._groups)
        self._where_table: Sequence[str] | None = None
        self._stage = Stage(number)
        self._stage.parents = Parents(_wanted(self._groups))
        self._stage.fleets = Fleets(self._groups.values())
        most = book.max_series
        self._all = Population(self._groups, book.retention_us, self._stage, most)
        self._memory = Memory(memory)
        self._applied: dict[int, int] = {}
        self._refilled: dict[int, int] | None = None
        self._times: dict[int, int] = {}
        self._clock = _UNKNOWN
        self._order = 0
        self._sealed_memory_from = 0
        self._offset = -1

    def __len__(self) -> int:
        """How many series there are."""
        return len(self._all.series)

    @property
    def clock_us(self) -> int | None:
        """Event time; None until every source has been heard of."""
        return None if self._clock == _UNKNOWN else self._clock

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

    def apply(self, batch: Batch, offset: int) -> list[Said]:
        """Fold a batch.

        Args:
            batch: Sessions of one source, or a tick.
            offset: Of the block among the observations, ascending.

        Returns:
            The lines it gave rise to, in order.
        """
        # The loop below runs for every observation of every session: what is looked
        # up often has a local name, and comparisons stand for min and max.
        stage, everyone, counts = self._stage, self._all, self.counts
        self._begin(batch)
        source = batch.source
        applied = self._applied.get(source, -1)
        own = self._times.get(source, _UNKNOWN)
        others = self._others(source, batch.sources)
        clock = self._clock
        heap, place = everyone.timers.heap, everyone.timers.place
        find, admit = everyone.find, everyone.admit
        idle_us = self._idle_us
        judged_from_us = batch.judged_from_us
        if judged_from_us is None:
            judged_from_us = _UNKNOWN
        offsets, clocks, ends = batch.offsets, batch.clocks_us, batch.ended_at_us
        rows, keys = batch.values, batch.keys
        found: list[Series | None] = [find(key, offset) for key in keys]
        doubles = self._recognise(batch, offset, applied, found)
        values: Sequence[float] = ()
        at, order, folded, ended, repeated, old = -1, self._order, 0, 0, True, False
        # A last entry of no series passes the sessions after the last observation.
        for position, index, mask, double in chain(
            zip(batch.observed, batch.series, batch.wheres, doubles),  # noqa: B905
            ((len(offsets) - 1, -1, 0, False),),
        ):
            while at < position:
                at += 1
                moved = clocks[at]
                if moved > own:
                    own = moved
                    if others < moved:  # noqa: PLR1730
                        moved = others
                    if moved > clock:  # noqa: PLR1730
                        clock = moved
                repeated = offsets[at] <= applied
                if repeated:
                    counts.repeats += 1
                    continue
                counts.sessions += 1
                ended, values = ends[at], rows[at]
                if ended < clock:
                    counts.late += 1
                old = ended < judged_from_us
                if old:
                    counts.too_old += 1
                if heap and heap[0][0] < clock:
                    stage.at = -1
                    if everyone.run(clock):
                        found = [None] * len(keys)
                stage.at = at
            if repeated or index < 0:
                continue
            stage.order = order = order + 1
            if double:
                counts.duplicates += 1
                continue
            folded += 1
            series = found[index]
            if series is None:
                found[index] = series = find(keys[index], offset)
            last_us = series.last_us
            now_us = clock if clock > ended else ended  # noqa: FURB136
            if last_us > now_us:  # noqa: PLR1730
                now_us = last_us
            if series.apart:
                if not admit(series, offset, ended, now_us):
                    continue
            elif series.bound_us < now_us:
                stage.at = -1
                if everyone.run_own(series, now_us):
                    found[index] = series = find(keys[index], offset)
                    stage.at = at
                    if not admit(series, offset, ended, now_us):
                        continue
                stage.at = at
            if ended > last_us:
                if ended - last_us > idle_us:
                    series.awake(now_us)
                series.last_us = ended
                series.order = order
                if ended < now_us:
                    series.floor_us = now_us
            needed = series.needed
            if mask & needed == needed and not old:
                news = None
                for watch in series.live:
                    if watch.sample(values, ended, now_us, stage) is not None:
                        news = True
            else:
                news = self._pick(series, mask, old, values, ended, now_us)
            if news:
                place(series)
        counts.observations += folded
        counts.turned_away = everyone.turned_away
        self._order = order
        self._clock = clock
        if own != _UNKNOWN:
            self._times[source] = own
        if len(offsets) and offsets[-1] > applied:
            self._applied[source] = offsets[-1]
        return self._end(batch, offset)

    def _recognise(
        self,
        batch: Batch,
        offset: int,
        applied: int,
        found: Sequence[Series | None],
    ) -> Iterable[bool]:
        """Remember a block's observations; for each, whether it had been seen."""
        if not len(batch.observed):
            return ()
        self._memory.begin(offset, batch.source, applied)
        salts = [0 if series is None else series.salt for series in found]
        marks, new = self._marks(batch, applied, salts)
        doubles = self._memory.add(marks)
        self._memory.trim()
        if doubles is None:
            return repeat(False)
        if len(new) == len(batch.observed):
            return doubles
        spread = dict(zip(new, doubles, strict=True))
        return [spread.get(spot, False) for spot in range(len(batch.observed))]

    @staticmethod
    def _marks(
        batch: Batch, applied: int, salts: Sequence[int]
    ) -> tuple[list[int], Sequence[int]]:
        """The marks of what ingest did not repeat, and where they stand."""
        observed, hashes = batch.observed, batch.hashes
        pairs = zip(batch.series, observed, strict=True)
        if batch.offsets[0] > applied:
            marks = [salts[index] ^ hashes[position] for index, position in pairs]
            return marks, range(len(marks))
        new = [
            spot
            for spot, position in enumerate(observed)
            if batch.offsets[position] > applied
        ]
        series = batch.series
        return [salts[series[spot]] ^ hashes[observed[spot]] for spot in new], new

    def _begin(self, batch: Batch) -> None:
        stage = self._stage
        stage.batch, stage.at, stage.lines = batch, -1, []
        self._refilled = None
        table = batch.where_table
        if table == self._where_table or not len(table):
            return
        self._where_table = table
        for group in self._groups.values():
            group.bind(where_bits(table, group.wheres))

    def _end(self, batch: Batch, offset: int) -> list[Said]:
        stage, times = self._stage, self._times
        stage.at = -1
        for source, at_us in batch.clocks_after_us.items():
            if at_us > times.get(source, _UNKNOWN):
                times[source] = at_us
        if times and len(times) >= batch.sources:
            self._clock = max(self._clock, min(times.values()))
        self._all.run(self._clock)
        self.outcomes = [] if not batch.accepts else self._accept(batch, offset)
        stage.parents.hear(batch.parents)
        if self._clock != _UNKNOWN:
            stage.fleets.count(self._clock)
        stage.fleets.hear(batch.parents)
        self._all.close(offset)
        self._offset = offset
        return self._said()

    def _accept(self, batch: Batch, offset: int) -> list[Outcome]:
        """Take levels for normal, each once: ingest may have said it before."""
        applied = self._applied.get(CONTROL, -1)
        news = [accept for accept in batch.accepts if accept.offset > applied]
        if news:
            self._applied[CONTROL] = news[-1].offset
        return [
            carry_out(
                accept,
                self._all,  # type: ignore[arg-type]
                offset,
                self._clock,
                self._stage,
            )
            for accept in news
        ]

    def forget_actions(self) -> None:
        """Numbers of actions begin anew: their topic was made anew."""
        self._applied.pop(CONTROL, None)

    def _said(self) -> list[Said]:
        lines, self._stage.lines = self._stage.lines, []
        return lines

    def _others(self, source: int, sources: int) -> int:
        """The smallest time of the other sources; unknown if one of them is."""
        known = [at_us for other, at_us in self._times.items() if other != source]
        if len(known) < sources - 1:
            return _UNKNOWN
        return min(known, default=FAR)

    def _pick(  # noqa: PLR0917
        self,
        series: Series,
        mask: int,
        old: bool,
        values: Sequence[float],
        ended_us: int,
        now_us: int,
    ) -> bool:
        """Fold a session where not every rule of the series wants it."""
        group, news = series.group, False
        for plan, bit in zip(group.plans, group.bits, strict=True):
            if not mask & bit:
                continue
            # With it the series may have to be forgotten sooner than with budgets.
            news = news or series.watches[plan.position] is None
            watch = series.open_watch(plan)
            if old and isinstance(watch, EachWatch):
                continue
            if watch.sample(values, ended_us, now_us, self._stage) is not None:
                news = True
        return news

    def run_due(self, until_us: int, *, inclusive: bool) -> list[Said]:
        """Run the timers due before a time, or at it as well."""
        self._stage.at = -1
        self._all.run(until_us + 1 if inclusive else until_us)
        self._all.close(self._offset)
        return self._said()

    def retire(self) -> list[Said]:
        """Resolve the open alerts of rules that the book no longer has."""
        self._stage.at = -1
        for series in self._all.series.values():
            now_us = max(self._clock, series.last_us)
            ended = [
                retire(entry, series.by, now_us, self._stage, "config")
                for entry in series.strangers
            ]
            if ended != series.strangers:
                series.strangers = ended
                self._all.touch(series)
        self._all.close(self._offset)
        return self._said()

    def open_alerts(self) -> list[OpenAlert]:
        """The alerts that fire or recover."""
        return [
            open_alert(watch)
            for series in self._all.series.values()
            for watch in series.opened()
        ]

    def take_parts(self) -> list[Part]:
        """What its series add to parents and fleets, where it has moved noticeably.

        For all partitions to hear of: in ``Batch.parents``, summed up over them.
        """
        return self._stage.shares.take_news() + self._stage.fleets.take_news()

    def take_dirty(self) -> list[tuple[bytes, bytes | None]]:
        """The rows that have changed since the last call; None forgets a series.

        A series that is forgotten leaves a mark first, and its tombstone follows
        once a seal has passed: a crash in between must not bring it back.
        """
        return self._all.take_dirty()

    def seal(self, offset: int) -> bytes:
        """The partition's own row, to be written after the rows of its series."""
        self._all.sealed(offset, self._clock)
        return Seal(
            offset,
            self._applied,
            self._times,
            self._clock,
            self.memory_from,
            self._memory.applied(self._applied),
            self._order,
            self.counts.dump(),
            [],
            [],
            self._stage.parents.dump(),
            self._stage.fleets.dump(),
        ).dump()

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
        self._stage.parents.load(seal.parents)
        self._stage.fleets.load(seal.fleets)
        return seal.offset

    def restore_row(self, key: bytes, row: bytes) -> None:
        """Take a series' row; of several for a key, the newest holds.

        Raises:
            RowError: It is of another version, or none at all.
        """
        self._all.restore(key, row)

    def remember(self, batch: Batch, offset: int) -> None:
        """Fill the duplicate memory from a block that has been applied before."""
        if not len(batch.observed):
            return
        applied = self._refilled if self._refilled is not None else {}
        highest = applied.get(batch.source, -1)
        memory = self._memory
        memory.begin(offset, batch.source, highest)
        marks, _ = self._marks(batch, highest, [self._all.salt(k) for k in batch.keys])
        memory.add(marks)
        applied[batch.source] = max(highest, batch.offsets[-1])
        memory.trim()

    def finish_restore(self) -> None:
        """Set the timers of the series restored, and add up what they share."""
        self._all.place_all()
        shares = self._stage.shares
        for series in self._all.series.values():
            for watch in series.live:
                for given in watch.given():
                    shares.change({}, given)


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
