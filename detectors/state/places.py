"""How many series a partition has room for, and which new ones found no place.

Rows may be written ahead of the seal. After a crash their blocks are folded again, and
series that were born or forgotten meanwhile are there, or gone, too early: they cannot be
counted as they stood then. So the observations at which series found no place are written
down before such rows, by their numbers, and looked up in place of counting.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from typing import Any, NamedTuple

import msgspec

from detectors.identity import series_labels
from detectors.state.rows import VERSION, read

Run = tuple[int, int]
"""Numbers of observations, the second not among them: no new series came in."""


class Places:
    """The room of a partition.

    Args:
        most: How many series it may have; None: any number.

    Attributes:
        ahead: The last block that a restored row holds; -1 without any.
        turned_away: How often it has said no.
        first: The key of the first that found no place, since this process began.
    """

    __slots__ = (
        "_before",
        "_known",
        "_most",
        "_runs",
        "_since",
        "_until",
        "ahead",
        "first",
        "turned_away",
    )

    def __init__(self, most: int | None) -> None:
        self._most = inf if most is None else most
        self._known: list[Run] = []
        self._before: list[Run] = []
        self._runs: list[Run] = []
        self._since: int | None = None
        self._until = -1
        self.ahead = -1
        self.turned_away = 0
        self.first: bytes | None = None

    @property
    def most(self) -> int | None:
        """How many series there may be; None: any number."""
        return None if self._most == inf else int(self._most)

    def take(self, key: bytes, live: int, order: int, offset: int) -> bool:
        """Whether a new series may come in.

        Args:
            key: Its labels.
            live: How many series there are.
            order: Number of the observation.
            offset: Of its block.
        """
        if offset <= self.ahead:
            place = bisect_right(self._known, (order, inf)) - 1
            full = place >= 0 and order < self._known[place][1]
        else:
            full = live >= self._most
        if not full:
            self._close(order)
            return True
        if self._since is None:
            self._since = order
        self.turned_away += 1
        if self.first is None:
            self.first = key
        return False

    def _close(self, order: int) -> None:
        """No longer is nobody let in."""
        if self._since is not None:
            self._runs.append((self._since, order))
            self._since = None

    def dump(self, offset: int, order: int) -> bytes | None:
        """What must be safe before rows are; None if nobody was turned away.

        It holds what the call before said as well: that may not have been written yet.

        Args:
            offset: Of the last block.
            order: Number of the last observation.
        """
        self._close(order + 1)
        until, known = self.known(offset) or (offset, [])
        runs = _together([*known, *self._before, *self._runs])
        self._before, self._runs = self._runs, []
        return msgspec.msgpack.encode([VERSION, until, runs]) if runs else None

    def load(self, row: bytes) -> None:
        """Take what ``dump`` gave.

        Raises:
            RowError: It is of another version, or none at all.
        """
        self.take_up(read(row, "the places of a partition")[1:])

    def known(self, offset: int) -> tuple[int, list[Run]] | None:
        """What may have to be looked up after a block, and up to which: for the seal.

        Rows that are ahead may also come late, from a worker that was frozen.
        """
        until = max(self._until, self.ahead)
        if offset >= until:
            self._known = []
        return (until, self._known) if self._known else None

    def take_up(self, known: Sequence[Any]) -> None:
        """Look these up as well, as ``known`` gives them; empty for none."""
        if known:
            until, runs = known
            self._until = max(self._until, until)
            self._known = _together([*self._known, *((run[0], run[1]) for run in runs)])

    def follow(self, other: Places) -> None:
        """Go on in place of another one that may have more room, or less."""
        self._known, self.ahead = other._known, other.ahead
        self._until = other._until
        self._before, self._runs = other._before, other._runs
        self._since = other._since


def _together(runs: Iterable[Run]) -> list[Run]:
    """Runs that meet or overlap as one."""
    found: list[Run] = []
    for begin, end in sorted(runs):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


class Crowd(NamedTuple):
    """What fills a partition.

    Attributes:
        series: How many there are.
        most: How many there may be.
        first: The labels of the first one that found no place.
        rules: Those on it.
        label: The label in which the newest series differ most.
        values: How many values of it these have.
        newest: How many were looked at.
    """

    series: int
    most: int
    first: dict[str, str]
    rules: list[str]
    label: str
    values: int
    newest: int


def widest(keys: Iterable[bytes]) -> tuple[str, int]:
    """The label of which series have most values, and how many; empty if none has.

    >>> widest([b'{"agent":"a","run":"1"}', b'{"agent":"a","run":"2"}'])
    ('run', 2)
    """
    pairs = {item for key in keys for item in series_labels(key).items()}
    counts = Counter(name for name, _ in pairs)
    return max(counts.items(), key=lambda item: item[1], default=("", 0))
