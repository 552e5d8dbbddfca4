"""A file of cases that somebody is in the midst of writing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopwatch.casebook.comparing import differences
from loopwatch.casebook.play import play
from loopwatch.casebook.reading import read_cases
from loopwatch.casebook.reasons import why
from loopwatch.config import Config, load
from tests.unit.casebook.test_routes_command import RULES

WHOLE = """\
cases:
  - name: all there is
    at: 2026-05-02T10:00:00+02:00
    until: 3h
    alerts:
      - {name: a, labels: {rule: slow, agent: b}, severity: info, fires: 5s}
      - name: c
        labels: {rule: session-cost}
        levels: {critical: 10m, info: 20m}
        resolves: 40m
    silences: [{match: {agent: [b, c]}, at: 1m, for: 2h}]
    acks: [{match: ['agent=~"b|c"'], at: 5m, for: 1h}]
    receivers: [agents]
    told:
      - {after: 10s, receiver: agents, reason: firing, alerts: [a, c]}
      - {}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Two receivers and three rules."""
    file = tmp_path_factory.mktemp("rules") / "loopwatch.yaml"
    file.write_text(RULES)
    found = load(file, {}).config
    assert found is not None
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    begin=st.integers(0, len(WHOLE)),
    length=st.integers(0, 30),
    put=st.sampled_from(["", "x", "0", "[]", "{}", "\n", "- ", ": ", "5m", "'"]),
)
def test_whatever_stands_there_is_played_or_has_a_place(
    config: Config, tmp_path: Path, begin: int, length: int, put: str
) -> None:
    """A part of a right file is lost: nothing is raised, and each fault is inside."""
    text = WHOLE[:begin] + put + WHOLE[begin + length :]
    file = tmp_path / "cases.yaml"
    file.write_text(text)
    read = read_cases(file, config)
    assert not (read.cases and read.faults)
    lines = text.count("\n") + 1
    for fault in (*read.faults, *read.warnings):
        assert 1 <= fault.line <= lines
    for case in read.cases:
        played = play(case, config.routing)
        assert list(differences(case, played, "cases.yaml")) is not None
        assert bool(list(why(case, config.routing))) == bool(case.alerts)
