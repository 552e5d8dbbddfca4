"""All series of a partition: found, born, run, forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

import numpy as np

from detectors.identity import series_labels
from detectors.kernels import layout
from detectors.kernels.due import OTHERS, QUIETLY
from detectors.kernels.words import Ints
from detectors.kinds.plans import NO_RULES, Group
from detectors.kinds.spanned import SpanWatch
from detectors.life.lifecycle import FAR
from detectors.state.census import CensusTaker
from detectors.state.graves import Graves
from detectors.state.passing import due, leave, place_all
from detectors.state.places import Places
from detectors.state.retirement import newest, retire
from detectors.state.roster import Roster
from detectors.state.seals import salt_of
from detectors.state.series import Series
from detectors.state.stage import Stage
from detectors.state.store import Store
from detectors.state.timers import Timers
from detectors.state.written import Written


class Population:
    """The series of a partition.

    Most are nothing but words in its memory. Where more is known of one, or has to be
    worked out, it is an object until all is well with it again.

    Attributes:
        addresses: Where the words of each series are, by key.
        awake: The series that are objects, by key.
        census: Tells how many series fire.
        keys: By number; of a series that is gone until ``reuse_numbers``.
        places: Room for them.
        graves: Of the series that are gone.
        written: Which of their rows were written longest ago.
    """

    def __init__(
        self,
        members: Mapping[tuple[str, ...], Group],
        retention_us: int,
        stage: Stage,
        store: Store,
        most: int | None,
    ) -> None:
        self.places = Places(most)
        self.addresses: dict[bytes, int] = {}
        self.awake: dict[bytes, Series] = {}
        self.keys: list[bytes] = []
        self.graves = Graves()
        self.written = Written()
        self.timers = Timers(store, self.due)
        self._groups = members
        self._numbered = list(members.values())
        self._retention_us = retention_us
        self._stage = stage
        self._store = store
        self._free: list[int] = []
        self._resting: list[int] = []
        self._touched: dict[bytes, Series] = {}
        self._dirty: dict[bytes, None] = {}
        self._roster = Roster(self._numbered, store, self.addresses, self.awake)
        self.census = CensusTaker(self._numbered, self._roster, stage.partition)
        self._stirred: dict[bytes, Series] = {}
        self._moved: dict[bytes, int] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self.addresses)

    def find(self, keys: Sequence[bytes]) -> Ints:
        """The address of each key's series, 0 if there is none."""
        return np.fromiter(
            map(self.addresses.get, keys, repeat(0)), np.int64, len(keys)
        )

    def numbers(self, addresses: Ints) -> Ints:
        """The numbers of series, by their addresses."""
        numbers: Ints = self._store.arena.ints[addresses + layout.NUMBER]
        return numbers

    def group_of(self, key: bytes) -> Group:
        """The rules on a series, perhaps none."""
        return self._groups.get(tuple(sorted(series_labels(key))), NO_RULES)

    def group_at(self, address: int) -> Group:
        """The rules on a series, by its address."""
        number = int(self._store.arena.ints[address + layout.GROUP])
        return self._numbered[number] if number >= 0 else NO_RULES

    def key_at(self, address: int) -> bytes:
        """The key of a series, by its address."""
        return self.keys[int(self._store.arena.ints[address + layout.NUMBER])]

    def get(self, key: bytes) -> Series:
        """A series as an object."""
        known = self.awake.get(key)
        if known is None:
            return self.wake(key, self.addresses[key])
        self._stirred[key] = known
        return known

    def wake(self, key: bytes, address: int) -> Series:
        """Make an object of a series."""
        group = self.group_at(address)
        series = Series(key, group, address, self._store, self._retention_us)
        self.awake[key] = self._stirred[key] = series
        return series

    def all(self) -> Iterator[Series]:
        """All of them as objects."""
        for key in self.addresses:
            yield self.get(key)

    def make(self, key: bytes, group: Group) -> int:
        """The address of a series that is not yet among the others."""
        if self._free:
            number = self._free.pop()
            self.keys[number] = key
        else:
            number = len(self.keys)
            self.keys.append(key)
        address = self._store.arena.take(layout.WATCHES + len(group.plans))
        words = self._store.arena.ints
        words[address + layout.NUMBER] = number
        words[address + layout.GROUP] = group.number
        words[address + layout.SALT] = salt_of(key)
        words[address + layout.LAST_US] = words[address + layout.FLOOR_US] = -FAR
        words[address + layout.LAST_OFFSET] = words[address + layout.IN_BLOCK] = -1
        words[address + layout.BOUND_US] = FAR
        self._roster.enter(key, group, number, address)
        return address

    def let_in(self, keys: Sequence[bytes], addresses: Ints) -> None:
        """Take series that were made elsewhere, the first with the next new number.

        Args:
            keys: Theirs.
            addresses: Of their words.
        """
        self.keys += keys
        self.addresses.update(zip(keys, addresses.tolist(), strict=True))
        self._roster.forget()

    def drop(self, address: int) -> None:
        """Take back the words of a series."""
        store, group = self._store, self.group_at(address)
        self.timers.remove(address)
        number = int(store.arena.ints[address + layout.NUMBER])
        self._resting.append(number)
        self.written.forget(number)
        self._roster.leave(number)
        store.give_watches(address, group)
        store.arena.give(address, layout.WATCHES + len(group.plans))

    def reuse_numbers(self) -> None:
        """Nothing waits any more that names a series that is gone by its number."""
        for number in self._resting:
            self.keys[number] = b""
        self._free += self._resting
        self._resting.clear()

    def due(self, address: int) -> tuple[int, int]:
        """When a series' next timer is due, and which observation set it."""
        known = self.awake.get(self.key_at(address)) if self.awake else None
        if known is not None:
            return known.due()
        return due(self._store, address, self.group_at(address), self._retention_us)

    def admit(self, key: bytes, offset: int, ended_us: int, now_us: int) -> int:
        """Let a new series in, as words.

        Args:
            key: Its labels.
            offset: Of the block at hand.
            ended_us: When its first session ended.
            now_us: Its time.

        Returns:
            Its address; 0 if no rule wants it, its row holds the block, or there is no
            place for it.
        """
        group = self.group_of(key)
        if not group.plans or self.graves.hold(key, offset):
            return 0
        if not self.places.take(key, len(self.addresses), self._stage.order, offset):
            return 0
        seq = self.graves.open(key)
        address = self.addresses[key] = self.make(key, group)
        words = self._store.arena.ints
        if seq >= now_us // 1000:
            words[address + layout.SEQ_FLOOR] = seq
        words[address + layout.LAST_US] = ended_us
        words[address + layout.ORDER] = self._stage.order
        words[address + layout.FLOOR_US] = now_us
        self._moved[key] = address
        self.timers.place(address, key)
        return address

    def touch(self, series: Series) -> None:
        """The series changes in this block."""
        self._touched[series.key] = series

    def place(self, series: Series) -> None:
        """Set its timer, if it is an earlier one."""
        self.timers.place(series.at, series.key)

    @property
    def earliest_us(self) -> int:
        """Nothing is due before: no timer of a series, and no census."""
        self.census.hear(self._stage.lines)
        return min(self.timers.earliest_us, self.census.due_us)

    def next_due_us(self) -> int | None:
        """When the next timer or census is due; None if there is none."""
        self.census.hear(self._stage.lines)
        first = self.timers.first()
        due_us = FAR if first is None else self.timers.bound(first[0])[0]
        due_us = min(due_us, self.census.due_us)
        return None if due_us == FAR else due_us

    def run(self, limit_us: int) -> bool:
        """Run what is due before a time, in order; whether a series is gone.

        A census comes after the timers of its time.
        """
        gone = False
        timers, census = self.timers, self.census
        while self.earliest_us < limit_us:
            first = timers.first()
            due_us, order = (FAR, 0) if first is None else timers.bound(first[0])
            if min(due_us, census.due_us) >= limit_us:
                break
            if first is None or census.due_us < due_us:
                census.run(census.due_us, self._stage.lines)
                continue
            address, key = first
            if not self._run_quietly(key, address, due_us, order):
                gone = self._run_one(self.get(key), due_us, order) or gone
            if key in self.addresses:
                timers.replace(address, key)
        return gone

    def run_own(self, key: bytes, address: int, limit_us: int) -> bool:
        """Run one series' timers due before a time; whether it is gone."""
        due_us, order = self.due(address)
        while due_us < limit_us:
            if not self._run_quietly(key, address, due_us, order) and self._run_one(
                self.get(key), due_us, order
            ):
                return True
            due_us, order = self.due(address)
        self.timers.replace(address, key)
        return False

    def _run_quietly(self, key: bytes, address: int, due_us: int, order: int) -> bool:
        """Run a timer for which a series need be no object; False if there is none."""
        if key in self.awake:
            return False
        group = self.group_at(address)
        found = leave(self._store, address, group, due_us, order)
        if found == OTHERS:
            return False
        if found == QUIETLY:
            self._moved[key] = address
            return True
        series = self.get(key)
        self.touch(series)
        known = series.watch_at(found)
        assert isinstance(known, SpanWatch)  # noqa: S101 - no other kind has such a timer
        known.left(due_us, self._stage)
        return True

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
        places, words = self._store.places, self._store.arena.ints
        places[layout.OF_SERIES] = words[series.at + layout.NUMBER]
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
        self._touched.pop(key, None)
        self._moved.pop(key, None)
        self._dirty[key] = None
        del self.addresses[key], self.awake[key]
        self.drop(series.at)
        self.graves.dig(key, seq)
        return True

    def close(self, offset: int) -> None:
        """A block has been folded: what it changed is dirty, and holds it."""
        for key, series in self._touched.items():
            series.last_offset = max(series.last_offset, offset)
            self._dirty[key] = None
        self._touched.clear()
        words = self._store.arena.ints
        for key, address in self._moved.items():
            words[address + layout.LAST_OFFSET] = max(
                int(words[address + layout.LAST_OFFSET]), offset
            )
            self._dirty[key] = None
        self._moved.clear()
        self.graves.close(offset)
        for key, series in self._stirred.items():
            if self.awake.get(key) is series and series.plain:
                series.rest()
                del self.awake[key]
        self._stirred.clear()

    def take_dirty(self) -> list[bytes]:
        """The keys of what has changed since the last call."""
        dirty = list(self._dirty)
        self._dirty.clear()
        return dirty

    def place_all(self, clock_us: int) -> None:
        """Set the timers of all series, after they were restored.

        Under other rules some may have been due already: they are due now.
        """
        keys = list(self.addresses)
        places: Ints = np.fromiter(self.addresses.values(), np.int64, len(keys))
        counts = np.array([len(group.plans) for group in self._numbered], np.int64)
        place_all(self._store, places, counts, self._retention_us)
        for key, series in self.awake.items():
            self.timers.bind(self.addresses[key], series.due())
        self.timers.fill(keys, places)
        due_us = self._store.arena.ints[places + layout.BOUND_US]
        for place in np.flatnonzero(due_us < clock_us).tolist():
            self.get(keys[place]).wait_until(clock_us)
            self.timers.replace(int(places[place]), keys[place])
