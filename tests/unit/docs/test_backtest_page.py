"""What ``docs/backtest.md`` shows is what ``loopwatch backtest`` says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.unit.replay.test_replay import command

PAGE = (Path(__file__).parents[3] / "docs/backtest.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The page's examples of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


COMMANDS = [
    shlex.split(shown.removeprefix("$ loopwatch ")) for shown in blocks("console")
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files: the rules as they are, as they would be, and the sessions."""
    monkeypatch.chdir(tmp_path)
    whole, change = blocks("yaml")
    rule = change.removeprefix("# change\n")
    name = re.search(r"name: [\w-]+", rule)
    assert name is not None
    (old,) = (line for line in whole.splitlines() if name[0] in line)
    for file, text in (
        ("loopwatch.yaml", whole),
        ("main.yaml", whole),
        ("new.yaml", whole.replace(f"{old}\n", rule)),
    ):
        (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / "sessions.jsonl").write_text(blocks("json")[0], encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_difference_is_the_real_one() -> None:
    """Every character of it."""
    code, stdout, stderr = command(COMMANDS[0])
    assert code == 0, stderr
    assert stdout.decode() == blocks("text")[0]


@pytest.mark.usefixtures("folder")
def test_the_command_for_ci_fails_where_there_are_new_pages() -> None:
    """The page's own change has one; without a change there is none."""
    assert "--max-new-pages" in COMMANDS[1]
    assert command(COMMANDS[1])[0] == 0
    changed = ["new.yaml" if word == "loopwatch.yaml" else word for word in COMMANDS[1]]
    assert command(changed)[0] == 1


@pytest.mark.usefixtures("folder")
def test_the_keys_for_programs_are_these() -> None:
    """In the order of the page's table."""
    shown = re.findall(
        r"^\| (`.*?`) \|", PAGE[PAGE.index("## For programs") :], re.MULTILINE
    )
    named = [key for row in shown for key in re.findall(r"`(\w+)`", row)]
    found = json.loads(command([*COMMANDS[0], "--output", "json"])[1])
    assert list(found) == named
