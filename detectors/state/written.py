"""Which series' rows were written longest ago.

Rows are counted as they are taken to be written. What has to be read to know all series is
what was written since the oldest row that is still some series' newest; by writing that one
again it becomes less.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.kernels.words import Ints
from detectors.life.lifecycle import FAR

_SOME: Final = 1_000


class Written:
    """For each series the count of its newest row.

    Attributes:
        taken: How many rows have been taken.
        marks: The same of the marks of series that are gone, by key, oldest first.
    """

    __slots__ = ("_as_of", "_next", "_of", "_order", "marks", "taken")

    def __init__(self) -> None:
        self.taken = 0
        self.marks: dict[bytes, int] = {}
        self._of: Ints = np.full(_SOME, FAR, np.int64)
        self._order: Ints = np.zeros(0, np.int64)
        self._next = 0
        self._as_of = 0

    def note(self, numbers: Ints) -> None:
        """The rows of these series are written now.

        Args:
            numbers: Theirs, each once.
        """
        self.note_at(numbers, np.arange(self.taken, self.taken + len(numbers)))
        self.taken += len(numbers)

    def note_at(self, numbers: Ints, counts: Ints) -> None:
        """The rows of these series have been written.

        Args:
            numbers: Theirs, each once.
            counts: Of the rows.
        """
        most = int(numbers.max(initial=-1))
        if most >= len(self._of):
            more = max(most + 1 - len(self._of), len(self._of))
            self._of = np.concatenate((self._of, np.full(more, FAR, np.int64)))
        self._of[numbers] = counts

    def note_mark(self, key: bytes) -> None:
        """The mark of a series that is gone is written now."""
        self.marks.pop(key, None)
        self.marks[key] = self.taken
        self.taken += 1

    def forget(self, number: int) -> None:
        """A series is gone."""
        if number < len(self._of):
            self._of[number] = FAR

    def oldest(self) -> int:
        """The count of the oldest row that is still the newest; ``taken`` without any."""
        if not self._found():
            self._sort()
        first = self.taken
        if self._found():
            first = int(self._of[self._order[self._next]])
        return min(first, next(iter(self.marks.values()), first))

    def longest_ago(self, most: int, before: int) -> Ints:
        """The numbers of series whose rows were written longest ago.

        Args:
            most: How many of them, at most; fewer may be found.
            before: Only those of an older row than this count.
        """
        self.oldest()
        some = self._order[self._next : self._next + max(most, _SOME)]
        return some[self._of[some] < min(before, self._as_of)][:most]

    def _found(self) -> bool:
        """Whether an order is known, and where in it the oldest row is."""
        while self._next < len(self._order):
            some = self._order[self._next : self._next + _SOME]
            # Those that were written since are not where they were.
            still = np.flatnonzero(self._of[some] < self._as_of)
            if len(still):
                self._next += int(still[0])
                return True
            self._next += len(some)
        return False

    def _sort(self) -> None:
        known = np.flatnonzero(self._of < FAR)
        self._order = known[np.argsort(self._of[known])]
        self._next, self._as_of = 0, self.taken

    def follow(self, other: Written, numbers: Ints, others: Ints) -> None:
        """Know what another one does, under other numbers.

        Args:
            other: It.
            numbers: Of series here.
            others: For each its number there.
        """
        self.note_at(numbers, other._of[others])
        self.taken, self.marks = other.taken, other.marks
        self._sort()
