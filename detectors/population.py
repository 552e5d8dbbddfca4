"""All series of a partition: found, born, run, forgotten, taken as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Final

import numpy as np

from detectors.identity import series_labels
from detectors.kernels.words import Ints
from detectors.plans import Group
from detectors.retirement import newest, retire
from detectors.rows import Gone, dump_gone, dump_series, load_row
from detectors.seals import salt_of
from detectors.series import Series
from detectors.stage import Stage
from detectors.store import Store
from detectors.timers import Timers

_NO_RULES: Final = Group((), [])


class Population:
    """The series of a partition.

    Attributes:
        series: By key.
        numbered: By number; None where one is gone.
        changed: Takes the numbers of series that compiled code changes.
    """

    def __init__(
        self,
        members: Mapping[tuple[str, ...], Group],
        retention_us: int,
        stage: Stage,
        store: Store,
    ) -> None:
        self.series: dict[bytes, Series] = {}
        self._addresses: dict[bytes, int] = {}
        self.numbered: list[Series | None] = []
        self.timers = Timers()
        self.changed: Ints = np.zeros(1 << 10, np.int64)
        self._groups = members
        self._retention_us = retention_us
        self._stage = stage
        self._store = store
        self._free: list[int] = []
        self._touched: list[Series] = []
        self._dirty: dict[bytes, None] = {}
        self._forgotten: list[bytes] = []
        self._gone: dict[bytes, Gone] = {}
        self._marked: set[bytes] = set()
        self._buried: set[bytes] = set()

    def find(self, keys: Sequence[bytes]) -> Ints:
        """The address of each key's series, 0 if there is none."""
        return np.fromiter(
            map(self._addresses.get, keys, repeat(0)), np.int64, len(keys)
        )

    def _make(self, key: bytes, group: Group) -> Series:
        if self._free:
            number = self._free.pop()
        else:
            number = len(self.numbered)
            self.numbered.append(None)
        series = Series(
            key, salt_of(key), group, self._retention_us, self._store, number
        )
        self.numbered[number] = series
        return series

    def _group(self, key: bytes) -> Group:
        return self._groups.get(tuple(sorted(series_labels(key))), _NO_RULES)

    def _drop(self, series: Series) -> None:
        self.numbered[series.number] = None
        self._free.append(series.number)
        series.free()

    def admit(
        self, key: bytes, offset: int, ended_us: int, now_us: int
    ) -> Series | None:
        """Let a new series in; None if no rule wants it, or its row holds the block."""
        group = self._group(key)
        if not group.plans:
            return None
        gone = self._gone.get(key)
        if gone is not None:
            if gone.last_offset >= offset:
                return None
            del self._gone[key]
            self._marked.discard(key)
            self._buried.discard(key)
        self.series[key] = series = self._make(key, group)
        self._addresses[key] = series.at
        if gone is not None and gone.seq >= now_us // 1000:
            series.seq_floor = gone.seq
        series.last_us = ended_us
        series.order = self._stage.order
        series.floor_us = now_us
        self.touch(series)
        self.timers.place(series)
        return series

    def touch(self, series: Series) -> None:
        """The series changes in this block."""
        if not series.touched:
            series.touched = True
            self._touched.append(series)

    def next_due_us(self) -> int | None:
        """When the next timer is due; None if there is none."""
        series = self.timers.first()
        return None if series is None else series.bound_us

    def run(self, limit_us: int) -> bool:
        """Run the timers due before a time, in order; whether a series is gone."""
        gone = False
        first = self.timers.first
        series = first()
        while series is not None and series.bound_us < limit_us:
            gone = self._run_one(series, series.bound_us, series.bound_order) or gone
            if series.key in self.series:
                self.timers.replace(series)
            series = first()
        return gone

    def run_own(self, series: Series, limit_us: int) -> bool:
        """Run one series' timers due before a time; whether it is gone."""
        due_us, order = series.due()
        while due_us < limit_us:
            if self._run_one(series, due_us, order):
                return True
            due_us, order = series.due()
        self.timers.replace(series)
        return False

    def _run_one(self, series: Series, due_us: int, order: int) -> bool:
        self.touch(series)
        watch = series.due_watch((due_us, order))
        if watch is not None:
            watch.run(due_us, self._stage)
            return False
        return self._forget(series, due_us)

    def _forget(self, series: Series, at_us: int) -> bool:
        """Forget a series; False if a budget's open period keeps a part of it."""
        key, seq = series.key, 0
        for watch in series.keep(at_us):
            watch.forget(at_us, self._stage, "retention")
            seq = max(seq, watch.life.seq)
            watch.free()
        if series.live:
            series.seq_floor = max(series.seq_floor, seq)
            return False
        for entry in series.strangers:
            ended = retire(entry, series.by, at_us, self._stage, "retention")
            seq = max(seq, newest(ended))
        del self.series[key], self._addresses[key]
        self.timers.remove(series)
        self._drop(series)
        self._gone[key] = Gone(-1, seq)
        self._forgotten.append(key)
        return True

    def close(self, offset: int) -> None:
        """A block has been folded: what it changed is dirty, and holds it."""
        for series in self._touched:
            series.touched = False
            if self.numbered[series.number] is series:  # else its words are another's
                series.last_offset = max(series.last_offset, offset)
            self._dirty[series.key] = None
        self._touched.clear()
        for key in self._forgotten:
            gone = self._gone.get(key)
            if gone is not None:
                self._gone[key] = gone._replace(last_offset=offset)
        self._forgotten.clear()

    def make_room(self, keys: int) -> None:
        """So many more series may change: let ``changed`` take their numbers."""
        if len(self.series) + keys > len(self.changed):
            wider = np.zeros(2 * (len(self.series) + keys), np.int64)
            wider[: len(self.changed)] = self.changed
            self.changed = wider

    def take_dirty(self, changed: int) -> list[tuple[bytes, bytes | None]]:
        """Rows that have changed since the last call; None is a tombstone.

        Args:
            changed: How many of the numbers in ``changed`` count.
        """
        for number in self.changed[:changed].tolist():
            series = self.numbered[number]
            if series is not None:
                self._dirty[series.key] = None
        rows: list[tuple[bytes, bytes | None]] = []
        for key in self._buried:
            del self._gone[key]
            rows.append((key, None))
        self._buried.clear()
        rows.sort()
        for key in self._dirty:
            series = self.series.get(key)
            if series is not None:
                series.written()
                rows.append((key, dump_series(series)))
            elif key in self._gone:
                rows.append((key, dump_gone(self._gone[key])))
                self._marked.add(key)
        self._dirty.clear()
        return rows

    def sealed(self, offset: int, clock_us: int) -> None:
        """Marks up to an offset have done their duty: tombstones are next.

        One whose ``seq`` the clock has not passed is still needed, should the series
        be born again in that millisecond.
        """
        done = {
            key
            for key in self._marked
            if self._gone[key].last_offset <= offset
            and self._gone[key].seq < clock_us // 1000
        }
        self._marked -= done
        self._buried |= done

    def restore(self, key: bytes, row: bytes) -> None:
        """Take a row, unless a newer one of its key has been taken."""
        found = self._read(key, row)
        known: Series | Gone | None = self.series.get(key) or self._gone.get(key)
        if known is not None and known.last_offset > found.last_offset:
            if isinstance(found, Series):
                self._drop(found)
            return
        self._gone.pop(key, None)
        self._marked.discard(key)
        self._addresses.pop(key, None)
        older = self.series.pop(key, None)
        if older is not None:
            self._drop(older)
        if isinstance(found, Gone):
            self._gone[key] = found
            self._marked.add(key)
        else:
            self.series[key] = found
            self._addresses[key] = found.at

    def _read(self, key: bytes, row: bytes) -> Series | Gone:
        fresh = self._make(key, self._group(key))
        try:
            found = load_row(fresh, row)
        except ValueError:
            self._drop(fresh)
            raise
        if isinstance(found, Gone):
            self._drop(fresh)
        return found

    def place_all(self) -> None:
        """Set the timers of all series."""
        for series in self.series.values():
            self.timers.place(series)
