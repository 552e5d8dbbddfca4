"""What is not told, for how long, and that everything owed is told all the same."""

from typing import Any

import pytest

from alerts.routes import Inhibition, Mute, MuteTime, Route
from alerts.silences import Silence
from detectors.matchers import EVERYTHING, Matchers, equal


def _silence(scene: Any, until_s: float, **labels: str) -> Silence:
    match: dict[str, Any] = dict(labels)
    return Silence("s1", match, 0, int(until_s * scene.S), by="ann")


def _silenced(scene: Any, until_s: float, routing: Any = None, **labels: str) -> Any:
    desk = scene.Desk(routing or scene.routing())
    desk.notifier.requests.silence(_silence(scene, until_s, **labels), 0)
    return desk


def _reasons(desk: Any) -> list[tuple[float, str]]:
    return [(at_s, reason) for at_s, reason, _ in desk.told()]


class TestSilences:
    def test_what_is_silenced_is_not_told(self, scene: Any) -> None:
        """And leaves nothing once it is over: who was never told hears no end."""
        desk = _silenced(scene, 5000, agent="support")
        desk.take(scene.line(100, "firing"), scene.line(900, "resolved"))
        assert desk.until(9000).lines == []
        assert {key[:2] for key in desk.rows} <= {b"a/", b"s/"}

    def test_what_does_not_match_is_told(self, scene: Any) -> None:
        """All conditions must hold."""
        desk = _silenced(scene, 5000, agent="sales").take(scene.line(100, "firing"))
        assert _reasons(desk.until(9000)) == [(110, "firing")]

    def test_what_still_fires_at_its_end_is_told_then(self, scene: Any) -> None:
        """S52: ``unsuppressed``, ``group_wait`` after it."""
        desk = _silenced(scene, 500).take(scene.line(100, "firing")).until(9000)
        assert _reasons(desk) == [(510, "unsuppressed")]

    def test_it_ends_when_it_is_expired(self, scene: Any) -> None:
        """S59: as of then."""
        desk = _silenced(scene, 5000).take(scene.line(100, "firing")).until(300)
        assert desk.notifier.requests.expire("s1", desk.now_us)
        assert _reasons(desk.until(9000)) == [(310, "unsuppressed")]
        assert not desk.notifier.requests.expire("s1", desk.now_us)

    def test_a_silence_of_the_same_id_takes_its_place(self, scene: Any) -> None:
        """Longer, shorter, or about somebody else."""
        desk = _silenced(scene, 500).take(scene.line(100, "firing")).until(300)
        desk.notifier.requests.silence(_silence(scene, 800), desk.now_us)
        assert desk.until(700).lines == []
        desk.notifier.requests.silence(
            _silence(scene, 8000, agent="sales"), desk.now_us
        )
        assert _reasons(desk.until(9000)) == [(710, "unsuppressed")]

    def test_it_survives_a_restart(self, scene: Any) -> None:
        """S59: as a row, until it is over; so does what it held back."""
        desk = _silenced(scene, 500).take(scene.line(100, "firing"))
        desk._act(desk.notifier.run_due(desk.now_us))
        desk.until(200).restart().until(400).restart()
        assert _reasons(desk.until(9000)) == [(510, "unsuppressed")]
        assert not [key for key in desk.rows if key.startswith(b"s/")]

    def test_what_fires_again_under_it_still_owes_the_first_end(
        self, scene: Any
    ) -> None:
        """S51: generation 1 was told; its end is, and 2 only once it may be."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(200)
        desk.notifier.requests.silence(_silence(scene, 5000), desk.now_us)
        desk.take(
            scene.line(210, "resolved"), scene.line(220, "firing", generation=2)
        ).until(9000)
        assert desk.told() == [
            (110, "firing", 1),
            (410, "resolved", 1),
            (5010, "unsuppressed", 2),
        ]

    def test_resolve_is_sent_though_silenced__alertmanager_226(
        self, scene: Any
    ) -> None:
        """S51, S61: a silence that begins after the alert was told hides no end."""
        desk = scene.Desk(scene.routing(repeat_s=600)).take(scene.line(100, "firing"))
        desk.until(200)
        desk.notifier.requests.silence(_silence(scene, 9000), desk.now_us)
        desk.take(scene.line(3000, "resolved")).until(20_000)
        assert _reasons(desk) == [(110, "firing"), (3000, "resolved")]

    def test_repeats_go_on_after_it_and_are_not_made_up(self, scene: Any) -> None:
        """S52, S58: the next one comes at its time."""
        desk = scene.Desk(scene.routing(repeat_s=600)).take(scene.line(100, "firing"))
        desk.until(200)
        desk.notifier.requests.silence(_silence(scene, 1500), desk.now_us)
        assert _reasons(desk.until(2000)) == [(110, "firing"), (1910, "repeat")]

    def test_an_escalation_under_it_is_told_at_its_end(self, scene: Any) -> None:
        """It is news that was held back, and no less news for it."""
        desk = scene.Desk(scene.routing()).take(scene.line(100, "firing")).until(200)
        desk.notifier.requests.silence(_silence(scene, 1500), desk.now_us)
        desk.take(scene.line(800, "firing", severity="critical")).until(9000)
        assert _reasons(desk) == [(110, "firing"), (1510, "escalated")]


class TestMutes:
    @pytest.fixture
    def morning(self) -> Mute:
        """Warnings between 00:00 and 02:00 on the first of January 1970."""
        times = (MuteTime(start_minute=0, end_minute=120),)
        return Mute(Matchers((equal("severity", "warning"),)), times)

    def test_still_firing_when_the_mute_ends__alertmanager_3367(
        self, scene: Any, morning: Mute
    ) -> None:
        """S52: it is told, ``group_wait`` after the end."""
        desk = scene.Desk(scene.routing(mute=(morning,)))
        desk.take(scene.line(100, "firing")).until(80_000)
        assert _reasons(desk) == [(7210, "unsuppressed")]

    def test_a_muted_warning_that_turns_critical_is_told_at_once(
        self, scene: Any, morning: Mute
    ) -> None:
        """S56: the current severity counts."""
        desk = scene.Desk(scene.routing(mute=(morning,))).take(
            scene.line(100, "firing"), scene.line(900, "firing", severity="critical")
        )
        assert _reasons(desk.until(5000)) == [(900, "unsuppressed")]

    def test_only_the_unmuted_of_a_group_are_told(
        self, scene: Any, morning: Mute
    ) -> None:
        """S57: the muted one follows at the end."""
        desk = scene.Desk(scene.routing(mute=(morning,), group_by=("rule",))).take(
            scene.line(100, "firing"),
            scene.line(100, "firing", alert_id="b", severity="critical"),
        )
        desk.until(80_000)
        assert [note.alert_ids for note in desk.lines] == [("b",), ("a1",)]

    def test_a_flush_that_sent_nothing_starts_no_interval(
        self, scene: Any, morning: Mute
    ) -> None:
        """S42: the first that may be told waits for ``group_wait`` alone."""
        desk = scene.Desk(scene.routing(mute=(morning,), group_by=("rule",))).take(
            scene.line(100, "firing"),
            scene.line(120, "firing", alert_id="b", severity="critical"),
        )
        assert _reasons(desk.until(500)) == [(130, "firing")]

    def test_repeats_inside_a_mute_are_not_made_up(self, scene: Any) -> None:
        """S58: told before it, it is repeated after it at its time."""
        mute = Mute(EVERYTHING, (MuteTime(start_minute=30, end_minute=120),))
        desk = scene.Desk(scene.routing(mute=(mute,), repeat_s=1000))
        desk.take(scene.line(100, "firing")).until(8500)
        assert _reasons(desk) == [(110, "firing"), (1110, "repeat"), (8110, "repeat")]


class TestInhibition:
    @pytest.fixture
    def desk(self, scene: Any) -> Any:
        """Whatever is down keeps slow ones of the same agent from being told."""
        inhibition = Inhibition(
            Matchers((equal("rule", "down"),)),
            Matchers((equal("rule", "slow", "down"),)),
            ("agent",),
        )
        return scene.Desk(scene.routing(inhibit=(inhibition,)))

    def _line(self, scene: Any, at_s: float, rule: str, to: str, **more: Any) -> Any:
        labels = {"agent": "support"}
        values = {"alert_id": rule, "rule": rule, "labels": labels, **more}
        return scene.line(at_s, to, **values)

    def test_a_target_is_not_told_while_its_source_fires(
        self, scene: Any, desk: Any
    ) -> None:
        """S53: and is, ``group_wait`` after the source is over."""
        desk.take(
            self._line(scene, 100, "down", "firing"),
            self._line(scene, 101, "slow", "firing"),
            self._line(scene, 500, "down", "recovering"),
            self._line(scene, 900, "down", "resolved"),
        ).until(9000)
        told = [(note.alert_ids[0], str(note.reason)) for note in desk.lines]
        assert told == [
            ("down", "firing"),
            ("down", "resolved"),
            ("slow", "unsuppressed"),
        ]
        assert desk.told()[-1][0] == 910

    def test_it_counts_when_the_target_would_be_told(
        self, scene: Any, desk: Any
    ) -> None:
        """S53: a source that comes inside ``group_wait`` is in time."""
        desk.take(
            self._line(scene, 100, "slow", "firing"),
            self._line(scene, 105, "down", "firing"),
        ).until(900)
        assert [note.alert_ids for note in desk.lines] == [("down",)]

    def test_another_agent_is_told(self, scene: Any, desk: Any) -> None:
        """S53: they must agree in the labels of ``equal``."""
        desk.take(
            self._line(scene, 100, "down", "firing"),
            self._line(scene, 101, "slow", "firing", labels={"agent": "sales"}),
        ).until(900)
        assert len(desk.lines) == 2

    def test_missing_equals_empty(self, scene: Any, desk: Any) -> None:
        """S53: none and the empty agent are the same."""
        desk.take(
            self._line(scene, 100, "down", "firing", labels={"agent": ""}),
            self._line(scene, 101, "slow", "firing", labels={}),
        ).until(900)
        assert [note.alert_ids for note in desk.lines] == [("down",)]

    def test_an_alert_on_both_sides_is_not_inhibited_by_another(
        self, scene: Any, desk: Any
    ) -> None:
        """S53: nor by itself."""
        desk.take(
            self._line(scene, 100, "down", "firing"),
            self._line(scene, 101, "down", "firing", alert_id="down-2"),
        ).until(900)
        assert desk.lines[0].alert_ids == ("down", "down-2")

    def test_both_end_at_once(self, scene: Any, desk: Any) -> None:
        """S54: nothing is sent for the target."""
        desk.take(
            self._line(scene, 100, "down", "firing"),
            self._line(scene, 101, "slow", "firing"),
            self._line(scene, 900, "down", "resolved"),
            self._line(scene, 900, "slow", "resolved"),
        ).until(9000)
        assert {note.alert_ids for note in desk.lines} == {("down",)}

    def test_a_silenced_source_still_inhibits(self, scene: Any, desk: Any) -> None:
        """S53: it fires, though nobody is told."""
        desk.notifier.requests.silence(_silence(scene, 5000, rule="down"), 0)
        desk.take(
            self._line(scene, 100, "down", "firing"),
            self._line(scene, 101, "slow", "firing"),
        )
        assert desk.until(4000).lines == []

    def test_a_restart_knows_what_fires(self, scene: Any, desk: Any) -> None:
        """Sources are found again in their rows."""
        desk.take(
            self._line(scene, 100, "down", "firing"),
            self._line(scene, 101, "slow", "firing"),
        ).until(300)
        desk.restart().until(400)
        desk.take(self._line(scene, 500, "down", "resolved")).until(9000)
        assert desk.told()[-1] == (510, "unsuppressed", 1)


class TestAcknowledgements:
    def _ack(self, scene: Any, desk: Any, for_s: float, **labels: str) -> int:
        found: int = desk.notifier.requests.ack(
            dict(labels),
            by="ann",
            at_us=desk.now_us,
            until_us=desk.now_us + int(for_s * scene.S),
            now_us=desk.now_us,
        )
        desk._act(desk.notifier.run_due(desk.now_us))
        return found

    @pytest.fixture
    def desk(self, scene: Any) -> Any:
        """Repeats come every ten minutes; one alert was told."""
        desk = scene.Desk(scene.routing(repeat_s=600))
        return desk.take(scene.line(100, "firing", peak=4.0, value=4.0)).until(200)

    def test_it_stops_repeats_until_its_time_is_up(self, scene: Any, desk: Any) -> None:
        """S60: then the one that is overdue comes."""
        assert self._ack(scene, desk, 2000, agent="support") == 1
        assert _reasons(desk.until(2400)) == [(110, "firing"), (2200, "repeat")]

    def test_it_is_about_what_matches(self, scene: Any, desk: Any) -> None:
        """Another agent's is none."""
        assert self._ack(scene, desk, 2000, agent="sales") == 0
        assert _reasons(desk.until(800))[-1] == (710, "repeat")

    def test_it_survives_a_restart(self, scene: Any, desk: Any) -> None:
        """Its owner and its time stand in the alert's row."""
        self._ack(scene, desk, 2000)
        assert _reasons(desk.restart().until(2100)) == [(110, "firing")]

    def test_it_never_hides_an_escalation_or_the_end(
        self, scene: Any, desk: Any
    ) -> None:
        """S60: and a level that rises ends it."""
        self._ack(scene, desk, 9000)
        desk.take(scene.line(800, "firing", severity="critical"))
        desk.take(scene.line(1700, "resolved", severity="critical")).until(9000)
        assert _reasons(desk)[1:] == [
            (800, "escalated"),
            (1400, "repeat"),
            (1700, "resolved"),
        ]

    @pytest.mark.parametrize(("value", "ends"), [(6.0, False), (6.1, True)])
    def test_a_value_far_beyond_the_peak_ends_it(
        self, scene: Any, desk: Any, value: float, *, ends: bool
    ) -> None:
        """S60: beyond 1.5 times what it was at the acknowledgement."""
        self._ack(scene, desk, 9000)
        update = scene.update(
            time="1970-01-01T00:15:00Z",
            alert_id="a1",
            seq=900_000,
            value=value,
            peak=value,
            sessions=3,
        )
        desk.take(update, at_s=900).until(1000)
        assert (_reasons(desk)[-1] == (900, "repeat")) is ends

    def test_where_lower_is_worse_a_value_far_below_ends_it(self, scene: Any) -> None:
        """S60: below the peak / 1.5."""
        bad = {"metric": "quality_score", "threshold": 60.0}
        desk = scene.Desk(scene.routing(repeat_s=600))
        desk.take(scene.line(100, "firing", peak=45.0, value=45.0, **bad)).until(200)
        self._ack(scene, desk, 9000)
        desk.take(scene.line(900, "recovering", peak=45.0, value=70.0, **bad))
        desk.take(scene.line(950, "firing", peak=29.0, value=29.0, **bad)).until(1000)
        assert _reasons(desk)[-1] == (950, "repeat")

    def test_the_next_generation_is_not_acknowledged(
        self, scene: Any, desk: Any
    ) -> None:
        """S60: it holds for one generation."""
        self._ack(scene, desk, 99_000)
        desk.take(
            scene.line(300, "resolved"), scene.line(900, "firing", generation=2)
        ).until(1600)
        assert _reasons(desk)[-1] == (1510, "repeat")

    def test_only_what_is_not_acknowledged_is_repeated(self, scene: Any) -> None:
        """S46: the others of the group are left out."""
        desk = scene.Desk(scene.routing(repeat_s=600, group_by=("rule",))).take(
            scene.line(100, "firing"),
            scene.line(100, "firing", alert_id="b", labels={"agent": "b"}),
        )
        desk.until(200)
        self._ack(scene, desk, 9000, agent="b")
        desk.until(800)
        assert desk.lines[-1].alert_ids == ("a1",)


