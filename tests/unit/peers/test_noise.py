"""Noise that users of several peers complain of, by number, does not happen here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.peers.nights import RECEIVERS, course, night

QUICK = "route: {receiver: team, group_by: [rule, agent], group_interval: 1m}\n"
RESTLESS = course("a", {float(minute): 2.0 - minute % 2 * 1.9 for minute in range(90)})
LONG = 300.0


def _rules(more: str) -> str:
    return f"""\
version: 1
defaults: {{by: [agent], min_samples: 1}}
rules:
  - name: dear
    metric: cost_usd
    window: 1 sessions
    threshold: 1.0
{more}"""


@pytest.mark.parametrize("issue", ["alertmanager 204", "3048", "grafana 7886"])
def test_what_flaps_is_told_a_few_times__alertmanager_204(
    tmp_path: Path, issue: str
) -> None:
    """Ninety changes in ninety minutes: at first as always, then one digest an hour."""
    plain = night(tmp_path, QUICK, RESTLESS, rules=_rules(""), until=LONG)
    calm = _rules("    flapping: {changes: 4, within: 1h}\n")
    told = night(tmp_path, QUICK, RESTLESS, rules=calm, until=LONG)
    assert len(plain) >= 60, issue
    assert len(told) <= 8
    assert told[-1][2] == "resolved"


@pytest.mark.parametrize(
    ("no_data", "ends"), [("hold", False), ("{resolve: 30m}", True)]
)
def test_who_wants_it_has_an_alert_without_data_ended__alertmanager_6504(
    tmp_path: Path, no_data: str, *, ends: bool
) -> None:
    """No time-out decides for the user: it holds, unless the rule says how long."""
    bad = course("a", {0: 0.1, 10: 2.0})
    told = night(
        tmp_path, QUICK, bad, rules=_rules(f"    no_data: {no_data}\n"), until=LONG
    )
    assert ("resolved" in [reason for _, _, reason, _ in told]) is ends


def test_forty_agents_of_one_model_are_one_page(tmp_path: Path) -> None:
    """Even where each agent has a group of its own."""
    rest = (
        "route: {receiver: on-call, group_by: [agent], group_wait: 2m,"
        " fan_in: {series: 10, within: 5m}}\n" + RECEIVERS
    )
    agents = [
        course(f"a{number}", {0: 0.1, 10 + number / 60: 2.0, 40: 0.1})
        for number in range(40)
    ]
    told = night(tmp_path, rest, *agents, rules=_rules(""), until=LONG)
    assert [(who, reason, count) for _, who, reason, count in told] == [
        ("on-call", "firing", 40),
        ("on-call", "resolved", 40),
    ]
