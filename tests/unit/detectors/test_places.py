"""``max_series``: beyond it new series are not let in, and those that are there go on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.partition import Partition
from detectors.rules import SECOND_US, RuleBook, rule
from detectors.state.places import Places
from detectors.state.rows import RowError
from detectors.state.seals import Seal
from tests.unit.detectors.scenes import Scene, Session, alerts, threshold

DEAR = rule(
    "dear", "cost_usd", threshold(4.0), by=("agent", "run"), keep_firing_for_us=0
)


def _scene(most: int = 2, **options: Any) -> Scene:
    return Scene(DEAR, max_series=most, **options)


def _runs(scene: Scene, *runs: int, at_s: float = 0, cost: float = 1.0) -> None:
    for run in runs:
        scene.session(at_s, labels=_labels(run), cost_usd=cost)


def _labels(run: int) -> dict[str, str]:
    return {"agent": "a", "run": str(run)}


def _watched(scene: Scene) -> list[str]:
    keys = scene.partition._all.addresses
    return [msgspec.json.decode(key)["run"] for key in keys]


class TestLimit:
    def test_new_series_are_not_let_in(self) -> None:
        """Their sessions are counted, and nothing is said of them."""
        scene = _scene()
        _runs(scene, 1, 2, 3, 4, 3, cost=9.0)
        assert _watched(scene) == ["1", "2"]
        assert scene.partition.counts.turned_away == 3
        assert len(alerts(scene.said)) == 2

    def test_those_that_are_there_go_on(self) -> None:
        """With their alerts: a full partition still tells of what it has."""
        scene = _scene()
        _runs(scene, 1, 2, 3)
        _runs(scene, 2, at_s=10, cost=9.0)
        scene.tick(11)
        assert alerts(scene.said) == [(10, "ok", "firing"), (10, "firing", "resolved")]

    def test_a_place_is_free_once_a_series_is_forgotten(self) -> None:
        """After ``retention``."""
        scene = _scene(retention_us=100 * SECOND_US)
        _runs(scene, 1, 2, 3)
        _runs(scene, 2, at_s=50)
        _runs(scene, 3, 4, at_s=120)
        assert _watched(scene) == ["2", "3"]
        assert scene.partition.counts.turned_away == 2

    def test_where_it_is_free_within_a_block_the_next_one_has_it(self) -> None:
        """Whatever the block: those after it are turned away again."""
        scene = _scene(retention_us=100 * SECOND_US)
        times = [0, 0, 0, 50, 101, 101, 102]
        runs = [1, 2, 3, 2, 4, 3, 4]
        sessions = [
            Session(at_s, {"cost_usd": 1.0}, f"s{number}", _labels(run))
            for number, (at_s, run) in enumerate(zip(times, runs, strict=True))
        ]
        scene.partition.apply(scene.log.batch(sessions), 0)
        assert _watched(scene) == ["2", "4"]
        assert scene.partition.counts.turned_away == 2

    def test_each_partition_has_its_part(self) -> None:
        """Rounded up, so that a small limit leaves place for one."""
        book = RuleBook((DEAR,), max_series=10)
        assert [Partition(book, partitions=n).most for n in (1, 3, 64)] == [10, 4, 1]
        assert Partition(RuleBook((DEAR,))).most is None

    def test_under_a_lower_limit_those_that_are_there_stay(self) -> None:
        """And under a higher one there is place again."""
        scene = _scene(3)
        _runs(scene, 1, 2, 3, 4)
        scene.partition = scene.partition.under(RuleBook((DEAR,), max_series=1))
        _runs(scene, 2, 5, at_s=1)
        assert _watched(scene) == ["1", "2", "3"]
        scene.partition = scene.partition.under(RuleBook((DEAR,), max_series=4))
        _runs(scene, 5, 6, at_s=2)
        assert _watched(scene) == ["1", "2", "3", "5"]

    def test_a_repeat_finds_no_place_either(self) -> None:
        """It is a repeat: known, and not counted again."""
        scene = _scene(1)
        _runs(scene, 1)
        for _ in range(2):
            scene.session(0, session_id="same", labels=_labels(2), cost_usd=1.0)
        counts = scene.partition.counts
        assert (counts.turned_away, counts.duplicates) == (1, 1)


class TestCrowd:
    def test_it_says_which_label_has_no_end_of_values(self) -> None:
        """Of the newest series, and who was turned away first."""
        scene = _scene(2)
        assert scene.partition.crowd() is None
        _runs(scene, 1, 2, 3, 4)
        crowd = scene.partition.crowd()
        assert crowd is not None
        assert (crowd.series, crowd.most, crowd.newest) == (2, 2, 2)
        assert (crowd.label, crowd.values) == ("run", 2)
        assert (crowd.first, crowd.rules) == (_labels(3), ["dear"])


class TestPlaces:
    """What is written before rows, should they be ahead of the seal."""

    def test_nothing_is_written_while_there_is_place(self) -> None:
        """A file without the key costs nothing."""
        places = Places(3)
        assert places.take(b"{}", 2, 7, 1)
        assert places.dump(1, 7) is None

    @given(st.lists(st.booleans(), max_size=40), st.integers(1, 40))
    def test_what_was_decided_is_decided_again(
        self, full: list[bool], every: int
    ) -> None:
        """Whatever the series are that are there by then (property)."""
        places, said, row = Places(5), [], None
        for order, none in enumerate(full, start=1):
            said.append(places.take(b"{}", 5 if none else 4, order, 10))
            if order % every == 0:
                row = places.dump(10, order) or row
        # What was said before the last but one call has been sealed.
        told = len(full) - len(full) % every
        again = Places(5)
        again.ahead = 10
        if row is not None:
            again.load(row)
        for order in range(max(1, told - 2 * every + 1), told + 1):
            assert again.take(b"{}", 0, order, 10) is said[order - 1]
        assert again.take(b"{}", 5, 50, 11) is False

    def test_a_row_of_another_version_is_named(self) -> None:
        """As with all rows."""
        with pytest.raises(RowError, match="places of a partition has version 99"):
            Places(1).load(msgspec.msgpack.encode([99, 0, []]))


def test_a_seal_from_before_there_were_limits_can_be_read() -> None:
    """It counts nobody who was turned away."""
    scene = _scene(2)
    _runs(scene, 1, 2)
    seal = Seal.load(scene.partition.seal(1))
    older = Partition(scene.book)
    older.restore_seal(seal._replace(counts=seal.counts[:-1]).dump())
    assert older.counts == scene.partition.counts
