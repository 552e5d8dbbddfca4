"""The same alerts through the real Alertmanager and through Loopwatch.

``make test-alertmanager`` fetches Debian's package and runs this; ``WRITE=1`` renews what
``docs/alertmanager.md`` shows. Without it, these tests are left out.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess

import msgspec
import pytest

from tests.alertmanager import ours, theirs
from tests.alertmanager.messages import Message, said
from tests.alertmanager.scenarios import Scenario
from tests.alertmanager.stories import SCENARIOS
from tests.alertmanager.table import PAGE, RECORDED, Recorded, page

pytestmark = pytest.mark.skipif(
    theirs.FOLDER not in os.environ, reason="make test-alertmanager runs it"
)


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """All stories, played to the real one at once."""
    folder = tmp_path_factory.mktemp("alertmanager")
    told = asyncio.run(theirs.told(SCENARIOS, folder))
    found = Recorded(_version(), told)
    if os.environ.get("WRITE"):
        RECORDED.write_bytes(
            msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
        )
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    return found


def _version() -> str:
    shown = subprocess.run(
        [theirs.program("prometheus-alertmanager"), "--version"],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    version = re.search(r"version (\S+)", shown.stdout + shown.stderr)
    assert version is not None
    return version[1]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: str(each.name))
def test_it_is_told_alike_or_there_is_a_reason(
    heard: Recorded, scenario: Scenario
) -> None:
    """The same messages about the same alerts at the same seconds."""
    told = heard.told[scenario.name]
    mine = ours.told(scenario)
    same = told == mine
    assert same != bool(scenario.why), _both(told, mine)


def test_the_page_shows_this_run(heard: Recorded) -> None:
    """Every line of its table."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, heard) == text


def _both(told: list[Message], mine: list[Message]) -> str:
    return f"Alertmanager: {said(told)}\nLoopwatch: {said(mine)}"
