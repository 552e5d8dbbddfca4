"""A batch as arrays: how observations are made and travel, before they are folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.actions import Accept
from detectors.batch import Batch
from detectors.metrics import COLUMNS

_DENSE: Final = 8
"""Up to so many possible codes for each one that there is, a table numbers them."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What ``detectors.batch.Batch`` says, with an array for each of its columns.

    Attributes:
        values: n x len(COLUMNS).
        attribute_table: Distinct rows of labels, in the order of ``ATTRIBUTES``.
        attribute_codes: For each session its row in the table.
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
    attribute_table: Sequence[tuple[str, ...]]
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

    def __len__(self) -> int:
        """How many sessions."""
        return len(self.offsets)

    @classmethod
    def of(cls, batch: Batch) -> Columns:
        """A batch as columns."""
        rows, row_codes = _intern([tuple(row) for row in batch.attributes])
        masks, mask_codes = _intern(batch.wheres)
        return cls(
            source=batch.source,
            sources=batch.sources,
            offsets=_whole(batch.offsets),
            clocks_us=_whole(batch.clocks_us),
            ended_at_us=_whole(batch.ended_at_us),
            values=np.asarray(batch.values, np.float64).reshape(-1, len(COLUMNS)),
            hashes=np.asarray(batch.hashes, np.uint64),
            session_ids=batch.session_ids,
            traces=batch.traces,
            attribute_table=rows,
            attribute_codes=row_codes,
            keys=batch.keys,
            where_table=batch.where_table,
            observed=_whole(batch.observed),
            series=_whole(batch.series),
            mask_table=masks,
            mask_codes=mask_codes,
            clocks_after_us=batch.clocks_after_us,
            judged_from_us=batch.judged_from_us,
            accepts=batch.accepts,
        )

    def batch(self) -> Batch:
        """The columns as a batch of plain numbers and texts."""
        rows, masks = self.attribute_table, self.mask_table
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
            attributes=[rows[code] for code in self.attribute_codes.tolist()],
            keys=self.keys,
            where_table=self.where_table,
            observed=self.observed.tolist(),
            series=self.series.tolist(),
            wheres=[masks[code] for code in self.mask_codes.tolist()],
            clocks_after_us=self.clocks_after_us,
            judged_from_us=self.judged_from_us,
            accepts=self.accepts,
        )

    def deal(
        self,
        *,
        owners: NDArray[np.int64],
        observed: NDArray[np.int64],
        series: NDArray[np.int64],
        keys: Sequence[bytes],
        mask_table: Sequence[int],
        mask_codes: NDArray[np.int64],
    ) -> dict[int, Columns]:
        """Give each owner the sessions that it observes, and their observations.

        All owners at once: a chunk is small, and each call of numpy's has its price.

        Args:
            owners: For each observation its partition, ascending.
            observed: For each the position of its session, ascending in a partition.
            series: For each the position of its series in ``keys``.
            keys: Of all series.
            mask_table: As the columns' own.
            mask_codes: As the columns' own.
        """
        if not len(owners):
            return {}
        changes = owners[1:] != owners[:-1]
        first = np.concatenate(([True], changes | (observed[1:] != observed[:-1])))
        cuts = np.flatnonzero(np.concatenate(([True], changes, [True])))
        copies, position = observed[first], np.cumsum(first) - 1
        starts = np.append(position[cuts[:-1]], len(copies))
        named, name_starts, series = _rank(series, owners, cuts)
        rows, row_starts, row_codes = _rank(
            self.attribute_codes[copies], owners[first], starts
        )
        offsets, clocks_us = self.offsets[copies], self.clocks_us[copies]
        ended_at_us, values = self.ended_at_us[copies], self.values[copies]
        hashes = self.hashes[copies]
        ids = np.array(self.session_ids, object)[copies].tolist()
        traces = np.array(self.traces, object)[copies].tolist()
        dealt = {}
        for part, owner in enumerate(owners[cuts[:-1]].tolist()):
            mine = slice(starts[part], starts[part + 1])
            seen = slice(cuts[part], cuts[part + 1])
            named_here = named[name_starts[part] : name_starts[part + 1]]
            rows_here = rows[row_starts[part] : row_starts[part + 1]]
            dealt[owner] = Columns(
                source=self.source,
                sources=self.sources,
                offsets=offsets[mine],
                clocks_us=clocks_us[mine],
                ended_at_us=ended_at_us[mine],
                values=values[mine],
                hashes=hashes[mine],
                session_ids=ids[mine],
                traces=traces[mine],
                attribute_table=[self.attribute_table[row] for row in rows_here],
                attribute_codes=row_codes[mine] - row_starts[part],
                keys=[keys[at] for at in named_here],
                where_table=self.where_table,
                observed=position[seen] - starts[part],
                series=series[seen] - name_starts[part],
                mask_table=mask_table,
                mask_codes=mask_codes[seen],
                clocks_after_us=self.clocks_after_us,
                judged_from_us=self.judged_from_us,
            )
        return dealt

    def halves(self) -> tuple[Columns, ...]:
        """The sessions that are observed, in two; the last part tells the time after.

        The first tells it only as far as it goes.
        """
        middle = len(self) // 2
        dealt = self.deal(
            owners=(self.observed >= middle).astype(np.int64),
            observed=self.observed,
            series=self.series,
            keys=self.keys,
            mask_table=self.mask_table,
            mask_codes=self.mask_codes,
        )
        *before, last = dealt.values()
        return (
            *(
                replace(part, clocks_after_us={self.source: int(part.clocks_us.max())})
                for part in before
            ),
            replace(last, accepts=self.accepts),
        )


def _rank(
    codes: NDArray[np.int64], owners: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[list[int], list[int], NDArray[np.int64]]:
    """Number the distinct codes of each owner.

    Returns:
        The codes, owner by owner; where each owner's begin, and the end; and for
        each code given its place among them.
    """
    width = int(codes.max()) + 1
    distinct, places = _number(owners * width + codes)
    begins = np.searchsorted(distinct, owners[starts[:-1]] * width)
    return (distinct % width).tolist(), [*begins.tolist(), len(distinct)], places


def _number(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct codes in order, and the place of each code given among them."""
    end = int(codes.max()) + 1
    if end > _DENSE * len(codes):
        return np.unique(codes, return_inverse=True)
    # A tenth of what sorting them takes, as long as the tables are not much longer.
    met = np.zeros(end, np.bool_)
    met[codes] = True
    return np.flatnonzero(met), (np.cumsum(met) - 1)[codes]


def _whole(numbers: Sequence[int]) -> NDArray[np.int64]:
    return np.asarray(numbers, np.int64)


def _intern(values: Sequence[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """The distinct values in order of appearance, and the place of each."""
    table: dict[Any, int] = {}
    codes = [table.setdefault(value, len(table)) for value in values]
    return list(table), np.asarray(codes, np.int64)
