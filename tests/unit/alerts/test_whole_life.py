"""From session to message: whatever is judged and whoever asks, the same holds.

The world of ``test_any_life``, in which no line is made up: each is what detection wrote
of sessions with arbitrary values at arbitrary times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from alerts.routes import ALL_LABELS, FanIn
from detectors.identity import alert_id
from detectors.life.lifecycle import EDGES
from detectors.rules import (
    SECOND_US,
    Flapping,
    Hold,
    Level,
    NoData,
    Rule,
    Severity,
    Threshold,
    Window,
)
from detectors.rules import rule as a_rule
from detectors.state.stage import Said
from detectors.transitions import Census, State, Transition, microseconds
from tests.unit.alerts.test_any_life import Life
from tests.unit.detectors.scenes import START_S, Scene

_NAMES = {
    alert_id(kind, {"agent": agent}): {"rule": kind, "agent": agent}
    for kind in ("down", "slow")
    for agent in ("a", "b")
}


def _levels(mildest: float) -> Threshold:
    """Three of them, each twice as bad as the one before."""
    return Threshold(
        tuple(
            Level(severity, mildest * 2**rank, 0.8 * mildest * 2**rank)
            for rank, severity in enumerate(Severity)
        )
    )


def _rules(*, edited: bool) -> tuple[Rule, Rule]:
    """A rule over windows and one on each session; edited, nearly all is otherwise."""
    down = a_rule(
        "down",
        "latency_ms",
        _levels(100.0 if edited else 120.0),
        by=("agent",),
        window=Window(samples=1),
        min_samples=1,
        hold=Hold(samples=2) if edited else Hold(),
        keep_firing_for_us=0 if edited else 30 * SECOND_US,
        flapping=None if edited else Flapping(4, 600 * SECOND_US),
        no_data=NoData.RESOLVE,
        no_data_after_us=900 * SECOND_US,
    )
    slow = a_rule(
        "slow",
        "cost_usd",
        _levels(1.0),
        by=("agent",),
        keep_firing_for_us=60 * SECOND_US,
        flapping=Flapping(3 if edited else 2, 500 * SECOND_US),
        no_data=NoData.HOLD if edited else NoData.ALERT,
        no_data_after_us=700 * SECOND_US,
    )
    return down, slow


class WholeLife(Life):
    """Sessions, people, a process that dies, and a file that is edited."""

    alerts = _NAMES
    begin_s = START_S + 100.0

    @initialize(
        group_by=st.sampled_from([("rule",), ALL_LABELS, (), ("severity", "agent")]),
        escalates=st.booleans(),
        fan_in=st.sampled_from([None, FanIn(2, 300 * SECOND_US)]),
    )
    def begin(
        self, group_by: tuple[str, ...], *, escalates: bool, fan_in: FanIn | None
    ) -> None:
        """Nothing has been judged yet."""
        super().begin(group_by, escalates=escalates, fan_in=fan_in)
        self.sessions = Scene(*_rules(edited=False))

    @rule(
        agent=st.sampled_from("ab"),
        latency_ms=st.sampled_from([None, 50.0, 110.0, 130.0, 250.0, 900.0]),
        cost_usd=st.sampled_from([None, 0.1, 0.9, 1.5, 3.0, 9.0]),
        after_s=st.sampled_from([1, 7, 31, 60, 400]),
    )
    def lives_on(
        self,
        agent: str,
        latency_ms: float | None,
        cost_usd: float | None,
        after_s: int,
    ) -> None:
        """A session ends, and carries one metric, the other, both, or none."""
        self.pass_time(after_s)
        given = {"latency_ms": latency_ms, "cost_usd": cost_usd}
        values: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }
        labels = {"agent": agent}
        at_s = self.at_s - START_S
        self.tell(self.sessions.session(at_s, labels=labels, **values))

    @rule(edited=st.booleans())
    def dies(self, *, edited: bool) -> None:
        """Both processes are killed; the next ones have the rows, perhaps another file."""
        super().dies(edited=edited)
        self.sessions = self.sessions.restart(*_rules(edited=self.edited))

    def pass_time(self, after_s: float) -> None:
        """Timers of alerts run at their times, and what they write is told."""
        until_s = self.at_s + after_s
        self.tell(self.sessions.tick(until_s - START_S))
        super().pass_time(until_s - self.at_s)

    def tell(self, lines: list[Said]) -> None:
        """Hand over lines, each at its time."""
        for line in lines:
            after_s = microseconds(line.time) / 1e6 - self.at_s
            assert after_s >= 0, "lines come in order of time"
            if after_s:
                super().pass_time(after_s)
            if isinstance(line, Census):
                self.desk.take(line, at_s=self.at_s)
                continue
            life = self.lives[line.alert_id]
            if isinstance(line, Transition):
                self.hold_edge(line)
                life = _after(life, line)
            else:
                assert life.fires
                life = replace(life, value=line.value, peak=line.peak)
            self.change(life)
            self.desk.take(line, at_s=self.at_s)

    def hold_edge(self, line: Transition) -> None:
        """A line goes on where the last one was, along an edge of the table."""
        life = self.lives[line.alert_id]
        # The test's alerts begin healthy; those of detection as nothing at all.
        first = life.generation == 0 and line.from_state is State.INSUFFICIENT
        assert first or line.from_state == life.state
        assert (line.from_state, line.to_state) in EDGES
        begins = line.to_state is State.FIRING and not line.from_state.is_open
        assert line.generation == life.generation + begins

    def end_all(self) -> None:
        """The rules are gone from the file."""
        gone = a_rule("other", "loop_count", _levels(1.0), by=("agent",))
        self.sessions = self.sessions.restart(gone)
        self.tell(self.sessions.partition.retire())


def _after(life: Any, line: Transition) -> Any:
    return replace(
        life,
        state=line.to_state.value,
        generation=line.generation,
        severity=line.severity or life.severity,
        value=line.value,
        peak=line.value if line.peak is None else line.peak,
    )


@pytest.mark.parametrize("steps", [20, 50])
def test_what_on_call_may_rely_on(scene: Any, steps: int) -> None:
    """Whatever is judged, in whatever order, this holds, from session to message.

    - a line goes along an edge of the table, from where the last one ended;
    - a generation has one first notification a receiver;
    - who was told that it fires is told once that it is over;
    - nothing is told of what is suppressed, but for its end;
    - what may be told is, within ``group_interval`` of when it first might;
    - what is acknowledged is not repeated, and its end is told;
    - flapping, want of data, restarts and an edited file change none of it.
    """

    class Machine(WholeLife):
        pass

    Machine.scene = scene
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=80,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
