"""Fan-in: many series that break within the same minutes are one page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.routes import ALL_LABELS, Escalate, FanIn
from alerts.silences import Silence

_MINUTE_US = 60_000_000
_THREE = FanIn(3, 5 * _MINUTE_US)


def _routing(scene: Any, fan_in: FanIn | None = _THREE, **changes: Any) -> Any:
    """Everything to ``agents``; each alert would be a group of its own."""
    escalate = changes.pop("escalate", None)
    whole = scene.routing(**changes)
    return replace(whole, route=replace(whole.route, fan_in=fan_in, escalate=escalate))


def _line(scene: Any, at_s: float, name: str, to: str = "firing", **more: Any) -> Any:
    """A line of one agent's alert."""
    values = {"alert_id": name, "labels": {"agent": name}, **more}
    return scene.line(at_s, to, **values)


def _break(scene: Any, at_s: float, names: str, step_s: float = 1) -> list[Any]:
    """One agent after the other breaks."""
    return [
        _line(scene, at_s + step_s * number, name) for number, name in enumerate(names)
    ]


def _told(desk: Any) -> list[tuple[float, str, str]]:
    """When, why and which alerts."""
    return [
        (at_s, reason, "".join(note.alert_ids))
        for (at_s, reason, _), note in zip(desk.told(), desk.lines, strict=True)
    ]


class TestOnePage:
    def test_series_that_break_together_are_one_page(self, scene: Any) -> None:
        """Across groups, ``group_wait`` after there were enough of them."""
        desk = scene.Desk(_routing(scene)).take(*_break(scene, 100, "abcde")).until(900)
        assert _told(desk) == [(112, "firing", "abcde")]
        assert len(desk.deliveries) == 1

    def test_its_group_is_named_by_its_beginning(self, scene: Any) -> None:
        """So the next incident is another one, and pages anew."""
        desk = scene.Desk(_routing(scene)).take(*_break(scene, 100, "abc")).until(900)
        assert [note.group for note in desk.lines] == [
            '{fan_in="1970-01-01T00:01:40Z"}'
        ]

    def test_fewer_are_told_as_always(self, scene: Any) -> None:
        """Two of three: each in its own group, at its own time."""
        desk = scene.Desk(_routing(scene)).take(*_break(scene, 100, "ab")).until(900)
        assert _told(desk) == [(110, "firing", "a"), (111, "firing", "b")]

    def test_more_slowly_than_within_is_not_together(self, scene: Any) -> None:
        """Three in ten minutes are no incident of five."""
        lines = _break(scene, 100, "abc", step_s=300)
        desk = scene.Desk(_routing(scene)).take(*lines).until(2_000)
        assert [names for _, _, names in _told(desk)] == ["a", "b", "c"]

    def test_several_alerts_of_one_series_are_one_break(self, scene: Any) -> None:
        """Cost, latency and loops of one agent are one series in trouble."""
        lines = [
            _line(scene, 100, rule, labels={"agent": "a"}, rule=rule)
            for rule in ("cost", "latency", "loops")
        ]
        desk = scene.Desk(_routing(scene)).take(*lines).until(900)
        assert len(desk.deliveries) == 3

    def test_without_fan_in_every_group_speaks(self, scene: Any) -> None:
        """Only a route that asks for it gathers."""
        desk = scene.Desk(_routing(scene, None)).take(*_break(scene, 100, "abcd"))
        assert len(_told(desk.until(900))) == 4

    def test_what_ended_meanwhile_does_not_count(self, scene: Any) -> None:
        """Three must fire at the same time."""
        desk = scene.Desk(_routing(scene)).take(
            *_break(scene, 100, "ab"),
            _line(scene, 103, "a", "resolved"),
            _line(scene, 104, "c"),
        )
        assert _told(desk.until(900)) == [(111, "firing", "b"), (114, "firing", "c")]

    @given(
        steps=st.lists(st.integers(0, 3), min_size=3, max_size=30),
        cut=st.integers(0, 30),
    )
    def test_a_burst_is_one_page_whenever_it_restarts(
        self, scene: Any, steps: list[int], cut: int
    ) -> None:
        """However they come within ``group_wait`` (property)."""
        at_s, lines = 100.0, []
        for number, step in enumerate(steps):
            at_s = min(at_s + step, 109)
            lines.append(_line(scene, at_s, f"n{number:02}"))
        desk = scene.Desk(_routing(scene)).take(*lines[:cut])
        desk.restart().take(*lines[cut:]).until(900)
        firing = [note for note in desk.lines if note.reason == "firing"]
        assert [len(note.alert_ids) for note in firing] == [len(lines)]
        ends = [_line(scene, 1_000, f"n{n:02}", "resolved") for n in range(len(lines))]
        desk.restart().take(*ends).until(2_000)
        (over,) = [note for note in desk.lines if note.reason == "resolved"]
        assert len(over.alert_ids) == len(lines)
        assert desk.notifier.owed() == ()


