"""What ``docs/tune.md`` shows is what ``loopwatch explain`` says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.identity import alert_id

PAGE = (Path(__file__).parents[3] / "docs" / "tune.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """The page's first example of a kind."""
    found = re.search(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def explain(folder: Path, *options: str) -> str:
    """What the command says of the page's sessions, in a process of its own."""
    (folder / "loopwatch.yaml").write_text(block("yaml"), encoding="utf-8")
    (folder / "sessions.jsonl").write_text(block("json"), encoding="utf-8")
    digits = alert_id("loop-regression", {"agent": "triage"})[:6]
    command = [sys.executable, "-m", "loopwatch", "explain", digits]
    return subprocess.run(
        [*command, "--replay", "sessions.jsonl", *options],
        capture_output=True,
        cwd=folder,
        check=True,
        encoding="utf-8",
        timeout=240,
    ).stdout


def test_the_explanation_is_the_real_one(tmp_path: Path) -> None:
    """Every character of it."""
    assert explain(tmp_path) == block("text")


@pytest.mark.parametrize("name", ["value", "limit", "expected"])
def test_programs_get_the_same(tmp_path: Path, name: str) -> None:
    """The JSON holds the numbers that the text shows."""
    found = json.loads(explain(tmp_path, "--output", "json"))
    shown = re.search(rf"^  {name} +([\d.]+) loops", block("text"), re.MULTILINE)
    assert shown is not None
    assert f"{found[name]:.3g}" == shown[1]
