"""Which alert of one run is which of another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.rules import Severity
from loopwatch.backtesting.pairs import has_moved, pairs
from loopwatch.backtesting.record import Episode, Record


def record(spans: dict[str, list[tuple[int, int | None]]]) -> Record:
    """Alerts by id, each with when it fired and ended."""
    found = Record()
    for name, times in spans.items():
        found.episodes[name] = [
            Episode(name, "rule", {}, Severity.WARNING, None, fired, resolved)
            for fired, resolved in times
        ]
    return found


@st.composite
def histories(draw: st.DrawFn) -> Record:
    """Alerts that fire one after the other; the last of each may still fire."""
    spans = {}
    for name in draw(st.sets(st.sampled_from("ab"))):
        cuts = sorted(draw(st.sets(st.integers(0, 30), max_size=9)))
        ends: list[int | None] = [*cuts[1::2]]
        begins = cuts[::2]
        spans[name] = list(zip(begins, [*ends, None][: len(begins)], strict=True))
    return record(spans)


@given(before=histories(), after=histories())
def test_every_alert_is_counted_once(before: Record, after: Record) -> None:
    """Each stands in one pair, with one of its own that fires at the same time."""
    found = pairs(before, after)
    old = [one for one, _ in found if one is not None]
    new = [one for _, one in found if one is not None]
    assert sorted(map(id, old)) == sorted(map(id, before.all_episodes()))
    assert sorted(map(id, new)) == sorted(map(id, after.all_episodes()))
    for one, other in found:
        if one is not None and other is not None:
            assert one.alert_id == other.alert_id
            assert one.resolved_us is None or one.resolved_us >= other.fired_us
            assert other.resolved_us is None or other.resolved_us >= one.fired_us


@given(before=histories(), after=histories())
def test_the_other_way_round_it_is_the_same(before: Record, after: Record) -> None:
    """Added is removed, and what is one alert is one."""
    there = {(id(old), id(new)) for old, new in pairs(before, after)}
    back = {(id(old), id(new)) for new, old in pairs(after, before)}
    assert there == back


@given(one=histories())
def test_against_itself_nothing_has_moved(one: Record) -> None:
    """Every alert is its own."""
    for old, new in pairs(one, one):
        assert old is new
        assert old is not None
        assert not has_moved(old, old)


def test_an_alert_that_splits_is_one_that_ends_and_one_that_is_new() -> None:
    """The second part pages anew."""
    before, after = record({"a": [(0, 10)]}), record({"a": [(0, 4), (6, 10)]})
    (kept, added) = pairs(before, after)
    assert kept[0] is not None
    assert kept[1] is not None
    assert has_moved(kept[0], kept[1])
    assert added[0] is None


def test_alerts_of_different_hours_are_not_one() -> None:
    """One that ends before the other fires is removed, the other added."""
    found = pairs(record({"a": [(0, 4)]}), record({"a": [(5, 9)]}))
    assert [(old is None, new is None) for old, new in found] == [
        (False, True),
        (True, False),
    ]
