"""A batch of observations as arrays, as compiled functions take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.actions import Accept
from detectors.batch import ATTRIBUTES, Batch
from detectors.metrics import COLUMNS
from detectors.peers.parents import Part
from detectors.peers.questions import Question


class Block(Protocol):
    """What ``Batch`` says, with an array for each of its columns.

    Attributes:
        values: n x len(COLUMNS).
        attribute_tables: For each of ``ATTRIBUTES`` its distinct values.
        attribute_codes: n x len(ATTRIBUTES): the place of each label in its table.
        mask_table: Distinct bit masks over ``where_table``.
        mask_codes: For each observation its mask in the table.
    """

    @property
    def source(self) -> int: ...  # noqa: D102
    @property
    def sources(self) -> int: ...  # noqa: D102
    @property
    def offsets(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def clocks_us(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def ended_at_us(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def values(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def hashes(self) -> NDArray[np.uint64]: ...  # noqa: D102
    @property
    def session_ids(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def traces(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def attribute_tables(self) -> Sequence[Sequence[str]]: ...  # noqa: D102
    @property
    def attribute_codes(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def keys(self) -> Sequence[bytes]: ...  # noqa: D102
    @property
    def where_table(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def observed(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def series(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def mask_table(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def mask_codes(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def clocks_after_us(self) -> Mapping[int, int]: ...  # noqa: D102
    @property
    def judged_from_us(self) -> int | None: ...  # noqa: D102
    @property
    def accepts(self) -> Sequence[Accept]: ...  # noqa: D102
    @property
    def parents(self) -> Sequence[Part]: ...  # noqa: D102
    @property
    def questions(self) -> Sequence[Question]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Plain:
    """A block made of a batch of plain numbers."""

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
    accepts: Sequence[Accept]
    parents: Sequence[Part]
    questions: Sequence[Question]


def as_block(batch: Batch) -> Plain:
    """A batch as arrays."""
    count = len(batch.offsets)
    tables: list[dict[str, int]] = [{"": 0} for _ in ATTRIBUTES]
    codes = np.zeros((count, len(ATTRIBUTES)), np.int64)
    for at, row in enumerate(batch.attributes):
        for place, text in enumerate(row):
            table = tables[place]
            codes[at, place] = table.setdefault(text, len(table))
    masks: dict[int, int] = {}
    mask_codes = [masks.setdefault(mask, len(masks)) for mask in batch.wheres]
    return Plain(
        source=batch.source,
        sources=batch.sources,
        offsets=np.array(batch.offsets, np.int64),
        clocks_us=np.array(batch.clocks_us, np.int64),
        ended_at_us=np.array(batch.ended_at_us, np.int64),
        values=np.array(batch.values, np.float64).reshape(-1, len(COLUMNS)),
        hashes=np.array(batch.hashes, np.uint64),
        session_ids=batch.session_ids,
        traces=batch.traces,
        attribute_tables=[list(table) for table in tables],
        attribute_codes=codes,
        keys=batch.keys,
        where_table=batch.where_table,
        observed=np.array(batch.observed, np.int64),
        series=np.array(batch.series, np.int64),
        mask_table=list(masks),
        mask_codes=np.array(mask_codes, np.int64),
        clocks_after_us=batch.clocks_after_us,
        judged_from_us=batch.judged_from_us,
        accepts=batch.accepts,
        parents=batch.parents,
        questions=batch.questions,
    )
