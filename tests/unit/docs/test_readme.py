"""What the README and the pages show is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loopwatch.cli import COMMANDS
from loopwatch.config import load
from streams.events.session import decode_session

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def fenced(kind: str) -> list[str]:
    """The README's examples of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", fenced("json"))
def test_its_session_is_one(example: str) -> None:
    """No field of it is unknown."""
    assert decode_session(example.encode(), (1.0, 10.0), None).unknown == ()


@pytest.mark.parametrize("example", fenced("yaml"))
def test_its_configuration_is_valid(example: str, tmp_path: Path) -> None:
    """As a whole file, without a warning."""
    file = tmp_path / "loopwatch.yaml"
    file.write_text(example, encoding="utf-8")
    secrets = {"SLACK_BOT_TOKEN": "xoxb-1", "PAGERDUTY_ROUTING_KEY": "0" * 32}
    loaded = load(file, secrets)
    assert (loaded.faults, loaded.warnings, loaded.unset) == ((), (), ())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_every_command_named_exists(page: Path) -> None:
    """``loopwatch NAME`` in code is a command, and ``make NAME`` a target."""
    text = page.read_text(encoding="utf-8")
    code = " ".join(re.findall(r"`([^`]+)`", text, re.DOTALL))
    assert set(re.findall(r"\bloopwatch ([a-z]+)\b", code)) <= COMMANDS.keys()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files exist, and so do the headings that links name."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if heading:
            assert heading in _anchors(file), target


def _anchors(page: Path) -> set[str]:
    """The anchors that headings get."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }
