"""Which series a session belongs to, and who owns them: worked out once, remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from detectors.identity import partition_of, series_key
from detectors.matchers import Matchers
from detectors.rules import RuleBook
from streams.events.session_fields import LABEL_FIELDS, SessionEvent, label_text

REMEMBERED: Final = 100_000
"""Series, and combinations of labels, that are remembered at a time."""

Values = tuple[str, ...]


class SeriesBook:
    """The series met so far, each under a number that also tells its partition.

    Args:
        partitions: Of ``loopwatch.observations``.

    Attributes:
        keys: Of all series; the one with number n is at n // partitions, and n %
            partitions is its owner.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.keys: list[bytes] = []

    def enter(self, key: bytes) -> int:
        """The number of a new series."""
        self.keys.append(key)
        serial = len(self.keys) - 1
        return serial * self._partitions + partition_of(key, self._partitions)


class _Remembered(dict[Values | str, int]):
    """Answers by the values of labels; what is not known yet is worked out."""

    def __init__(self, work_out: Callable[[Values], int]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, values: Values | str) -> int:
        answer = self._work_out((values,) if isinstance(values, str) else values)
        self[values] = answer
        return answer


@dataclass(frozen=True, slots=True)
class View:
    """One ``by``: how a session's series and conditions are found.

    Attributes:
        by: The labels that tell series apart.
        looked_at: The labels that conditions look at.
        series: The series' number for some values of ``by``.
        read_by: Reads those values from an event; None for ``by: []``.
        masks: The bit mask of conditions for some values of their labels.
        read_where: Reads those values; None where no condition looks at a label.
    """

    by: Values
    looked_at: Values
    series: _Remembered
    read_by: Callable[[SessionEvent], Any] | None
    masks: _Remembered
    read_where: Callable[[SessionEvent], Any] | None

    def series_of(self, events: Sequence[SessionEvent]) -> list[int]:
        """For each event the number of its series."""
        return _look_up(self.series, self.read_by, events)

    def masks_of(self, events: Sequence[SessionEvent]) -> list[int]:
        """For each event which conditions it satisfies."""
        return _look_up(self.masks, self.read_where, events)

    def forget(self) -> None:
        """Let go of all answers."""
        self.series.clear()
        self.masks.clear()


def _look_up(
    remembered: _Remembered,
    read: Callable[[SessionEvent], Any] | None,
    events: Sequence[SessionEvent],
) -> list[int]:
    if read is None:
        return [remembered[()]] * len(events)
    return list(map(remembered.__getitem__, map(read, events)))


def where_table(book: RuleBook) -> tuple[str, ...]:
    """The distinct conditions of the rules, as canonical text."""
    return tuple(sorted({str(rule.where) for rule in book.rules}))


def views(book: RuleBook, series: SeriesBook) -> tuple[View, ...]:
    """One view for each distinct ``by`` of the rules."""
    bit = {text: 1 << at for at, text in enumerate(where_table(book))}
    conditions: dict[Values, dict[str, Matchers]] = {}
    for rule in book.rules:
        conditions.setdefault(rule.by, {})[str(rule.where)] = rule.where
    return tuple(
        _view(by, {bit[text]: where for text, where in wheres.items()}, series)
        for by, wheres in sorted(conditions.items())
    )


def _view(by: Values, wheres: dict[int, Matchers], book: SeriesBook) -> View:
    looked_at = tuple(
        sorted({name for where in wheres.values() for name in where.labels})
    )

    def number(values: Values) -> int:
        return book.enter(series_key(dict(zip(by, values, strict=True))))

    def mask(values: Values) -> int:
        labels = dict(zip(looked_at, values, strict=True))
        return sum(bit for bit, where in wheres.items() if where.matches(labels))

    return View(
        by,
        looked_at,
        _Remembered(number),
        label_reader(by),
        _Remembered(mask),
        label_reader(looked_at),
    )


def label_reader(names: Values) -> Callable[[SessionEvent], Any] | None:
    """Reads labels from an event: one as a string, several as a tuple."""
    if not names:
        return None
    if all(name in LABEL_FIELDS for name in names):
        return attrgetter(*names)
    if len(names) == 1:
        return _attribute_reader(names[0])
    readers = [
        attrgetter(name) if name in LABEL_FIELDS else _attribute_reader(name)
        for name in names
    ]
    return lambda event: tuple([read(event) for read in readers])


def _attribute_reader(name: str) -> Callable[[SessionEvent], str]:
    def read(event: SessionEvent) -> str:
        attributes = event.attributes
        return label_text(attributes.get(name)) if attributes else ""

    return read