class TestEscalation:
    @pytest.fixture
    def desk(self, scene: Any) -> Any:
        """After fifteen minutes without an acknowledgement on-call is told."""
        from alerts.routes import Escalate

        route = Route(1, "agents", escalate=Escalate(900 * scene.S, "on-call"))
        return scene.Desk(scene.routing(route))

    def _ack(self, scene: Any, desk: Any, for_s: float) -> None:
        now_us = desk.now_us
        desk.notifier.requests.ack(
            {},
            by="ann",
            at_us=now_us,
            until_us=now_us + int(for_s * scene.S),
            now_us=now_us,
        )

    def test_nobody_acknowledged(self, scene: Any, desk: Any) -> None:
        """The next receiver is told exactly then, and its end too."""
        desk.take(scene.line(100, "firing"), scene.line(3000, "resolved")).until(9000)
        assert desk.told("on-call") == [(1010, "firing", 1), (3000, "resolved", 1)]
        assert desk.told("agents") == [(110, "firing", 1), (3000, "resolved", 1)]

    def test_somebody_did(self, scene: Any, desk: Any) -> None:
        """Nobody else is told while that holds; then it is overdue."""
        desk.take(scene.line(100, "firing")).until(500)
        self._ack(scene, desk, 1000)
        assert desk.until(1400).told("on-call") == []
        assert desk.until(2000).told("on-call") == [(1500, "firing", 1)]

    def test_what_is_over_is_not_escalated(self, scene: Any, desk: Any) -> None:
        """Nor does the next generation inherit the time of the last."""
        desk.take(
            scene.line(100, "firing"),
            scene.line(800, "resolved"),
            scene.line(900, "firing", generation=2),
        ).until(1700)
        assert desk.told("on-call") == []
        assert desk.until(2000).told("on-call") == [(1810, "firing", 2)]

    def test_what_nobody_was_told_is_not_escalated(self, scene: Any, desk: Any) -> None:
        """The time runs from the telling, not from the firing."""
        desk.notifier.requests.silence(_silence(scene, 5000), 0)
        desk.take(scene.line(100, "firing")).until(9000)
        assert desk.told("on-call") == [(5910, "firing", 1)]

    def test_what_is_silenced_then_is_told_at_the_silences_end(
        self, scene: Any, desk: Any
    ) -> None:
        """S52: ``group_wait`` after it, as everybody else, and not if it is over then."""
        desk.take(scene.line(100, "firing")).until(500)
        desk.notifier.requests.silence(_silence(scene, 3000), desk.now_us)
        assert desk.until(3009).told("on-call") == []
        desk.take(scene.line(3009, "resolved")).until(3500)
        assert desk.told("on-call") == []
        desk.take(scene.line(4000, "firing", generation=2)).until(4500)
        desk.notifier.requests.silence(_silence(scene, 6000), desk.now_us)
        assert desk.until(9000).told("on-call") == [(6010, "unsuppressed", 2)]

    def test_it_survives_a_restart(self, scene: Any, desk: Any) -> None:
        """Both the time that runs and who was told."""
        desk.take(scene.line(100, "firing")).until(500).restart().until(1100)
        assert desk.told("on-call") == [(1010, "firing", 1)]
        desk.restart().take(scene.line(3000, "resolved")).until(9000)
        assert desk.told("on-call")[1:] == [(3000, "resolved", 1)]

    def test_a_clock_that_stopped_escalates_nothing(
        self, scene: Any, desk: Any
    ) -> None:
        """S4."""
        desk.take(scene.line(100, "firing")).until(200)
        desk.notifier.drain()
        assert desk.until(9000).told("on-call") == []
