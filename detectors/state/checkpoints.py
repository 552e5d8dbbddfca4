"""What a partition knows as rows, and back: what has changed, what is written, restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from detectors.kernels import layout
from detectors.kernels.words import Ints
from detectors.kinds.plans import NO_RULES, Group
from detectors.state.population import Population
from detectors.state.row_reader import OTHER, RowReader
from detectors.state.row_writer import RowWriter
from detectors.state.rows import (
    Gone,
    Row,
    RowError,
    dump_gone,
    dump_series,
    entries_of,
    load_row,
    take_entries,
)
from detectors.state.store import Store

_AT_ONCE: Final = 1_000

Member = tuple[str, bytes]
"""Name and shape of a rule."""


class Checkpoints:
    """The rows of a partition.

    Attributes:
        changed: Takes the numbers of series that compiled code changes.
        newest: The last block that a restored row holds; -1 without any.
    """

    __slots__ = (
        "_books",
        "_everyone",
        "_reader",
        "_store",
        "_writer",
        "changed",
        "newest",
    )

    def __init__(
        self, groups: Sequence[Group], everyone: Population, store: Store
    ) -> None:
        self._everyone = everyone
        self._store = store
        self._reader = RowReader(groups, everyone, store)
        self._writer = RowWriter(groups, store)
        self.changed: Ints = np.zeros(1 << 10, np.int64)
        self.newest = -1
        self._books: dict[bytes, Sequence[Member]] = {
            group.digest: [(plan.rule.name, plan.shape) for plan in group.plans]
            for group in groups
        }
        # A series on which no rule has begun says so too.
        self._books[NO_RULES.digest] = []

    def make_room(self, keys: int) -> None:
        """So many more series may change: let ``changed`` take their numbers."""
        needed = len(self._everyone) + keys
        if needed > len(self.changed):
            wider = np.zeros(2 * needed, np.int64)
            wider[: len(self.changed)] = self.changed
            self.changed = wider

    def take_dirty(self, changed: int) -> list[tuple[bytes, bytes | None]]:
        """Rows that have changed since the last call; None is a tombstone.

        Args:
            changed: How many of the numbers in ``changed`` count.
        """
        everyone, graves = self._everyone, self._everyone.graves
        keys = everyone.keys
        dirty = dict.fromkeys(keys[n] for n in self.changed[:changed].tolist())
        dirty |= dict.fromkeys(everyone.take_dirty())
        rows: list[tuple[bytes, bytes | None]] = []
        rows += [(key, None) for key in graves.take_buried()]
        names = list(dirty)
        addresses = everyone.find(names)
        self._store.arena.ints[addresses[addresses > 0] + layout.DIRTY] = 0
        rows += self._packed(names, addresses)
        everyone.written.note(everyone.numbers(addresses[addresses > 0]))
        for place in np.flatnonzero(addresses == 0).tolist():
            rows += self._marks([names[place]])
        return rows

    def oldest(self) -> int:
        """The count of the oldest row that is still somebody's newest."""
        marks, graves = self._everyone.written.marks, self._everyone.graves
        for key in list(marks):
            if graves.get(key) is not None:
                break
            del marks[key]
        return self._everyone.written.oldest()

    def take_oldest(self, most: int, before: int) -> list[tuple[bytes, bytes]]:
        """The rows that were written longest ago, to be written again as they stand.

        Args:
            most: How many series, and how many that are gone, at most.
            before: Only what was written before this count.
        """
        everyone, written = self._everyone, self._everyone.written
        numbers = written.longest_ago(most, before)
        names = [everyone.keys[number] for number in numbers.tolist()]
        rows = list(self._packed(names, everyone.find(names)))
        written.note(numbers)
        old = [key for key, at in islice(written.marks.items(), most) if at < before]
        return [*rows, *self._marks(old)]

    def take_again(self, keys: Sequence[bytes]) -> list[tuple[bytes, bytes | None]]:
        """The rows of these as they stand; None is a tombstone.

        Args:
            keys: Each once; some may be of no series.
        """
        everyone = self._everyone
        addresses = everyone.find(keys)
        rows: list[tuple[bytes, bytes | None]] = [*self._packed(keys, addresses)]
        everyone.written.note(everyone.numbers(addresses[addresses > 0]))
        for place in np.flatnonzero(addresses == 0).tolist():
            key = keys[place]
            rows += list(self._marks([key])) or [(key, None)]
        return rows

    def _marks(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The marks of series that are gone, as rows."""
        everyone = self._everyone
        for key in keys:
            gone = everyone.graves.get(key)
            if gone is not None:
                everyone.graves.written(key)
                everyone.written.note_mark(key)
                yield key, dump_gone(gone)

    def all_rows(self, at_once: int = 1_000) -> Iterator[list[tuple[bytes, bytes]]]:
        """The rows of all series as they stand; what has changed is not asked.

        Args:
            at_once: How many are written in one go.
        """
        names = iter(list(self._everyone.addresses))
        while some := list(islice(names, at_once)):
            yield list(self._packed(some, self._everyone.find(some)))

    def _packed(
        self, keys: Sequence[bytes], addresses: Ints
    ) -> Iterator[tuple[bytes, bytes]]:
        """The rows of series, but for those that are at no address."""
        awake, words = self._everyone.awake, addresses > 0
        if awake:
            for place in np.flatnonzero(words).tolist():
                series = awake.get(keys[place])
                if series is not None:
                    words[place] = False
                    yield keys[place], dump_series(series)
        places = np.flatnonzero(words)
        rows = self._writer.rows(addresses[places])
        yield from zip((keys[place] for place in places.tolist()), rows, strict=True)

    def dump(self) -> list[Any]:
        """What rows of words cannot be read without, as plain values."""
        return [[digest, members] for digest, members in self._books.items()]

    def load(self, state: Iterable[Any]) -> None:
        """Take what ``dump`` gave."""
        for digest, members in state:
            self._books.setdefault(digest, [tuple(each) for each in members])

    def restore(self, keys: Sequence[bytes], rows: Sequence[bytes]) -> None:
        """Take rows, each unless a newer one of its key has been taken.

        Args:
            keys: Of the series, each once.
            rows: As many.

        Raises:
            RowError: One is of another version, or makes no sense.
        """
        for begin in range(0, len(keys), _AT_ONCE):
            end = begin + _AT_ONCE
            self._restore(keys[begin:end], rows[begin:end])

    def _restore(self, keys: Sequence[bytes], rows: Sequence[bytes]) -> None:
        everyone, heads = self._everyone, self._reader.heads(keys, rows)
        for place, key in enumerate(keys):
            if key in everyone.addresses or everyone.graves.get(key) is not None:
                heads.groups[place] = OTHER
        self.newest = max(self.newest, heads.newest)
        self._reader.read(keys, heads)
        for place in np.flatnonzero(heads.groups < 0).tolist():
            self._restore_one(keys[place], rows[place])
        everyone.places.ahead = self.newest
        self._note_restored(keys)

    def _note_restored(self, keys: Sequence[bytes]) -> None:
        everyone, written = self._everyone, self._everyone.written
        addresses = everyone.find(keys)
        alive = np.flatnonzero(addresses)
        written.note_at(everyone.numbers(addresses[alive]), written.taken + alive)
        for place in np.flatnonzero(addresses == 0).tolist():
            written.marks[keys[place]] = written.taken + place
        written.taken += len(keys)

    def _restore_one(self, key: bytes, row: bytes) -> None:
        everyone = self._everyone
        found = load_row(key, row)
        self.newest = max(self.newest, found.last_offset)
        if self._newest(key) > found.last_offset:
            return
        everyone.graves.open(key)
        older = everyone.addresses.pop(key, None)
        if older is not None:
            everyone.awake.pop(key, None)
            everyone.drop(older)
        if isinstance(found, Gone):
            everyone.graves.keep(key, found)
        else:
            everyone.addresses[key] = self._series(key, found)

    def _newest(self, key: bytes) -> int:
        address = self._everyone.addresses.get(key)
        if address is not None:
            return int(self._store.arena.ints[address + layout.LAST_OFFSET])
        gone = self._everyone.graves.get(key)
        return -1 if gone is None else gone.last_offset

    def _series(self, key: bytes, row: Row) -> int:
        everyone, store = self._everyone, self._store
        group = everyone.group_of(key)
        address = everyone.make(key, group)
        words = store.arena.ints
        words[address + layout.LAST_US : address + layout.IN_BLOCK] = (
            row.last_us,
            row.floor_us,
            row.order,
            row.last_offset,
        )
        words[address + layout.SEQ_FLOOR] = row.seq_floor
        if isinstance(row.entries, bytes):
            members = self._books.get(row.entries)
            if members is None:
                raise RowError(
                    f"the row of series {key.decode(errors='replace')} is of rules "
                    "that its partition's seal does not name"
                )
            entries = list(entries_of(row, members))
        else:
            entries = row.entries
        take_entries(everyone.wake(key, address), entries)
        return address
