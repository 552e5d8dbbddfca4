"""``loopwatch explain`` as a user runs it, over a replay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.identity import alert_id
from loopwatch.ports import free_port

GOLDEN = Path(__file__).parent / "golden.json"
RULES = """\
version: 1
defaults: {by: [agent], min_samples: 3}
rules:
  - {name: session-cost, metric: cost_usd, threshold: {warning: 0.5, critical: 2.0}, recover: 0.4}
  - {name: loops, metric: loop_count, window: 3 sessions, baseline: {ratio: 2.0}}
"""
SESSION_COST = alert_id("session-cost", {"agent": "a"})
LOOPS = alert_id("loops", {"agent": "a"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with rules, and twenty sessions of which the last three are wrong."""
    (tmp_path / "loopwatch.yaml").write_text(RULES, encoding="utf-8")
    sessions = [
        {
            "session_id": f"s{number}",
            "agent": "a",
            "ended_at": 1_800_000_000 + 60 * number,
            "cost_usd": 0.1 if number < 17 else number - 16.5,
            "loop_count": 3 + number % 3 if number < 17 else 12,
            "trace_id": f"t{number}",
        }
        for number in range(20)
    ]
    lines = "\n".join(json.dumps(session) for session in sessions)
    (tmp_path / "sessions.jsonl").write_text(f"{lines}\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "loopwatch", "explain", *arguments],
        capture_output=True,
        check=False,
        cwd=folder,
        encoding="utf-8",
        timeout=240,
    )


def test_the_json_is_as_it_was(folder: Path) -> None:
    """Names, order and values are what programs rely on."""
    done = run(folder, LOOPS[:6], "--replay", "sessions.jsonl", "--output", "json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert json.dumps(found, indent=1) == GOLDEN.read_text(encoding="utf-8").strip()


def test_the_text_is_plain_without_a_terminal(folder: Path) -> None:
    """No colours and no broken lines in a pipe."""
    done = run(folder, SESSION_COST, "--replay", "sessions.jsonl")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    for shown in (
        "session-cost {agent=a}\n",
        "critical, now firing",
        "  value       $2.50\n",
        "  limit       $2.00\n",
        "  $2.50  2027-01-15T08:19:00Z  s19  t19\n",
    ):
        assert shown in done.stdout


def test_a_silence_says_what_was_to_be_expected(folder: Path) -> None:
    """How long, since when, and how many sessions are missing."""
    rules = "version: 1\nrules: [{name: quiet, by: [agent], absence: {}}]\n"
    (folder / "loopwatch.yaml").write_text(rules, encoding="utf-8")
    sessions = [
        {"session_id": f"s{n}", "agent": "a", "ended_at": 1_799_625_600 + 600 * n}
        for n in (*range(3 * 144), 4 * 144)
    ]
    lines = "\n".join(json.dumps(session) for session in sessions)
    (folder / "sessions.jsonl").write_text(f"{lines}\n", encoding="utf-8")
    quiet = alert_id("quiet", {"agent": "a"})
    done = run(folder, quiet, "--replay", "sessions.jsonl")
    for shown in (
        "warning, now resolved",
        " were to be expected\n",
        "  silent for      ",
        "  expected in it  ",
        "  last session    2027-01-13T23:50:00Z\n",
    ):
        assert shown in done.stdout


def test_an_unknown_id_ends_with_one(folder: Path) -> None:
    """Nothing on stdout; which alerts are open on stderr."""
    done = run(folder, "ffffffffff", "--replay", "sessions.jsonl")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no alert ffffffffff" in done.stderr
    assert LOOPS in done.stderr


def test_a_missing_file_ends_with_one(folder: Path) -> None:
    """By name."""
    done = run(folder, LOOPS, "--replay", "none.jsonl")
    assert (done.returncode, done.stdout) == (1, "")
    assert "none.jsonl: no such file" in done.stderr


def test_no_kafka_ends_with_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the time to wait is over, with its address."""
    server = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("LOOPWATCH_KAFKA_BOOTSTRAP_SERVERS", server)
    done = run(folder, LOOPS, "--wait", "1s")
    assert (done.returncode, done.stdout) == (1, "")
    assert server in done.stderr


def test_a_wait_that_is_no_time_is_wrong_usage(folder: Path) -> None:
    """Exit 2, and what would be right."""
    done = run(folder, LOOPS, "--wait", "soon")
    assert done.returncode == 2
    assert "write 10s or 1m" in done.stderr
