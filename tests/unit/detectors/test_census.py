"""The census: how many series carry a label's value, and how many of them fire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from detectors.matchers import Matchers, equal
from detectors.rules import SECOND_US, Anomaly, Rule, rule
from detectors.state import census
from detectors.state.stage import Said
from detectors.transitions import Census, FirstCensus, decode_line, encode_line
from tests.unit.detectors.scenes import Scene, at, threshold

Told = tuple[float, str, str, int, int]


def _dear(**changes: Any) -> Rule:
    """A rule on each session's cost, by model and tenant."""
    values: dict[str, Any] = {
        "by": ("model", "tenant"),
        "keep_firing_for_us": 150 * SECOND_US,
    }
    return rule("dear", "cost_usd", threshold(4.0), **(values | changes))


def _fleet(*rules: Rule) -> Scene:
    """Five tenants on the model x, three on y; all is well."""
    scene = Scene(*rules)
    for number in range(8):
        _session(scene, 0, "x" if number < 5 else "y", number, 1.0)
    return scene


def _session(scene: Scene, at_s: float, model: str, tenant: int, cost: float) -> None:
    scene.session(at_s, labels={"model": model, "tenant": f"t{tenant}"}, cost_usd=cost)


def _censuses(lines: Iterable[Said], kind: type[Census] = Census) -> list[Told]:
    """When, of which value, how many series, and how many fire."""
    return [
        (at(line), line.label, line.name, line.series, line.firing)
        for line in lines
        if type(line) is kind
    ]


