"""What Grafana's users complain of, by its number, does not happen here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerts.delivery import Ambiguous, Sent
from tests.unit.alerts.conftest import Desk, a_routing, line
from tests.unit.peers.nights import ack, course, night, replayed, silence
from tests.unit.peers.test_alertmanager import BROKEN, LASTING, SOON


def test_a_slack_message_is_edited_on_resolve__grafana_79939() -> None:
    """The message that said firing says resolved."""
    desk = Desk(a_routing(), answer=lambda each: Sent(each.ref or "C1/1.1"))
    desk.take(line(100, "firing"), line(900, "resolved")).until(1000)
    assert [(str(each.action), each.ref) for each in desk.deliveries] == [
        ("open", None),
        ("close", "C1/1.1"),
    ]


@pytest.mark.parametrize("issue", [13364, 18193])
def test_somebody_acknowledges__grafana_13364(tmp_path: Path, issue: int) -> None:
    """No repeats and no escalation while it holds; its end is told."""
    escalate = ", escalate: {after: 20m, receiver: on-call}" if issue == 18193 else ""
    rest = f"route: {{receiver: team, repeat_interval: 5m{escalate}}}\n"
    assert night(tmp_path, rest, BROKEN, actions=[ack(11, "1h", agent="a")]) == [
        (10 + SOON, "team", "firing", 1),
        (30, "team", "resolved", 1),
    ]


@pytest.mark.parametrize(
    ("issue", "equal", "told"),
    [
        (68822, "[agent]", ["loops", "dear"]),
        (80559, "[]", ["loops"]),
        (61122, "[tenant]", ["loops"]),
    ],
)
def test_one_alert_inhibits_another__grafana_68822(
    tmp_path: Path, issue: int, equal: str, told: list[str]
) -> None:
    """From the file, by labels that agree: none, or one that neither has, always do."""
    rest = f"inhibit: [{{source: {{rule: loops}}, target: {{rule: dear}}, equal: {equal}}}]\n"
    source = course("a", {0: 1, 5: 50}, "loop_count")
    other = course("b", {0: 0.1, 20: 2.0})
    run = replayed(tmp_path, rest, LASTING, other, source)
    fired = {line["alert_id"]: line for line in run.lines if line.get("to") == "firing"}
    found = [
        fired[name]
        for line in run.lines
        if line["kind"] == "notification"
        for name in line["alert_ids"]
    ]
    assert [line["rule"] for line in found] == told, issue
    assert all(line["labels"]["agent"] == "b" for line in found[1:])


@pytest.mark.parametrize("issue", [55938, 35474, 53990, 71203, 81198])
def test_replicas_tell_once__grafana_55938(issue: int) -> None:
    """Each of five that take over, one after the other, knows what was told."""
    desk = Desk(a_routing(repeat_s=1000)).take(line(100, "firing"))
    for at_s in range(105, 105 + issue % 97, 7):
        desk.until(at_s).restart()
    assert desk.until(1000).told() == [(110, "firing", 1)]
    assert desk.until(1200).told()[1:] == [(1110, "repeat", 1)]


@pytest.mark.parametrize(
    ("issue", "rule"),
    [
        (39056, "window: 3 sessions, threshold: 1.0"),
        (82585, "window: 10m, threshold: 1.0"),
        (8130, "window: 3 sessions, threshold: 1.0, for: 2 sessions"),
        (101290, "window: 3 sessions, threshold: 1.0, keep_firing_for: 10m"),
        (16290, "window: 10m, aggregate: p95, threshold: 1.0"),
    ],
)
def test_no_data_flips_nothing__grafana_39056(
    tmp_path: Path, issue: int, rule: str
) -> None:
    """The last state holds while nothing comes, firing or not, and nobody is paged."""
    rules = (
        "version: 1\ndefaults: {by: [agent], min_samples: 3}\n"
        f"rules: [{{name: dear, metric: cost_usd, {rule}}}]\n"
    )
    bad = course("a", {n / 2: 2.0 for n in range(10)})
    good = course("b", {n / 2: 0.1 for n in range(10)})
    run = replayed(tmp_path, "", bad, good, rules=rules, until=4 * 60)
    assert run.told() == [("team", "firing")], issue
    assert not any("resolved" in change for change in run.changes("dear"))


@pytest.mark.parametrize("issue", [30119, 87226])
def test_a_recovery_limit_of_its_own__grafana_30119(tmp_path: Path, issue: int) -> None:
    """From the file; between the two limits nothing ends."""
    rules = """\
version: 1
defaults: {by: [agent], min_samples: 1}
rules: [{name: dear, metric: cost_usd, window: 1 sessions, threshold: 1.0, recover: 0.5}]
"""
    last = {30119: 0.51, 87226: 0.5}[issue]
    sessions = course("a", {0: 0.1, 10: 2.0, 20: 0.9, 30: last})
    ends = night(tmp_path, "", sessions, rules=rules)[1:]
    assert ends == ([] if issue == 30119 else [(30, "team", "resolved", 1)])


def test_a_restart_before_the_flush_loses_no_resolve__grafana_68162() -> None:
    """The alert is over, the flush is due in a while, the process dies: it is told."""
    desk = Desk(a_routing()).take(line(100, "firing")).until(120)
    desk.take(line(130, "resolved")).until(140).restart()
    assert desk.until(1000).told()[-1] == (410, "resolved", 1)


def test_still_firing_after_a_mute__grafana_50266(tmp_path: Path) -> None:
    """It is told when the mute is over."""
    rest = 'mute: [{times: [{start: "08:00", end: "08:30"}]}]\n'
    assert night(tmp_path, rest, LASTING) == [(30 + SOON, "team", "unsuppressed", 1)]


@pytest.mark.parametrize("issue", [15211, 15746])
def test_a_time_out_loses_nothing__grafana_15211(issue: int) -> None:
    """It is tried again, of a beginning and of an end."""
    ends = {15211: "firing", 15746: "resolved"}
    failed: list[Any] = []

    def answer(delivery: Any) -> Any:
        if delivery.reason == ends[issue] and not failed:
            failed.append(delivery)
            return Ambiguous("no answer in time")
        return Sent("C1/1.1")

    desk = Desk(a_routing(), answer=answer)
    desk.take(line(100, "firing"), line(900, "resolved")).until(2000)
    assert [str(each.action) for each in desk.deliveries].count("open") >= 1
    assert len(desk.deliveries) == 3
    assert desk.notifier.owed() == ()


def test_a_change_under_a_silence_is_told_at_its_end__grafana_50266(
    tmp_path: Path,
) -> None:
    """Once, as it stands then, though it rose and fell meanwhile."""
    sessions = course("a", {0: 0.1, 10: 2.0, 20: 6.0, 30: 2.0})
    found = night(tmp_path, "", sessions, actions=[silence(0, 60, agent="a")])
    assert found == [(60 + SOON, "team", "unsuppressed", 1)]
