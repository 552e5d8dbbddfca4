"""What came of a case, held against what the case says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from alerts.notifications import Notification
from detectors.transitions import microseconds
from loopwatch.casebook.cases import Case, ToldCase
from loopwatch.casebook.play import Played
from loopwatch.config.durations import format_duration
from loopwatch.config.faults import Position

Pair = tuple[ToldCase | None, Notification | None]
"""What was expected, and what came; one of them may be missing, never both."""


def differences(case: Case, played: Played, file: str) -> Iterator[str]:
    """What is not as the case says, for people; nothing if all is.

    Args:
        case: What is to come.
        played: What came.
        file: The name of the file of cases, for places in it.
    """
    if case.receivers is not None and case.receivers != played.receivers:
        first = any(alert.levels for alert in case.alerts)
        mixed = sorted(case.receivers) == sorted(played.receivers)
        yield (
            f"receivers{' at the first severity' if first else ''}:"
            f" expected {_listed(case.receivers)}, got {_listed(played.receivers)}"
            f"{', which is the order of the routes' if mixed else ''}"
            f"{_at(file, case.receivers_place)}"
        )
    pairs = [] if case.told is None else aligned(case, case.told, played.told)
    if not any(None in pair for pair in pairs):
        return
    yield "told (- expected, and did not come; + came, and is not expected):"
    for wanted, note in pairs:
        if wanted is None and note is not None:
            yield f"+ {_said(note, case)}"
        elif note is None and wanted is not None:
            yield f"- {_wanted(wanted)}{_at(file, wanted.place)}"
        elif note is not None:
            yield f"  {_said(note, case)}"
    missing = [wanted for wanted, note in pairs if wanted and note is None]
    if case.until_us is None and any(
        each.after_us is None or each.after_us > played.end_us for each in missing
    ):
        ended = format_duration(played.end_us)
        yield f"the case was over after {ended}; 'until' makes it longer"


def aligned(
    case: Case, wanted: Sequence[ToldCase], told: Sequence[Notification]
) -> list[Pair]:
    """Expectations beside what came, in order, with as many that agree as can be."""
    rows, columns = len(wanted), len(told)
    agree = {
        (row, column): _agrees(wanted[row], told[column], case)
        for row, column in product(range(rows), range(columns))
    }
    # The most that can agree from a place on.
    most = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row, column in product(reversed(range(rows)), reversed(range(columns))):
        most[row][column] = max(
            most[row + 1][column],
            most[row][column + 1],
            most[row + 1][column + 1] + 1 if agree[row, column] else 0,
        )
    found: list[Pair] = []
    row = column = 0
    while row < rows and column < columns:
        here = most[row][column]
        if agree[row, column] and here == most[row + 1][column + 1] + 1:
            found.append((wanted[row], told[column]))
            row, column = row + 1, column + 1
        elif here == most[row + 1][column]:
            found.append((wanted[row], None))
            row += 1
        else:
            found.append((None, told[column]))
            column += 1
    rest: list[Pair] = [(each, None) for each in wanted[row:]]
    return [*found, *rest, *((None, each) for each in told[column:])]


def _agrees(wanted: ToldCase, note: Notification, case: Case) -> bool:
    after_us = microseconds(note.time) - case.begin_us
    return (
        wanted.receiver in {None, note.receiver}
        and wanted.reason in {None, note.reason}
        and wanted.after_us in {None, after_us}
        and wanted.alerts in {None, tuple(sorted(note.alert_ids))}
    )


def _said(note: Notification, case: Case) -> str:
    """A notification as a case would say it."""
    after = format_duration(microseconds(note.time) - case.begin_us)
    alerts = ", ".join(note.alert_ids)
    return (
        f"{{after: {after}, receiver: {note.receiver}, reason: {note.reason},"
        f" alerts: [{alerts}]}}"
    )


def _wanted(told: ToldCase) -> str:
    after = None if told.after_us is None else format_duration(told.after_us)
    alerts = None if told.alerts is None else f"[{', '.join(told.alerts)}]"
    parts = {
        "after": after,
        "receiver": told.receiver,
        "reason": told.reason,
        "alerts": alerts,
    }
    inside = ", ".join(
        f"{name}: {value}" for name, value in parts.items() if value is not None
    )
    return f"{{{inside}}}"


def _listed(names: Sequence[str]) -> str:
    return f"[{', '.join(names)}]"


def _at(file: str, place: Position | None) -> str:
    return "" if place is None else f"  ({file}:{place.line}:{place.column})"
