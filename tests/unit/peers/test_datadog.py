"""What Datadog's users miss in its monitors, by the feature, is here.

Datadog has no public list of issues: the names are those of its documentation.
"""

from __future__ import annotations

from pathlib import Path

from tests.unit.peers.nights import course, night, replayed
from tests.unit.peers.test_alertmanager import BROKEN, SOON


def test_too_few_samples_are_a_state__datadog_require_full_window(
    tmp_path: Path,
) -> None:
    """Not judged is not healthy: the line says when there was enough."""
    rules = """\
version: 1
rules:
  - {name: dear, metric: cost_usd, by: [agent], window: 5 sessions, min_samples: 5, threshold: 1.0}
"""
    few = course("a", dict.fromkeys(range(4), 9.0))
    assert replayed(tmp_path, "", few, rules=rules).changes("dear") == []
    enough = course("a", dict.fromkeys(range(5), 0.1))
    assert replayed(tmp_path, "", enough, rules=rules).changes("dear") == [
        ("insufficient", "ok")
    ]


def test_one_alert_explains_another__datadog_alerting_trees(tmp_path: Path) -> None:
    """What follows from something that fires is not told; what does not follow is."""
    rest = "inhibit: [{source: {rule: loops}, target: {rule: dear}, equal: [agent]}]\n"
    source = course("a", {5: 50}, "loop_count")
    other = course("b", {0: 0.1, 10: 2.0})
    assert night(tmp_path, rest, BROKEN, other, source) == [
        (5 + SOON, "team", "firing", 1),
        (10 + SOON, "team", "firing", 1),
    ]


def test_the_first_recovery_is_not_muted__datadog_mute_first_recovery(
    tmp_path: Path,
) -> None:
    """An end inside a downtime is told to whoever knows of the beginning."""
    rest = 'mute: [{times: [{start: "08:15", end: "20:00"}]}]\n'
    assert night(tmp_path, rest, BROKEN)[-1] == (30, "team", "resolved", 1)


def test_a_renotification_is_not_counted_out__datadog_renotify_occurrences(
    tmp_path: Path,
) -> None:
    """Repeats go on as long as it fires and nobody acknowledges."""
    rest = "route: {receiver: team, repeat_interval: 10m}\n"
    lasting = course("a", {0: 0.1, 10: 2.0})
    found = night(tmp_path, rest, lasting, until=24 * 60)
    assert [reason for _, _, reason, _ in found[1:]] == ["repeat"] * 142
