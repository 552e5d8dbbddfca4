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
    said = "actions.jsonl:1: 1 of 2 open alerts that match have nothing to accept"
    assert said in found.stderr


def test_an_action_that_meets_no_alert_is_said(tmp_path: Path) -> None:
    """Too early, or about somebody else."""
    found = run(tmp_path, [accept(60, rule="cost"), accept(5400, agent="z")])
    for number in (1, 2):
        assert f"actions.jsonl:{number}: no open alert matches" in found.stderr
    assert found.changes("cost")[-1] == ("ok", "firing")


def test_an_action_after_the_last_session_is_not_reached(tmp_path: Path) -> None:
    """S4: the clock stops there, unless it is moved on."""
    late = [accept(200 * 60, rule="cost")]
    assert "actions.jsonl:1: not reached" in run(tmp_path, late).stderr
    moved = run(tmp_path, late, "--until", at(300 * 60))
    assert "not reached" not in moved.stderr
    assert moved.changes("cost")[-1] == ("firing", "resolved")


def notes(found: Run) -> list[tuple[str, str]]:
    """When people were told, and why."""
    return [
        (line["time"], line["reason"])
        for line in found.lines
        if line["kind"] == "notification"
    ]


def test_a_silence_holds_back_what_fires_until_its_end(tmp_path: Path) -> None:
    """S52, S59: told once, ``group_wait`` after it ends by itself or is expired."""
    silence = {
        "at": at(0),
        "action": "silence",
        "id": "s1",
        "match": {"rule": "cost"},
        "until": at(90 * 60),
        "by": "ann",
        "comment": "a new model",
    }
    quiet = [silence, {**silence, "id": "s2", "match": {"rule": "dear"}}]
    found = run(tmp_path, quiet)
    assert notes(found) == [(at(90 * 60 + 10), "unsuppressed")] * 2
    expire = {"at": at(70 * 60), "action": "expire", "id": "s1"}
    found = run(tmp_path, [*quiet, expire])
    assert notes(found) == [
        (at(70 * 60 + 10), "unsuppressed"),
        (at(90 * 60 + 10), "unsuppressed"),
    ]
    assert found.stderr == ""


def test_an_acknowledgement_stops_repeats(tmp_path: Path) -> None:
    """S60: until its time is up."""
    rules = RULES.replace("group_interval: 1m", "repeat_interval: 10m")
    folder = tmp_path
    (folder / "rules.yaml").write_text(rules)
    ack = {"at": at(60 * 60), "action": "ack", "match": {}, "by": "ann", "for": "1h"}
    file = folder / "actions.jsonl"
    file.write_text(json.dumps(ack))
    repeats = [
        when
        for when, why in notes(Run(folder, SHIFTED, "--actions", str(file)))
        if why == "repeat"
    ]
    assert min(repeats) == at(120 * 60)
    assert min(
        when for when, why in notes(Run(folder, SHIFTED)) if why == "repeat"
    ) < at(70 * 60)


def test_an_action_that_changes_nothing_is_said(tmp_path: Path) -> None:
    """With its line; the output is as without it."""
    vain: list[dict[str, Any] | str] = [
        {"at": at(60), "action": "expire", "id": "s9"},
        {"at": at(61), "action": "ack", "match": {"agent": "z"}, "for": "1h"},
        {"at": at(62), "action": "forgive", "receiver": "team"},
    ]
    found = run(tmp_path, vain)
    assert "actions.jsonl:1: there is no silence 's9'" in found.stderr
    assert "actions.jsonl:2: no open alert matches" in found.stderr
    assert "actions.jsonl:3: nothing is owed to a receiver 'team'" in found.stderr
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
