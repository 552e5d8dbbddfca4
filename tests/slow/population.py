"""All series of a partition: found, born, run, forgotten, taken as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detectors.identity import series_labels
from detectors.kinds.plans import Group
from detectors.state.retirement import newest, retire
from detectors.state.seals import salt_of
from tests.slow.rows import Gone, dump_gone, dump_series, load_row
from tests.slow.series import Series
from tests.slow.stage import Stage
from tests.slow.timers import Timers

_NO_RULES: Final = Group((), [])


class Population:
    """The series of a partition.

    Attributes:
        series: By key.
        most: So many there may be; None: any number.
        turned_away: Observations that found no place.
    """

    def __init__(
        self,
        members: Mapping[tuple[str, ...], Group],
        retention_us: int,
        stage: Stage,
        most: int | None = None,
    ) -> None:
        self.most = most
        self.turned_away = 0
        self.series: dict[bytes, Series] = {}
        self.timers = Timers()
        self._groups = members
        self._retention_us = retention_us
        self._stage = stage
        self._touched: list[Series] = []
        self._dirty: dict[bytes, None] = {}
        self._forgotten: list[bytes] = []
        self._gone: dict[bytes, Gone] = {}
        self._marked: set[bytes] = set()
        self._buried: set[bytes] = set()

    def salt(self, key: bytes) -> int:
        """What tells the observations of a series from those of others."""
        known = self.series.get(key)
        return salt_of(key) if known is None else known.salt

    def find(self, key: bytes, offset: int) -> Series:
        """The series of a key, for a block; a new one is not yet among the others."""
        series = self.series.get(key)
        if series is None:
            return self._make(key)
        series.apart = series.last_offset >= offset
        if not series.apart:
            self.touch(series)
        series.needed = -1
        return series

    def _make(self, key: bytes) -> Series:
        group = self._groups.get(tuple(sorted(series_labels(key))), _NO_RULES)
        return Series(key, salt_of(key), group, self._retention_us)

    def admit(self, series: Series, offset: int, ended_us: int, now_us: int) -> bool:
        """Let a new series in; False if its row holds this block, or there is no place."""
        key = series.key
        if key in self.series or not series.group.plans:
            return False
        gone = self._gone.get(key)
        if gone is not None and gone.last_offset >= offset:
            return False
        if self.most is not None and len(self.series) >= self.most:
            self.turned_away += 1
            return False
        if gone is not None:
            if gone.seq >= now_us // 1000:
                series.seq_floor = gone.seq
            del self._gone[key]
            self._marked.discard(key)
            self._buried.discard(key)
        self.series[key] = series
        series.apart = False
        series.last_us = ended_us
        series.order = self._stage.order
        series.floor_us = now_us
        self.touch(series)
        self.timers.place(series)
        return True

    @property
    def awake(self) -> dict[bytes, Series]:
        """All are."""
        return self.series

    def place(self, series: Series) -> None:
        """Set its timer, if it is an earlier one."""
        self.timers.place(series)

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
        if series.live:
            series.seq_floor = max(series.seq_floor, seq)
            return False
        for entry in series.strangers:
            ended = retire(entry, series.by, at_us, self._stage, "retention")
            seq = max(seq, newest(ended))
        del self.series[key]
        self.timers.remove(series)
        self._gone[key] = Gone(-1, seq)
        self._forgotten.append(key)
        return True

    def close(self, offset: int) -> None:
        """A block has been folded: what it changed is dirty, and holds it."""
        for series in self._touched:
            series.touched = False
            series.last_offset = max(series.last_offset, offset)
            self._dirty[series.key] = None
        self._touched.clear()
        for key in self._forgotten:
            gone = self._gone.get(key)
            if gone is not None:
                self._gone[key] = gone._replace(last_offset=offset)
        self._forgotten.clear()

    def take_dirty(self) -> list[tuple[bytes, bytes | None]]:
        """Rows that have changed since the last call; None is a tombstone."""
        rows: list[tuple[bytes, bytes | None]] = []
        for key in self._buried:
            del self._gone[key]
            rows.append((key, None))
        self._buried.clear()
        rows.sort()
        for key in self._dirty:
            series = self.series.get(key)
            if series is not None:
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
        fresh = self._make(key)
        found = load_row(fresh, row)
        known: Series | Gone | None = self.series.get(key) or self._gone.get(key)
        if known is not None and known.last_offset > found.last_offset:
            return
        self.series.pop(key, None)
        self._gone.pop(key, None)
        self._marked.discard(key)
        if isinstance(found, Gone):
            self._gone[key] = found
            self._marked.add(key)
        else:
            found.apart = False
            self.series[key] = found

    def place_all(self) -> None:
        """Set the timers of all series."""
        for series in self.series.values():
            self.timers.place(series)