class TestWhatWasTold:
    def test_what_was_told_stays_where_it_was(self, scene: Any) -> None:
        """S38: and is told there that it is over."""
        desk = scene.Desk(_routing(scene)).take(
            _line(scene, 100, "a"),
            *_break(scene, 150, "bcd"),
            _line(scene, 1_000, "a", "resolved"),
        )
        assert _told(desk.until(2_000)) == [
            (110, "firing", "a"),
            (161, "firing", "bcd"),
            (1_000, "resolved", "a"),
        ]

    def test_what_breaks_soon_after_joins(self, scene: Any) -> None:
        """Told with the next message of the incident, after ``group_interval``."""
        desk = scene.Desk(_routing(scene)).take(
            *_break(scene, 100, "abc"), _line(scene, 200, "d")
        )
        assert _told(desk.until(2_000)) == [
            (112, "firing", "abc"),
            (412, "firing", "d"),
        ]

    def test_what_breaks_later_does_not(self, scene: Any) -> None:
        """Though the incident goes on: it is another matter, and pages."""
        desk = scene.Desk(_routing(scene)).take(
            *_break(scene, 100, "abc"), _line(scene, 500, "d")
        )
        assert _told(desk.until(2_000))[-1] == (510, "firing", "d")

    def test_the_next_burst_pages_anew(self, scene: Any) -> None:
        """While what is left of the first one still fires."""
        desk = scene.Desk(_routing(scene)).take(
            *_break(scene, 100, "abc"), *_break(scene, 5_000, "def")
        )
        assert _told(desk.until(9_000)) == [
            (112, "firing", "abc"),
            (5_012, "firing", "def"),
        ]
        assert len({each.dedup_key for each in desk.deliveries}) == 2

    def test_all_are_told_that_it_is_over(self, scene: Any) -> None:
        """S51: each that was told firing, once; the incident ends with the last."""
        desk = scene.Desk(_routing(scene)).take(
            *_break(scene, 100, "abc"),
            _line(scene, 1_000, "b", "resolved"),
            _line(scene, 2_000, "a", "resolved"),
            _line(scene, 2_000, "c", "resolved"),
        )
        assert _told(desk.until(9_000))[1:] == [
            (1_000, "resolved", "b"),
            (2_000, "resolved", "ac"),
        ]
        assert {key[:2] for key in desk.rows} == {b"a/"}

    def test_what_fires_again_stays_in_the_incident(self, scene: Any) -> None:
        """S45: its receiver hears of the new generation, and of its end."""
        desk = scene.Desk(_routing(scene)).take(
            *_break(scene, 100, "abc"),
            _line(scene, 200, "a", "resolved"),
            _line(scene, 230, "a", generation=2),
            _line(scene, 900, "a", "resolved", generation=2),
        )
        assert _told(desk.until(2_000))[1:] == [
            (412, "firing", "a"),
            (900, "resolved", "a"),
        ]

    def test_without_the_key_nothing_told_is_lost(self, scene: Any) -> None:
        """A file edited meanwhile: members stay, and are told that it is over."""
        desk = scene.Desk(_routing(scene)).take(*_break(scene, 100, "abc")).until(900)
        desk.restart(_routing(scene, None))
        desk.take(*[_line(scene, 1_000, name, "resolved") for name in "abc"])
        assert _told(desk.until(2_000))[1:] == [(1_000, "resolved", "abc")]


class TestWithTheRest:
    def test_every_channel_of_a_receiver_has_the_incident(self, scene: Any) -> None:
        """A page and a message, one each."""
        routing = _routing(scene, agents=(scene.slack, scene.pager))
        desk = scene.Desk(routing).take(*_break(scene, 100, "abcd")).until(900)
        assert sorted(note.channel for note in desk.lines) == ["pagerduty", "slack"]

    def test_an_incident_escalates_as_one(self, scene: Any) -> None:
        """Nobody acknowledged: one page for the next receiver as well."""
        routing = _routing(scene, escalate=Escalate(15 * _MINUTE_US, "on-call"))
        desk = scene.Desk(routing).take(*_break(scene, 100, "abcd")).until(2_000)
        assert [(at_s, reason) for at_s, reason, _ in desk.told("on-call")] == [
            (1_012, "firing")
        ]

    def test_what_is_silenced_is_not_told_with_the_others(self, scene: Any) -> None:
        """S57: it is told when the silence ends, in the incident."""
        desk = scene.Desk(_routing(scene))
        silence = Silence("s1", {"agent": "b"}, 0, 1_000 * scene.S)
        desk.notifier.requests.silence(silence, 0)
        desk.take(*_break(scene, 100, "abcd")).until(3_000)
        assert _told(desk) == [(113 - 1, "firing", "acd"), (1_010, "unsuppressed", "b")]

    def test_severities_that_rise_together_are_one_page(self, scene: Any) -> None:
        """For whom only what is critical is told, the break is then."""
        routing = scene.critical_to_on_call()
        gather = tuple(replace(each, fan_in=_THREE) for each in routing.route.routes)
        routing = replace(routing, route=replace(routing.route, routes=gather))
        worse = [_line(scene, 2_000, name, severity="critical") for name in "abcd"]
        desk = scene.Desk(routing).take(*_break(scene, 100, "abcd"), *worse)
        desk.until(5_000)
        assert [reason for _, reason, _ in desk.told("on-call")] == ["firing"]


@pytest.mark.parametrize("group_by", [("rule",), (), ALL_LABELS])
def test_a_group_that_holds_them_already_gains_nothing(
    scene: Any, group_by: tuple[str, ...]
) -> None:
    """Whatever the groups would have been, the burst is one message."""
    routing = _routing(scene, group_by=group_by)
    desk = scene.Desk(routing).take(*_break(scene, 100, "abcd")).until(900)
    assert len(desk.deliveries) == 1
