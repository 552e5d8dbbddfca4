"""``loopwatch backtest`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.replay.test_replay import command, process, session

RULES = """\
version: 1
defaults: {by: [agent], min_samples: 3}
rules:
  - {name: dear, metric: cost_usd, threshold: {warning: 0.5, critical: 2.0}}
receivers:
  - {name: team, webhook: {url: "https://example.com/hook"}}
  - {name: on-call, pagerduty: {routing_key: "${UNSET_KEY}"}}
route:
  receiver: team
  routes:
    - {match: {severity: critical}, receiver: on-call, continue: true}
    - {receiver: team}
"""

DEAR = [
    *(session(60.0 * n) for n in range(5)),
    session(300, cost_usd=0.9),
    session(360, cost_usd=3.0),
    session(420, agent="b", cost_usd=0.7),
    *(session(480.0 + 60 * n) for n in range(40)),
]


class Backtest:
    """What the command said of a change."""

    def __init__(self, folder: Path, old: str, new: str, *options: str) -> None:
        (folder / "old.yaml").write_text(old)
        (folder / "new.yaml").write_text(new)
        file = folder / "sessions.jsonl"
        if not file.exists():
            file.write_text("\n".join(DEAR) + "\n")
        self.arguments = [
            *("backtest", str(file), "--before", str(folder / "old.yaml")),
            *("--after", str(folder / "new.yaml"), *options),
        ]
        self.code, stdout, self.stderr = command([*self.arguments, "--output", "json"])
        self.found: Any = json.loads(stdout) if stdout else None

    def counts(self) -> dict[str, int]:
        """How many alerts of each fate."""
        found = self.found
        counted = {name: len(found[name]) for name in ("added", "removed", "moved")}
        return counted | {"unchanged": found["unchanged"]}


def test_the_same_rules_change_nothing(tmp_path: Path) -> None:
    """No alert is new, gone or moved, and nobody hears more or less."""
    run = Backtest(tmp_path, RULES, RULES, "--max-new-pages", "0")
    assert run.code == 0
    assert run.counts() == {"added": 0, "removed": 0, "moved": 0, "unchanged": 2}
    for each in run.found["receivers"]:
        assert each["pages"]["before"] == each["pages"]["after"] > 0
    assert run.found["new_pages"] == 0


def test_a_higher_limit_removes_and_moves(tmp_path: Path) -> None:
    """What no longer reaches it is gone, what reaches it later fires later."""
    new = RULES.replace("warning: 0.5", "warning: 1.0")
    run = Backtest(tmp_path, RULES, new)
    assert run.counts() == {"added": 0, "removed": 1, "moved": 1, "unchanged": 0}
    (gone,) = run.found["removed"]
    assert gone["labels"] == {"agent": "b"}
    (moved,) = run.found["moved"]
    assert moved["before"]["fired"] == "2027-01-15T08:05:00Z"
    assert moved["after"]["fired"] == "2027-01-15T08:06:00Z"
    assert moved["after"]["resolved"] == moved["before"]["resolved"]


def test_backwards_it_is_the_other_way_round(tmp_path: Path) -> None:
    """Added is removed, seen from the other side."""
    new = RULES.replace("warning: 0.5", "warning: 1.0")
    run = Backtest(tmp_path, new, RULES)
    assert run.counts() == {"added": 1, "removed": 0, "moved": 1, "unchanged": 0}


def test_another_level_is_a_move(tmp_path: Path) -> None:
    """An alert that never turns critical has the same times and another level."""
    new = RULES.replace("critical: 2.0", "critical: 5.0")
    run = Backtest(tmp_path, RULES, new)
    (moved,) = run.found["moved"]
    assert (moved["before"]["severity"], moved["after"]["severity"]) == (
        "critical",
        "warning",
    )
    assert run.counts()["unchanged"] == 1
    (on_call,) = (
        each for each in run.found["receivers"] if each["channel"] == "pagerduty"
    )
    assert on_call["pages"] == {"before": 1, "after": 0}
    assert run.found["new_pages"] == 0


def test_a_rule_of_another_name_is_another_rule(tmp_path: Path) -> None:
    """Its alerts are added, those of the old one removed."""
    run = Backtest(tmp_path, RULES, RULES.replace("name: dear", "name: costly"))
    assert run.counts() == {"added": 2, "removed": 2, "moved": 0, "unchanged": 0}
    assert [each["rule"] for each in run.found["rules"]] == ["dear", "costly"]


def test_a_new_route_changes_pages_and_no_alert(tmp_path: Path) -> None:
    """Warnings for on-call: pages that it would not have had are new."""
    lines = [session(0, cost_usd=0.9), session(60)]
    (tmp_path / "sessions.jsonl").write_text("\n".join(lines) + "\n")
    new = RULES.replace("{severity: critical}", "{severity: [warning, critical]}")
    run = Backtest(tmp_path, RULES, new, "--max-new-pages", "0")
    assert run.counts() == {"added": 0, "removed": 0, "moved": 0, "unchanged": 1}
    assert run.found["new_pages"] == 1
    assert run.code == 1
    assert "1 new page is more than 0" in run.stderr


def test_pages_for_smaller_groups_are_new(tmp_path: Path) -> None:
    """One message for two alerts becomes two: one page more, about nothing new."""
    (tmp_path / "sessions.jsonl").write_text(
        "\n".join(session(n, agent=f"a{n}", cost_usd=0.9) for n in range(2)) + "\n"
    )
    new = RULES.replace("receiver: team\n", "receiver: team\n  group_by: ['...']\n", 1)
    run = Backtest(tmp_path, RULES, new)
    (team,) = run.found["receivers"]
    assert team["pages"] == {"before": 1, "after": 2}
    assert run.found["new_pages"] == 1


@pytest.mark.parametrize(("most", "code"), [("1", 1), ("2", 0), ("3", 0)])
def test_ci_fails_beyond_the_pages_allowed(
    tmp_path: Path, most: str, code: int
) -> None:
    """Two series that no rule watched before are told in two messages."""
    new = RULES.replace("receiver: team\n", "receiver: team\n  group_by: ['...']\n", 1)
    old = new.replace("{warning: 0.5, critical: 2.0}", "9.0")
    new = new.replace("{warning: 0.5, critical: 2.0}", "0.5")
    assert Backtest(tmp_path, old, new, "--max-new-pages", most).code == code


def test_lines_that_are_no_sessions_are_named_once(tmp_path: Path) -> None:
    """Though both runs meet them."""
    lines = [session(0), "{", session(1, cost_usd=-1), session(2)]
    (tmp_path / "sessions.jsonl").write_text("\n".join(lines) + "\n")
    run = Backtest(tmp_path, RULES, RULES)
    assert run.found["sessions"] == 2
    assert run.stderr.count("line 2: not a session") == 1
    assert run.stderr.count("line 3: not a session") == 1


def test_a_session_for_one_scale_alone_is_named(tmp_path: Path) -> None:
    """A score that the new scale does not have is no session there."""
    (tmp_path / "sessions.jsonl").write_text(session(0, quality_score=9) + "\n")
    run = Backtest(tmp_path, RULES, f"{RULES}quality_scale: [1, 5]\n")
    assert run.stderr.count("line 1: not a session") == 1


def test_where_there_was_no_place_for_all_series_is_said(tmp_path: Path) -> None:
    """Else the change would seem to tell of less."""
    run = Backtest(tmp_path, RULES, f"{RULES}max_series: 1\n")
    (said,) = run.stderr.splitlines()[-1:]
    assert said.startswith("after: 1 session found no place: there are 1 series")


def test_until_moves_both_clocks_on(tmp_path: Path) -> None:
    """An absence after the last session counts only then."""
    absence = RULES.replace(
        "threshold: {warning: 0.5, critical: 2.0}", "absence: 10m"
    ).replace("metric: cost_usd", "metric: sessions")
    longer = absence.replace("absence: 10m", "absence: 20m")
    (tmp_path / "sessions.jsonl").write_text(session(0) + "\n")
    assert Backtest(tmp_path, absence, longer).counts()["moved"] == 0
    moved = Backtest(tmp_path, absence, longer, "--until", "2027-01-15T09:00:00Z")
    assert moved.counts()["moved"] == 1


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """In a process with another hash seed, time zone and locale."""
    new = RULES.replace("warning: 0.5", "warning: 1.0")
    run = Backtest(tmp_path, RULES, new)
    _, here, _ = command(run.arguments)
    environ = {"PYTHONHASHSEED": "77", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    assert process(run.arguments, environ) == here


def test_an_empty_file_has_no_difference(tmp_path: Path) -> None:
    """It is said why: CI must not take it for an answer."""
    (tmp_path / "sessions.jsonl").write_text("")
    run = Backtest(tmp_path, RULES, RULES.replace("0.5", "0.1"))
    assert (run.code, run.counts()["added"], run.found["sessions"]) == (0, 0, 0)
    assert f"there is no session in {tmp_path / 'sessions.jsonl'}" in run.stderr


def test_a_missing_file_fails(tmp_path: Path) -> None:
    """Exit code 1, by its name, and nothing on stdout."""
    run = Backtest(tmp_path, RULES, RULES)
    code, stdout, stderr = command([run.arguments[0], "none.jsonl", *run.arguments[2:]])
    assert (code, stdout) == (1, b"")
    assert "none.jsonl" in stderr


def test_a_wrong_file_of_rules_prints_what_check_prints(tmp_path: Path) -> None:
    """Exit code 2, whichever of the two it is."""
    wrong = RULES.replace("threshold:", "treshold:")
    for old, new in ((wrong, RULES), (RULES, wrong)):
        run = Backtest(tmp_path, old, new)
        assert (run.code, run.found) == (2, None)
        assert "did you mean 'threshold'?" in run.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["sessions.jsonl", "--topic", "agent.sessions"],
        ["sessions.jsonl", "--from", "2027-01-15T09:00:00Z"],
        ["--topic", "agent.sessions", "--from", "2027-01-15T09:00:00"],
        ["--topic", "agent.sessions", "--to", "yesterday"],
        [
            *("--topic", "agent.sessions", "--from", "2027-01-15T09:00:00Z"),
            *("--to", "2027-01-15T09:00:00Z"),
        ],
        ["sessions.jsonl", "--max-new-pages", "-1"],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(tmp_path: Path, options: list[str]) -> None:
    """Exit code 2."""
    (tmp_path / "r.yaml").write_text(RULES)
    rules = str(tmp_path / "r.yaml")
    code, stdout, _ = command(
        ["backtest", *options, "--before", rules, "--after", rules]
    )
    assert (code, stdout) == (2, b"")
