"""A batch as arrays: how observations are made and travel, before they are folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.actions import Accept
from detectors.batch import ATTRIBUTES, Batch
from detectors.metrics import COLUMNS
from detectors.peers.parents import Part
from detectors.peers.questions import Question
from streams.events.texts import LabelRows, Texts


@dataclass(frozen=True, slots=True)
class Columns:
    """What ``detectors.batch.Batch`` says, with an array for each of its columns.

    Arrays are C-contiguous and of the machine's own byte order.

    Attributes:
        values: n x len(COLUMNS).
        attribute_tables: For each of ``ATTRIBUTES`` its distinct labels.
        attribute_codes: n x len(ATTRIBUTES): for each session and label its place in
            the table of that label.
        mask_table: Distinct bit masks over ``where_table``.
        mask_codes: For each observation its mask in the table.
    """

    source: int
    sources: int
    offsets: NDArray[np.int64]
    clocks_us: NDArray[np.int64]
    ended_at_us: NDArray[np.int64]
    values: NDArray[np.float64]
    hashes: NDArray[np.uint64]
    session_ids: Sequence[str]
    traces: Sequence[str]
    attribute_tables: Sequence[Sequence[str]]
    attribute_codes: NDArray[np.int64]
    keys: Sequence[bytes]
    where_table: Sequence[str]
    observed: NDArray[np.int64]
    series: NDArray[np.int64]
    mask_table: Sequence[int]
    mask_codes: NDArray[np.int64]
    clocks_after_us: Mapping[int, int]
    judged_from_us: int | None
    accepts: Sequence[Accept] = ()
    parents: Sequence[Part] = ()
    questions: Sequence[Question] = ()

    def __len__(self) -> int:
        """How many sessions."""
        return len(self.offsets)

    @classmethod
    def of(cls, batch: Batch) -> Columns:
        """A batch as columns."""
        masks, mask_codes = _intern(batch.wheres)
        rows = [tuple(row) for row in batch.attributes]
        columns = list(zip(*rows, strict=True)) or [()] * len(ATTRIBUTES)
        labels = [_intern(column) for column in columns]
        return cls(
            source=batch.source,
            sources=batch.sources,
            offsets=_whole(batch.offsets),
            clocks_us=_whole(batch.clocks_us),
            ended_at_us=_whole(batch.ended_at_us),
            values=np.asarray(batch.values, np.float64).reshape(-1, len(COLUMNS)),
            hashes=np.asarray(batch.hashes, np.uint64),
            session_ids=Texts.of(batch.session_ids),
            traces=Texts.of(batch.traces),
            attribute_tables=[table for table, _ in labels],
            attribute_codes=np.stack([codes for _, codes in labels], axis=1),
            keys=batch.keys,
            where_table=batch.where_table,
            observed=_whole(batch.observed),
            series=_whole(batch.series),
            mask_table=masks,
            mask_codes=mask_codes,
            clocks_after_us=batch.clocks_after_us,
            judged_from_us=batch.judged_from_us,
            accepts=batch.accepts,
            parents=batch.parents,
            questions=batch.questions,
        )

    def batch(self) -> Batch:
        """The columns as a batch of plain numbers and texts."""
        masks = self.mask_table
        return Batch(
            source=self.source,
            sources=self.sources,
            offsets=self.offsets.tolist(),
            clocks_us=self.clocks_us.tolist(),
            ended_at_us=self.ended_at_us.tolist(),
            values=self.values.tolist(),
            hashes=self.hashes.tolist(),
            session_ids=self.session_ids,
            traces=self.traces,
            attributes=LabelRows(self.attribute_tables, self.attribute_codes),
            keys=self.keys,
            where_table=self.where_table,
            observed=self.observed.tolist(),
            series=self.series.tolist(),
            wheres=[masks[code] for code in self.mask_codes.tolist()],
            clocks_after_us=self.clocks_after_us,
            judged_from_us=self.judged_from_us,
            accepts=self.accepts,
            parents=self.parents,
            questions=self.questions,
        )

    def halves(self) -> tuple[Columns, ...]:
        """The sessions in two; the last part tells the time after.

        The first tells it only as far as it goes.
        """
        middle = len(self) // 2
        last = self._part(middle, len(self))
        return (
            self.part(0, middle),
            replace(
                last,
                accepts=self.accepts,
                parents=self.parents,
                questions=self.questions,
            ),
        )

    def part(self, begin: int, end: int) -> Columns:
        """Some sessions that stand together; it tells the time after as far as it goes."""
        if begin == 0 and end == len(self):
            return self
        mine = self._part(begin, end)
        clocks_us = {self.source: int(mine.clocks_us.max())}
        return replace(mine, clocks_after_us=clocks_us)

    def _part(self, begin: int, end: int) -> Columns:
        """Some sessions that stand together, and what names them."""
        mine = slice(begin, end)
        seen = slice(*np.searchsorted(self.observed, (begin, end)).tolist())
        named, series = np.unique(self.series[seen], return_inverse=True)
        masks, mask_codes = np.unique(self.mask_codes[seen], return_inverse=True)
        labels = [
            np.unique(codes, return_inverse=True)
            for codes in self.attribute_codes[mine].T
        ]
        return replace(
            self,
            offsets=self.offsets[mine],
            clocks_us=self.clocks_us[mine],
            ended_at_us=self.ended_at_us[mine],
            values=self.values[mine],
            hashes=self.hashes[mine],
            session_ids=Texts.of(self.session_ids).part(begin, end),
            traces=Texts.of(self.traces).part(begin, end),
            attribute_tables=[
                [table[code] for code in codes.tolist()]
                for table, (codes, _) in zip(self.attribute_tables, labels, strict=True)
            ],
            attribute_codes=np.stack([codes for _, codes in labels], axis=1),
            keys=[self.keys[at] for at in named.tolist()],
            observed=self.observed[seen] - begin,
            series=series,
            mask_table=[self.mask_table[at] for at in masks.tolist()],
            mask_codes=mask_codes,
            accepts=(),
            parents=(),
            questions=(),
        )


def _whole(numbers: Sequence[int]) -> NDArray[np.int64]:
    return np.asarray(numbers, np.int64)


def _intern(values: Sequence[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """The distinct values in order of appearance, and the place of each."""
    table: dict[Any, int] = {}
    codes = [table.setdefault(value, len(table)) for value in values]
    return list(table), np.asarray(codes, np.int64)
