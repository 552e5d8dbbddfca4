"""Texts and rows of which few are ever asked for: kept as bytes and numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")


class Lazy(Sequence[_T]):
    """Values that are made when they are asked for, one by one.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...

    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        if isinstance(index, slice):
            return [self._read(at) for at in range(self._count)[index]]
        if not 0 <= index < self._count:
            index = range(self._count)[index]
        return self._read(index)

    def __iter__(self) -> Iterator[_T]:
        return map(self._read, range(self._count))

    @abstractmethod
    def _read(self, at: int) -> _T: ...


class Texts(Lazy[str]):
    """Texts that are cut out of one long text.

    Attributes:
        whole: All of them, in UTF-8.
        lengths: Bytes of each.
    """

    def __init__(self, whole: bytes, lengths: NDArray[np.int64]) -> None:
        super().__init__(len(lengths))
        self.whole = whole
        self.lengths = lengths

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Texts as bytes."""
        if isinstance(texts, Texts):
            return texts
        parts = [text.encode() for text in texts]
        return cls(b"".join(parts), np.fromiter(map(len, parts), np.int64, len(parts)))

    @cached_property
    def _bounds(self) -> list[int]:
        return [0, *np.cumsum(self.lengths).tolist()]

    @property
    def sound(self) -> bool:
        """Whether the lengths fit the bytes, and each text is UTF-8."""
        if int(self.lengths.sum()) != len(self.whole):
            return False
        if self.whole.isascii():
            return True
        try:
            self.whole.decode()
        except UnicodeDecodeError:
            return False
        octets = np.frombuffer(self.whole + b"\0", np.uint8)
        # Bytes of the form 10xxxxxx go on with a character and cannot begin a text.
        return bool(((octets[self._bounds] & 0xC0) != 0x80).all())

    def part(self, begin: int, end: int) -> Texts:
        """Some of them that stand together."""
        bounds = self._bounds
        return Texts(self.whole[bounds[begin] : bounds[end]], self.lengths[begin:end])

    def _read(self, at: int) -> str:
        return self.whole[self._bounds[at] : self._bounds[at + 1]].decode()


class LabelRows(Lazy[tuple[str, ...]]):
    """Rows of labels.

    Args:
        tables: For each label its distinct texts.
        codes: n x labels: the place of each in its table.
    """

    def __init__(
        self, tables: Sequence[Sequence[str]], codes: NDArray[np.int64]
    ) -> None:
        super().__init__(len(codes))
        self._tables = tables
        self._codes = codes

    def _read(self, at: int) -> tuple[str, ...]:
        codes = self._codes[at].tolist()
        return tuple(
            [table[code] for table, code in zip(self._tables, codes, strict=True)]
        )
