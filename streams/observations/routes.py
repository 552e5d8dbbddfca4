"""Routes: for many sessions at once, of which series they are and what holds for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from detectors.batch import ATTRIBUTES
from streams.events.decoding import Decoded
from streams.events.event_words import FIRST_LABEL
from streams.events.session_fields import LABEL_FIELDS
from streams.observations.labels import Labels, Numbers, Rows
from streams.observations.series import Values, View

NO_MASK: Final = 0
"""The code of the mask of no condition."""


class _Answers:
    """What was worked out for each row of labels, by the row's number."""

    def __init__(self, rows: Rows, work_out: Callable[[Values], int]) -> None:
        self._rows = rows
        self._work_out = work_out
        self._known = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._known)

    def of(self, columns: Sequence[Numbers], count: int) -> Numbers:
        """The answer for each of ``count`` rows, given the numbers of its labels."""
        rows = self._rows.numbers(columns, count)
        known, most = len(self._known), int(rows.max(initial=-1)) + 1
        if most > known:
            new = [self._work_out(self._rows.texts(row)) for row in range(known, most)]
            self._known = np.concatenate([self._known, np.array(new, np.int64)])
        return self._known[rows]


class Routes:
    """Finds series and masks by tables that grow as labels are met.

    Args:
        views: For each, a session has one series and one mask.

    Attributes:
        attributes: Labels that are no fields and have to be decoded as well.
        mask_table: Distinct masks; the first is that of no condition.
    """

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views
        routed = {name for view in views for name in (*view.by, *view.looked_at)}
        self.attributes = tuple(sorted(routed.difference(LABEL_FIELDS)))
        self._columns = {
            name: FIRST_LABEL + at
            for at, name in enumerate((*LABEL_FIELDS, *self.attributes))
        }
        self._routed = tuple(sorted(routed))
        self._carried = tuple(name for name in ATTRIBUTES if name not in routed)
        self.forget()

    def forget(self) -> None:
        """Let go of all labels and answers."""
        self._labels = {name: Labels() for name in (*self._routed, *self._carried)}
        self.mask_table: list[int] = [0]
        self._mask_codes = {0: NO_MASK}
        self._series = [
            _Answers(self._rows(view.by), _by_values(view.series))
            for view in self._views
        ]
        self._masks = [
            _Answers(self._rows(view.looked_at), self._code_of(view))
            for view in self._views
        ]

    def bound(self, remembered: int) -> bool:
        """Whether more is known than should be; labels on which nothing hangs go."""
        for name in self._carried:
            if len(self._labels[name]) > remembered:
                self._labels[name] = Labels()
        known = [*self._series, *self._masks, *map(self._labels.get, self._routed)]
        return any(len(each) > remembered for each in known if each is not None)

    def _rows(self, names: Values) -> Rows:
        return Rows([self._labels[name] for name in names])

    def _code_of(self, view: View) -> Callable[[Values], int]:
        masks = _by_values(view.masks)

        def code(values: Values) -> int:
            mask = masks(values)
            known = self._mask_codes.setdefault(mask, len(self.mask_table))
            if known == len(self.mask_table):
                self.mask_table.append(mask)
            return known

        return code

    def find(self, decoded: Decoded) -> tuple[Numbers, Numbers, Numbers]:
        """Find all of some sessions, n of them.

        Returns:
            n x views, the numbers of the series; n x views, the codes of the masks;
            n x len(ATTRIBUTES), the numbers of these labels.
        """
        count, width = len(decoded.places), len(self._views)
        numbers = {
            name: labels.numbers(
                decoded.octets,
                decoded.begins[self._columns[name]],
                decoded.ends[self._columns[name]],
            )
            for name, labels in self._labels.items()
        }
        series = np.empty((count, width), np.int64)
        masks = np.empty((count, width), np.int64)
        for at, view in enumerate(self._views):
            by = [numbers[name] for name in view.by]
            looked_at = [numbers[name] for name in view.looked_at]
            series[:, at] = self._series[at].of(by, count)
            masks[:, at] = self._masks[at].of(looked_at, count)
        labels = np.empty((count, len(ATTRIBUTES)), np.int64)
        for at, name in enumerate(ATTRIBUTES):
            labels[:, at] = numbers[name]
        return series, masks, labels

    def texts(self, label: str) -> Sequence[str]:
        """The texts of a label by their numbers."""
        return self._labels[label].texts


def _by_values(remembered: Mapping[Values | str, int]) -> Callable[[Values], int]:
    """Looks up a row of labels where one label stands by itself."""
    return lambda values: remembered[values[0] if len(values) == 1 else values]
