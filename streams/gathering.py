"""Gathering: sessions become columns while what they were decoded to is still warm."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import starmap
from operator import attrgetter
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.batch import ATTRIBUTES
from detectors.metrics import COLUMNS
from streams.series import View
from streams.session import Session

AT_ONCE: Final = 500
"""Sessions gathered at a time: those of a whole chunk, decoded, are megabytes, and
have left the processor's cache before the second column is read from them."""

_pack_row = Struct(f"<{len(COLUMNS)}d").pack
read_attributes = attrgetter(*ATTRIBUTES)


class Gathering:
    """Columns that grow by some sessions at a time.

    Args:
        views: For each, a session has one series and one mask.

    Attributes:
        offsets: Of each session; ``ended_at_us``, ``session_ids``, ``traces`` and
            ``attribute_codes`` likewise.
        attribute_table: Distinct rows of labels, and the code of each.
        mask_table: Distinct masks, and the code of each; 0 is that of no condition.
    """

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views
        self.offsets: list[int] = []
        self.ended_at_us: list[int] = []
        self.session_ids: list[str] = []
        self.traces: list[str] = []
        self.attribute_table: dict[tuple[str, ...], int] = {}
        self.attribute_codes: list[int] = []
        self.mask_table: dict[int, int] = {0: 0}
        self._values: list[bytes] = []
        self._digests: list[bytes] = []
        self._series: list[list[int]] = [[] for _ in views]
        self._masks: list[list[int]] = [[] for _ in views]

    def add(self, offsets: Sequence[int], sessions: Sequence[Session]) -> None:
        """Read all columns of some more sessions."""
        events = [session.event for session in sessions]
        ids = [event.session_id for event in events]
        self.offsets += offsets
        self.ended_at_us += [session.ended_at_us for session in sessions]
        self.session_ids += ids
        self.traces += [event.trace_url or event.trace_id for event in events]
        rows = self.attribute_table
        row_of = rows.setdefault
        self.attribute_codes += [
            row_of(row, len(rows)) for row in map(read_attributes, events)
        ]
        # Packing takes half the time that numpy takes for tuples.
        rows_of_values = [session.values for session in sessions]
        self._values.append(b"".join(starmap(_pack_row, rows_of_values)))
        self._digests.append(_digests(ids))
        masks = self.mask_table
        code_of = masks.setdefault
        for view, series, codes in zip(
            self._views, self._series, self._masks, strict=True
        ):
            series.extend(view.series_of(events))
            if view.constant_mask is None:
                codes.extend(
                    [code_of(mask, len(masks)) for mask in view.masks_of(events)]
                )

    @property
    def values(self) -> NDArray[np.float64]:
        """A row for each session; adding 0 has turned -0.0 into 0.0."""
        packed = np.frombuffer(b"".join(self._values), "<f8")
        return packed.reshape(-1, len(COLUMNS)) + 0.0

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """``identity.session_hash`` of each session."""
        return np.frombuffer(b"".join(self._digests), ">u8").astype(np.uint64)

    def observations(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each session, view by view, the number of its series and its mask."""
        count, width = len(self.offsets), len(self._views)
        numbers = np.empty((count, width), np.int64)
        codes = np.empty((count, width), np.int64)
        masks = self.mask_table
        for at, view in enumerate(self._views):
            numbers[:, at] = self._series[at]
            mask = view.constant_mask
            codes[:, at] = (
                self._masks[at] if mask is None else masks.setdefault(mask, len(masks))
            )
        return numbers.reshape(-1), codes.reshape(-1)


def _digests(session_ids: Sequence[str]) -> bytes:
    """What ``identity.session_hash`` computes, in half the time."""
    begin = blake2b(digest_size=8).copy
    digests = []
    for session_id in session_ids:
        digest = begin()
        digest.update(session_id.encode())
        digests.append(digest.digest())
    return b"".join(digests)
