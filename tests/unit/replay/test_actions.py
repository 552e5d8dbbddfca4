"""``loopwatch replay --actions``: what people do while the sessions come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.unit.replay.test_replay import Run, session

RULES = """\
version: 1
defaults: {by: [agent], min_samples: 10}
rules:
  - {name: cost, metric: cost_usd, window: 10 sessions, baseline: {ratio: 2.0}}
  - {name: dear, metric: cost_usd, window: 10 sessions, threshold: 0.2}
receivers:
  - {name: team, webhook: {url: "https://example.com/hook"}}
route: {receiver: team, group_wait: 10s, group_interval: 1m}
"""
NOON_S = 1_800_000_000
SHIFTED = [
    *(session(60.0 * n) for n in range(50)),
    *(session(60.0 * n, cost_usd=0.3) for n in range(50, 150)),
]


def at(at_s: float) -> str:
    """A time in seconds after noon; noon is 08:00 UTC that day."""
    hours, rest = divmod(int(at_s), 3600)
    return f"2027-01-15T{8 + hours:02}:{rest // 60:02}:{rest % 60:02}Z"


def run(folder: Path, actions: Sequence[dict[str, Any] | str], *options: str) -> Run:
    """A level that triples at minute 50, and what people do."""
    (folder / "rules.yaml").write_text(RULES)
    file = folder / "actions.jsonl"
    file.write_text(
        "\n".join(
            each if isinstance(each, str) else json.dumps(each) for each in actions
        )
    )
    return Run(folder, SHIFTED, "--actions", str(file), *options)


def accept(at_s: float, **match: str) -> dict[str, Any]:
    """Somebody accepts."""
    return {"at": at(at_s), "action": "accept", "match": match, "by": "ann"}


def test_an_accepted_level_resolves_at_its_time(tmp_path: Path) -> None:
    """S59: before the events of that time, told like any resolve."""
    found = run(tmp_path, [accept(90 * 60, rule="cost")])
    assert found.code == 0
    assert found.changes("cost") == [
        ("insufficient", "ok"),
        ("ok", "firing"),
        ("firing", "resolved"),
        ("resolved", "ok"),
    ]
    (line,) = (line for line in found.lines if line.get("reason") == "accepted")
    assert line["time"] == at(90 * 60)
    assert round(line["expected"], 6) == 0.1
    assert round(line["value"], 6) == 0.3
    assert line["session_id"] is None
    assert ("team", "resolved") in found.told()
    times = [line["time"] for line in found.lines]
    assert times == sorted(times)


def test_a_rule_without_a_level_goes_on(tmp_path: Path) -> None:
    """It is said that nothing happened to it."""
    found = run(tmp_path, [accept(90 * 60, agent="a")])
    assert found.changes("dear")[-1] == ("ok", "firing")
    assert "1 of 2 open alerts that match have nothing to accept" in found.stderr


def test_an_action_that_meets_no_alert_is_said(tmp_path: Path) -> None:
    """Too early, or about somebody else."""
    found = run(tmp_path, [accept(60, rule="cost"), accept(5400, agent="z")])
    assert found.stderr.count("no open alert matches") == 2
    assert found.changes("cost")[-1] == ("ok", "firing")


def test_an_action_after_the_last_session_is_not_reached(tmp_path: Path) -> None:
    """S4: the clock stops there, unless it is moved on."""
    late = [accept(200 * 60, rule="cost")]
    assert "actions.jsonl:1: not reached" in run(tmp_path, late).stderr
    moved = run(tmp_path, late, "--until", at(300 * 60))
    assert "not reached" not in moved.stderr
    assert moved.changes("cost")[-1] == ("firing", "resolved")


def test_what_is_not_carried_out_yet_is_named_once(tmp_path: Path) -> None:
    """It is checked all the same, and changes no byte of the output."""
    silence = {
        "at": at(0),
        "action": "silence",
        "id": "s1",
        "match": {"agent": "a"},
        "until": at(3600),
    }
    expire = {"at": at(60), "action": "expire", "id": "s1"}
    found = run(tmp_path, [silence, silence, expire])
    assert found.code == 0
    assert found.stderr.count("does not carry out 'silence' yet: 2 lines") == 1
    assert found.stderr.count("does not carry out 'expire' yet: line 3") == 1
    assert found.stdout == run(tmp_path, []).stdout


def test_malformed_lines_are_named_before_any_output(tmp_path: Path) -> None:
    """Each with its number and the reason; exit code 2, nothing on stdout."""
    bad: list[Any] = [
        accept(60),
        "{",
        "",
        '{"at": "x", "action": "accept", "match": {}}',
    ]
    found = run(tmp_path, bad)
    assert (found.code, found.stdout) == (2, b"")
    assert "actions.jsonl:2: not an action: not JSON" in found.stderr
    assert "actions.jsonl:4: not an action: at: x is no time" in found.stderr


def test_a_missing_file_of_actions_fails(tmp_path: Path) -> None:
    """Exit code 1, like a missing file of sessions."""
    (tmp_path / "rules.yaml").write_text(RULES)
    found = Run(tmp_path, SHIFTED, "--actions", str(tmp_path / "none.jsonl"))
    assert (found.code, found.stdout) == (1, b"")
    assert "none.jsonl: no such file" in found.stderr
