"""Whatever people do and whatever breaks: what on-call may rely on holds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from alerts.notifications import Notification, Reason
from alerts.routes import (
    ALL_LABELS,
    Escalate,
    FanIn,
    Inhibition,
    Mute,
    MuteTime,
    Route,
    Routing,
)
from alerts.silences import Silence
from detectors.matchers import Matchers, equal
from detectors.transitions import microseconds

_S = 1_000_000
_WAIT_S, _INTERVAL_S, _REPEAT_S = 10, 60, 240
_SEVERITIES = ("info", "warning", "critical")
_ALERTS = {
    f"{kind}-{agent}": {"rule": kind, "agent": agent}
    for kind in ("down", "slow")
    for agent in ("a", "b")
}
_MUTED_S = (600, 1200)
_names = st.sampled_from(sorted(_ALERTS))
Labels = dict[str, dict[str, str]]
_matches = st.sampled_from([{}, {"agent": "a"}, {"rule": "down"}, {"severity": "info"}])


@dataclass(frozen=True)
class _Ack:
    until_s: float
    generation: int
    severity: str
    peak: float | None = None


@dataclass(frozen=True)
class _Life:
    """An alert as the test knows it."""

    name: str
    state: str = "ok"
    generation: int = 0
    severity: str = "warning"
    ack: _Ack | None = None
    value: float | None = None
    peak: float | None = None

    @property
    def fires(self) -> bool:
        return self.state in {"firing", "recovering"}


class Life(RuleBasedStateMachine):
    """Alerts, people, a process that dies, and a file that is edited."""

    scene: Any
    alerts: Labels = _ALERTS
    begin_s = 100.0

    @initialize(
        group_by=st.sampled_from([("rule",), ALL_LABELS, (), ("severity", "agent")]),
        escalates=st.booleans(),
        fan_in=st.sampled_from([None, FanIn(2, 20 * _S), FanIn(3, 100 * _S)]),
    )
    def begin(
        self, group_by: tuple[str, ...], *, escalates: bool, fan_in: FanIn | None
    ) -> None:
        """Warnings to one receiver, what is critical to another one as well."""
        self.group_by, self.escalates, self.fan_in = group_by, escalates, fan_in
        self.edited = False
        self.desk = self.scene.Desk(self.routing())
        self.at_s = self.begin_s
        self.lives = {name: _Life(name) for name in self.alerts}
        self.silences: dict[str, tuple[dict[str, str], float]] = {}
        self.seen = 0
        # By receiver, group and alert: where a group hangs on the severity, the next
        # generation may be told in another one before the end of the last is.
        self.told: dict[tuple[str, str, str], int] = {}
        self.ended: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        self.free_since_s: dict[str, float] = {}

    def routing(self) -> Routing:
        """Of the file as it stands; edited, the routes change their order and wait."""
        times: dict[str, Any] = {
            "group_by": self.group_by,
            "group_wait_us": _WAIT_S * _S,
            "group_interval_us": _INTERVAL_S * _S,
            "repeat_interval_us": _REPEAT_S * _S,
            "fan_in": None if self.edited else self.fan_in,
        }
        critical = Matchers((equal("severity", "critical"),))
        escalate = Escalate(180 * _S, "on-call") if self.escalates else None
        routes = [
            Route(1, "on-call", critical, go_on=True, **times),
            Route(2, "agents", escalate=escalate, **times),
        ]
        if self.edited:
            routes = [Route(1, "agents", go_on=True, **times), routes[0]]
        whole: Routing = self.scene.routing(
            inhibit=(
                Inhibition(
                    Matchers((equal("rule", "down"),)),
                    Matchers((equal("rule", "slow"),)),
                    ("agent",),
                ),
            ),
            mute=(
                Mute(
                    Matchers((equal("severity", "info"),)),
                    (MuteTime(start_minute=10, end_minute=20),),
                ),
            ),
        )
        root = Route(0, "agents", routes=tuple(routes), **times)
        return replace(whole, route=root)

    # What happens

    @rule(name=_names, choice=st.integers(0, 5), after_s=st.sampled_from([1, 7, 60]))
    def lives_on(self, name: str, choice: int, after_s: int) -> None:
        """An alert takes one of the steps that its life allows."""
        self.pass_time(after_s)
        life = self.lives[name]
        state, generation, severity = life.state, life.generation, life.severity
        if not life.fires:
            state, generation = "firing", generation + 1
            severity = _SEVERITIES[choice % 3]
        elif choice < 2:
            state = "firing"
            at = _SEVERITIES.index(severity)
            severity = _SEVERITIES[(at + 1 + choice) % 3]
        elif choice == 2:
            state = "firing" if life.state == "recovering" else "recovering"
        else:
            state = "resolved"
        self.write(replace(life, state=state, generation=generation, severity=severity))

    @rule(after_s=st.sampled_from([5, 11, 59, 61]))
    def soon(self, after_s: int) -> None:
        """A little time passes."""
        self.pass_time(after_s)

    @rule(after_s=st.sampled_from([75, 300, 1000]))
    def later(self, after_s: int) -> None:
        """So much time passes that all is told that may be."""
        self.pass_time(after_s)

    @rule(
        name=st.sampled_from(["s1", "s2"]),
        match=_matches,
        for_s=st.sampled_from([4, 100, 5000]),
    )
    def silence(self, name: str, match: dict[str, str], for_s: int) -> None:
        """Somebody silences, or changes a silence."""
        self.pass_time(1)
        now_us, until_s = self.desk.now_us, self.at_s + for_s
        self.desk.notifier.requests.silence(
            Silence(name, dict(match), now_us, int(until_s * _S)), now_us
        )
        self.silences[name] = (match, until_s)
        self.done()

    @precondition(lambda self: self.silences)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        """Somebody ends a silence."""
        self.pass_time(1)
        name = data.draw(st.sampled_from(sorted(self.silences)))
        self.desk.notifier.requests.expire(name, self.desk.now_us)
        del self.silences[name]
        self.done()

    @rule(match=_matches, for_s=st.sampled_from([60, 400, 5000]))
    def ack(self, match: dict[str, str], for_s: int) -> None:
        """Somebody looks after what fires."""
        self.pass_time(1)
        now_us, until_s = self.desk.now_us, self.at_s + for_s
        self.desk.notifier.requests.ack(
            dict(match),
            by="ann",
            at_us=now_us,
            until_us=int(until_s * _S),
            now_us=now_us,
        )
        for name, life in self.lives.items():
            if life.fires and self.matched(match, life):
                known = _Ack(until_s, life.generation, life.severity, life.peak)
                self.lives[name] = replace(life, ack=known)
        self.done()

    @rule(edited=st.booleans())
    def dies(self, *, edited: bool) -> None:
        """The process is killed; the next one has the rows, and perhaps other routes."""
        self.edited ^= edited
        self.desk.restart(self.routing())

    # What holds

    def pass_time(self, after_s: float) -> None:
        """Let time pass, and hold what was told against what is right."""
        begin_s, self.at_s = self.at_s, self.at_s + after_s
        free = {name: self.is_free(life, begin_s) for name, life in self.lives.items()}
        self.desk.until(self.at_s)
        for note in self.desk.lines[self.seen :]:
            self.check(note)
        self.seen = len(self.desk.lines)
        edges = [*_MUTED_S, *(until_s for _, until_s in self.silences.values())]
        disturbed = any(begin_s <= edge <= self.at_s for edge in edges)
        for name, life in self.lives.items():
            if not life.fires or not self.is_free(life, self.at_s):
                self.free_since_s.pop(name, None)
            elif disturbed or not free[name]:
                self.free_since_s[name] = self.at_s
            else:
                self.free_since_s.setdefault(name, begin_s)
            self.check_told(life)

    def check(self, note: Notification) -> None:
        """A line is right."""
        at_s = microseconds(note.time) / _S
        assert note.alert_ids
        assert list(note.alert_ids) == sorted(note.alert_ids)
        for name in note.alert_ids:
            life, place = self.lives[name], (note.receiver, note.group, name)
            known = self.told.get(place, 0)
            if note.reason is Reason.RESOLVED:
                assert known
                assert known not in self.ended[place]
                self.ended[place].append(known)
                del self.told[place]
                continue
            assert life.fires
            assert self.is_free(life, at_s), "what is suppressed is not told"
            if note.reason in (Reason.FIRING, Reason.UNSUPPRESSED):
                assert not self.knows(note.receiver, life)
                assert life.generation not in self.ended[place]
                self.told[place] = life.generation
            else:
                assert known == life.generation
            if note.reason is Reason.REPEAT:
                assert not self.is_acked(life, at_s)

    def check_told(self, life: _Life) -> None:
        """What may be told for long enough has been."""
        since_s = self.free_since_s.get(life.name)
        if since_s is None or self.at_s <= since_s + _INTERVAL_S + _WAIT_S:
            return
        assert self.knows("agents", life)
        if life.severity == "critical":
            assert self.knows("on-call", life)

    def knows(self, receiver: str, life: _Life) -> bool:
        """Whether a receiver was told of an alert's present generation."""
        return any(
            generation == life.generation and (who, name) == (receiver, life.name)
            for (who, _, name), generation in self.told.items()
        )

    def teardown(self) -> None:
        """In the end every silence and every alert is over, and nothing is left."""
        if not hasattr(self, "lives"):
            return
        for name in list(self.silences):
            self.desk.notifier.requests.expire(name, self.desk.now_us)
            del self.silences[name]
        self.done()
        self.pass_time(1)
        self.end_all()
        self.pass_time(_INTERVAL_S + _WAIT_S + 1)
        assert self.told == {}
        assert self.desk.notifier.owed() == ()
        assert {key[:2] for key in self.desk.rows} <= {b"a/"}
        assert self.desk.notifier.next_due_us is None

    def end_all(self) -> None:
        """Every alert is over."""
        for life in list(self.lives.values()):
            if life.fires:
                self.write(replace(life, state="resolved"))

    # How the test knows

    def matched(self, match: dict[str, str], life: _Life) -> bool:
        """Whether an alert has such labels now."""
        labels = {**self.alerts[life.name], "severity": life.severity}
        return all(labels.get(name) == value for name, value in match.items())

    def is_free(self, life: _Life, at_s: float) -> bool:
        """Whether nothing suppresses an alert, by the words of the semantics."""
        silenced = any(
            self.matched(match, life) and at_s < until_s
            for match, until_s in self.silences.values()
        )
        muted = life.severity == "info" and _MUTED_S[0] <= at_s % 86_400 < _MUTED_S[1]
        labels = self.alerts[life.name]
        sources = (
            other
            for name, other in self.lives.items()
            if self.alerts[name] == {"rule": "down", "agent": labels["agent"]}
        )
        inhibited = labels["rule"] == "slow" and any(each.fires for each in sources)
        return not (silenced or muted or inhibited)

    def is_acked(self, life: _Life, at_s: float) -> bool:
        """Whether somebody looks after an alert as it stands."""
        return (
            life.ack is not None
            and life.ack.generation == life.generation
            and at_s < life.ack.until_s
        )

    def change(self, life: _Life) -> None:
        """Take note of what becomes of an alert."""
        known = self.lives[life.name]
        if (life.severity, life.generation) != (known.severity, known.generation):
            self.free_since_s.pop(life.name, None)
        ack = life.ack
        if ack is not None and (
            _SEVERITIES.index(life.severity) > _SEVERITIES.index(ack.severity)
        ):
            ack = None
        if ack is not None and ack.peak is not None and life.value is not None:
            ack = None if life.value > 1.5 * ack.peak else ack
        self.lives[life.name] = replace(life, ack=ack)

    def write(self, life: _Life) -> None:
        """A line of an alert, now; at another level it may be told to others."""
        self.change(life)
        line = self.scene.line(
            self.at_s,
            life.state,
            seq=int(self.at_s * 1000) + len(self.desk.lines),
            alert_id=life.name,
            rule=self.alerts[life.name]["rule"],
            labels={"agent": self.alerts[life.name]["agent"]},
            generation=life.generation,
            severity=life.severity,
        )
        self.desk.take(line, at_s=self.at_s)

    def done(self) -> None:
        """What was asked for is written down."""
        self.desk._act(self.desk.notifier.run_due(self.desk.now_us))


@pytest.mark.parametrize("steps", [15, 40])
def test_what_on_call_may_rely_on(scene: Any, steps: int) -> None:
    """Whatever happens, in whatever order, this holds.

    - a generation has one first notification a receiver;
    - who was told that it fires is told once that it is over;
    - nothing is told of what is suppressed, but for its end;
    - what may be told is, within ``group_interval`` of when it first might;
    - what is acknowledged is not repeated, and its end is told;
    - nothing is left of what is over.
    """

    class Machine(Life):
        pass

    Machine.scene = scene
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=150,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
