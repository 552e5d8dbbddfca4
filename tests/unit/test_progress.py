"""The progress bar: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
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
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    ) as running:
        os.close(slave)
        shown = _all_of(master)
        assert running.stdout is not None
        said = running.stdout.read().decode()
    assert running.returncode == 0
    assert f"{len(DEAR)} sessions" in shown
    assert said.splitlines()[0] == "dear: 2 alerts, as before"


def _all_of(terminal: int) -> str:
    """What is written to a terminal until nobody has it open; some kB at a time."""
    shown = b""
    # Linux has an error in place of an end.
    with os.fdopen(terminal, "rb", buffering=0) as seen, suppress(OSError):
        while part := seen.read(4096):
            shown += part
    return shown.decode()


def test_it_is_not_shown_in_a_pipe(arguments: list[str]) -> None:
    """There are only warnings."""
    done = subprocess.run(arguments, capture_output=True, check=True, encoding="utf-8")
    assert all(line.startswith("warning:") for line in done.stderr.splitlines())
