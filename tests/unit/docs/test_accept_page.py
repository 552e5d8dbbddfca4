"""What ``docs/tune.md`` says of a new normal is what happens."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from loopwatch.conditions import read_conditions
from loopwatch.config.load import read
from loopwatch.config.source import Source
from streams.control.actions import AcceptAction, decode_action
from tests.unit.replay.test_replay import Run, command, session

_WHOLE = (Path(__file__).parents[3] / "docs/tune.md").read_text(encoding="utf-8")
PAGE = _WHOLE[_WHOLE.index("## Accept a new normal") :]


def blocks(kind: str) -> list[str]:
    """The fenced examples of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[list[str]]:
    """The arguments of each example of a command."""
    lines = "".join(blocks("console")).splitlines()
    found = [shlex.split(line, comments=True)[2:] for line in lines if name in line]
    assert found
    return found


def test_its_rule_is_right() -> None:
    """Without a fault, and without a warning that it has no effect."""
    (example,) = blocks("yaml")
    loaded = read(Source(example), Path("loopwatch.yaml"), {})
    assert loaded.faults == ()
    assert not any("rebaseline" in each.message for each in loaded.warnings)


@pytest.mark.parametrize("arguments", commands("loopwatch accept"))
def test_its_commands_name_alerts(arguments: list[str]) -> None:
    """The conditions of each are some."""
    arguments = arguments[1:]
    options = {}
    for option in ("--rule", "--by"):
        if option in arguments:
            at = arguments.index(option)
            options[option] = arguments[at + 1]
            del arguments[at : at + 2]
    assert read_conditions(arguments, options.get("--rule"), verb="accept")


def test_its_action_is_carried_out(tmp_path: Path) -> None:
    """As it stands, in a replay of a level that triples."""
    (example,) = blocks("json")
    action = decode_action(example.encode())
    assert isinstance(action, AcceptAction)
    (rule,) = blocks("yaml")
    (tmp_path / "rules.yaml").write_text(f"version: 1\n{rule}")
    file = tmp_path / "actions.jsonl"
    file.write_text(json.dumps(json.loads(example)))
    begin_s = action.at_us / 1_000_000 - 1_800_000_000 - 200
    sessions = [
        session(begin_s + n, agent="support", cost_usd=0.11 if n < 120 else 0.31)
        for n in range(300)
    ]
    run = Run(tmp_path, sessions, "--actions", str(file))
    (line,) = (line for line in run.lines if line.get("reason") == "accepted")
    assert line["time"] == "2026-03-03T10:00:00Z"
    _, text, _ = _as_text(tmp_path, file)
    said = re.findall(r"^> (accepted .*)$", PAGE, re.MULTILINE)
    assert [each.encode() in text for each in said] == [True]


def _as_text(folder: Path, actions: Path) -> tuple[int, bytes, str]:
    return command(
        [
            *("replay", str(folder / "sessions.jsonl")),
            *("-c", str(folder / "rules.yaml"), "--actions", str(actions)),
        ]
    )
