"""After a standstill: old news is held, what ended meanwhile is not told."""

from typing import Any

from detectors.transitions import rfc3339

_HOUR_S = 3600
_NOW_S = 100_000


def _desk(scene: Any, **more: Any) -> Any:
    desk = scene.Desk(scene.routing(**more), standstill=True)
    desk.now_us = _NOW_S * scene.S
    return desk


def _clock(scene: Any, at_s: float, partition: int = 0) -> Any:
    return scene.clock(partition=partition, time=rfc3339(int(at_s * scene.S)))


class TestHolding:
    def test_fresh_news_is_not_held(self, scene: Any) -> None:
        """The clock is near the wall clock: ``group_wait`` and no more."""
        desk = _desk(scene).take(scene.line(_NOW_S - 60, "firing"), at_s=_NOW_S)
        assert desk.until(_NOW_S + 60).told() == [(_NOW_S + 10, "firing", 1)]
        assert not desk.deliveries[0].late

    def test_old_news_is_held_until_the_clock_has_caught_up(self, scene: Any) -> None:
        """Then it is told, and marked late."""
        desk = _desk(scene).take(scene.line(_NOW_S - _HOUR_S, "firing"), at_s=_NOW_S)
        desk.take(_clock(scene, _NOW_S - 1800), at_s=_NOW_S + 30)
        assert desk.until(_NOW_S + 59).lines == []
        desk.take(_clock(scene, _NOW_S), at_s=_NOW_S + 60).until(_NOW_S + 61)
        assert desk.told() == [(_NOW_S + 60, "firing", 1)]
        assert desk.deliveries[0].late

    def test_what_was_old_when_it_came_is_late_though_nothing_was_held(
        self, scene: Any
    ) -> None:
        """The backlog was short: the clock caught up before the flush was due."""
        desk = _desk(scene).take(scene.line(_NOW_S - 400, "firing"), at_s=_NOW_S)
        desk.take(_clock(scene, _NOW_S), at_s=_NOW_S + 1).until(_NOW_S + 11)
        assert desk.told() == [(_NOW_S + 10, "firing", 1)]
        assert desk.deliveries[0].late

    def test_it_is_held_for_five_minutes_at_most(self, scene: Any) -> None:
        """A clock that never catches up keeps nobody in the dark."""
        desk = _desk(scene).take(scene.line(_NOW_S - _HOUR_S, "firing"), at_s=_NOW_S)
        desk.until(_NOW_S + 1000)
        assert desk.told() == [(_NOW_S + 310, "firing", 1)]
        assert desk.deliveries[0].late

    def test_what_fired_and_ended_meanwhile_is_not_told(self, scene: Any) -> None:
        """Only what still fires is news."""
        desk = _desk(scene).take(
            scene.line(_NOW_S - _HOUR_S, "firing"),
            scene.line(_NOW_S - 1800, "resolved"),
            at_s=_NOW_S,
        )
        assert desk.until(_NOW_S + 1000).lines == []

    def test_what_fires_again_and_again_meanwhile_is_told_once(
        self, scene: Any
    ) -> None:
        """The generation that still fires is told."""
        start = _NOW_S - _HOUR_S
        desk = _desk(scene).take(
            scene.line(start, "firing"),
            scene.line(start + 600, "resolved"),
            scene.line(start + 1200, "firing", generation=2),
            scene.line(start + 1800, "resolved", generation=2),
            scene.line(start + 2400, "firing", generation=3),
            at_s=_NOW_S,
        )
        desk.until(_NOW_S + 1000)
        assert desk.told() == [(_NOW_S + 310, "firing", 3)]

    def test_another_partition_does_not_free_it(self, scene: Any) -> None:
        """Each partition has its own clock."""
        desk = _desk(scene).take(
            scene.line(_NOW_S - _HOUR_S, "firing", partition=1), at_s=_NOW_S
        )
        desk.take(_clock(scene, _NOW_S, partition=0), at_s=_NOW_S + 20)
        assert desk.until(_NOW_S + 100).lines == []

    def test_a_clock_nobody_knows_yet_frees_nothing(self, scene: Any) -> None:
        """A source partition that was not heard of leaves the clock unknown."""
        desk = _desk(scene).take(scene.line(_NOW_S - _HOUR_S, "firing"), at_s=_NOW_S)
        desk.take(scene.clock(partition=0, time=None), at_s=_NOW_S + 20)
        assert desk.until(_NOW_S + 100).lines == []

    def test_an_escalation_of_what_was_told_is_not_held(self, scene: Any) -> None:
        """It is no first news."""
        desk = _desk(scene).take(scene.line(_NOW_S, "firing"), at_s=_NOW_S)
        desk.until(_NOW_S + 20)
        later = scene.line(_NOW_S + 5, "firing", severity="critical")
        desk.take(later, at_s=_NOW_S + _HOUR_S).until(_NOW_S + _HOUR_S + 1)
        assert desk.told()[-1] == (_NOW_S + _HOUR_S, "escalated", 1)


