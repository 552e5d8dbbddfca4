"""The progress bar: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.backtesting.test_command import DEAR, RULES


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A command with some sessions to go through."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "sessions.jsonl").write_text("\n".join(DEAR) + "\n")
    rules, file = str(tmp_path / "rules.yaml"), str(tmp_path / "sessions.jsonl")
    command = [sys.executable, "-m", "loopwatch", "backtest", file]
    return [*command, "--before", rules, "--after", rules]


def test_it_is_shown_on_a_terminal(arguments: list[str]) -> None:
    """On stderr; stdout has the data and nothing else."""
    master, slave = pty.openpty()
    with os.fdopen(master, "rb") as seen:
        done = subprocess.run(
            arguments,
            stdout=subprocess.PIPE,
            stderr=slave,
            check=True,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
        )
        os.close(slave)
        shown = seen.read1(100_000).decode()
    assert f"{len(DEAR)} sessions" in shown
    assert done.stdout.decode().splitlines()[0] == "dear: 2 alerts, as before"


def test_it_is_not_shown_in_a_pipe(arguments: list[str]) -> None:
    """There are only warnings."""
    done = subprocess.run(arguments, capture_output=True, check=True, encoding="utf-8")
    assert all(line.startswith("warning:") for line in done.stderr.splitlines())