class TestCounts:
    def test_values_that_a_firing_series_carries_are_counted(self) -> None:
        """With all the series that carry them, also those that are well."""
        scene = _fleet(_dear())
        _session(scene, 10, "x", 1, 9.0)
        _session(scene, 20, "x", 2, 9.0)
        scene.tick(61)
        assert _censuses(scene.said) == [
            (60, "model", "x", 5, 2),
            (60, "tenant", "t1", 1, 1),
            (60, "tenant", "t2", 1, 1),
        ]

    def test_the_whole_rule_is_counted_too(self) -> None:
        """So that it can be told whom it does not concern."""
        scene = _fleet(_dear())
        _session(scene, 10, "x", 1, 9.0)
        scene.tick(61)
        known = [line for line in scene.said if isinstance(line, Census)]
        assert {(line.all_series, line.all_firing) for line in known} == {(8, 1)}

    def test_series_that_come_and_go_meanwhile_are_counted(self) -> None:
        """A census tells how it is at its time."""
        scene = _fleet(_dear())
        _session(scene, 10, "x", 1, 9.0)
        scene.tick(61)
        _session(scene, 70, "x", 17, 1.0)
        scene.tick(121)
        model = [told for told in _censuses(scene.said) if told[1] == "model"]
        assert model == [(60, "model", "x", 5, 1), (120, "model", "x", 6, 1)]

    def test_forgotten_series_are_not_counted(self) -> None:
        """After ``retention`` without a session; what fires has had some."""
        scene = Scene(_dear(), retention_us=100 * SECOND_US)
        for tenant in range(3):
            _session(scene, 0, "x", tenant, 1.0)
        for at_s in (50, 95):
            _session(scene, at_s, "x", 1, 9.0)
        scene.tick(121)
        model = [told for told in _censuses(scene.said) if told[1] == "model"]
        assert model == [(60, "model", "x", 3, 1), (120, "model", "x", 1, 1)]

    @pytest.mark.parametrize("kind", [threshold(4.0), Anomaly()])
    def test_series_that_where_never_matched_are_not_the_rules(self, kind: Any) -> None:
        """Only of its own series a rule says how many there are."""
        where = Matchers((equal("tenant", "t1", "t2", "t3"),))
        odd = rule("odd", "cost_usd", kind, by=("model", "tenant"), where=where)
        scene = _fleet(odd, _dear(by=("model",)))
        for number in range(60):
            _session(scene, 1 + number / 10, "x", 1, 1.0 + number % 7 / 100)
        _session(scene, 10, "x", 1, 9_000.0)
        scene.tick(61)
        found = {
            (line.rule, line.label, line.name): (line.series, line.all_series)
            for line in scene.said
            if isinstance(line, Census)
        }
        assert found["odd", "model", "x"] == (3, 3)
        assert found["dear", "model", "x"] == (1, 2)

    def test_a_missing_label_is_a_value_like_others(self) -> None:
        """S18: missing equals empty."""
        scene = Scene(_dear())
        scene.session(10, labels={"model": "x"}, cost_usd=9.0)
        scene.tick(61)
        assert (60, "tenant", "", 1, 1) in _censuses(scene.said)

    def test_static_labels_tell_nothing_apart(self) -> None:
        """All series of the rule carry them: they are not counted."""
        scene = _fleet(_dear(labels={"team": "platform"}))
        _session(scene, 10, "x", 1, 9.0)
        scene.tick(61)
        assert {told[1] for told in _censuses(scene.said)} == {"model", "tenant"}

    def test_of_very_many_values_those_that_fire_most_are_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A million users are no million lines a minute."""
        monkeypatch.setattr(census, "MOST", 2)
        scene = _fleet(_dear(by=("model", "tenant")))
        for tenant, model in ((1, "x"), (2, "x"), (2, "y"), (3, "x")):
            _session(scene, 10, model, tenant, 9.0)
        scene.tick(61)
        told = [name for _, label, name, _, _ in _censuses(scene.said) if "t" in label]
        assert told == ["t1", "t2"]


class TestTimes:
    def test_it_is_taken_once_a_minute_while_something_fires(self) -> None:
        """At whole minutes of the clock, from the first to the last."""
        scene = _fleet(_dear())
        _session(scene, 10, "x", 1, 9.0)
        scene.tick(1_000)
        assert [told[0] for told in _censuses(scene.said) if told[1] == "model"] == [
            60,
            120,
        ]

    def test_while_nothing_fires_there_is_none(self) -> None:
        """Nobody would ask."""
        scene = _fleet(_dear())
        scene.tick(100_000)
        assert _censuses(scene.said) == []

    def test_what_begins_at_the_very_minute_is_counted(self) -> None:
        """S2: the evidence counts first."""
        scene = _fleet(_dear())
        _session(scene, 60, "x", 1, 9.0)
        scene.tick(61)
        assert (60, "model", "x", 5, 1) in _censuses(scene.said)

    def test_a_rule_that_begins_to_fire_is_counted_at_once(self) -> None:
        """The first message need not wait for the minute; a kind of its own tells it."""
        scene = _fleet(_dear())
        _session(scene, 10, "x", 1, 9.0)
        _session(scene, 12, "x", 2, 9.0)
        assert _censuses(scene.said, FirstCensus) == [
            (10, "model", "x", 5, 1),
            (10, "tenant", "t1", 1, 1),
        ]

    def test_it_is_counted_anew_when_it_fires_anew(self) -> None:
        """After all of its alerts were over."""
        scene = _fleet(_dear())
        _session(scene, 10, "x", 1, 9.0)
        _session(scene, 500, "y", 6, 9.0)
        assert [told[:3] for told in _censuses(scene.said, FirstCensus)] == [
            (10, "model", "x"),
            (10, "tenant", "t1"),
            (500, "model", "y"),
            (500, "tenant", "t6"),
        ]

    def test_a_restart_is_not_seen(self) -> None:
        """The next one comes at its minute, with the series there are."""
        scene = _fleet(_dear())
        _session(scene, 10, "x", 1, 9.0)
        after = scene.restart()
        after.tick(61)
        scene.tick(61)
        assert _censuses(after.said) == _censuses(scene.said) != []


def test_it_is_one_line_with_the_names_of_the_contract() -> None:
    """The first eight and their order are fixed; it reads back."""
    scene = _fleet(_dear())
    _session(scene, 10, "x", 1, 9.0)
    scene.tick(61)
    line = next(line for line in scene.said if type(line) is Census)
    assert encode_line(line) == (
        b'{"kind":"census","time":"2023-11-14T00:01:00Z","partition":0,"rule":"dear",'
        b'"label":"model","name":"x","series":5,"firing":1,"all_series":8,'
        b'"all_firing":1}'
    )
    assert decode_line(encode_line(line)) == line
