"""The marks of series that are gone, until no block can name them again.

A series that is forgotten leaves a mark in place of its row, and its tombstone follows
once a seal has passed: a crash in between must not bring it back.
"""

from __future__ import annotations

from detectors.state.rows import Gone


class Graves:
    """The series of a partition that are gone."""

    __slots__ = ("_buried", "_gone", "_marked", "_new")

    def __init__(self) -> None:
        self._gone: dict[bytes, Gone] = {}
        self._marked: set[bytes] = set()
        self._buried: set[bytes] = set()
        self._new: list[bytes] = []

    def get(self, key: bytes) -> Gone | None:
        """The mark of a series, if it is gone."""
        return self._gone.get(key)

    def hold(self, key: bytes, offset: int) -> bool:
        """Whether a block is older than the end of a series that it names."""
        gone = self._gone.get(key)
        return gone is not None and gone.last_offset >= offset

    def open(self, key: bytes) -> int:
        """A series is born again; the ``seq`` of its last line, 0 without one."""
        gone = self._gone.pop(key, None)
        self._marked.discard(key)
        self._buried.discard(key)
        return 0 if gone is None else gone.seq

    def dig(self, key: bytes, seq: int) -> None:
        """A series is forgotten in the block at hand."""
        self._gone[key] = Gone(-1, seq)
        self._new.append(key)

    def keep(self, key: bytes, gone: Gone) -> None:
        """Take a mark that has been read."""
        self._gone[key] = gone
        self._marked.add(key)

    def close(self, offset: int) -> None:
        """The block at hand has been folded."""
        for key in self._new:
            gone = self._gone.get(key)
            if gone is not None:
                self._gone[key] = gone._replace(last_offset=offset)
        self._new.clear()

    def written(self, key: bytes) -> None:
        """The mark is among the rows."""
        self._marked.add(key)

    def take_buried(self) -> list[bytes]:
        """The keys whose tombstones are to be written."""
        buried = sorted(self._buried)
        for key in buried:
            del self._gone[key]
        self._buried.clear()
        return buried

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
