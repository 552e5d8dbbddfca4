"""What Alertmanager's users would test from a file in their CI, tested from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.peers.nights import wrong

ROUTES = """\
route:
  receiver: team
  group_by: [rule, agent]
  routes: [{match: {severity: critical}, receiver: on-call}]
inhibit: [{source: {rule: loops}, target: {rule: dear}, equal: [agent]}]
mute: [{match: {severity: warning}, times: [{weekdays: [sunday]}]}]
"""


def test_inhibition_is_tested_from_a_file__alertmanager_5167(tmp_path: Path) -> None:
    """Also a case that expects what does not happen: it fails."""
    case = """\
  - name: loops make it dear
    alerts:
      - {name: source, labels: {rule: loops, agent: AGENT}, resolves: 30m}
      - {name: target, labels: {rule: dear, agent: a}, resolves: 20m}
    told:
      - {after: 10s, reason: firing, alerts: [source]}
      - {after: 30m, reason: resolved, alerts: [source]}
"""
    cases = case.replace("AGENT", "a") + case.replace("AGENT", "b")
    same, other = wrong(tmp_path, ROUTES, f"cases:\n{cases}")
    assert same == ()
    assert other


def test_grouping_is_tested_from_a_file__alertmanager_3889(tmp_path: Path) -> None:
    """Which alerts share a message, and where those of another agent go."""
    cases = """\
cases:
  - name: one agent, one message
    alerts:
      - {name: first, labels: {rule: dear, agent: a}}
      - {name: second, labels: {rule: dear, agent: b}}
    told:
      - {after: 10s, reason: firing, alerts: [first]}
      - {after: 10s, reason: firing, alerts: [second]}
"""
    assert wrong(tmp_path, ROUTES, cases) == [()]


def test_time_is_tested_from_a_file__alertmanager_4822(tmp_path: Path) -> None:
    """What a mute of Sundays does to a warning and to a critical alert."""
    cases = """\
cases:
  - name: a warning waits for Monday
    at: 2026-03-01T23:00:00Z
    alerts: [{name: one, labels: {rule: dear, agent: a}}]
    receivers: [team]
    told: [{after: 1h10s, receiver: team, reason: unsuppressed}]
    until: 2h
  - name: what is critical does not
    at: 2026-03-01T23:00:00Z
    alerts: [{name: one, labels: {rule: dear, agent: a}, severity: critical}]
    receivers: [on-call]
    told: [{after: 10s, receiver: on-call, reason: firing}]
"""
    assert wrong(tmp_path, ROUTES, cases) == [(), ()]


def test_silences_are_tested_from_a_file__alertmanager_5175(tmp_path: Path) -> None:
    """What people do is part of a case."""
    cases = """\
cases:
  - name: told once, and repeated to nobody
    alerts: [{name: one, labels: {rule: dear, agent: a}, resolves: 3h}]
    silences: [{match: {agent: a}, at: 1h, for: 1h}]
    told:
      - {after: 10s, reason: firing}
      - {after: 3h, reason: resolved}
"""
    assert wrong(tmp_path, "route: {receiver: team, repeat_interval: 4h}\n", cases) == [
        ()
    ]


@pytest.mark.parametrize(
    ("night_of", "hours"), [("2026-03-28", 6), ("2026-10-24", 8), ("2026-06-10", 7)]
)
def test_a_mute_time_is_right_when_the_clocks_change__alertmanager_5447(
    tmp_path: Path, night_of: str, hours: int
) -> None:
    """From 23:00 to 06:00 in Berlin it is seven hours, but twice a year."""
    rest = """\
route: {receiver: team}
mute: [{times: [{start: "22:00", end: "06:00"}], timezone: Europe/Berlin}]
"""
    offset = "+02:00" if night_of in ("2026-06-10", "2026-10-24") else "+01:00"
    cases = f"""\
cases:
  - name: told at six
    at: {night_of}T23:00:00{offset}
    alerts: [{{name: one, labels: {{rule: dear, agent: a}}}}]
    until: 10h
    told: [{{after: {hours}h10s, receiver: team, reason: unsuppressed}}]
"""
    assert wrong(tmp_path, rest, cases) == [()]
