"""``loopwatch backtest --actions``: what people did at the time happens in both runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loopwatch.meanwhile import NOT_REACHED
from tests.unit.backtesting.test_command import DEAR, RULES, Backtest
from tests.unit.replay.test_actions import SHIFTED, accept, at
from tests.unit.replay.test_replay import session

STRICTER = RULES.replace("warning: 0.5", "warning: 0.3")
LEARNED = RULES.replace(
    "threshold: {warning: 0.5, critical: 2.0}",
    "window: 10 sessions, baseline: {ratio: 2.0}",
).replace("min_samples: 3", "min_samples: 10")
SILENCE = {
    "at": at(0),
    "action": "silence",
    "id": "s1",
    "match": {"agent": "a"},
    "until": at(3600),
}
REPEATED = RULES.replace("receiver: team\n", "receiver: team\n  repeat_interval: 10m\n")


def backtest(
    folder: Path, old: str, new: str, *actions: dict[str, Any] | str
) -> Backtest:
    """A change, and what people did."""
    file = folder / "actions.jsonl"
    file.write_text(
        "\n".join(
            each if isinstance(each, str) else json.dumps(each) for each in actions
        )
    )
    return Backtest(folder, old, new, "--actions", str(file))


def pages(run: Backtest) -> dict[str, dict[str, int]]:
    """How many pages each channel got, before and after."""
    return {each["channel"]: each["pages"] for each in run.found["receivers"]}


def test_a_silence_holds_back_pages_of_both(tmp_path: Path) -> None:
    """The alerts stay: only what is told of them is less."""
    loud = Backtest(tmp_path, RULES, STRICTER)
    quiet = backtest(tmp_path, RULES, STRICTER, SILENCE)
    assert quiet.counts() == loud.counts()
    assert pages(loud)["pagerduty"] == {"before": 1, "after": 1}
    assert "pagerduty" not in pages(quiet)
    assert pages(quiet)["webhook"] == {"before": 1, "after": 1}
    assert quiet.stderr.count("actions.jsonl") == 0


def test_pages_that_a_silence_held_back_are_not_new(tmp_path: Path) -> None:
    """An alert that only the new rules have, and nobody would have heard of."""
    (tmp_path / "sessions.jsonl").write_text("\n".join(DEAR) + "\n")
    never = RULES.replace("{warning: 0.5, critical: 2.0}", "9.0")
    everyone = {**SILENCE, "match": {}, "until": at(7200)}
    run = backtest(tmp_path, never, RULES, everyone)
    assert run.counts()["added"] == 2
    assert run.found["new_pages"] == 0


def test_an_accepted_level_ends_the_alerts_of_both(tmp_path: Path) -> None:
    """At its time, by either's rules."""
    (tmp_path / "sessions.jsonl").write_text("\n".join(SHIFTED) + "\n")
    lower = LEARNED.replace("ratio: 2.0", "ratio: 1.5")
    run = backtest(tmp_path, LEARNED, lower, accept(90 * 60, rule="dear"))
    (moved,) = run.found["moved"]
    for side in ("before", "after"):
        assert moved[side]["resolved"] == at(90 * 60)
    assert run.stderr == Backtest(tmp_path, LEARNED, lower).stderr


def test_an_acknowledgement_stops_repeats_of_both(tmp_path: Path) -> None:
    """Until its time is up: the change repeats, and nobody would have heard it."""
    dear = [session(60.0 * n, cost_usd=0.9) for n in range(26)]
    (tmp_path / "sessions.jsonl").write_text("\n".join(dear) + "\n")
    ack = {"at": at(300), "action": "ack", "match": {}, "by": "ann", "for": "1h"}
    repeated = Backtest(tmp_path, RULES, REPEATED)
    assert pages(repeated)["webhook"] == {"before": 1, "after": 3}
    acknowledged = backtest(tmp_path, RULES, REPEATED, ack)
    assert pages(acknowledged)["webhook"] == {"before": 1, "after": 1}


def test_what_meets_nothing_is_said_with_the_run_that_it_met_nothing_in(
    tmp_path: Path,
) -> None:
    """In both: once. And what is later than the last session was not reached."""
    never = RULES.replace("{warning: 0.5, critical: 2.0}", "9.0")
    ack = {"at": at(400), "action": "ack", "match": {}, "for": "1h"}
    run = backtest(
        tmp_path,
        RULES,
        never,
        ack,
        {**ack, "match": {"agent": "z"}},
        accept(500, agent="z"),
        {**ack, "at": at(36_000)},
    )
    said = [
        line.rpartition("/")[2] for line in run.stderr.splitlines() if ".jsonl" in line
    ]
    assert said == [
        "actions.jsonl:1: with --after: no open alert matches",
        "actions.jsonl:2: no open alert matches",
        "actions.jsonl:3: no open alert matches",
        f"actions.jsonl:4: {NOT_REACHED}",
    ]


def test_a_wrong_file_of_actions_is_said_before_anything_runs(tmp_path: Path) -> None:
    """As in replay: each fault with its line, exit code 2; 1 if there is no file."""
    run = backtest(tmp_path, RULES, RULES, SILENCE, "{")
    assert (run.code, run.found) == (2, None)
    assert "actions.jsonl:2: not an action: not JSON" in run.stderr
    run = Backtest(tmp_path, RULES, RULES, "--actions", str(tmp_path / "none.jsonl"))
    assert (run.code, run.found) == (1, None)
    assert "none.jsonl: no such file" in run.stderr