class TestPaying:
    def test_ends_that_are_owed_are_told_at_once(self, scene: Any) -> None:
        """Told firing before the standstill, ended meanwhile."""
        desk = _desk(scene).take(scene.line(_NOW_S, "firing"), at_s=_NOW_S)
        desk.until(_NOW_S + 60).restart()
        back_s = _NOW_S + 2 * _HOUR_S
        desk.now_us = back_s * scene.S
        desk.take(scene.line(_NOW_S + 600, "resolved"), at_s=back_s).until(back_s + 1)
        assert desk.told()[-1] == (back_s, "resolved", 1)

    def test_an_end_is_not_held_with_the_news_that_ended_too(self, scene: Any) -> None:
        """Fired again and ended again in the old log: the first end is due now."""
        desk = _desk(scene, interval_s=10).take(
            scene.line(_NOW_S, "firing"), at_s=_NOW_S
        )
        desk.until(_NOW_S + 60)
        back_s = _NOW_S + 2 * _HOUR_S
        desk.take(
            scene.line(_NOW_S + 600, "resolved"),
            scene.line(_NOW_S + 700, "firing", generation=2),
            at_s=back_s,
        )
        desk.until(back_s + 20)
        assert len(desk.lines) == 1
        ended = scene.line(_NOW_S + 800, "resolved", generation=2)
        desk.take(ended, at_s=back_s + 30).until(back_s + 31)
        assert desk.told()[-1] == (back_s + 30, "resolved", 1)

    def test_a_flush_that_fell_due_meanwhile_waits_for_the_log(
        self, scene: Any
    ) -> None:
        """Fired just before the worker died: whether it still fires is yet to be read."""
        desk = _desk(scene).take(scene.line(_NOW_S, "firing"), at_s=_NOW_S).restart()
        back_s = _NOW_S + 2 * _HOUR_S
        desk.now_us = back_s * scene.S
        desk.until(back_s + 5)
        assert desk.lines == []
        desk.take(scene.line(_NOW_S + 60, "resolved"), at_s=back_s + 10)
        assert desk.until(back_s + 1000).lines == []

    def test_a_short_restart_holds_nothing(self, scene: Any) -> None:
        """Ten seconds without a worker are no standstill."""
        desk = _desk(scene).take(scene.line(_NOW_S, "firing"), at_s=_NOW_S).restart()
        desk.now_us = (_NOW_S + 20) * scene.S
        assert desk.until(_NOW_S + 30).told() == [(_NOW_S + 20, "firing", 1)]
        assert not desk.deliveries[0].late

    def test_replay_holds_nothing(self, scene: Any) -> None:
        """There is one clock, and nothing is late by it."""
        desk = scene.Desk(scene.routing()).take(
            scene.line(_NOW_S - _HOUR_S, "firing"), at_s=_NOW_S
        )
        assert desk.until(_NOW_S + 60).told() == [(_NOW_S + 10, "firing", 1)]
