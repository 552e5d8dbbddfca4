"""Silence, and the end of a series."""

from __future__ import annotations

from detectors.rules import SECOND_US, Absence, Window
from detectors.rules import rule as make_rule
from tests.unit.detectors.scenes import Scene, alerts, changes, threshold, transitions

BY = ("agent",)
silent = make_rule("silent", "sessions", Absence(30 * SECOND_US), by=BY)
DAY_S = 86_400


def test_silence_fires_by_a_timer_and_ends_with_a_session() -> None:
    """S32, S16: the gap is reached, to the microsecond; the next session resolves."""
    scene = Scene(silent)
    scene.session(0)
    scene.session(10)
    scene.tick(100)
    scene.session(120)
    scene.session(121)
    assert changes(scene.said) == [
        (0, "insufficient", "ok"),
        (40, "ok", "firing"),
        (120, "firing", "resolved"),
        (121, "resolved", "ok"),
    ]
    fired = transitions(scene.said)[1]
    assert (fired.value, fired.threshold, fired.session_id) == (30.0, 30.0, None)
    assert fired.reason == "no session for 30s"


def test_a_late_session_is_no_sign_of_life() -> None:
    """S5: one that itself lies as far back as the silence does not end it."""
    scene = Scene(silent)
    scene.session(0)
    scene.tick(200)
    assert alerts(scene.session(50)) == []
    assert alerts(scene.session(190)) == [(200, "firing", "resolved")]


def test_a_series_that_begins_late_is_told_at_the_clocks_time() -> None:
    """S3, S5: no line goes back behind the clock."""
    scene = Scene(silent)
    scene.session(500, labels={"agent": "other"})
    scene.session(100, labels={"agent": "a"})
    assert alerts(scene.tick(501)) == [(500, "ok", "firing")]


def test_after_retention_a_series_is_forgotten_and_its_alerts_resolved() -> None:
    """S32: with reason retention; all go back to where all begin."""
    costly = make_rule("costly", "cost_usd", threshold(1.0), by=BY, window=Window(1))
    scene = Scene(silent, costly, retention_us=100 * SECOND_US)
    scene.session(0, cost_usd=5)
    assert len(scene.partition) == 1
    lines = transitions(scene.tick(1000))
    assert [
        (line.rule, *change) for line, change in zip(lines, changes(lines), strict=True)
    ] == [
        ("silent", 30, "ok", "firing"),
        ("silent", 100, "firing", "resolved"),
        ("silent", 100, "resolved", "insufficient"),
        ("costly", 100, "firing", "resolved"),
        ("costly", 100, "resolved", "insufficient"),
    ]
    assert {line.reason for line in lines[1:]} == {"retention"}
    assert len(scene.partition) == 0
    assert scene.partition.open_alerts() == []


def test_a_forgotten_series_begins_anew_above_its_last_line() -> None:
    """The seq rises, windows and generations begin again."""
    scene = Scene(silent, retention_us=30_000_000)
    scene.session(0)
    scene.tick(30.000001)
    before = transitions(scene.said)[-1]
    (born,) = transitions(scene.session(30.000002))
    assert (born.from_state, born.to_state) == ("insufficient", "ok")
    assert born.seq > before.seq


def test_a_tombstone_follows_once_a_seal_has_passed() -> None:
    """A crash in between must not bring the series back."""
    scene = Scene(silent, retention_us=50 * SECOND_US)
    scene.session(0)
    scene.tick(1000)
    ((key, mark),) = scene.partition.take_dirty()
    assert mark is not None
    assert scene.partition.take_dirty() == []
    scene.partition.seal(1)
    assert scene.partition.take_dirty() == [(key, None)]
    scene.partition.seal(2)
    assert scene.partition.take_dirty() == []


def test_a_session_keeps_a_series_alive() -> None:
    """S32: retention begins anew."""
    scene = Scene(silent, retention_us=7 * DAY_S * SECOND_US)
    scene.session(0)
    scene.session(6 * DAY_S)
    scene.tick(12 * DAY_S)
    assert len(scene.partition) == 1
    scene.tick(13 * DAY_S + 1)
    assert len(scene.partition) == 0
