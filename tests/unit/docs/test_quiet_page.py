"""What ``docs/quiet.md`` and ``docs/route.md`` show is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from loopwatch.conditions import read_conditions
from loopwatch.config.load import read
from loopwatch.config.source import Source
from streams.control.actions import read_actions
from tests.unit.replay.test_replay import Run, command, session

FOLDER = Path(__file__).parents[3] / "docs"
QUIET = (FOLDER / "quiet.md").read_text(encoding="utf-8")
ROUTE = (FOLDER / "route.md").read_text(encoding="utf-8")

# What fragments leave out: rules, receivers and a root.
RULES = """\
version: 1
rules:
  - {name: tool-errors, metric: tool_error_rate, window: 50 sessions, threshold: 0.15}
  - {name: loop-regression, metric: loop_count, window: 50 sessions, baseline: {ratio: 3.0}}
  - {name: gone-quiet, metric: sessions, by: [agent], absence: 30m}
"""
RECEIVERS = """\
receivers:
  - {name: agents, slack: {channel: "#a", token: "${TOKEN}"}}
  - {name: on-call, pagerduty: {routing_key: "${KEY}"}}
"""
ENVIRON = {"TOKEN": "xoxb-1", "KEY": "0" * 32, "SLACK_BOT_TOKEN": "xoxb-1"}


def blocks(page: str, language: str) -> list[str]:
    """The examples of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


CASES = [block for block in blocks(ROUTE, "yaml") if block.startswith("# cases")]


@pytest.mark.parametrize(
    "example",
    [
        block
        for block in [*blocks(QUIET, "yaml"), *blocks(ROUTE, "yaml")]
        if block not in CASES
    ],
)
def test_an_example_is_right(example: str) -> None:
    """A piece of a file is right in a file that has the rest."""
    text = example
    if "rules:" not in text:
        text = RULES + text
    if "receivers:" not in text:
        text += RECEIVERS
    if "route:" not in text:
        text += "route: {receiver: on-call}\n"
    loaded = read(Source(text), Path("loopwatch.yaml"), ENVIRON)
    assert [fault.message for fault in loaded.faults] == []
    assert loaded.config is not None


@pytest.mark.parametrize(
    "typed",
    re.findall(r"^\$ loopwatch ((?:silence add|ack) .*)$", QUIET, re.MULTILINE),
)
def test_the_conditions_typed_are_conditions(typed: str) -> None:
    """Read as the commands read them."""
    words = shlex.split(typed)
    labels = [word for word in words if "=" in word and not word.startswith("-")]
    assert labels
    read_conditions(labels, None, verb="silence")


def test_the_actions_are_actions(tmp_path: Path) -> None:
    """And ``replay`` carries them out: told when the silence is expired."""
    (example,) = blocks(QUIET, "json")
    found, faults = read_actions(example.encode().splitlines())
    assert (len(found), faults) == (3, [])
    (tmp_path / "rules.yaml").write_text(
        "version: 1\n"
        "rules: [{name: cost, metric: cost_usd, threshold: 1.0, keep_firing_for: 5h}]\n"
        f"{RECEIVERS}route: {{receiver: agents}}\n"
    )
    file = tmp_path / "actions.jsonl"
    file.write_text(example)
    begin_s = found[0].action.at_us / 1e6 - 1_800_000_000
    sessions = [
        session(begin_s + 60 * n, agent="support", cost_usd=2.0) for n in range(100)
    ]
    run = Run(tmp_path, sessions, "--actions", str(file))
    told = [
        (line["time"], line["reason"])
        for line in run.lines
        if line["kind"] == "notification"
    ]
    assert told == [("2026-03-03T11:00:10Z", "unsuppressed")]
    assert run.stderr.count("actions.jsonl") == 0


@pytest.mark.parametrize(
    "shown", [block for block in blocks(ROUTE, "console") if "routes test" in block]
)
def test_what_routes_test_prints_is_so(
    shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the file under "Choose who is told", line by line."""
    monkeypatch.chdir(tmp_path)
    whole = next(block for block in blocks(ROUTE, "yaml") if "version:" in block)
    Path("loopwatch.yaml").write_text(whole)
    Path("cases.yaml").write_text(CASES[0])
    typed, _, printed = shown.removeprefix("$ loopwatch ").partition("\n")
    code, stdout, stderr = command(shlex.split(typed))
    assert code == 0, stderr
    assert stdout.decode() == printed


def test_what_a_case_that_fails_prints_is_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the change that the page names."""
    monkeypatch.chdir(tmp_path)
    whole = next(block for block in blocks(ROUTE, "yaml") if "version:" in block)
    Path("loopwatch.yaml").write_text(whole)
    Path("cases.yaml").write_text(CASES[0].replace("10m10s", "10m"))
    code, stdout, _ = command(["routes", "test", "--file", "cases.yaml"])
    assert code == 1
    (shown,) = (text for text in blocks(ROUTE, "text") if text.startswith("FAILED"))
    assert stdout.decode() == shown
