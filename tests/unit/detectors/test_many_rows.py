"""Rows of many series at once are those of each alone."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.identity import series_key
from detectors.partition import Partition
from detectors.rules import SECOND_US, Absence, Rule, RuleBook, Window, rule
from tests.unit.detectors.scenes import Log, Session, alerts, threshold

WORDS = 7
"""Place in a row of words."""

LATER_US = (1_699_920_000 + 4_000) * SECOND_US
BY = ("agent",)
RULES = (
    rule("dear", "cost_usd", threshold(9.0), by=BY),
    rule("quiet", "sessions", Absence(3600 * SECOND_US), by=("agent", "tenant")),
)


def told(rules: tuple[Rule, ...], sessions: list[Session]) -> Partition:
    """A partition that has heard of them."""
    partition = Partition(RuleBook(rules))
    log = Log(rules)
    for offset, first in enumerate(range(0, len(sessions), 500)):
        partition.apply(log.batch(sessions[first : first + 500]), offset)
    return partition


def written(partition: Partition) -> dict[bytes, bytes]:
    """The rows of all its series."""
    return {key: row for key, row in partition.take_dirty() if row is not None}


def restored(
    partition: Partition, rows: dict[bytes, bytes], book: RuleBook, *, at_once: bool
) -> Partition:
    """One that goes on with these rows."""
    after = Partition(book)
    after.restore_seal(partition.seal(100))
    if at_once:
        after.restore_rows(rows)
    else:
        for key, row in rows.items():
            after.restore_row(key, row)
    after.finish_restore()
    return after


def test_many_rows_come_back_as_each_would_alone() -> None:
    """More than are read in one go; some of them of open alerts."""
    sessions = [
        Session(
            n / 9, {"cost_usd": 1.0 + 9 * (n % 150 == 7)}, f"s{n}", {"agent": f"a{n}"}
        )
        for n in range(1_100)
    ]
    partition = told(RULES, sessions)
    rows, book = written(partition), RuleBook(RULES)
    assert len(partition.open_alerts()) == 8
    both = [restored(partition, rows, book, at_once=each) for each in (True, False)]
    for after in both:
        assert dict(_all(after)) == rows
        assert after.open_alerts() == partition.open_alerts()
        assert after.next_due_us == partition.next_due_us
    lines = [after.run_due(LATER_US, inclusive=True) for after in (partition, *both)]
    assert lines[0] == lines[1] == lines[2]


def _all(partition: Partition) -> list[tuple[bytes, bytes]]:
    return [pair for rows in partition._checkpoints.all_rows() for pair in rows]


@given(st.lists(st.text(max_size=6), min_size=1, max_size=8, unique=True))
def test_any_label_names_its_own_series(names: list[str]) -> None:
    """Quotes, backslashes, braces, whatever a label holds (property)."""
    sessions = [
        Session(n, {"cost_usd": 1.0}, f"s{n}", {"agent": name})
        for n, name in enumerate([*names, '","x":"', "\\", '\\"', "}"])
        if name
    ]
    if not sessions:
        return
    partition = told(RULES, sessions)
    rows = written(partition)
    after = restored(partition, rows, RuleBook(RULES), at_once=True)
    assert not after._all.awake, "each was read among the others"
    assert dict(_all(after)) == rows


def test_rules_with_another_by_have_nothing_of_these_series() -> None:
    """Their digest is the same, the labels in the keys are not."""
    partition = told(RULES[:1], [Session(0, {"cost_usd": 1.0}, "s", {"agent": "a"})])
    rows = written(partition)
    other = RuleBook((replace(RULES[0], by=("tenant",)),))
    after = restored(partition, rows, other, at_once=True)
    assert len(after) == 1
    key = series_key({"agent": "a"})
    assert after._all.group_at(after._all.addresses[key]).plans == []


def test_a_row_that_is_damaged_is_named() -> None:
    """Among many others, and nothing is guessed."""
    sessions = [
        Session(n, {"cost_usd": 1.0}, f"s{n}", {"agent": f"a{n}"}) for n in range(50)
    ]
    partition = told(RULES, sessions)
    rows = written(partition)
    key = series_key({"agent": "a31"})
    state = msgspec.msgpack.decode(rows[key])
    state[WORDS] = state[WORDS][:-1]
    rows[key] = msgspec.msgpack.encode(state)
    with pytest.raises(ValueError, match=r'series \{"agent":"a31"\} is damaged'):
        restored(partition, rows, RuleBook(RULES), at_once=True)


def test_a_series_goes_on_in_the_seconds_in_which_it_would_have() -> None:
    """Windows of time have timers of their own."""
    window = rule(
        "sum", "cost_usd", threshold(5.0), by=BY, window=Window(span_us=9 * SECOND_US)
    )
    sessions = [
        Session(n, {"cost_usd": 1.0}, f"s{n}", {"agent": f"a{n % 7}"})
        for n in range(60)
    ]
    partition = told((window,), sessions)
    after = restored(partition, written(partition), RuleBook((window,)), at_once=True)
    assert alerts(after.run_due(LATER_US, inclusive=True)) == alerts(
        partition.run_due(LATER_US, inclusive=True)
    )
