"""The demo, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loopwatch.broker import BrokerUnavailableError, find_binary


def test_the_demo_shows_alerts_and_their_resolves(tmp_path: Path) -> None:
    """It ends with 0 only after an alert, a page and both resolves came by HTTP."""
    try:
        find_binary()
    except BrokerUnavailableError as missing:
        pytest.skip(str(missing))
    done = subprocess.run(
        [sys.executable, "-m", "loopwatch", "demo", "--once"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert "http://127.0.0.1:" in said[0]
    order = ["Healthy sessions", "Incident", "Slack was told", "paged", "resolved"]
    places = [
        next(n for n, line in enumerate(said) if phrase in line) for phrase in order
    ]
    assert places == sorted(places)
