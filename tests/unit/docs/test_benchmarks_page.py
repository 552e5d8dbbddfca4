"""``docs/benchmarks.md`` names commands that there are."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

COMMANDS = re.findall(r"^make (\S+)(.*)$", PAGE, re.MULTILINE)


def test_every_command_of_the_page_is_a_target() -> None:
    """So is each that the text names in passing."""
    named = {target for target, _ in COMMANDS} | set(re.findall(r"`make (\S+)`", PAGE))
    assert named == {
        *("bench", "bench-drift", "bench-incidents", "bench-nab", "bench-plots"),
    }
    for target in named:
        assert re.search(rf"^{target}: \.venv( \S+)? ## ", MAKEFILE, re.MULTILINE), (
            target
        )


@pytest.mark.parametrize("module", ["drift", "incidents"])
def test_every_option_of_the_page_is_one_of_the_command(module: str) -> None:
    """What stands in ARGS, and every option that the text names."""
    command = [sys.executable, "-m", f"tests.bench.{module}", "--help"]
    known = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    asked = [
        option
        for target, rest in COMMANDS
        if target == f"bench-{module}"
        for word in shlex.split(rest)
        for option in re.findall(r"--\w+", word)
    ]
    assert asked
    for option in asked:
        assert re.search(rf"{option}\b", known), option


def test_variables_of_the_page_are_those_of_the_makefile() -> None:
    """Where the data is."""
    for name in ("INCIDENTS", "REAL_SESSIONS"):
        assert f"{name}=" in PAGE
        assert re.search(rf"^{name} \?= ", MAKEFILE, re.MULTILINE)
